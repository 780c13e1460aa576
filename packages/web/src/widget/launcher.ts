/** The button in the corner of the host page and the window that it opens. */
import { ChatFrame, type ChatSettings, type TokenSource } from "./chat-frame.ts";
import { adopt } from "./styles.ts";
import { chooseWords, type LauncherWords } from "./words.ts";

const SVG = "http://www.w3.org/2000/svg";
const BUBBLE = "M21 12a8 8 0 0 1-8 8H4l2-3.5A8 8 0 1 1 21 12z";
/** The chat has a cross of its own. */
const CHEVRON = "m5 9 7 7 7-7";
/** More than this fits into no badge. */
const MOST_SHOWN = 99;

export interface DuologueOptions extends ChatSettings {
  /** The address of the chat server, e.g. `https://chat.example.com`. */
  readonly url: string;
  /** Absent: visitors are guests who pick a nickname. */
  readonly getToken?: TokenSource | undefined;
  /** The corner; `right` unless said otherwise. */
  readonly position?: "left" | "right" | undefined;
  /** Opened from the start. */
  readonly open?: boolean | undefined;
}

/** A launcher on the page. */
export interface Duologue {
  /** Where its events are dispatched; they bubble to the document. */
  readonly element: HTMLElement;
  readonly isOpen: boolean;
  /** Messages of the other side that were not looked at. */
  readonly unread: number;
  open(): void;
  close(): void;
  /** Names that are absent stay as they are; undefined takes one back. */
  change(settings: ChatSettings): void;
  /** Takes it off the page and ends its connection. Needed before somebody else is logged in. */
  destroy(): void;
}

export class Launcher implements Duologue {
  readonly element: HTMLElement = document.createElement("duologue-launcher");
  readonly #frame: ChatFrame;
  readonly #button = document.createElement("button");
  readonly #drawing = document.createElementNS(SVG, "path");
  readonly #badge = document.createElement("span");
  readonly #panel = document.createElement("div");
  readonly #status = document.createElement("div");
  #settings: ChatSettings;
  #words: LauncherWords;
  #unread = 0;

  /** Throws TypeError when the address is malformed. */
  constructor(options: DuologueOptions) {
    const { peer, language, theme } = options;
    this.#settings = { peer, language, theme };
    this.#words = chooseWords(language);
    this.#frame = new ChatFrame({
      url: options.url,
      title: this.#words.chat,
      closable: true,
      getToken: options.getToken,
      host: this.element,
      settings: this.#settings,
      // On a phone the window covers the button.
      onLoaded: () => this.element.toggleAttribute("data-loaded", true),
      onClose: () => this.close(),
      onUnread: (count) => this.#onUnread(count),
    });
    this.element.dataset.side = options.position === "left" ? "left" : "right";
    this.#build();
    this.#frame.connect();
    document.body.append(this.element);
    this.#show(options.open === true);
  }

  get isOpen(): boolean {
    return !this.#panel.hidden;
  }

  get unread(): number {
    return this.#unread;
  }

  open(): void {
    if (this.isOpen) return;
    this.#show(true);
    this.#frame.focus();
  }

  close(): void {
    if (!this.isOpen) return;
    this.#show(false);
    this.#button.focus();
  }

  change(settings: ChatSettings): void {
    this.#settings = { ...this.#settings, ...settings };
    this.#words = chooseWords(this.#settings.language);
    this.#frame.change(this.#settings);
    this.#draw();
  }

  destroy(): void {
    this.#frame.disconnect();
    this.element.remove();
  }

  #build(): void {
    const root = this.element.attachShadow({ mode: "open" });
    adopt(root, "launcher");
    const drawing = document.createElementNS(SVG, "svg");
    drawing.setAttribute("viewBox", "0 0 24 24");
    drawing.setAttribute("aria-hidden", "true");
    drawing.append(this.#drawing);
    const button = this.#button;
    button.type = "button";
    button.setAttribute("part", "launcher");
    button.setAttribute("aria-haspopup", "dialog");
    button.setAttribute("aria-controls", "panel");
    button.append(drawing, this.#badge);
    button.addEventListener("click", () => (this.isOpen ? this.close() : this.open()));
    this.#badge.className = "badge";
    this.#badge.setAttribute("part", "badge");
    this.#badge.setAttribute("aria-hidden", "true");
    const panel = this.#panel;
    panel.id = "panel";
    panel.className = "panel";
    panel.setAttribute("part", "panel");
    panel.setAttribute("role", "dialog");
    panel.append(this.#frame.root);
    this.#status.className = "status";
    this.#status.setAttribute("role", "status");
    // The window before the button: on its way from the window, the Tab key comes to the button that closes it.
    root.append(panel, button, this.#status);
    root.addEventListener("keydown", (event) => {
      if (event instanceof KeyboardEvent && event.key === "Escape") this.close();
    });
  }

  #show(open: boolean): void {
    this.#panel.hidden = !open;
    this.#draw();
  }

  #draw(): void {
    const { chat, open, close, unread } = this.#words;
    const count = this.#unread;
    const name = this.isOpen ? close : open;
    // What shows of the window behind the frame, at its corners and until the frame is there, is to be of its shade.
    this.element.dataset.theme = this.#settings.theme ?? "auto";
    this.#button.setAttribute("aria-label", count === 0 ? name : `${name}, ${unread(count)}`);
    this.#button.setAttribute("aria-expanded", String(this.isOpen));
    this.#drawing.setAttribute("d", this.isOpen ? CHEVRON : BUBBLE);
    this.#badge.hidden = count === 0;
    this.#badge.textContent = count > MOST_SHOWN ? `${MOST_SHOWN}+` : String(count);
    this.#status.textContent = count === 0 ? "" : unread(count);
    this.#panel.setAttribute("aria-label", chat);
    this.#frame.root.title = chat;
  }

  #onUnread(count: number): void {
    this.#unread = count;
    this.#draw();
  }
}

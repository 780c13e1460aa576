/** The frame from the chat's own origin, and the host page's end of the talk with it. */
import {
  type ArrivedMessage,
  COLOURS,
  type HostMessage,
  type Login,
  readFrameMessage,
  type Settings,
  type Theme,
  wrap,
} from "./messages.ts";

export interface TokenWish {
  /** Whom the page wants written to now, as it named them: the token may make them known (its claim `peers`). */
  readonly peer: string | undefined;
}

/**
 * Gives the token of whoever is logged in on the host page; asked again when the last one is used up, and when the chat does
 * not know the peer.
 */
export type TokenSource = (wish: TokenWish) => string | undefined | Promise<string | undefined>;

/** What can change while the frame is there. */
export interface ChatSettings {
  readonly peer?: string | undefined;
  readonly language?: string | undefined;
  readonly theme?: Theme | undefined;
}

export interface ChatFrameOptions {
  /** The chat server: its origin counts. */
  readonly url: string;
  readonly title: string;
  readonly closable: boolean;
  /** Absent: a guest. */
  readonly getToken: TokenSource | undefined;
  /** Dispatches `duologue:…` events here, and reads the colours from it. */
  readonly host: HTMLElement;
  readonly settings: ChatSettings;
  /** The chat is there, and with it, if `closable`, a button that closes. */
  readonly onLoaded: () => void;
  readonly onClose: () => void;
  readonly onUnread: (count: number) => void;
}

export interface DuologueEvents {
  /** Logged in, as this user id. */
  "duologue:ready": CustomEvent<{ readonly user: string }>;
  "duologue:unread": CustomEvent<{ readonly count: number }>;
  /** A message of the other side arrived. Its text stays in the frame. */
  "duologue:message": CustomEvent<ArrivedMessage>;
}

declare global {
  interface HTMLElementEventMap extends DuologueEvents {}
  interface DocumentEventMap extends DuologueEvents {}
}

export class ChatFrame {
  readonly root: HTMLIFrameElement = document.createElement("iframe");
  readonly #options: ChatFrameOptions;
  readonly #origin: string;
  #settings: ChatSettings;
  #isLoaded = false;

  /** Throws TypeError when the address is malformed. */
  constructor(options: ChatFrameOptions) {
    this.#options = options;
    this.#settings = options.settings;
    const address = new URL("/embed", options.url);
    this.#origin = address.origin;
    // The frame answers to this origin only; a page that lies about its own hears nothing.
    address.hash = new URLSearchParams({ origin: location.origin }).toString();
    const { root } = this;
    root.title = options.title;
    // Everything but leading the host page elsewhere.
    root.setAttribute(
      "sandbox",
      "allow-scripts allow-same-origin allow-forms allow-popups allow-popups-to-escape-sandbox",
    );
    root.setAttribute("part", "frame");
    root.allow = "clipboard-write";
    root.src = address.href;
  }

  connect(): void {
    window.addEventListener("message", this.#onMessage);
  }

  disconnect(): void {
    window.removeEventListener("message", this.#onMessage);
  }

  change(settings: ChatSettings): void {
    this.#settings = settings;
    if (this.#isLoaded) this.#sendSettings();
  }

  focus(): void {
    this.root.focus();
    this.#post({ type: "focus" });
  }

  readonly #onMessage = (event: MessageEvent): void => {
    if (event.origin !== this.#origin || event.source !== this.root.contentWindow) return;
    const message = readFrameMessage(event.data);
    if (message === undefined) return;
    const { onLoaded, onClose, onUnread } = this.#options;
    switch (message.type) {
      case "loaded":
        this.#isLoaded = true;
        this.#sendSettings();
        onLoaded();
        return;
      case "token-request":
        void this.#answer(message.ref);
        return;
      case "ready":
        this.#dispatch("duologue:ready", { user: message.user });
        return;
      case "unread":
        onUnread(message.count);
        this.#dispatch("duologue:unread", { count: message.count });
        return;
      case "message":
        this.#dispatch("duologue:message", message.message);
        return;
      case "close":
        onClose();
        return;
      default:
        message satisfies never;
    }
  };

  async #answer(ref: number): Promise<void> {
    let token: string | undefined;
    try {
      token = await this.#options.getToken?.({ peer: this.#settings.peer });
    } catch (error) {
      // The host page's own fault is shown to its developer; people see in the frame that the login failed.
      console.error("duologue: getToken failed", error);
    }
    this.#post(token === undefined ? { type: "token", ref } : { type: "token", ref, token });
  }

  #sendSettings(): void {
    const { closable, getToken, host } = this.#options;
    const { peer, theme = "auto" } = this.#settings;
    const language = this.#settings.language || document.documentElement.lang;
    const login: Login = getToken === undefined ? "guest" : "token";
    const settings: Settings = {
      login,
      closable,
      theme,
      colours: coloursOf(host),
      ...(peer === undefined ? {} : { peer }),
      ...(language === "" ? {} : { language }),
    };
    this.#post({ type: "settings", settings });
  }

  #post(message: HostMessage): void {
    this.root.contentWindow?.postMessage(wrap(message), this.#origin);
  }

  #dispatch<K extends keyof DuologueEvents>(name: K, detail: DuologueEvents[K]["detail"]): void {
    this.#options.host.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }
}

function coloursOf(host: HTMLElement): Readonly<Record<string, string>> {
  const style = getComputedStyle(host);
  const colours: Record<string, string> = {};
  for (const name of COLOURS) {
    const value = style.getPropertyValue(`--duologue-${name}`).trim();
    if (value !== "") colours[name] = value;
  }
  return colours;
}

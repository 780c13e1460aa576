import type { TimelineEntry } from "@duologue/client";
import type { ChatContext } from "./context.ts";
import { button, element, icon, setAttribute, setText } from "./dom.ts";

/** What one conversation's composer holds while another one is shown. */
export interface Draft {
  text: string;
  mode: Mode;
}

export type Mode =
  | { readonly kind: "write" }
  | { readonly kind: "reply"; readonly to: TimelineEntry }
  | { readonly kind: "edit"; readonly message: TimelineEntry };

export function emptyDraft(): Draft {
  return { text: "", mode: { kind: "write" } };
}

/** What a key event reports while an input method is at work, where `isComposing` is already false (Safari). */
const COMPOSING_KEY_CODE = 229;
/** From this share of the limit on, the number of characters is shown. */
const COUNTER_SHARE = 0.9;

export class Composer {
  readonly root: HTMLFormElement;
  readonly #context: ChatContext;
  readonly #conversation: string;
  readonly #draft: Draft;
  readonly #sent: () => void;
  readonly #input: HTMLTextAreaElement;
  readonly #submit: HTMLButtonElement;
  readonly #submitLabel = element("span");
  readonly #mode: HTMLElement;
  readonly #modeTitle = element("strong");
  readonly #modeText = element("span", { dir: "auto" });
  readonly #counter = element("p", { class: "counter", role: "status", hidden: true });

  constructor(context: ChatContext, conversation: string, draft: Draft, sent: () => void) {
    this.#context = context;
    this.#conversation = conversation;
    this.#draft = draft;
    this.#sent = sent;
    const { catalogue } = context;
    this.#input = element("textarea", { id: "composer", rows: "1", dir: "auto", enterkeyhint: "send" });
    this.#input.value = draft.text;
    this.#submit = element(
      "button",
      { type: "submit", class: "primary" },
      this.#submitLabel,
      icon("M4 12 20 4l-5 16-4-6z"),
    );
    const cancel = button({ class: "quiet" }, () => this.setMode({ kind: "write" }), catalogue.cancel);
    this.#mode = element("div", { class: "mode", hidden: true }, this.#modeTitle, this.#modeText, cancel);
    this.root = element(
      "form",
      { class: "composer" },
      this.#mode,
      this.#counter,
      element("label", { for: "composer", class: "hidden-text" }, catalogue.message),
      this.#input,
      this.#submit,
    );
    this.root.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    this.#input.addEventListener("keydown", (event) => this.#onKey(event));
    this.#input.addEventListener("input", () => this.#onInput());
  }

  update(): void {
    const { catalogue, client } = this.#context;
    const { mode, text } = this.#draft;
    const peer = client.conversation(this.#conversation)?.peer.name ?? "";
    setAttribute(this.#input, "placeholder", catalogue.writeTo(peer));
    setText(this.#submitLabel, mode.kind === "edit" ? catalogue.save : catalogue.send);
    setAttribute(this.#mode, "hidden", mode.kind === "write");
    this.#drawMode(peer);
    const limit = client.limits?.textCharacters ?? Number.MAX_SAFE_INTEGER;
    // Counting code points costs a walk over the text, so only near the limit, where UTF-16 units are not fewer.
    const used = text.length < limit * COUNTER_SHARE ? 0 : [...text].length;
    setAttribute(this.#counter, "hidden", used < limit * COUNTER_SHARE);
    setAttribute(this.#counter, "data-over", used > limit);
    if (used > 0) setText(this.#counter, catalogue.characters(used, limit));
    this.#submit.disabled = text.trim() === "" || used > limit;
  }

  #drawMode(peer: string): void {
    const { catalogue } = this.#context;
    const { mode } = this.#draft;
    if (mode.kind === "write") {
      // Not only hidden: the message may be taken back meanwhile, and then its text is to be nowhere.
      setText(this.#modeText, "");
      return;
    }
    const { mine, body } = mode.kind === "reply" ? mode.to : mode.message;
    const title =
      mode.kind === "reply" ? catalogue.replyingTo(mine ? catalogue.you : peer) : catalogue.editing;
    setText(this.#modeTitle, title);
    setText(this.#modeText, body?.text ?? "");
  }

  setMode(mode: Mode): void {
    const wasEdit = this.#draft.mode.kind === "edit";
    this.#draft.mode = mode;
    if (mode.kind === "edit") this.#setText(mode.message.body?.text ?? "");
    else if (wasEdit) this.#setText("");
    this.update();
    this.focus();
  }

  focus(): void {
    this.#input.focus();
  }

  /** Grows with its text, up to the height that the style sheet allows. */
  fit(): void {
    if (!this.#input.isConnected) return;
    this.#input.style.height = "auto";
    this.#input.style.height = `${this.#input.scrollHeight + 2}px`;
  }

  #onKey(event: KeyboardEvent): void {
    if (event.isComposing || event.keyCode === COMPOSING_KEY_CODE) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.#send();
    } else if (event.key === "Escape" && this.#draft.mode.kind !== "write") {
      event.preventDefault();
      this.setMode({ kind: "write" });
    }
  }

  #onInput(): void {
    this.#draft.text = this.#input.value;
    this.fit();
    this.update();
    if (this.#draft.mode.kind === "edit") return;
    this.#context.client.setTyping(this.#conversation, this.#draft.text !== "");
  }

  #send(): void {
    this.update();
    if (this.#submit.disabled) return;
    const { client } = this.#context;
    const { mode } = this.#draft;
    const text = this.#draft.text.trim();
    switch (mode.kind) {
      case "write":
        client.send(this.#conversation, text);
        break;
      case "reply":
        client.send(this.#conversation, text, mode.to.seq === undefined ? {} : { replyTo: mode.to.seq });
        break;
      case "edit":
        if (mode.message.seq !== undefined && text !== mode.message.body?.text) {
          client.edit(this.#conversation, mode.message.seq, text);
        }
        break;
      default:
        mode satisfies never;
    }
    this.#draft.mode = { kind: "write" };
    this.#setText("");
    this.update();
    this.#sent();
  }

  #setText(text: string): void {
    this.#draft.text = text;
    this.#input.value = text;
    this.fit();
  }
}

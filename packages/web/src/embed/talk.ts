/** One conversation: who it is with, what was written, and the field to write in. */
import type { TimelineEntry, TimelineView } from "@duologue/client";
import type { ChatContext, Screen } from "./context.ts";
import { button, element, Rows, setText } from "./elements.ts";
import { header } from "./frame.ts";
import { messageRow } from "./message-row.ts";

/** This near to the end counts as at the end. */
const END_PIXELS = 48;
/** What a key event reports while an input method is at work, where `isComposing` is already false (Safari). */
const COMPOSING_KEY_CODE = 229;

export class Talk implements Screen {
  readonly root: HTMLElement;
  readonly #context: ChatContext;
  readonly #id: string;
  readonly #name = element("h1", { dir: "auto" });
  readonly #presence = element("p", { class: "hint" });
  readonly #scroll: HTMLElement;
  readonly #older: HTMLButtonElement;
  readonly #empty = element("p", { class: "hint centre" });
  readonly #typing = element("p", { class: "typing", role: "status" });
  readonly #input: HTMLTextAreaElement;
  readonly #submit: HTMLButtonElement;
  readonly #rows: Rows<TimelineEntry>;
  #drawn: TimelineView | undefined;
  #atEnd = true;
  #isInSight = false;

  constructor(context: ChatContext, id: string) {
    this.#context = context;
    this.#id = id;
    const { client, settings, words, select } = context;
    const list = element("ol", { class: "messages" });
    this.#rows = new Rows(
      list,
      (entry) => entry.id,
      () => messageRow(context),
    );
    this.#older = button(words.older, { class: "quiet" }, () => void this.#loadOlder());
    this.#scroll = element(
      "div",
      { class: "scroll", role: "log", tabindex: "0" },
      this.#older,
      this.#empty,
      list,
    );
    this.#scroll.addEventListener("scroll", () => this.#onScroll(), { passive: true });
    this.#input = element("textarea", {
      id: "message",
      rows: "1",
      dir: "auto",
      enterkeyhint: "send",
      "aria-label": words.message,
      placeholder: words.message,
    });
    this.#input.value = context.drafts.get(id) ?? "";
    this.#input.addEventListener("keydown", (event) => this.#onKey(event));
    this.#input.addEventListener("input", () => {
      client.setTyping(id, this.#input.value !== "");
      this.#keepDraft();
      this.update();
    });
    this.#submit = element("button", { type: "submit", class: "primary" }, words.send);
    const form = element("form", { class: "composer" }, this.#input, this.#submit);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    const title = [this.#name, this.#presence];
    const heading = header(
      context,
      settings.peer === undefined ? { title, back: () => select(undefined) } : { title },
    );
    this.root = element("main", { class: "screen" }, heading, this.#scroll, this.#typing, form);
    void client.openConversation(id);
  }

  update(): void {
    const { client, words } = this.#context;
    const conversation = client.conversation(this.#id);
    const name = conversation?.peer.name ?? "";
    setText(this.#name, name);
    setText(this.#presence, conversation?.online === true ? words.online : "");
    this.#scroll.setAttribute("aria-label", words.messagesWith(name));
    const view = client.timeline(this.#id);
    if (view !== this.#drawn) this.#draw(view);
    setText(this.#empty, view.loading ? words.loading : words.noMessages);
    this.#empty.hidden = view.entries.length > 0;
    this.#older.hidden = !view.hasOlder;
    this.#older.disabled = view.loading;
    setText(this.#typing, conversation?.typing === true ? words.typing(name) : "");
    this.#submit.disabled = this.#text === "";
    this.#markRead();
  }

  setInSight(inSight: boolean): void {
    this.#isInSight = inSight;
    if (!inSight) return;
    if (this.#atEnd) this.#toEnd();
    this.#markRead();
  }

  focus(): void {
    this.#input.focus();
  }

  get #text(): string {
    return this.#input.value.trim();
  }

  #draw(view: TimelineView): void {
    const first = this.#drawn?.entries[0]?.id;
    this.#drawn = view;
    const { scrollHeight, scrollTop } = this.#scroll;
    this.#rows.update(view.entries);
    if (this.#atEnd) this.#toEnd();
    // Older messages came above: what one reads stays where it is.
    else if (view.entries[0]?.id !== first)
      this.#scroll.scrollTop = scrollTop + this.#scroll.scrollHeight - scrollHeight;
  }

  #markRead(): void {
    if (!this.#isInSight || !this.#atEnd || document.visibilityState !== "visible") return;
    if (this.#drawn !== undefined && !this.#drawn.loading) this.#context.client.markRead(this.#id);
  }

  #onScroll(): void {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroll;
    this.#atEnd = scrollHeight - scrollTop - clientHeight < END_PIXELS;
    this.#markRead();
  }

  #toEnd(): void {
    this.#atEnd = true;
    this.#scroll.scrollTop = this.#scroll.scrollHeight;
  }

  #onKey(event: KeyboardEvent): void {
    if (event.isComposing || event.keyCode === COMPOSING_KEY_CODE) return;
    if (event.key !== "Enter" || event.shiftKey) return;
    event.preventDefault();
    this.#send();
  }

  #send(): void {
    if (this.#text === "") return;
    this.#context.client.send(this.#id, this.#text);
    this.#input.value = "";
    this.#keepDraft();
    this.update();
    this.#toEnd();
  }

  #keepDraft(): void {
    const { drafts } = this.#context;
    if (this.#text === "") drafts.delete(this.#id);
    else drafts.set(this.#id, this.#input.value);
  }

  async #loadOlder(): Promise<void> {
    this.#atEnd = false;
    try {
      await this.#context.client.loadOlder(this.#id);
    } catch {
      // The button stays: whoever wants older messages presses it again.
      this.update();
    }
  }
}

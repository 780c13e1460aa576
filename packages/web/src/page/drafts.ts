/** What is being written, in each conversation. Texts survive a reload; a reply's or an edit's beginning does not. */
import type { TimelineEntry } from "@duologue/client";
import { type Signal, signal } from "@preact/signals";
import { forgetDrafts, keepDraft, keptDrafts } from "./keep.ts";

export type Mode =
  | { readonly kind: "write" }
  | { readonly kind: "reply"; readonly to: TimelineEntry }
  /** `aside` is what had been written before the edit began, and comes back after it. */
  | { readonly kind: "edit"; readonly message: TimelineEntry; readonly aside: string };

export interface Draft {
  readonly text: string;
  readonly mode: Mode;
}

const write: Mode = { kind: "write" };

export class Drafts {
  readonly #user: string;
  readonly #drafts = new Map<string, Signal<Draft>>();

  constructor(user: string) {
    this.#user = user;
    for (const [conversation, text] of keptDrafts(user)) {
      this.#drafts.set(conversation, signal({ text, mode: write }));
    }
  }

  of(conversation: string): Signal<Draft> {
    const draft = this.#drafts.get(conversation) ?? signal<Draft>({ text: "", mode: write });
    this.#drafts.set(conversation, draft);
    return draft;
  }

  setText(conversation: string, text: string): void {
    this.#set(conversation, { ...this.of(conversation).peek(), text });
  }

  setMode(conversation: string, mode: Extract<Mode, { kind: "write" | "reply" }>): void {
    const { text, mode: before } = this.of(conversation).peek();
    this.#set(conversation, { text: before.kind === "edit" ? before.aside : text, mode });
  }

  edit(conversation: string, message: TimelineEntry): void {
    const { text, mode } = this.of(conversation).peek();
    const aside = mode.kind === "edit" ? mode.aside : text;
    this.#set(conversation, { text: message.body?.text ?? "", mode: { kind: "edit", message, aside } });
  }

  /** After sending. */
  clear(conversation: string): void {
    const { mode } = this.of(conversation).peek();
    this.#set(conversation, { text: mode.kind === "edit" ? mode.aside : "", mode: write });
  }

  forget(): void {
    this.#drafts.clear();
    forgetDrafts(this.#user);
  }

  /** An edit is not a draft: what it changes was sent. */
  #set(conversation: string, draft: Draft): void {
    this.of(conversation).value = draft;
    keepDraft(this.#user, conversation, draft.mode.kind === "edit" ? draft.mode.aside : draft.text);
  }
}

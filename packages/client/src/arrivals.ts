/** Messages of the other side that come while one is there, or came while one was away: each is told once, in order. */
import type { ConversationEvent } from "@duologue/protocol";

export class Arrivals {
  readonly #listeners = new Set<(message: ConversationEvent) => void>();
  /** The last number told of each conversation: what comes by two ways, or again, is no news. */
  readonly #told = new Map<string, number>();
  #waiting: ConversationEvent[] = [];

  /** Returns how to stop. */
  subscribe(listener: (message: ConversationEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Any event, in its conversation's order; `me` is the user's id. */
  take(event: ConversationEvent, me: string | undefined): void {
    const told = this.#told.get(event.conversation) ?? 0;
    if (event.seq <= told) return;
    this.#told.set(event.conversation, event.seq);
    if (event.kind !== "message" || event.from === me || event.retracted === true) return;
    // Told after the turn's work, as changes are: a listener sees the whole of it, and its faults stop nothing.
    if (this.#waiting.length === 0) queueMicrotask(() => this.#tell());
    this.#waiting.push(event);
  }

  /** Somebody else may log in next. */
  clear(): void {
    this.#told.clear();
    this.#waiting = [];
  }

  #tell(): void {
    const messages = this.#waiting;
    this.#waiting = [];
    for (const message of messages) for (const listener of [...this.#listeners]) listener(message);
  }
}

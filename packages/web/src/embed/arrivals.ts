/** What the host page is told of the conversations: how much is unread, and what has just arrived. */
import type { Client, ConversationView } from "@duologue/client";
import type { ArrivedMessage, FrameMessage } from "../widget/messages.ts";

export type ConversationSource = Pick<Client, "conversation" | "conversations" | "conversationsLoaded">;

/** A message of the other side, as the client tells it. */
export type Arrival = Parameters<Parameters<Client["onArrival"]>[0]>[0];

/** Messages that wait until their conversation is known, which takes one question; beyond that the oldest are not told. */
const MOST_WAITING = 1_000;

export class Arrivals {
  readonly #post: (message: FrameMessage) => void;
  #waiting: Arrival[] = [];
  #unread: number | undefined;

  constructor(post: (message: FrameMessage) => void) {
    this.#post = post;
  }

  /** Told at the next `update`. */
  add(message: Arrival): void {
    this.#waiting.push(message);
    if (this.#waiting.length > MOST_WAITING) this.#waiting.shift();
  }

  /** `only`: the one conversation that the frame shows; undefined: all count. */
  update(source: ConversationSource, only: string | undefined): void {
    if (!source.conversationsLoaded) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const message of waiting) {
      const conversation = source.conversation(message.conversation);
      if (conversation === undefined) this.#waiting.push(message);
      else if (only === undefined || conversation.id === only) this.#tell(message, conversation);
    }
    const counted = source.conversations.filter(({ id }) => only === undefined || id === only);
    const unread = counted.reduce((sum, conversation) => sum + conversation.unread, 0);
    if (unread === this.#unread) return;
    this.#unread = unread;
    this.#post({ type: "unread", count: unread });
  }

  #tell({ conversation, id, seq, from, time }: Arrival, { peer }: ConversationView): void {
    const message: ArrivedMessage = { conversation, id, seq, from, fromName: peer.name, time };
    this.#post({ type: "message", message });
  }
}

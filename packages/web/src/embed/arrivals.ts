/** What the host page is told of the conversations: how much is unread, and what has just arrived. */
import type { Client, ConversationView } from "@duologue/client";
import type { FrameMessage } from "../widget/messages.ts";

export class Arrivals {
  readonly #post: (message: FrameMessage) => void;
  /** Last number of each conversation that the host page was told of, or that was there before. */
  readonly #known = new Map<string, number>();
  #unread: number | undefined;
  #isBegun = false;

  constructor(post: (message: FrameMessage) => void) {
    this.#post = post;
  }

  /** `only`: the one conversation that the frame shows; undefined: all count. */
  update(client: Client, only: string | undefined): void {
    if (!client.conversationsLoaded) return;
    const counted = client.conversations.filter(({ id }) => only === undefined || id === only);
    for (const conversation of counted) this.#look(conversation, client.me?.id);
    this.#isBegun = true;
    const unread = counted.reduce((sum, conversation) => sum + conversation.unread, 0);
    if (unread === this.#unread) return;
    this.#unread = unread;
    this.#post({ type: "unread", count: unread });
  }

  #look({ id, lastSeq, lastMessage, peer }: ConversationView, me: string | undefined): void {
    const known = this.#known.get(id) ?? (this.#isBegun ? 0 : lastSeq);
    this.#known.set(id, lastSeq);
    if (lastMessage === undefined || lastMessage.seq <= known || lastMessage.from === me) return;
    this.#post({
      type: "message",
      message: {
        conversation: id,
        id: lastMessage.id,
        seq: lastMessage.seq,
        from: lastMessage.from,
        fromName: peer.name,
        time: lastMessage.time,
      },
    });
  }
}

/** What the host page is told of the conversations: how much is unread, and what has just arrived. */
import type { Client, ConversationView } from "@duologue/client";
import type { FrameMessage } from "../widget/messages.ts";

export type ConversationSource = Pick<Client, "conversations" | "conversationsLoaded" | "me">;

export class Arrivals {
  readonly #post: (message: FrameMessage) => void;
  /** Last number of each conversation that was looked at before. */
  readonly #known = new Map<string, number>();
  #unread: number | undefined;
  #isBegun = false;

  constructor(post: (message: FrameMessage) => void) {
    this.#post = post;
  }

  /** `only`: the one conversation that the frame shows; undefined: all count. */
  update(source: ConversationSource, only: string | undefined): void {
    if (!source.conversationsLoaded) return;
    let unread = 0;
    for (const conversation of source.conversations) {
      const isCounted = only === undefined || conversation.id === only;
      // Looked at also when it does not count: what is old is not to be news once it does.
      if (this.#hasNews(conversation, source.me?.id) && isCounted) this.#tell(conversation);
      if (isCounted) unread += conversation.unread;
    }
    this.#isBegun = true;
    if (unread === this.#unread) return;
    this.#unread = unread;
    this.#post({ type: "unread", count: unread });
  }

  #hasNews({ id, lastSeq, lastMessage, unread }: ConversationView, me: string | undefined): boolean {
    const known = this.#known.get(id);
    this.#known.set(id, lastSeq);
    if (lastMessage === undefined || lastMessage.from === me) return false;
    // One that was not known may have begun just now, or be an old one that was opened.
    if (known === undefined) return this.#isBegun && unread > 0;
    return lastMessage.seq > known;
  }

  #tell({ id, lastMessage, peer }: ConversationView): void {
    if (lastMessage === undefined) return;
    const { seq, from, time } = lastMessage;
    const message = { conversation: id, id: lastMessage.id, seq, from, fromName: peer.name, time };
    this.#post({ type: "message", message });
  }
}

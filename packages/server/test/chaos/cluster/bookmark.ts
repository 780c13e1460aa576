/** A cursor from before the trouble: whoever comes back with it, at whichever node, must be told everything since. */
import type { ConversationEvent } from "@duologue/protocol";
import { Peer } from "../../harness/peer.ts";

interface Page {
  readonly events: readonly ConversationEvent[];
  readonly cursor: string;
  readonly more: boolean;
  readonly reset?: true;
}

export class Bookmark {
  readonly #token: string;
  readonly #user: string;
  readonly #cursor: string;
  readonly #conversation: string;
  /** The last number at that time, at least. */
  readonly #lastSeq: number;

  private constructor(token: string, conversation: string, peer: Peer, lastSeq: number) {
    this.#token = token;
    this.#user = peer.id;
    this.#cursor = peer.welcome.cursor;
    this.#conversation = conversation;
    this.#lastSeq = lastSeq;
  }

  static async put(url: string, token: string, conversation: string): Promise<Bookmark> {
    await using peer = await Peer.connect(url, { token });
    // After the welcome, whose cursor may therefore be older.
    const { lastSeq } = (await peer.ask({ type: "open", conversation }, "conversation")).conversation;
    return new Bookmark(token, conversation, peer, lastSeq);
  }

  /** What is missing of everything up to this number, for one who comes back through this node. */
  async violations(url: string, lastSeq: number): Promise<string[]> {
    await using peer = await Peer.connect(url, { token: this.#token, cursor: this.#cursor });
    const seen = new Set<number>();
    let page: Page | undefined = peer.welcome.changes;
    if (page === undefined) page = await peer.ask({ type: "sync", cursor: this.#cursor }, "changes");
    for (;;) {
      if (page.reset === true) return [`${this.#user}: a cursor of a minute ago was answered with reset`];
      for (const { conversation, seq } of page.events) if (conversation === this.#conversation) seen.add(seq);
      if (!page.more) break;
      page = await peer.ask({ type: "sync", cursor: page.cursor }, "changes");
    }
    const missing = Array.from(
      { length: Math.max(0, lastSeq - this.#lastSeq) },
      (_, index) => this.#lastSeq + index + 1,
    ).filter((seq) => !seen.has(seq));
    if (missing.length === 0) return [];
    return [
      `${this.#user}: coming back to ${url} with a cursor skips ${missing.length} numbers, the first ${missing[0]}`,
    ];
  }
}

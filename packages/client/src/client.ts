/** The client as programs see it: what is known, told anew after every change, and what the user can do. */
import type { Conversation, ConversationEvent, User } from "@duologue/protocol";
import type {
  ConnectOptions,
  ConversationView,
  FoundUser,
  SendOptions,
  ServerLimits,
} from "./client-types.ts";
import type { ConnectionState } from "./connection.ts";
import { Core } from "./core.ts";
import type { TimelineView } from "./held.ts";
import type { Lobby } from "./lobby.ts";
import type { StorageState } from "./storage.ts";

/** Connects at once, and stays connected until `close`, `logout` or a final refusal. Throws on a malformed address. */
export function connect(options: ConnectOptions): Client {
  return new Client(options);
}

export class Client {
  readonly #core: Core;

  constructor(options: ConnectOptions) {
    this.#core = new Core(options);
  }

  // What is known. All of it is read-only, and an unchanged part is the same object again.

  get connection(): ConnectionState {
    return this.#core.connection.state;
  }

  /** What was missed while away is being fetched. */
  get syncing(): boolean {
    return this.#core.catchUp.syncing;
  }

  get me(): User | undefined {
    return this.#core.me;
  }

  get token(): string | undefined {
    return this.#core.session.token;
  }

  /** Whether what is unsent survives a reload; undefined for a storage that cannot tell. */
  get storageState(): StorageState | undefined {
    return this.#core.storage.state;
  }

  /** The server's limits; undefined before the first login. */
  get limits(): ServerLimits | undefined {
    return this.#core.limits;
  }

  get lobby(): Lobby {
    return this.#core.lobby;
  }

  /** The one that changed last first; those beyond the first page after `loadConversations`. */
  get conversations(): readonly ConversationView[] {
    return this.#core.conversations.all().map((summary) => this.#view(summary));
  }

  get hasMoreConversations(): boolean {
    return this.#core.conversations.hasMore;
  }

  /** Whether the first page of the list has come: an empty list means nothing before. */
  get conversationsLoaded(): boolean {
    return this.#core.conversations.isListLoaded;
  }

  conversation(id: string): ConversationView | undefined {
    const summary = this.#core.conversations.get(id);
    return summary && this.#view(summary);
  }

  /** Empty and loading until `openConversation` or `open` was called for it. */
  timeline(conversation: string): TimelineView {
    return this.#core.conversations.view(conversation);
  }

  /** Calls after changes, once for all changes of one turn. Returns how to stop. */
  subscribe(listener: () => void): () => void {
    return this.#core.notifier.subscribe(listener);
  }

  /**
   * Calls for each message of the other side that arrives from the first login on, in any conversation, also those of the
   * time without connection; once for each, in each conversation's order, never for what was there before. Its conversation
   * may not be known for a moment. After days away (SPEC SY3) those that the server does not tell any more are not told.
   * Returns how to stop.
   */
  onArrival(listener: (message: ConversationEvent) => void): () => void {
    return this.#core.arrivals.subscribe(listener);
  }

  // What the user can do. Promises are rejected with RequestError, whose code says why.

  /** The conversation with this user, made when there is none; resolves to its id. */
  async open(user: string): Promise<string> {
    const { conversation } = await this.#core.requests.promise<"open">({ type: "open", user });
    this.#core.conversations.merge(conversation);
    this.#core.conversations.hold(conversation.id);
    return conversation.id;
  }

  /** Loads the last messages of one of the user's conversations and keeps them current; resolves when it is known. */
  openConversation(conversation: string): Promise<void> {
    return this.#core.conversations.open(conversation);
  }

  /**
   * Shows the message at once and sends it when it can; returns its id. Line breaks and spaces go as they are. Throws
   * NotLoggedInError before the first login and OutboxFullError.
   */
  send(conversation: string, text: string, options: SendOptions = {}): string {
    const { replyTo } = options;
    this.#core.typing.sent(conversation);
    return this.#core.add({
      type: "send",
      id: this.#core.nextId(),
      conversation,
      body: { kind: "text", text },
      ...(replyTo === undefined ? {} : { replyTo }),
    });
  }

  /** Gives one's own message a new text; `seq` is its number. Throws like `send`. */
  edit(conversation: string, seq: number, text: string): string {
    return this.#core.add({
      type: "edit",
      id: this.#core.nextId(),
      conversation,
      target: seq,
      body: { kind: "text", text },
    });
  }

  /** Takes one's own message back, for both sides. Throws like `send`. */
  retract(conversation: string, seq: number): string {
    return this.#core.add({ type: "retract", id: this.#core.nextId(), conversation, target: seq });
  }

  /** Sends a failed message again. */
  retry(id: string): void {
    this.#core.outbox.retry(id);
  }

  /**
   * Forgets a message that failed or waits; false when the server may have it already: it was sent and not answered, also
   * before a cut or a reload. Another tab may just have sent it: then it comes back.
   */
  discard(id: string): boolean {
    return this.#core.outbox.discard(id);
  }

  /** Everything up to this number was looked at; without one, everything there is. */
  markRead(conversation: string, seq: number = Number.MAX_SAFE_INTEGER): void {
    const summary = this.#core.conversations.get(conversation);
    if (summary === undefined || this.#core.marks.readUpTo(summary) >= Math.min(seq, summary.lastSeq)) return;
    this.#core.marks.read(summary, seq);
    this.#core.notifier.changed();
  }

  /** Received but not looked at. The client does this by itself for everything that arrives. */
  markDelivered(conversation: string): void {
    this.#core.conversations.markDelivered(conversation);
  }

  /** Call it with true at every key, with false when the text is empty again; the client says it to the peer sparingly. */
  setTyping(conversation: string, active: boolean): void {
    this.#core.typing.set(conversation, active);
  }

  /** Resolves when the page before the first loaded message has come; at once when there is none. */
  loadOlder(conversation: string): Promise<void> {
    return this.#core.conversations.loadOlder(conversation);
  }

  /**
   * Say when the reader leaves the end of a conversation and when they are back. At the end, what is farther back than a few
   * thousand messages is forgotten, and can be loaded again. `loadOlder` leaves the end; opening another conversation is
   * being back in this one.
   */
  setAtEnd(conversation: string, isAtEnd: boolean): void {
    this.#core.conversations.setAtEnd(conversation, isAtEnd);
  }

  /** The next page of the list; at once when there is none. */
  loadConversations(): Promise<void> {
    return this.#core.conversations.loadMore();
  }

  /** People whose name begins with this, or has a word that does. At most 64 UTF-16 units are looked at. */
  async search(query: string): Promise<readonly FoundUser[]> {
    return (await this.#core.requests.promise<"search">({ type: "search", query: query.slice(0, 64) })).users;
  }

  /**
   * With `getToken`: hands the site's next token over before it is time, for instance because it names somebody who is to be
   * written to (SPEC HT10). Resolves to whether there was one and the server took it.
   */
  renewToken(): Promise<boolean> {
    return this.#core.renewToken();
  }

  async rename(nickname: string): Promise<User> {
    const { user } = await this.#core.requests.promise<"rename">({ type: "rename", nickname });
    this.#core.me = user;
    this.#core.notifier.changed();
    return user;
  }

  /** Ends the session everywhere and forgets what was unsent. Rejected when the server could not be told. */
  async logout(): Promise<void> {
    try {
      await this.#core.requests.promise<"logout">({ type: "logout" });
    } catch (error) {
      // The close may overtake the answer; it says the same.
      const { state } = this.#core.connection;
      if (state.kind !== "stopped" || state.reason !== "logged_out") throw error;
    }
    this.#core.connection.stop("logged_out");
  }

  /** Tries at once: after `stopped`, or instead of waiting longer. */
  reconnect(): void {
    this.#core.connection.start();
  }

  /** Ends the connection; the session and what is unsent stay for the next time. */
  close(): void {
    this.#core.connection.stop("closed");
  }

  #view(summary: Conversation): ConversationView {
    const { id, peer, lastSeq, lastMessage, mine, theirs } = summary;
    const seenAt = this.#core.seen.of(peer.id);
    return {
      id,
      peer,
      ...(seenAt === undefined ? {} : { seenAt }),
      online:
        this.#core.connection.state.kind === "online" ? this.#core.contacts.isOnline(peer.id) : undefined,
      lastSeq,
      lastMessage,
      unread: this.#core.marks.readUpTo(summary) >= lastSeq ? 0 : summary.unread,
      typing: this.#core.typing.isPeerTyping(id),
      mine,
      theirs,
    };
  }
}

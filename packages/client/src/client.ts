/** The client as programs see it: what is known, told anew after every change, and what the user can do. */
import type { Conversation, ServerFrame, ServerFrameOf, User } from "@duologue/protocol";
import { CatchUp } from "./catch-up.ts";
import type {
  ConnectOptions,
  ConversationView,
  FoundUser,
  SendOptions,
  ServerLimits,
} from "./client-types.ts";
import { Connection, type ConnectionState } from "./connection.ts";
import { Conversations, type TimelineView } from "./conversations.ts";
import { browserEnvironment } from "./environment.ts";
import { NotLoggedInError } from "./errors.ts";
import { changeLobby, emptyLobby, type Lobby, lobbyFrom } from "./lobby.ts";
import { Marks } from "./marks.ts";
import { MessageIds } from "./message-id.ts";
import { Notifier } from "./notifier.ts";
import { frameBytesOf, Outbox, type OutboxFrame } from "./outbox.ts";
import { Requests } from "./requests.ts";
import { Session } from "./session.ts";
import { memoryStorage } from "./storage.ts";
import { Typing } from "./typing.ts";

/** Connects at once, and stays connected until `close`, `logout` or a final refusal. Throws on a malformed address. */
export function connect(options: ConnectOptions): Client {
  return new Client(options);
}

export class Client {
  readonly #session: Session;
  readonly #ids: MessageIds;
  readonly #connection: Connection;
  readonly #requests: Requests;
  readonly #outbox: Outbox;
  readonly #marks: Marks;
  readonly #typing: Typing;
  readonly #catchUp: CatchUp;
  readonly #conversations: Conversations;
  readonly #notifier = new Notifier();
  #me: User | undefined;
  #limits: ServerLimits | undefined;
  #lobby: Lobby = emptyLobby;
  #helloCursor: string | undefined;

  constructor(options: ConnectOptions) {
    this.#session = new Session(options);
    const environment = options.environment ?? browserEnvironment();
    const changed = (): void => this.#notifier.changed();
    this.#connection = new Connection(options.url, environment, {
      prepare: () => this.#session.prepare(),
      hello: () => this.#hello(),
      cursor: () => this.#catchUp.cursor,
      welcomed: (frame) => this.#onWelcome(frame),
      received: (frame) => {
        if (!this.#requests.receive(frame)) this.#onFrame(frame);
        changed();
      },
      refused: (reason, error) => this.#session.renew(reason, error),
      lost: () => this.#onLost(),
      changed: (state) => this.#onConnection(state),
    });
    const write = this.#connection.send.bind(this.#connection);
    this.#ids = new MessageIds(environment);
    this.#requests = new Requests(environment, write);
    this.#outbox = new Outbox({ environment, storage: options.storage ?? memoryStorage(), write, changed });
    this.#marks = new Marks(environment, write);
    this.#typing = new Typing(environment, write, changed);
    this.#conversations = new Conversations({
      requests: this.#requests,
      outbox: this.#outbox,
      marks: this.#marks,
      me: () => this.#me?.id ?? "",
      changed,
    });
    this.#catchUp = new CatchUp(environment, this.#requests, {
      apply: (step) => {
        if (step.type === "event" && step.from !== this.#me?.id) this.#typing.end(step.conversation);
        this.#conversations.apply(step);
      },
      applyPage: (page) => this.#conversations.applyPage(page),
      reset: () => this.#conversations.reset(),
      failed: () => this.#connection.restart(),
    });
    this.#connection.start();
  }

  // What is known. All of it is read-only, and an unchanged part is the same object again.

  get connection(): ConnectionState {
    return this.#connection.state;
  }

  /** What was missed while away is being fetched. */
  get syncing(): boolean {
    return this.#catchUp.syncing;
  }

  get me(): User | undefined {
    return this.#me;
  }

  get token(): string | undefined {
    return this.#session.token;
  }

  /** The server's limits; undefined before the first login. */
  get limits(): ServerLimits | undefined {
    return this.#limits;
  }

  get lobby(): Lobby {
    return this.#lobby;
  }

  /** The one that changed last first; those beyond the first page after `loadConversations`. */
  get conversations(): readonly ConversationView[] {
    return this.#conversations.all().map((summary) => this.#view(summary));
  }

  get hasMoreConversations(): boolean {
    return this.#conversations.hasMore;
  }

  /** Whether the first page of the list has come: an empty list means nothing before. */
  get conversationsLoaded(): boolean {
    return this.#conversations.isListLoaded;
  }

  conversation(id: string): ConversationView | undefined {
    const summary = this.#conversations.get(id);
    return summary && this.#view(summary);
  }

  /** Empty and loading until `openConversation` or `open` was called for it. */
  timeline(conversation: string): TimelineView {
    return this.#conversations.view(conversation);
  }

  /** Calls after changes, once for all changes of one turn. Returns how to stop. */
  subscribe(listener: () => void): () => void {
    return this.#notifier.subscribe(listener);
  }

  // What the user can do. Promises are rejected with RequestError, whose code says why.

  /** The conversation with this user, made when there is none; resolves to its id. */
  async open(user: string): Promise<string> {
    const { conversation } = await this.#requests.promise<"open">({ type: "open", user });
    this.#conversations.merge(conversation);
    this.#conversations.hold(conversation.id);
    return conversation.id;
  }

  /** Loads the last messages of one of the user's conversations and keeps them current; resolves when it is known. */
  openConversation(conversation: string): Promise<void> {
    return this.#conversations.open(conversation);
  }

  /**
   * Shows the message at once and sends it when it can; returns its id. Line breaks and spaces go as they are. Throws
   * NotLoggedInError before the first login and OutboxFullError.
   */
  send(conversation: string, text: string, options: SendOptions = {}): string {
    const { replyTo } = options;
    this.#typing.sent(conversation);
    return this.#add({
      type: "send",
      id: this.#ids.next(),
      conversation,
      body: { kind: "text", text },
      ...(replyTo === undefined ? {} : { replyTo }),
    });
  }

  /** Gives one's own message a new text; `seq` is its number. Throws like `send`. */
  edit(conversation: string, seq: number, text: string): string {
    return this.#add({
      type: "edit",
      id: this.#ids.next(),
      conversation,
      target: seq,
      body: { kind: "text", text },
    });
  }

  /** Takes one's own message back, for both sides. Throws like `send`. */
  retract(conversation: string, seq: number): string {
    return this.#add({ type: "retract", id: this.#ids.next(), conversation, target: seq });
  }

  /** Sends a failed message again. */
  retry(id: string): void {
    this.#outbox.retry(id);
  }

  /** Forgets a message that failed or waits; false when it is on its way. */
  discard(id: string): boolean {
    return this.#outbox.discard(id);
  }

  /** Everything up to this number was looked at; without one, everything there is. */
  markRead(conversation: string, seq: number = Number.MAX_SAFE_INTEGER): void {
    const summary = this.#conversations.get(conversation);
    if (summary === undefined || this.#marks.readUpTo(summary) >= Math.min(seq, summary.lastSeq)) return;
    this.#marks.read(summary, seq);
    this.#notifier.changed();
  }

  /** Received but not looked at. The client does this by itself for everything that arrives. */
  markDelivered(conversation: string): void {
    this.#conversations.markDelivered(conversation);
  }

  /** Call it with true at every key, with false when the text is empty again; the client says it to the peer sparingly. */
  setTyping(conversation: string, active: boolean): void {
    this.#typing.set(conversation, active);
  }

  /** Resolves when the page before the first loaded message has come; at once when there is none. */
  loadOlder(conversation: string): Promise<void> {
    return this.#conversations.loadOlder(conversation);
  }

  /** The next page of the list; at once when there is none. */
  loadConversations(): Promise<void> {
    return this.#conversations.loadMore();
  }

  /** People whose name begins with this, or has a word that does. At most 64 UTF-16 units are looked at. */
  async search(query: string): Promise<readonly FoundUser[]> {
    return (await this.#requests.promise<"search">({ type: "search", query: query.slice(0, 64) })).users;
  }

  async rename(nickname: string): Promise<User> {
    const { user } = await this.#requests.promise<"rename">({ type: "rename", nickname });
    this.#me = user;
    this.#notifier.changed();
    return user;
  }

  /** Ends the session everywhere and forgets what was unsent. Rejected when the server could not be told. */
  async logout(): Promise<void> {
    try {
      await this.#requests.promise<"logout">({ type: "logout" });
    } catch (error) {
      // The close may overtake the answer; it says the same.
      const { state } = this.#connection;
      if (state.kind !== "stopped" || state.reason !== "logged_out") throw error;
    }
    this.#connection.stop("logged_out");
  }

  /** Tries at once: after `stopped`, or instead of waiting longer. */
  reconnect(): void {
    this.#connection.start();
  }

  /** Ends the connection; the session and what is unsent stay for the next time. */
  close(): void {
    this.#connection.stop("closed");
  }

  #view(summary: Conversation): ConversationView {
    const { id, peer, lastSeq, lastMessage, mine, theirs } = summary;
    return {
      id,
      peer,
      online: this.#connection.state.kind === "online" ? this.#lobby.users?.has(peer.id) : undefined,
      lastSeq,
      lastMessage,
      unread: this.#marks.readUpTo(summary) >= lastSeq ? 0 : summary.unread,
      typing: this.#typing.isPeerTyping(id),
      mine,
      theirs,
    };
  }

  #add(frame: OutboxFrame): string {
    if (this.#limits === undefined) throw new NotLoggedInError();
    // The server would not only refuse it, but close the connection (SPEC CN4).
    const tooLong = frameBytesOf(frame) > this.#limits.frameBytes;
    this.#outbox.add(
      frame,
      tooLong ? { code: "text_too_long", message: "The text is too long." } : undefined,
    );
    return frame.id;
  }

  #hello(): { token?: string; nickname?: string; cursor?: string } {
    this.#helloCursor = this.#catchUp.cursor;
    return {
      ...this.#session.hello(),
      ...(this.#helloCursor === undefined ? {} : { cursor: this.#helloCursor }),
    };
  }

  #onWelcome(frame: ServerFrameOf<"welcome">): void {
    this.#me = frame.user;
    this.#limits = frame.limits;
    this.#session.welcomed(frame.token);
    this.#outbox.load(frame.user.id);
    if (this.#helloCursor === undefined) {
      this.#catchUp.begin(frame.cursor, undefined);
    } else if (frame.changes !== undefined) {
      this.#catchUp.begin(frame.cursor, frame.changes);
    } else {
      this.#catchUp.sync();
    }
    this.#requests.connected();
    this.#conversations.loadList();
    this.#outbox.connected(frame.limits.framesPerSecond);
    this.#marks.connected();
    if (!this.#catchUp.syncing) this.#conversations.repairAll();
  }

  #onFrame(frame: ServerFrame): void {
    switch (frame.type) {
      case "event":
      case "ack":
      case "markers":
        this.#catchUp.receive(frame);
        break;
      case "lobby":
        this.#lobby = lobbyFrom(frame);
        for (const user of frame.users ?? []) this.#conversations.renamePeer(user);
        break;
      case "lobby-change":
        this.#onLobbyChange(frame);
        break;
      case "typing":
        this.#typing.receive(frame);
        break;
      case "pong":
        if (frame.behind) this.#catchUp.sync();
        this.#outbox.onPong();
        break;
      case "error":
        this.#outbox.refuse(frame);
        break;
      // Answers to requests that were given up meanwhile.
      case "welcome":
      case "users":
      case "conversation":
      case "conversations":
      case "history":
      case "changes":
      case "renamed":
      case "logged-out":
      case "token-accepted":
        break;
      case "token-expiring":
        void this.#renewToken();
        break;
      default:
        frame satisfies never;
    }
  }

  async #renewToken(): Promise<void> {
    const accepted = await this.#session.expiring(this.#requests);
    if (accepted !== undefined) this.#me = accepted.user;
    this.#notifier.changed();
  }

  #onLobbyChange(frame: ServerFrameOf<"lobby-change">): void {
    this.#lobby = changeLobby(this.#lobby, frame);
    for (const user of frame.joined) {
      this.#conversations.renamePeer(user);
      if (user.id === this.#me?.id) this.#me = user;
    }
  }

  #onLost(): void {
    this.#catchUp.disconnected();
    this.#requests.disconnected();
    this.#outbox.disconnected();
    this.#marks.disconnected();
    this.#typing.clear();
    this.#lobby = emptyLobby;
  }

  #onConnection(state: ConnectionState): void {
    if (state.kind === "stopped") {
      this.#session.stopped(state.reason, state.error);
      if (state.reason === "logged_out") {
        this.#outbox.clear();
        this.#marks.clear();
        this.#conversations.clear();
        this.#me = undefined;
      }
      this.#requests.close();
    }
    this.#notifier.changed();
  }
}

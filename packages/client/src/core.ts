/** The client's parts, wired: what comes from the server goes to the part that it concerns. */
import type { ClientFrame, ServerFrame, ServerFrameOf, User } from "@duologue/protocol";
import { Arrivals } from "./arrivals.ts";
import { CatchUp, type ChangesPage, type Step } from "./catch-up.ts";
import type { ConnectOptions, ServerLimits } from "./client-types.ts";
import { Connection, type ConnectionState } from "./connection.ts";
import { Contacts } from "./contacts.ts";
import { Conversations } from "./conversations.ts";
import { browserEnvironment, type Environment } from "./environment.ts";
import { NotLoggedInError } from "./errors.ts";
import { emptyLobby, frameOfLobby, type Lobby } from "./lobby.ts";
import { Marks } from "./marks.ts";
import { MessageIds } from "./message-id.ts";
import { Notifier } from "./notifier.ts";
import { Outbox, type OutboxPeers } from "./outbox.ts";
import { frameBytesOf, type OutboxFrame } from "./outbox-entry.ts";
import { Requests } from "./requests.ts";
import { Seen } from "./seen.ts";
import { Session } from "./session.ts";
import { SharedConnection, type SharedEvents } from "./shared-connection.ts";
import { type Known, Snapshot } from "./snapshot.ts";
import { type ClientStorage, memoryStorage, whenLoaded } from "./storage.ts";
import type { TabShare } from "./tab-share.ts";
import { eventFromAck } from "./timeline.ts";
import { Typing } from "./typing.ts";

export class Core {
  readonly connection: Connection | SharedConnection;
  readonly conversations: Conversations;
  readonly catchUp: CatchUp;
  readonly requests: Requests;
  readonly outbox: Outbox;
  readonly marks: Marks;
  readonly typing: Typing;
  readonly seen: Seen;
  readonly contacts: Contacts;
  readonly session: Session;
  readonly storage: ClientStorage;
  readonly ids: MessageIds;
  readonly notifier: Notifier = new Notifier();
  readonly arrivals: Arrivals = new Arrivals();
  me: User | undefined;
  limits: ServerLimits | undefined;
  #helloCursor: string | undefined;
  readonly #snapshot: Snapshot | undefined;
  /** Until it is known whether there is a snapshot: its cursor belongs into the hello. */
  #restoring: Promise<void> | undefined;
  /** What is known is an earlier visit's. */
  #isRestored = false;

  constructor(options: ConnectOptions) {
    const environment = options.environment ?? browserEnvironment();
    const changed = (): void => this.notifier.changed();
    this.session = new Session(options);
    const { url, tabs: group } = options;
    const events: SharedEvents = {
      prepare: () => this.session.prepare(),
      ready: () => this.#restoring,
      hello: () => this.#hello(),
      cursor: () => this.catchUp.cursor,
      welcomed: (frame, share) => this.#onWelcome(frame, share),
      received: (frame) => {
        if (!this.requests.receive(frame)) this.#onFrame(frame);
        changed();
      },
      refused: (reason, error) => this.session.renew(reason, error),
      lost: () => this.#onLost(),
      changed: (state) => this.#onConnection(state),
      share: () => ({ entries: this.outbox.all(), ...this.#present() }),
      token: () => this.session.token,
      tokens: () => this.session.known,
      knows: (tokens) => this.session.knows(tokens),
      isNewcomer: () => this.session.isNewcomer,
      eventOf: (ack) => this.#eventOf(ack),
      entryChanged: (entry) => this.outbox.receive(entry),
      added: (entry) => this.outbox.receiveAdded(entry),
      retried: (id) => this.outbox.retry(id),
      discarded: (id) => this.outbox.receiveDiscarded(id),
    };
    const { tabs } = environment;
    const shared =
      tabs === undefined || group === undefined
        ? undefined
        : new SharedConnection({ url, environment, tabs, group }, events);
    this.connection = shared ?? new Connection(url, environment, events);
    const write = this.connection.send.bind(this.connection);
    this.ids = new MessageIds(environment);
    this.requests = new Requests(environment, write);
    this.storage = options.storage ?? memoryStorage();
    this.storage.subscribe?.(changed);
    this.outbox = this.#makeOutbox(environment, shared, write);
    this.marks = new Marks(environment, write);
    this.typing = new Typing(environment, write, changed);
    this.seen = new Seen(environment, (user) => this.contacts.isOnline(user) === false);
    this.conversations = new Conversations({
      requests: this.requests,
      outbox: this.outbox,
      marks: this.marks,
      seen: this.seen,
      me: () => this.me?.id ?? "",
      changed: () => {
        this.contacts.update();
        changed();
      },
    });
    this.contacts = this.#findContacts(environment, () => shared?.isFollower === true);
    this.catchUp = new CatchUp(environment, this.requests, {
      apply: (step) => this.#apply(step),
      applyPage: (page) => this.#applyPage(page),
      reset: () => this.conversations.reset(),
      failed: () => this.connection.restart(),
    });
    if (options.offline === true) {
      const { storage } = this;
      this.#snapshot = new Snapshot({ environment, storage, known: () => this.#known(shared) });
      this.#restoreFrom(this.#snapshot, environment);
    }
    this.connection.start();
  }

  get lobby(): Lobby {
    return this.contacts.lobby;
  }

  /** For what the user writes next. */
  nextId(): string {
    return this.ids.next(this.outbox.lastId);
  }

  /** Takes what the user wrote; returns its id. Throws NotLoggedInError before the first login and OutboxFullError. */
  add(frame: OutboxFrame): string {
    if (this.limits === undefined) throw new NotLoggedInError();
    // The server would not only refuse it, but close the connection (SPEC CN4).
    const tooLong = frameBytesOf(frame) > this.limits.frameBytes;
    this.outbox.add(frame, tooLong ? { code: "text_too_long", message: "The text is too long." } : undefined);
    return frame.id;
  }

  #makeOutbox(
    environment: Environment,
    shared: SharedConnection | undefined,
    write: (frame: ClientFrame) => boolean,
  ): Outbox {
    const peers = shared && outboxPeers(shared);
    return new Outbox({
      environment,
      storage: this.storage,
      write,
      changed: () => this.notifier.changed(),
      unanswered: () => this.connection.check(),
      ...(peers && { peers }),
    });
  }

  #findContacts(environment: Environment, isFollower: () => boolean): Contacts {
    return new Contacts({
      environment,
      requests: this.requests,
      conversations: () => this.conversations.all(),
      most: () => this.limits?.watchedPeers ?? 0,
      isFollower,
      changed: () => {
        this.conversations.askSeen();
        this.notifier.changed();
      },
      left: (users) => this.seen.left(users),
      dropped: (user) => this.seen.forgetUser(user),
    });
  }

  #present(): Pick<TabShare, "lobby" | "presence"> {
    return { lobby: frameOfLobby(this.lobby), presence: this.contacts.frame };
  }

  #restoreFrom(snapshot: Snapshot, environment: Environment): void {
    const { token } = this.session;
    if (token === undefined) {
      snapshot.remove();
      this.#keep(snapshot);
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#restoring = promise;
    whenLoaded(this.storage, environment, () => {
      // A snapshot that comes late could not be told from what has been learned since.
      if (this.#restoring === undefined) return;
      this.#restoring = undefined;
      if (this.me === undefined) this.#restore(snapshot.read(token));
      this.#keep(snapshot);
      resolve();
    });
  }

  #keep(snapshot: Snapshot): void {
    this.notifier.subscribe(() => {
      if (this.connection.state.kind !== "stopped") snapshot.changed();
    });
  }

  #restore(known: Known | undefined): void {
    if (known === undefined) return;
    this.#isRestored = true;
    this.me = known.me;
    this.limits = known.limits;
    this.catchUp.begin(known.cursor, undefined);
    this.conversations.restore(known.conversations, known.timelines);
    this.outbox.preview(known.me.id);
    this.notifier.changed();
  }

  #known(shared: SharedConnection | undefined): Known | undefined {
    const { me, limits, conversations } = this;
    const { token } = this.session;
    const { cursor } = this.catchUp;
    if (shared?.isFollower === true || me === undefined || limits === undefined) return undefined;
    if (token === undefined || cursor === undefined) return undefined;
    return {
      token,
      me,
      limits,
      cursor,
      conversations: conversations.all(),
      timelines: conversations.timelines(),
    };
  }

  #apply(step: Step): void {
    if (step.type === "event" && step.from !== this.me?.id) this.typing.end(step.conversation);
    this.conversations.apply(step);
    if (step.type === "event") this.arrivals.take(step, this.me?.id);
  }

  #applyPage(page: ChangesPage): void {
    this.conversations.applyPage(page);
    // What came before the first login of this visit is no arrival.
    if (!this.#isRestored) for (const event of page.events) this.arrivals.take(event, this.me?.id);
    if (!page.more) this.#isRestored = false;
  }

  #hello(): { token?: string; nickname?: string; cursor?: string } {
    this.#helloCursor = this.catchUp.cursor;
    return {
      ...this.session.hello(),
      ...(this.#helloCursor === undefined ? {} : { cursor: this.#helloCursor }),
    };
  }

  #eventOf(ack: ServerFrameOf<"ack">): ServerFrameOf<"event"> | undefined {
    const entry = this.outbox.get(ack.id);
    if (entry === undefined || this.me === undefined) return undefined;
    const event = eventFromAck(entry, ack, this.me.id);
    return ack.prev === undefined ? event : { ...event, prev: ack.prev };
  }

  #onWelcome(frame: ServerFrameOf<"welcome">, share: TabShare | undefined): void {
    if (this.me !== undefined && this.me.id !== frame.user.id) this.#forgetUser();
    this.me = frame.user;
    this.limits = frame.limits;
    this.session.welcomed(frame.token);
    this.seen.connected(frame.time);
    if (share === undefined) {
      this.outbox.lead();
      this.outbox.load(frame.user.id);
    } else {
      this.outbox.follow(frame.user.id, share.entries);
    }
    // Before anything new is asked for, which would be written twice.
    this.requests.connected();
    if (share !== undefined) {
      if (this.catchUp.cursor === undefined) this.catchUp.begin(frame.cursor, undefined);
      // Also at the first time: the other tab may be waiting for something that it knows to be missing.
      this.catchUp.sync();
    } else if (this.#helloCursor === undefined) {
      this.catchUp.begin(frame.cursor, undefined);
    } else if (frame.changes !== undefined) {
      this.catchUp.begin(frame.cursor, frame.changes);
    } else {
      this.catchUp.sync();
    }
    this.conversations.loadList();
    if (share === undefined) this.outbox.connected(frame.limits.framesPerSecond);
    this.marks.connected(frame.limits.framesPerSecond);
    if (!this.catchUp.syncing) this.conversations.repairAll();
  }

  #onFrame(frame: ServerFrame): void {
    switch (frame.type) {
      case "event":
      case "ack":
      case "markers":
        this.catchUp.receive(frame);
        break;
      case "lobby":
        // While there were too many to name, nobody was told who left.
        if (this.lobby !== emptyLobby && this.lobby.users === undefined) this.seen.forget();
        this.contacts.list(frame);
        this.conversations.askSeen();
        for (const user of frame.users ?? []) this.conversations.renamePeer(user);
        break;
      case "lobby-change":
        this.#onLobbyChange(frame);
        break;
      case "presence":
        this.contacts.receive(frame);
        this.conversations.askSeen();
        break;
      case "typing":
        this.typing.receive(frame);
        break;
      case "pong":
        if (frame.behind) this.catchUp.sync();
        this.outbox.onPong();
        this.marks.onPong();
        this.conversations.onPong();
        break;
      case "error":
        this.outbox.refuse(frame);
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
        void this.renewToken();
        break;
      default:
        frame satisfies never;
    }
  }

  /** Whether the site gave one and the server took it. */
  async renewToken(): Promise<boolean> {
    const accepted = await this.session.expiring(this.requests);
    if (accepted !== undefined) this.me = accepted.user;
    this.notifier.changed();
    return accepted !== undefined;
  }

  #onLobbyChange(frame: ServerFrameOf<"lobby-change">): void {
    this.contacts.change(frame);
    this.seen.left(frame.left);
    for (const user of frame.joined) {
      this.conversations.renamePeer(user);
      if (user.id === this.me?.id) this.me = user;
    }
  }

  #onLost(): void {
    this.catchUp.disconnected();
    this.requests.disconnected();
    this.outbox.disconnected();
    this.marks.disconnected();
    this.typing.clear();
    this.contacts.lost();
  }

  /** The site's token was somebody else's this time. What is unsent waits for its writer. */
  #forgetUser(): void {
    this.#helloCursor = undefined;
    this.#isRestored = false;
    this.catchUp.forget();
    this.marks.clear();
    this.conversations.clear();
    this.arrivals.clear();
  }

  #onConnection(state: ConnectionState): void {
    if (state.kind === "stopped") {
      this.session.stopped(state.reason, state.error);
      this.#snapshot?.stop();
      if (this.session.token === undefined) this.#snapshot?.remove();
      if (state.reason === "logged_out") {
        this.outbox.clear();
        this.#forgetUser();
        this.me = undefined;
      }
      this.requests.close();
    }
    this.notifier.changed();
  }
}

function outboxPeers(connection: SharedConnection): OutboxPeers {
  return {
    changed(entry) {
      if (connection.isLeader) connection.tell({ kind: "entry", entry });
    },
    add: (entry) => connection.tell({ kind: "add", entry }),
    retry: (id) => connection.tell({ kind: "retry", id }),
    discard: (id) => connection.tell({ kind: "discard", id }),
  };
}

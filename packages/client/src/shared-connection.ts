/**
 * One connection for all tabs of a user. The tab that holds the lock leads: it alone has a socket, sends what is queued,
 * and tells the others every frame. The others follow: they keep their own state from those frames, as if they came from
 * the server, and hand over what they want to send. When the leader goes, the lock falls to another one; when it is
 * frozen, another one takes it.
 */
import type { ClientFrame, ServerFrame, ServerFrameOf } from "@duologue/protocol";
import { Connection, type ConnectionEvents, type ConnectionState } from "./connection.ts";
import type { Environment, TabChannel, TabEnvironment, Timer } from "./environment.ts";
import type { ServerError } from "./errors.ts";
import { Leadership } from "./leadership.ts";
import { JOIN_TIMEOUT_MS } from "./limits.ts";
import type { OutboxEntry } from "./outbox-entry.ts";
import type { StopReason } from "./policy.ts";
import { isForAll, isTabMessage, type TabMessage, type TabNews } from "./tab-messages.ts";
import { TabRequests } from "./tab-requests.ts";
import type { TabShare } from "./tab-share.ts";

export interface SharedEvents extends ConnectionEvents {
  share(): TabShare;
  token(): string | undefined;
  /** For the join of this tab; none where the site gives them. */
  tokens(): readonly string[];
  /** Whether one of these tokens is this person's. */
  knows(tokens: readonly string[]): boolean;
  /** Nobody was logged in here before: whoever leads is somebody else. */
  isNewcomer(): boolean;
  /** What the acknowledgement of one's own message is to the other tabs; undefined when the message is not known. */
  eventOf(ack: ServerFrameOf<"ack">): ServerFrameOf<"event"> | undefined;
  entryChanged(entry: OutboxEntry): void;
  added(entry: OutboxEntry): void;
  retried(id: string): void;
  discarded(id: string): void;
}

export interface SharedOptions {
  readonly url: string;
  readonly environment: Environment;
  readonly tabs: TabEnvironment;
  readonly group: string;
}

export class SharedConnection {
  readonly #options: SharedOptions;
  readonly #events: SharedEvents;
  readonly #socket: Connection;
  readonly #name: string;
  readonly #id: string;
  readonly #leadership: Leadership;
  /** `alone`: with a connection of its own, and no lock. */
  #mode: "out" | "following" | "leading" | "alone" = "out";
  #state: ConnectionState = { kind: "connecting" };
  /** Following: a leader has found that this tab is the same person. */
  #isAdmitted = false;
  #channel: TabChannel | undefined;
  /** Who leads, or led last. */
  #leader = { term: 0, id: "" };
  #isSteppingDown = false;
  #patience: Timer | undefined;
  #welcome: ServerFrameOf<"welcome"> | undefined;
  /** The server's clock before this device's, ms. */
  #aheadMs = 0;
  readonly #requests = new TabRequests();

  constructor(options: SharedOptions, events: SharedEvents) {
    this.#options = options;
    this.#events = events;
    this.#name = `duologue/2/${options.url}/${options.group}`;
    this.#id = Array.from(options.environment.randomBytes(12), (byte) => byte.toString(36)).join("-");
    this.#leadership = new Leadership({
      environment: options.environment,
      tabs: options.tabs,
      name: this.#name,
      won: () => this.#lead(),
      lost: () => this.#stepDown(),
      ask: () => this.#post({ kind: "ask" }),
    });
    this.#socket = new Connection(options.url, options.environment, {
      ...events,
      welcomed: (frame) => this.#onWelcomed(frame),
      received: (frame) => this.#onReceived(frame),
      changed: (state) => this.#onSocketChanged(state),
    });
  }

  get state(): ConnectionState {
    return this.#mode === "leading" || this.#mode === "alone" ? this.#socket.state : this.#state;
  }

  start(): void {
    switch (this.#mode) {
      case "out":
        this.#join();
        return;
      case "following":
        this.#post({ kind: "reconnect" });
        return;
      case "leading":
      case "alone":
        this.#socket.start();
        return;
      default:
        this.#mode satisfies never;
    }
  }

  send(frame: ClientFrame): boolean {
    if (this.#mode !== "following") return this.#transmit(frame);
    if (this.#state.kind !== "online") return false;
    // That something was received, the leader says by itself.
    if (frame.type === "mark" && frame.read === undefined) return true;
    this.#post({ kind: "write", frame });
    return true;
  }

  check(): void {
    if (this.#mode !== "following") this.#socket.check();
  }

  restart(): void {
    if (this.#mode !== "following") this.#socket.restart();
  }

  stop(reason: StopReason, error?: ServerError): void {
    if (this.#mode === "leading" || this.#mode === "alone") {
      this.#socket.stop(reason, error);
    } else if (this.#state.kind !== "stopped") {
      this.#leave();
      this.#lose();
      this.#become(error === undefined ? { kind: "stopped", reason } : { kind: "stopped", reason, error });
    }
  }

  /** To the leader, or to all others when this tab leads; lost when this tab has nobody to share with. */
  tell(news: TabNews): void {
    if (this.#mode === "leading" || this.#mode === "following") this.#post(news);
  }

  get isLeader(): boolean {
    return this.#mode === "leading";
  }

  get isFollower(): boolean {
    return this.#mode === "following";
  }

  #join(): void {
    const { tabs, environment } = this.#options;
    this.#mode = this.#events.isNewcomer() ? "alone" : "following";
    this.#channel = tabs.openChannel(this.#name, (message) => {
      if (isTabMessage(message)) this.#onMessage(message);
    });
    this.#leadership.join();
    if (this.#mode === "alone") {
      this.#socket.start();
      return;
    }
    this.#become({ kind: "connecting" });
    this.#askToJoin();
    // A leader that is frozen holds its lock and says nothing.
    this.#patience = environment.after(JOIN_TIMEOUT_MS, () => this.#leadership.takeOver());
  }

  #askToJoin(): void {
    this.#post({ kind: "join", tokens: this.#events.tokens() });
  }

  #lead(): void {
    if (this.#mode === "out" || this.#mode === "leading") return;
    this.#patience?.cancel();
    const followed = this.#mode === "following";
    this.#mode = "leading";
    const term = Math.max(this.#options.environment.now(), this.#leader.term + 1);
    this.#leader = { term, id: this.#id };
    this.#post({ kind: "state", state: followed ? { kind: "connecting" } : this.#socket.state });
    if (followed) {
      this.#lose();
      this.#socket.start();
    }
  }

  /** Another tab leads: this one was frozen, and goes on as one that follows. */
  #stepDown(): void {
    if (this.#mode !== "leading") return;
    this.#isSteppingDown = true;
    this.#socket.stop("closed");
    this.#isSteppingDown = false;
    this.#leave();
    this.#join();
  }

  #goAlone(): void {
    if (this.#mode !== "following") return;
    this.#patience?.cancel();
    this.#leadership.stopWatching();
    this.#lose();
    this.#mode = "alone";
    this.#socket.start();
  }

  #leave(): void {
    this.#patience?.cancel();
    this.#requests.clear();
    this.#isAdmitted = false;
    this.#mode = "out";
    this.#channel?.close();
    this.#channel = undefined;
    this.#leadership.leave();
  }

  #onWelcomed(frame: ServerFrameOf<"welcome">): void {
    const { changes: _, ...welcome } = frame;
    this.#welcome = welcome;
    this.#aheadMs = frame.time - this.#options.environment.now();
    this.#requests.clear();
    this.#events.welcomed(frame);
    // Everybody asks anew: only then it is sure who they are.
    if (this.#mode === "leading") this.#post({ kind: "state", state: { kind: "online" } });
  }

  #onReceived(frame: ServerFrame): void {
    if ("ref" in frame && frame.ref !== undefined) {
      const request = this.#requests.take(frame.ref);
      if (request !== undefined) {
        this.#post({ kind: "frame", frame: { ...frame, ref: request.ref } as ServerFrame }, request.tab);
        return;
      }
    }
    // Whoever joined since may not have what this acknowledges.
    const told = frame.type === "ack" ? (this.#events.eventOf(frame) ?? frame) : frame;
    this.#events.received(frame);
    if (this.#mode === "leading" && isForAll(told)) this.#post({ kind: "frame", frame: told });
  }

  #onSocketChanged(state: ConnectionState): void {
    if (this.#isSteppingDown) return;
    if (this.#mode === "leading" && state.kind !== "online") {
      const isOwnWish = state.kind === "stopped" && state.reason === "closed";
      if (!isOwnWish) this.#post({ kind: "state", state });
    }
    if (state.kind === "stopped") {
      this.#leave();
      this.#state = state;
    }
    this.#events.changed(state);
  }

  #shareWelcome(to: string): void {
    if (this.#welcome === undefined) return;
    const welcome = {
      ...this.#welcome,
      time: this.#options.environment.now() + this.#aheadMs,
      token: this.#events.token() ?? this.#welcome.token,
      cursor: this.#events.cursor() ?? this.#welcome.cursor,
    };
    this.#post({ kind: "welcome", welcome, share: this.#events.share() }, to);
  }

  #onMessage(message: TabMessage): void {
    const { term, from, to = this.#id } = message;
    if (term !== undefined && !this.#isLeaders(term, from)) return;
    if (to !== this.#id) return;
    if (message.kind === "discard") {
      this.#events.discarded(message.id);
    } else if (this.#mode === "leading") {
      this.#onRequest(message);
    } else if (this.#mode === "following") {
      this.#onNews(message);
    }
  }

  /** Whether these are words of the one that leads now. */
  #isLeaders(term: number, id: string): boolean {
    const known = this.#leader;
    if (term < known.term || (term === known.term && id < known.id)) return false;
    // Also before the browser says that the lock is lost.
    if (this.#mode === "leading") this.#stepDown();
    this.#leader = { term, id };
    if (this.#mode === "following") this.#leadership.heard();
    return true;
  }

  #onRequest(message: TabMessage): void {
    switch (message.kind) {
      case "join":
        if (!this.#events.knows(message.tokens)) this.#post({ kind: "stranger" }, message.from);
        else if (this.#socket.state.kind === "online") this.#shareWelcome(message.from);
        else this.#post({ kind: "state", state: this.#socket.state }, message.from);
        return;
      case "write":
        this.#write(message.from, message.frame);
        return;
      case "add":
        this.#events.added(message.entry);
        return;
      case "retry":
        this.#events.retried(message.id);
        return;
      case "reconnect":
        this.#socket.start();
        return;
      case "ask":
        this.#post({ kind: "alive" });
        return;
      // A leader's words: from one that went before this tab heard of it.
      case "alive":
      case "welcome":
      case "state":
      case "frame":
      case "entry":
      case "stranger":
      case "discard":
        return;
      default:
        message satisfies never;
    }
  }

  #onNews(message: TabMessage): void {
    switch (message.kind) {
      case "welcome":
        this.#patience?.cancel();
        this.#lose();
        this.#state = { kind: "online" };
        this.#isAdmitted = true;
        this.#events.welcomed(message.welcome, message.share);
        this.#events.received(message.share.lobby);
        this.#events.received(message.share.presence);
        this.#events.changed(this.#state);
        return;
      case "state":
        this.#patience?.cancel();
        this.#lose();
        if (message.state.kind === "online") {
          this.#askToJoin();
          return;
        }
        if (message.state.kind === "stopped") this.#leave();
        this.#become(message.state);
        return;
      case "frame":
        if (this.#state.kind === "online") this.#events.received(message.frame);
        return;
      case "entry":
        if (this.#isAdmitted) this.#events.entryChanged(message.entry);
        return;
      case "stranger":
        this.#goAlone();
        return;
      // Whoever leads has been heard by that.
      case "alive":
      case "ask":
      case "join":
      case "write":
      case "add":
      case "retry":
      case "reconnect":
      case "discard":
        return;
      default:
        message satisfies never;
    }
  }

  #write(tab: string, frame: ClientFrame): void {
    if (!("ref" in frame) || frame.ref === undefined) {
      this.#transmit(frame);
      return;
    }
    this.#transmit({ ...frame, ref: this.#requests.add({ tab, ref: frame.ref }) });
  }

  /** A leader that wakes up writes nothing before it knows that it still leads. */
  #transmit(frame: ClientFrame): boolean {
    if (this.#mode !== "leading") return this.#socket.send(frame);
    let isTaken = this.#socket.state.kind === "online";
    const run = (): void => {
      isTaken = this.#socket.send(frame);
    };
    return isTaken && this.#leadership.whenSure(run) && isTaken;
  }

  #lose(): void {
    if (this.#state.kind !== "online") return;
    this.#state = { kind: "connecting" };
    this.#events.lost();
  }

  #become(state: ConnectionState): void {
    this.#state = state;
    this.#events.changed(state);
  }

  #post(news: TabNews, to?: string): void {
    const term = this.#mode === "leading" ? { term: this.#leader.term } : {};
    this.#channel?.post({ ...news, from: this.#id, ...term, ...(to === undefined ? {} : { to }) });
  }
}

/**
 * One lasting connection out of many sockets: opens, says hello, keeps alive, and opens again when it breaks. Knows
 * nothing of messages.
 */
import {
  type ClientFrame,
  type ClientFrameOf,
  decodeServerFrame,
  encodeFrame,
  PROTOCOL_VERSION,
  type ServerFrame,
  type ServerFrameOf,
  SUBPROTOCOL,
} from "@duologue/protocol";
import { Backoff } from "./backoff.ts";
import type { Environment, Socket, Timer } from "./environment.ts";
import { type ServerError, toServerError } from "./errors.ts";
import { LOGIN_TIMEOUT_MS, PING_INTERVAL_MS, PONG_TIMEOUT_MS, STABLE_MS } from "./limits.ts";
import { afterClose, type StopReason } from "./policy.ts";
import type { TabShare } from "./tab-share.ts";

export type ConnectionState =
  /** Opening a socket, or waiting for the answer to hello. */
  | { readonly kind: "connecting" }
  | { readonly kind: "online" }
  /** Cut; the next try is at `nextTryAt` (ms since 1970), or earlier when the network returns. */
  | { readonly kind: "waiting"; readonly nextTryAt: number }
  /** Not coming back by itself. */
  | { readonly kind: "stopped"; readonly reason: StopReason; readonly error?: ServerError };

export interface ConnectionEvents {
  /** Before each socket is opened; undefined when there is nothing to wait for. Rejected: try again later. */
  prepare(): Promise<void> | undefined;
  /** Before each hello, when the socket is open already; undefined when there is nothing to wait for. Never rejects. */
  ready(): Promise<void> | undefined;
  /** Asked anew for every hello. */
  hello(): Omit<ClientFrameOf<"hello">, "type" | "version">;
  /** Asked for every ping. */
  cursor(): string | undefined;
  /** `share`: over another tab's connection. */
  welcomed(frame: ServerFrameOf<"welcome">, share?: TabShare): void;
  /** Every frame after `welcome`, pongs included. */
  received(frame: ServerFrame): void;
  /** The server's final word; true when another hello may change its mind. */
  refused(reason: StopReason, error: ServerError | undefined): boolean;
  /** The connection that `welcomed` announced is gone. */
  lost(): void;
  changed(state: ConnectionState): void;
}

export class Connection {
  readonly #url: string;
  readonly #environment: Environment;
  readonly #events: ConnectionEvents;
  readonly #backoff: Backoff;
  readonly #timers = new Map<"login" | "retry" | "ping" | "pong" | "stable", Timer>();
  #state: ConnectionState = { kind: "connecting" };
  #socket: Socket | undefined;
  #refusal: ServerError | undefined;
  /** Which try is under way; another number after every end of one. */
  #attempt = 0;
  #stopListening: (() => void) | undefined;

  constructor(url: string, environment: Environment, events: ConnectionEvents) {
    this.#url = url;
    this.#environment = environment;
    this.#events = events;
    this.#backoff = new Backoff(environment);
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Also after `stop`. Throws when the address is malformed, at the first call. */
  start(): void {
    if (this.#socket !== undefined) return;
    void new URL(this.#url);
    this.#stopListening ??= this.#environment.onWake(() => this.#onWake());
    this.#open();
  }

  /** False when there is no connection that could take it; the frame is then lost. */
  send(frame: ClientFrame): boolean {
    if (this.#state.kind !== "online" || this.#socket === undefined) return false;
    this.#socket.send(encodeFrame(frame));
    return true;
  }

  /** Finds out whether the server still hears us: now, and not at the next ping. */
  check(): void {
    if (this.#state.kind === "online" && !this.#timers.has("pong")) this.#ping();
  }

  /** Gives this socket up and tries another one, with the usual wait. */
  restart(): void {
    if (this.#socket !== undefined) this.#retryLater();
  }

  stop(reason: StopReason, error?: ServerError): void {
    if (this.#state.kind === "stopped") return;
    this.#release();
    this.#stopListening?.();
    this.#stopListening = undefined;
    this.#become(error === undefined ? { kind: "stopped", reason } : { kind: "stopped", reason, error });
  }

  #open(): void {
    this.#cancelTimers();
    this.#refusal = undefined;
    // Before the socket: a listener that hears "connecting" may already stop the connection again.
    this.#become({ kind: "connecting" });
    if (this.#state.kind !== "connecting") return;
    this.#attempt += 1;
    const attempt = this.#attempt;
    const prepared = this.#events.prepare();
    if (prepared === undefined) {
      this.#openSocket();
      return;
    }
    this.#arm("login", LOGIN_TIMEOUT_MS, () => this.#retryLater());
    void prepared.then(
      () => attempt === this.#attempt && this.#openSocket(),
      () => attempt === this.#attempt && this.#retryLater(),
    );
  }

  #openSocket(): void {
    this.#socket = this.#environment.openSocket(this.#url, SUBPROTOCOL, {
      opened: () => this.#onOpened(),
      received: (text) => this.#onReceived(text),
      closed: (code) => this.#onClosed(code),
    });
    this.#arm("login", LOGIN_TIMEOUT_MS, () => this.#retryLater());
  }

  #onOpened(): void {
    const ready = this.#events.ready();
    const attempt = this.#attempt;
    if (ready === undefined) this.#hello();
    else void ready.then(() => attempt === this.#attempt && this.#hello());
  }

  #hello(): void {
    this.#socket?.send(encodeFrame({ type: "hello", version: PROTOCOL_VERSION, ...this.#events.hello() }));
  }

  #onReceived(text: string): void {
    const decoded = decodeServerFrame(text);
    if (!decoded.ok) return;
    // Anything that arrives shows that the line is alive, so a pong behind a long transfer is not missed.
    this.#disarm("pong");
    const { frame } = decoded;
    if (this.#state.kind === "online") {
      this.#events.received(frame);
    } else if (frame.type === "welcome") {
      this.#onWelcome(frame);
    } else if (frame.type === "error") {
      this.#refusal = toServerError(frame);
    }
  }

  #onWelcome(frame: ServerFrameOf<"welcome">): void {
    this.#disarm("login");
    this.#state = { kind: "online" };
    this.#arm("stable", STABLE_MS, () => this.#backoff.reset());
    this.#pingLater();
    this.#events.welcomed(frame);
    if (this.#state.kind === "online") this.#events.changed(this.#state);
  }

  #onClosed(code: number): void {
    const decision = afterClose(code);
    const refusal = this.#refusal;
    const wasOnline = this.#state.kind === "online";
    if (decision.reconnect) this.#retryLater(wasOnline && decision.soon);
    else if (this.#events.refused(decision.reason, refusal)) this.#retryLater(true);
    else this.stop(decision.reason, refusal);
  }

  #onWake(): void {
    switch (this.#state.kind) {
      case "waiting":
        this.#open();
        return;
      case "online":
        // The machine may have slept, and the socket may be dead without knowing it.
        this.check();
        return;
      case "connecting":
      case "stopped":
        return;
      default:
        this.#state satisfies never;
    }
  }

  #retryLater(soon = false): void {
    this.#release();
    const delayMs = soon ? this.#backoff.returnDelayMs() : this.#backoff.nextDelayMs();
    this.#arm("retry", delayMs, () => this.#open());
    this.#become({ kind: "waiting", nextTryAt: this.#environment.now() + delayMs });
  }

  #release(): void {
    this.#attempt += 1;
    this.#cancelTimers();
    this.#socket?.drop();
    this.#socket = undefined;
    const wasOnline = this.#state.kind === "online";
    if (wasOnline) {
      this.#state = { kind: "connecting" };
      this.#events.lost();
    }
  }

  #pingLater(): void {
    this.#arm("ping", PING_INTERVAL_MS, () => this.#ping());
  }

  #ping(): void {
    const cursor = this.#events.cursor();
    this.send(cursor === undefined ? { type: "ping" } : { type: "ping", cursor });
    this.#arm("pong", PONG_TIMEOUT_MS, () => this.#retryLater());
    this.#pingLater();
  }

  #become(state: ConnectionState): void {
    this.#state = state;
    this.#events.changed(state);
  }

  #arm(name: "login" | "retry" | "ping" | "pong" | "stable", delayMs: number, run: () => void): void {
    this.#disarm(name);
    const timer = this.#environment.after(delayMs, () => {
      this.#timers.delete(name);
      run();
    });
    this.#timers.set(name, timer);
  }

  #disarm(name: "login" | "retry" | "ping" | "pong" | "stable"): void {
    this.#timers.get(name)?.cancel();
    this.#timers.delete(name);
  }

  #cancelTimers(): void {
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
  }
}

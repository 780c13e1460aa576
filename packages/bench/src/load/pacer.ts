/**
 * How a message's sending is timed. Closed loop: a connection may send when the one before it arrived; latency counts
 * from the sending. Open loop: each message has its time, however late the server is; latency counts from that time,
 * so that a stalled server cannot hide its stall (coordinated omission).
 */
import type { BenchClock } from "../clock.ts";
import type { Offer } from "./job.ts";

export interface Pacer {
  /** Offers the first messages. */
  start(): void;
  /** Since when the latency of this message counts; only while it is not finished. */
  sinceMs(connection: number, number: number): number;
  /** The oldest unfinished message of `connection` is done with: another may take its place. */
  finished(connection: number): void;
  /** Remembers when message `number` of `connection` was sent. */
  sent(connection: number, number: number, nowMs: number): void;
  stop(): void;
  readonly sentLate: number | undefined;
}

/** `request` asks for `count` more messages of a connection. */
export type RequestMessages = (connection: number, count: number) => void;

export function createPacer(
  clock: BenchClock,
  offer: Offer,
  connections: number,
  request: RequestMessages,
): Pacer {
  switch (offer.kind) {
    case "closed":
      return new ClosedLoop(offer.window, connections, request);
    case "open":
      return new OpenLoop(clock, offer.messagesPerSecond, connections, request);
  }
}

class ClosedLoop implements Pacer {
  readonly sentLate = undefined;
  private readonly sentAtMs: Float64Array;
  private stopped = false;

  private readonly window: number;
  private readonly connections: number;
  private readonly request: RequestMessages;

  constructor(window: number, connections: number, request: RequestMessages) {
    this.window = window;
    this.connections = connections;
    this.request = request;
    this.sentAtMs = new Float64Array(window * connections);
  }

  start(): void {
    for (let connection = 0; connection < this.connections; connection += 1)
      this.request(connection, this.window);
  }

  sent(connection: number, number: number, nowMs: number): void {
    this.sentAtMs[connection * this.window + (number % this.window)] = nowMs;
  }

  finished(connection: number): void {
    if (!this.stopped) this.request(connection, 1);
  }

  sinceMs(connection: number, number: number): number {
    return this.sentAtMs[connection * this.window + (number % this.window)] ?? 0;
  }

  stop(): void {
    this.stopped = true;
  }
}

const TICK_MS = 1;
const LATE_MS = 5;

class OpenLoop implements Pacer {
  sentLate = 0;
  private startedMs = 0;
  private offered = 0;
  private cancel: () => void = () => undefined;

  private readonly clock: BenchClock;
  private readonly messagesPerSecond: number;
  private readonly connections: number;
  private readonly request: RequestMessages;

  constructor(clock: BenchClock, messagesPerSecond: number, connections: number, request: RequestMessages) {
    this.clock = clock;
    this.messagesPerSecond = messagesPerSecond;
    this.connections = connections;
    this.request = request;
  }

  start(): void {
    this.startedMs = this.clock.monotonic();
    this.cancel = this.clock.every(TICK_MS, () => this.offerDue());
  }

  sent(connection: number, number: number, nowMs: number): void {
    if (nowMs - this.dueMs(connection, number) > LATE_MS) this.sentLate += 1;
  }

  finished(): void {}

  sinceMs(connection: number, number: number): number {
    return this.dueMs(connection, number);
  }

  stop(): void {
    this.cancel();
  }

  /** Message k of all goes to connection k modulo their number, so a connection's own number tells its time. */
  private dueMs(connection: number, number: number): number {
    return this.startedMs + ((number * this.connections + connection) * 1000) / this.messagesPerSecond;
  }

  private offerDue(): void {
    const due = Math.floor(((this.clock.monotonic() - this.startedMs) * this.messagesPerSecond) / 1000);
    for (; this.offered < due; this.offered += 1) this.request(this.offered % this.connections, 1);
  }
}

/** Collects what one turn of the event loop asked to send and hands it on as one write for each connection. */
import type { BenchClock } from "../clock.ts";

export interface Sender {
  /** Writes messages `firstNumber` to `firstNumber + count - 1` of this connection in one piece. */
  send(firstNumber: number, count: number): void;
}

export class SendQueue {
  /** How many messages each connection has sent. */
  readonly sentCounts: Float64Array;
  private readonly waiting: Uint32Array;
  private dirty: number[] = [];

  private readonly clock: BenchClock;
  private readonly senders: readonly Sender[];
  private readonly onSent: (connection: number, number: number, nowMs: number) => void;

  constructor(
    clock: BenchClock,
    senders: readonly Sender[],
    onSent: (connection: number, number: number, nowMs: number) => void,
  ) {
    this.clock = clock;
    this.senders = senders;
    this.onSent = onSent;
    this.sentCounts = new Float64Array(senders.length);
    this.waiting = new Uint32Array(senders.length);
  }

  get isEmpty(): boolean {
    return this.dirty.length === 0;
  }

  request(connection: number, count: number): void {
    const before = this.waiting[connection] ?? 0;
    this.waiting[connection] = before + count;
    if (before > 0) return;
    if (this.dirty.push(connection) === 1) this.clock.endOfTurn(() => this.flush());
  }

  private flush(): void {
    const connections = this.dirty;
    this.dirty = [];
    const nowMs = this.clock.monotonic();
    for (const connection of connections) {
      const count = this.waiting[connection] ?? 0;
      const first = this.sentCounts[connection] ?? 0;
      this.waiting[connection] = 0;
      this.sentCounts[connection] = first + count;
      for (let number = first; number < first + count; number += 1) this.onSent(connection, number, nowMs);
      this.senders[connection]?.send(first, count);
    }
  }
}

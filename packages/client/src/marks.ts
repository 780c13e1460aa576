/**
 * Receipts: what was received is marked delivered by itself, what was looked at is marked read when the page says so.
 * Several within a short time share one frame, and what a cut swallowed is sent again.
 */
import type { ClientFrame, Conversation, Markers } from "@duologue/protocol";
import type { Environment, Timer } from "./environment.ts";
import { MARK_RATE_SHARE, MARK_SHARE_MS } from "./limits.ts";
import { Overdue } from "./overdue.ts";
import { Pacer } from "./pacer.ts";

export class Marks {
  readonly #environment: Environment;
  readonly #write: (frame: ClientFrame) => boolean;
  /** What the server is to know and has not confirmed, by conversation. */
  readonly #wanted = new Map<string, Markers>();
  /** Of these, what was not written on this connection yet. */
  readonly #unwritten = new Set<string>();
  /** Looked at with each pong. */
  readonly #overdue = new Overdue();
  readonly #pacer: Pacer;
  #timer: Timer | undefined;

  constructor(environment: Environment, write: (frame: ClientFrame) => boolean) {
    this.#environment = environment;
    this.#write = write;
    this.#pacer = new Pacer(environment, MARK_RATE_SHARE, () => {
      if (this.#unwritten.size > 0) this.#flushLater();
    });
  }

  delivered(summary: Conversation): void {
    this.#want(summary, { delivered: summary.lastSeq, read: 0 });
  }

  read(summary: Conversation, seq: number): void {
    const upTo = Math.min(seq, summary.lastSeq);
    this.#want(summary, { delivered: upTo, read: upTo });
  }

  /** How far the user has read, counting what the server does not know yet. */
  readUpTo(summary: Conversation): number {
    return Math.max(summary.mine.read, this.#wanted.get(summary.id)?.read ?? 0);
  }

  /** The server's markers moved. */
  confirmed(summary: Conversation): void {
    const known = this.#wanted.get(summary.id);
    if (known === undefined) return;
    const wanted = within(known, summary.lastSeq);
    this.#wanted.set(summary.id, wanted);
    if (wanted.delivered <= summary.mine.delivered && wanted.read <= summary.mine.read) {
      this.#wanted.delete(summary.id);
      this.#unwritten.delete(summary.id);
    }
  }

  connected(framesPerSecond: number): void {
    this.#pacer.setRate(framesPerSecond);
    for (const conversation of this.#wanted.keys()) this.#unwritten.add(conversation);
    if (this.#wanted.size > 0) this.#flushLater();
  }

  /** Repeats what was not confirmed for a whole ping interval: refused, which marks are not told of, or lost. */
  onPong(): void {
    const written = [...this.#wanted.keys()].filter((conversation) => !this.#unwritten.has(conversation));
    for (const conversation of this.#overdue.look(written)) this.#unwritten.add(conversation);
    if (this.#unwritten.size > 0) this.#flushLater();
  }

  disconnected(): void {
    this.#pacer.stop();
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#overdue.clear();
  }

  clear(): void {
    this.disconnected();
    this.#wanted.clear();
    this.#unwritten.clear();
  }

  #want(summary: Conversation, markers: Markers): void {
    const { id, mine } = summary;
    const before = this.#wanted.get(id) ?? mine;
    if (markers.delivered <= before.delivered && markers.read <= before.read) return;
    this.#wanted.set(id, {
      delivered: Math.max(before.delivered, markers.delivered),
      read: Math.max(before.read, markers.read),
    });
    this.#unwritten.add(id);
    this.#flushLater();
  }

  #flushLater(): void {
    this.#timer ??= this.#environment.after(MARK_SHARE_MS, () => {
      this.#timer = undefined;
      this.#flush();
    });
  }

  #flush(): void {
    for (const conversation of [...this.#unwritten]) {
      const wanted = this.#wanted.get(conversation);
      if (wanted === undefined || wanted.delivered === 0) continue;
      // A hundred conversations that came while nobody was here must not cost the connection (SPEC BI3).
      if (!this.#pacer.take()) return;
      const { delivered, read } = wanted;
      const frame: ClientFrame =
        read === 0
          ? { type: "mark", conversation, delivered }
          : { type: "mark", conversation, delivered, read };
      if (!this.#write(frame)) return;
      this.#unwritten.delete(conversation);
    }
  }
}

/** A server that was set back to a back-up has fewer messages than were seen, and would refuse the mark for ever (MK2). */
function within({ delivered, read }: Markers, lastSeq: number): Markers {
  return { delivered: Math.min(delivered, lastSeq), read: Math.min(read, lastSeq) };
}

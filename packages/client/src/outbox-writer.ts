/** When a message of the outbox is written: never faster than the server takes it, and later when the server said so. */
import type { ClientFrame } from "@duologue/protocol";
import { Backoff } from "./backoff.ts";
import type { Environment, Timer } from "./environment.ts";
import { OUTBOX_RATE_SHARE, OUTBOX_WINDOW } from "./limits.ts";
import { type OutboxEntry, type OutboxFrame, SENDING } from "./outbox-entry.ts";
import { Overdue } from "./overdue.ts";
import { Pacer } from "./pacer.ts";

export interface OutboxWriterOptions {
  readonly environment: Environment;
  /** False: not now. */
  readonly write: (frame: ClientFrame) => boolean;
  /** More may be written than at the last call of `write`. */
  readonly ready: () => void;
}

export class OutboxWriter {
  readonly #options: OutboxWriterOptions;
  readonly #backoff: Backoff;
  readonly #pacer: Pacer;
  /** Conversations (or "" for all) that wait after a refusal. */
  readonly #pauses = new Map<string, Timer>();
  /** Refused for the moment, with their conversations. */
  readonly #refused = new Map<string, string>();
  /** Looked at with each pong. */
  readonly #overdue = new Overdue();
  #online = false;
  /** Something was written since the wait grew last. */
  #hasTried = true;

  constructor(options: OutboxWriterOptions) {
    this.#options = options;
    this.#backoff = new Backoff(options.environment);
    this.#pacer = new Pacer(options.environment, OUTBOX_RATE_SHARE, options.ready);
  }

  connected(framesPerSecond: number): void {
    this.#online = true;
    this.#pacer.setRate(framesPerSecond);
  }

  disconnected(): void {
    this.#online = false;
    this.#overdue.clear();
    this.#pacer.stop();
    for (const timer of this.#pauses.values()) timer.cancel();
    this.#pauses.clear();
    this.#refused.clear();
  }

  /** Writes what may go now, in this order; gives back what went, as it stands then. */
  write(entries: Iterable<OutboxEntry>): readonly OutboxEntry[] {
    if (!this.#online || this.#pauses.has("")) return [];
    const all = [...entries];
    let sending = all.filter((entry) => entry.state.kind === "sending").length;
    const written: OutboxEntry[] = [];
    const waiting = new Set(this.#pauses.keys());
    for (const entry of all) {
      if (sending >= OUTBOX_WINDOW) break;
      const { id, conversation } = entry.frame;
      if (waiting.has(conversation)) continue;
      // Whatever comes later would overtake it, should it be refused again.
      if (this.#refused.has(id)) waiting.add(conversation);
      if (entry.state.kind !== "queued") continue;
      if (!this.#pacer.take()) break;
      if (!this.#options.write(entry.frame)) break;
      written.push({ ...entry, state: SENDING });
      sending += 1;
    }
    if (written.length > 0) this.#hasTried = true;
    return written;
  }

  /** At a pong: repeats what was on its way at the last pong already, because its answer was lost; gives back what. */
  repeat(entries: Iterable<OutboxEntry>): readonly OutboxEntry[] {
    const sending = [...entries].filter((entry) => entry.state.kind === "sending");
    const overdue = new Set(this.#overdue.look(sending.map((entry) => entry.frame.id)));
    return sending.filter((entry) => overdue.has(entry.frame.id) && this.#options.write(entry.frame));
  }

  /** The server took one: the next refusal's wait is a short one again. */
  accepted({ id, conversation }: OutboxFrame): void {
    this.#backoff.reset();
    if (!this.#refused.has(id)) return;
    for (const [other, of] of this.#refused) if (of === conversation) this.#refused.delete(other);
  }

  /** It is to be tried again, and before anything later of its conversation. */
  refused({ id, conversation }: OutboxFrame): void {
    this.#refused.set(id, conversation);
  }

  forget(id: string): void {
    this.#refused.delete(id);
  }

  /**
   * Writes nothing of this conversation ("" for all) for a while; without a delay, as long as the back-off says. What was
   * under way at the same time is refused together: that is one failure, not one for each message.
   */
  pause(conversation: string, delayMs?: number): void {
    const current = this.#pauses.get(conversation);
    if (delayMs === undefined && !this.#hasTried && current !== undefined) return;
    if (delayMs === undefined) this.#hasTried = false;
    current?.cancel();
    const timer = this.#options.environment.after(delayMs ?? this.#backoff.nextDelayMs(), () => {
      this.#pauses.delete(conversation);
      this.#options.ready();
    });
    this.#pauses.set(conversation, timer);
  }
}

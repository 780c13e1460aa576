/** What crossed the wire, as one device saw it: a log that does not trust the client. */
import { decodeServerFrame, type ServerFrame } from "@duologue/protocol";
import { systemClock } from "../../src/clock.ts";

interface HeardEvent {
  readonly conversation: string;
  readonly seq: number;
  readonly id: string;
  readonly from: string;
}

/**
 * How far each user can know of a conversation: the highest number that any of their devices was told, or that is their
 * own. Shared by all devices of a scenario in this process, whose order of events it has.
 */
export class Horizon {
  readonly #known = new Map<string, number>();
  /** Users with devices elsewhere, of which this process does not see what they know. */
  readonly #unseen = new Set<string>();
  readonly #sees: "all" | "own";

  /** `own`: of all devices, this process has one. */
  constructor(sees: "all" | "own" = "all") {
    this.#sees = sees;
  }

  ignore(user: string): void {
    this.#unseen.add(user);
  }

  raise(conversation: string, user: string, seq: number): void {
    const key = `${conversation} ${user}`;
    this.#known.set(key, Math.max(this.#known.get(key) ?? 0, seq));
  }

  /** What is wrong with markers that say so much, if anything. */
  judge(conversation: string, user: string, delivered: number, read: number): string | undefined {
    if (read > delivered) return `markers of ${user}: read ${read} is ahead of delivered ${delivered}`;
    const known = this.#known.get(`${conversation} ${user}`) ?? 0;
    if (this.#sees === "own" || this.#unseen.has(user) || delivered <= known) return undefined;
    return `markers of ${user}: delivered ${delivered}, but no device of theirs was told more than ${known}`;
  }
}

/** Of one device and one conversation, over all its connections. */
export class WireLog {
  readonly sent = new Set<string>();
  /** Message id → number, from `ack` frames. */
  readonly acknowledged = new Map<string, number>();
  /** Number → message id, from `event` frames, in pages too. */
  readonly received = new Map<number, string>();
  /** Ids of messages that were given a number, by whatever frame said so. */
  readonly numbered = new Set<string>();
  /** What must never be: one number for two messages, one message under two numbers, markers that run ahead. */
  readonly contradictions: string[] = [];
  /** From a connection's end, or from the last frame on one that the client gave up, to the next welcome, each time. */
  readonly absencesMs: number[] = [];
  /** From the writing of a message to its `ack`, of those that were noted by `onSent`. */
  readonly delaysMs: number[] = [];
  /** How its connections ended (RFC 6455 §7.4), those that the client gave up left out. */
  readonly closeCodes: number[] = [];
  horizon: Horizon;
  #user = "";
  #leftAt: number | undefined;
  #heardAt: number | undefined;
  readonly #sentAt = new Map<string, number>();
  readonly #numbers = new Map<string, number>();
  readonly #markers = new Map<string, number>();

  constructor(horizon = new Horizon()) {
    this.horizon = horizon;
  }

  /** The highest number that it was told of. */
  get lastSeq(): number {
    return this.#numbers.values().reduce((last, seq) => Math.max(last, seq), 0);
  }

  numberOf(id: string): number | undefined {
    return this.#numbers.get(id);
  }

  onSent(id: string): void {
    this.sent.add(id);
    this.#sentAt.set(id, systemClock.monotonic());
  }

  onText(text: string): void {
    const decoded = decodeServerFrame(text);
    if (decoded.ok) this.onFrame(decoded.frame);
    else this.contradictions.push(`an invalid frame: ${text}`);
    this.#heardAt = systemClock.monotonic();
  }

  onFrame(frame: ServerFrame): void {
    switch (frame.type) {
      case "ack":
        this.#onAck(frame.id, frame.seq, frame.conversation);
        break;
      case "event":
        this.#noteAll([frame]);
        break;
      case "history":
        this.#noteAll(frame.events);
        break;
      case "changes":
        this.#onChanges(frame);
        break;
      case "conversation":
        this.#onSummaries([frame.conversation]);
        break;
      case "conversations":
        this.#onSummaries(frame.conversations);
        break;
      case "markers":
        this.#onMarkers(frame.conversation, frame.user, frame.delivered, frame.read);
        break;
      case "welcome":
        this.#onWelcome(frame.user.id);
        if (frame.changes !== undefined) this.#onChanges(frame.changes);
        break;
      default:
    }
  }

  onClosed(code: number): void {
    this.closeCodes.push(code);
    this.#leftAt ??= systemClock.monotonic();
  }

  #onWelcome(user: string): void {
    this.#user = user;
    // What was on its way while this connection began may be repeated on it (rule SY1).
    this.#markers.clear();
    const leftAt = this.#leftAt ?? this.#heardAt;
    if (leftAt !== undefined) this.absencesMs.push(systemClock.monotonic() - leftAt);
    this.#leftAt = undefined;
  }

  #onAck(id: string, seq: number, conversation: string): void {
    this.#note(this.acknowledged, id, seq);
    this.#note(this.#numbers, id, seq);
    this.numbered.add(id);
    this.horizon.raise(conversation, this.#user, seq);
    const sentAt = this.#sentAt.get(id);
    if (sentAt !== undefined) this.delaysMs.push(systemClock.monotonic() - sentAt);
    this.#sentAt.delete(id);
  }

  #onChanges(changes: {
    events: readonly HeardEvent[];
    conversations: readonly { id: string; lastSeq: number }[];
  }): void {
    this.#noteAll(changes.events);
    this.#onSummaries(changes.conversations);
  }

  #onSummaries(conversations: readonly { id: string; lastSeq: number }[]): void {
    for (const { id, lastSeq } of conversations) this.horizon.raise(id, this.#user, lastSeq);
  }

  #onMarkers(conversation: string, user: string, delivered: number, read: number): void {
    const problem = this.horizon.judge(conversation, user, delivered, read);
    if (problem !== undefined) this.contradictions.push(problem);
    for (const [name, value] of [
      ["delivered", delivered],
      ["read", read],
    ] as const) {
      const key = `${conversation} ${user} ${name}`;
      const before = this.#markers.get(key) ?? 0;
      if (value < before)
        this.contradictions.push(`the ${name} marker of ${user} went back from ${before} to ${value}`);
      this.#markers.set(key, value);
    }
  }

  #noteAll(events: readonly HeardEvent[]): void {
    for (const { conversation, seq, id, from } of events) {
      this.#note(this.received, seq, id);
      this.#note(this.#numbers, id, seq);
      this.numbered.add(id);
      this.horizon.raise(conversation, this.#user, seq);
      this.horizon.raise(conversation, from, seq);
    }
  }

  #note<K, V>(log: Map<K, V>, key: K, value: V): void {
    const known = log.get(key);
    if (known !== undefined && known !== value) {
      this.contradictions.push(`${String(key)} was ${String(known)}, now ${String(value)}`);
    }
    log.set(key, value);
  }
}

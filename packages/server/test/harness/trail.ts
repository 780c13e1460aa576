/** What went over one connection lately, so that a frame which goes astray leaves a trace. */
import { systemClock } from "../../src/clock.ts";

interface Step {
  readonly atMs: number;
  readonly text: string;
  /** Comes so often that only what came near the moment in question is worth reading. */
  readonly isCommon: boolean;
}

const STEPS = 3_000;
/** Of a frame. */
const SHOWN_CHARACTERS = 160;
/** Of the steps right before and right after a moment; and of the rest of what came after it. */
const NEAR = 12;
const LATER = 24;
const ANSWERED_BY_ID: ReadonlySet<string> = new Set(["send", "edit", "retract"]);
const COMMON = /^\{"type":"(event|markers|mark|presence|lobby-change|typing)"/;

/** The last steps; the oldest make room. */
export class Trail {
  readonly #steps: Step[] = [];

  note(arrow: "→" | "←" | "·", text: string): void {
    const step = {
      atMs: systemClock.monotonic(),
      text: `${arrow} ${text.slice(0, SHOWN_CHARACTERS)}`,
      isCommon: COMMON.test(text),
    };
    this.#steps.push(step);
    // In blocks, since each time would cost more than the rest.
    if (this.#steps.length >= 2 * STEPS) this.#steps.splice(0, STEPS);
  }

  /** What lies around this moment, and what came of it. */
  excerpt(momentMs: number): readonly string[] {
    const after = this.#steps.findIndex(({ atMs }) => atMs >= momentMs);
    const middle = after < 0 ? this.#steps.length : after;
    const near = this.#steps.slice(Math.max(0, middle - NEAR), middle + NEAR);
    const later = this.#steps.slice(middle + NEAR).filter(({ isCommon }) => !isCommon);
    return [...near, ...later.slice(0, LATER), ...later.slice(LATER).slice(-LATER)].map(
      ({ atMs, text }) => `${((atMs - momentMs) / 1000).toFixed(3)} s ${text}`,
    );
  }
}

export interface Unanswered {
  readonly id: string;
  /** When it was written to this connection first. */
  readonly atMs: number;
  /** How often it was written to it. */
  writes: number;
}

/** Of one WebSocket of a client: besides, what it sent there and has no answer to. */
export class SocketTrail extends Trail {
  static #last = 0;
  readonly number: number = ++SocketTrail.#last;
  isOver = false;
  readonly #unanswered = new Map<string, Unanswered>();

  get unanswered(): readonly Unanswered[] {
    return [...this.#unanswered.values()];
  }

  /** The address, which tells who carries the connection on which trail it is. */
  mark(url: string): string {
    const marked = new URL(url);
    marked.searchParams.set(TRAIL_PARAMETER, String(this.number));
    return marked.href;
  }

  onSent(text: string): void {
    this.note("→", text);
    const { type, id } = JSON.parse(text) as { type: string; id?: string };
    if (id === undefined || !ANSWERED_BY_ID.has(type)) return;
    const known = this.#unanswered.get(id);
    if (known === undefined) this.#unanswered.set(id, { id, atMs: systemClock.monotonic(), writes: 1 });
    else known.writes += 1;
  }

  onReceived(text: string): void {
    this.note("←", text);
    if (!/^\{"type":"(?:ack|error)"/.test(text)) return;
    const { id } = JSON.parse(text) as { id?: string };
    if (id !== undefined) this.#unanswered.delete(id);
  }

  onEnd(how: string): void {
    this.note("·", how);
    this.isOver = true;
    this.#unanswered.clear();
  }
}

const TRAIL_PARAMETER = "trail";

/** The number that `mark` gave, from a request for an upgrade. */
export function trailNumberOf(requestLine: string): number | undefined {
  const number = new RegExp(`^GET \\S*[?&]${TRAIL_PARAMETER}=(\\d+)`).exec(requestLine)?.[1];
  return number === undefined ? undefined : Number(number);
}

/**
 * Everything that is going to happen, in one queue: each frame on its way, each timer, each end of a turn. One step runs
 * at a time, and all promises are carried on before the next one, so a run depends on nothing but its seed.
 */
import { drainMicrotasks } from "bun:jsc";

/** A process, or a tab: what is on its way to it is lost when it is over, and waits while it is paused. */
export class Life {
  readonly name: string;
  isOver = false;
  /** In the schedule's time. Never set back: what waits already would be overtaken. */
  pausedUntilMs = 0;

  constructor(name: string) {
    this.name = name;
  }
}

interface Step {
  atMs: number;
  /** As it was planned, before its process was paused. */
  readonly dueMs: number;
  readonly order: number;
  readonly life: Life;
  readonly what: string;
  readonly run: () => void;
  isCancelled: boolean;
}

export interface Timer {
  cancel(): void;
}

/** A run that took more steps than this goes round in circles. */
const MAX_STEPS = 2_000_000;

/** The run did not come to its end. */
export class EndlessRunError extends Error {
  override readonly name = "EndlessRunError";
}

export class Schedule {
  /** One line for each step, as far as it was asked to be kept. */
  readonly trace: string[] = [];
  readonly #heap: Step[] = [];
  #nowMs = 0;
  #order = 0;
  #steps = 0;
  #hash = 0n;

  /** From the start of the run; only this passes. */
  get nowMs(): number {
    return this.#nowMs;
  }

  get steps(): number {
    return this.#steps;
  }

  /** Of all steps so far: two runs with the same one went the same way. */
  get hash(): string {
    return this.#hash.toString(16).padStart(16, "0");
  }

  after(delayMs: number, life: Life, what: string, run: () => void): Timer {
    return this.at(this.#nowMs + Math.max(0, delayMs), life, what, run);
  }

  /** Steps at the same moment run in the order in which they were due, and then in that in which they were added. */
  at(atMs: number, life: Life, what: string, run: () => void): Timer {
    const step: Step = { atMs, dueMs: atMs, order: this.#order++, life, what, run, isCancelled: false };
    this.#push(step);
    return {
      cancel: () => {
        step.isCancelled = true;
      },
    };
  }

  /** Runs the next step; false when there is none, or none up to that moment. */
  step(untilMs: number = Number.POSITIVE_INFINITY): boolean {
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined || next.atMs > untilMs) return false;
      this.#pop();
      if (next.isCancelled || next.life.isOver) continue;
      if (next.life.pausedUntilMs > next.atMs) {
        next.atMs = next.life.pausedUntilMs;
        this.#push(next);
        continue;
      }
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      this.#steps += 1;
      if (this.#steps > MAX_STEPS) throw new EndlessRunError(`more than ${MAX_STEPS} steps`);
      this.note(next.life, next.what);
      next.run();
      drainMicrotasks();
      return true;
    }
  }

  /** Time passes without anything happening in it. */
  moveTo(atMs: number): void {
    this.#nowMs = Math.max(this.#nowMs, atMs);
  }

  /** The trace and the count begin anew. */
  forget(): void {
    this.trace.length = 0;
    this.#steps = 0;
  }

  /** A line of the trace that is no step of its own. */
  note(life: Life, what: string): void {
    const line = `${this.#nowMs.toFixed(3)} ${life.name} ${what}`;
    this.#hash = Bun.hash.xxHash64(line, this.#hash);
    this.trace.push(line);
  }

  #push(step: Step): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(step);
    while (index > 0) {
      const parentIndex = (index - 1) >>> 1;
      const parent = heap[parentIndex];
      if (parent === undefined || !isBefore(step, parent)) break;
      heap[index] = parent;
      index = parentIndex;
    }
    heap[index] = step;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      let childIndex = 2 * index + 1;
      const right = heap[childIndex + 1];
      let child = heap[childIndex];
      if (child === undefined) break;
      if (right !== undefined && isBefore(right, child)) {
        child = right;
        childIndex += 1;
      }
      if (!isBefore(child, last)) break;
      heap[index] = child;
      index = childIndex;
    }
    heap[index] = last;
  }
}

function isBefore(one: Step, other: Step): boolean {
  if (one.atMs !== other.atMs) return one.atMs < other.atMs;
  return one.dueMs < other.dueMs || (one.dueMs === other.dueMs && one.order < other.order);
}

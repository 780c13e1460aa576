/** What all parts of a simulated world share: the queue of steps, the wall clock, chance, faults, and what goes wrong unasked. */

import type { SeededRandom } from "@duologue/testing";
import { Calm } from "./calm.ts";
import { Coverage } from "./coverage.ts";
import type { Faults } from "./faults.ts";
import type { Life, Schedule } from "./schedule.ts";

/** 2026-01-01T00:00:00Z. */
const BEGINNING_MS = 1_767_225_600_000;
const SLOW_MS = 900;
const LOOK_MS = 1_000;

export interface Violation {
  readonly what: string;
  /** Of the trace, when it was seen; absent for what was only found at the end. */
  readonly line?: number;
}

export class World {
  readonly schedule: Schedule;
  readonly faults: Faults;
  readonly random: SeededRandom;
  readonly calm: Calm;
  readonly coverage: Coverage = new Coverage();
  readonly violations: Violation[] = [];
  /** How far the wall clocks of everybody have been moved on. */
  wallOffsetMs = 0;
  /** Called about once a second, between steps. */
  onLook: () => void = () => undefined;
  readonly #latencies: SeededRandom;
  readonly #held: { readonly life: Life; readonly what: string; readonly work: Promise<() => void> }[] = [];
  #lookedMs = 0;

  constructor(schedule: Schedule, faults: Faults, random: SeededRandom) {
    this.schedule = schedule;
    this.faults = faults;
    this.random = random;
    this.calm = new Calm(() => schedule.nowMs);
    this.#latencies = random.fork("latencies");
    faults.onStrike = (name) => {
      this.coverage.count(name);
      this.calm.disturb();
    };
  }

  /** For many short runs in one world: each goes the same way again from the same seed, whatever was before it. */
  restart(seed: number): void {
    this.random.restart(seed);
    this.#latencies.restart(seed);
    this.schedule.forget();
  }

  /** Milliseconds since 1970 by a clock that is right. */
  get wallMs(): number {
    return Math.floor(BEGINNING_MS + this.schedule.nowMs + this.wallOffsetMs);
  }

  /** How long the next thing takes that is on its way between two processes. */
  latencyMs(): number {
    if (this.faults.strikes("slowDelivery")) return this.#latencies.next() * SLOW_MS;
    return 0.05 + this.#latencies.exponential(0.8);
  }

  /** Within one process: until the next turn, for example. */
  momentMs(): number {
    return this.#latencies.next() * 0.3;
  }

  /** A violation is remembered, not thrown: whoever causes it is the real code, and may catch what is thrown. */
  violate(what: string): void {
    const { nowMs, trace } = this.schedule;
    this.violations.push({ what: `${nowMs.toFixed(3)} ${what}`, line: trace.length });
  }

  /** Takes work that the runtime does in its own threads into the order of steps. */
  hold<T>(life: Life, what: string, work: Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const ended = work.then(
      (value) => () => resolve(value),
      (error: unknown) => () => reject(error),
    );
    this.#held.push({ life, what, work: ended });
    return promise;
  }

  /** Runs steps until the condition holds; false when it does not within this time. */
  async run(limitMs: number, isDone: () => boolean = () => false): Promise<boolean> {
    const { schedule } = this;
    const endMs = schedule.nowMs + limitMs;
    for (;;) {
      await this.#release();
      this.#look();
      if (this.violations.length > 0 || isDone()) return true;
      if (!schedule.step(endMs)) break;
    }
    schedule.moveTo(endMs);
    return isDone();
  }

  #look(): void {
    const { nowMs } = this.schedule;
    if (nowMs < this.#lookedMs + LOOK_MS) return;
    this.#lookedMs = nowMs;
    this.onLook();
  }

  async #release(): Promise<void> {
    while (this.#held.length > 0) {
      for (const { life, what, work } of this.#held.splice(0)) {
        const release = await work;
        this.schedule.after(this.momentMs(), life, what, release);
      }
    }
  }
}

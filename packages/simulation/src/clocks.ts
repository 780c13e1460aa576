/** Time and randomness of one server process. */

import { drainMicrotasks } from "bun:jsc";
import type { SeededRandom } from "@duologue/testing";
import type { Clock, Timer } from "duologue";
import type { Life } from "./schedule.ts";
import type { World } from "./world.ts";

export class SimulatedClock implements Clock {
  readonly #world: World;
  readonly #life: Life;
  readonly #random: SeededRandom;
  readonly #crash: () => void;
  #turnEnds: (() => void)[] = [];
  /** How wrong its wall clock is. */
  offsetMs = 0;

  /** `crash` ends the process: called between two call-backs of one turn when the faults will it. */
  constructor(world: World, life: Life, crash: () => void) {
    this.#world = world;
    this.#life = life;
    this.#random = world.random.fork(life.name);
    this.#crash = crash;
  }

  now(): number {
    return this.#world.wallMs + this.offsetMs;
  }

  monotonic(): number {
    return this.#world.schedule.nowMs;
  }

  after(delayMs: number, run: () => void): Timer {
    return this.#world.schedule.after(delayMs + this.#world.momentMs(), this.#life, "timer", run);
  }

  every(intervalMs: number, run: () => void): Timer {
    let timer: Timer;
    const again = (): void => {
      timer = this.#world.schedule.after(intervalMs, this.#life, "interval", again);
      run();
    };
    timer = this.#world.schedule.after(intervalMs, this.#life, "interval", again);
    return { cancel: () => timer.cancel() };
  }

  endOfTurn(run: () => void): void {
    this.#turnEnds.push(run);
    if (this.#turnEnds.length > 1) return;
    this.#world.schedule.after(this.#world.momentMs(), this.#life, "end of turn", () => this.#endTurn());
  }

  randomId(bytes = 16): string {
    return Buffer.from(this.#random.bytes(bytes)).toString("base64url");
  }

  uuid(): string {
    const hex = Buffer.from(this.#random.bytes(16)).toString("hex");
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-7${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
  }

  random(): number {
    return this.#random.next();
  }

  #endTurn(): void {
    const runs = this.#turnEnds;
    this.#turnEnds = [];
    for (const run of runs) {
      if (this.#world.faults.strikes("crashInTurn")) this.#crash();
      if (this.#life.isOver) return;
      run();
      drainMicrotasks();
    }
  }
}

import type { Environment, Socket, SocketEvents, Timer } from "../environment.ts";

interface FakeTimer {
  readonly dueAt: number;
  readonly run: () => void;
}

/** Time stands still until `advance`; randomness is a seeded sequence; sockets go to whoever listens. */
export class FakeEnvironment implements Environment {
  readonly #open: (url: string, events: SocketEvents) => Socket;
  readonly #timers = new Set<FakeTimer>();
  readonly #wakeListeners = new Set<() => void>();
  #now = 1_700_000_000_000;
  /** Added to the time of day; timers are not moved. */
  clockShiftMs = 0;
  #seed: number;

  constructor(open: (url: string, events: SocketEvents) => Socket, seed = 1) {
    this.#open = open;
    this.#seed = seed;
  }

  now(): number {
    return this.#now + this.clockShiftMs;
  }

  after(delayMs: number, run: () => void): Timer {
    const timer = { dueAt: this.#now + delayMs, run };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }

  /** A linear congruential generator (Numerical Recipes' constants): enough for jitter, the same in every run. */
  random(): number {
    this.#seed = (Math.imul(this.#seed, 1_664_525) + 1_013_904_223) >>> 0;
    return this.#seed / 2 ** 32;
  }

  randomBytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => Math.floor(this.random() * 256));
  }

  openSocket(url: string, _subprotocol: string, events: SocketEvents): Socket {
    return this.#open(url, events);
  }

  onWake(listener: () => void): () => void {
    this.#wakeListeners.add(listener);
    return () => void this.#wakeListeners.delete(listener);
  }

  get timerCount(): number {
    return this.#timers.size;
  }

  get wakeListenerCount(): number {
    return this.#wakeListeners.size;
  }

  wake(): void {
    for (const listener of [...this.#wakeListeners]) listener();
  }

  /** Runs what falls due in this time, in order, each at its own moment. */
  advance(byMs: number): void {
    const until = this.#now + byMs;
    for (;;) {
      let next: FakeTimer | undefined;
      for (const timer of this.#timers) {
        if (timer.dueAt <= until && (next === undefined || timer.dueAt < next.dueAt)) next = timer;
      }
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.dueAt);
      next.run();
    }
    this.#now = until;
  }
}

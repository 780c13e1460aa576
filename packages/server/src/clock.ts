/**
 * Time, timers and randomness of the whole server. Nothing else may call `Date.now`, `setTimeout`, `setInterval`
 * or `crypto` for random bytes (a test checks it), so that tests and the simulator own time.
 */
export interface Clock {
  /** Milliseconds since 1970, UTC. May jump, also backwards: use it for stamps that people see. */
  now(): number;
  /** Milliseconds from an arbitrary start. Never goes back: use it for durations and deadlines. */
  monotonic(): number;
  after(delayMs: number, run: () => void): Timer;
  every(intervalMs: number, run: () => void): Timer;
  /** Runs after the input that this turn of the event loop brought has been handled: the place to flush batches. */
  endOfTurn(run: () => void): void;
  /** Unguessable, from the operating system's source (128 bits unless said). */
  randomId(bytes?: number): string;
  /** A UUID, version 7 (RFC 9562). */
  uuid(): string;
  /** From 0 to below 1; for jitter, not for secrets. */
  random(): number;
}

export interface Timer {
  cancel(): void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, run) {
    const handle = setTimeout(run, delayMs);
    return { cancel: () => clearTimeout(handle) };
  },
  every(intervalMs, run) {
    const handle = setInterval(run, intervalMs);
    return { cancel: () => clearInterval(handle) };
  },
  endOfTurn: (run) => {
    setImmediate(run);
  },
  randomId: (bytes = 16) => Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString("base64url"),
  uuid: () => Bun.randomUUIDv7(),
  random: () => Math.random(),
};

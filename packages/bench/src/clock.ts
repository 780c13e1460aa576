/** Time and timers of the load generator, in one place, so that its tests can own them. */
export interface BenchClock {
  /** Milliseconds from an arbitrary start; never goes back. */
  monotonic(): number;
  /** Milliseconds since 1970, UTC. */
  now(): number;
  /** Resolves after `delayMs`. */
  pause(delayMs: number): Promise<void>;
  every(intervalMs: number, run: () => void): () => void;
  after(delayMs: number, run: () => void): () => void;
  /** Runs after the input that this turn of the event loop brought has been handled. */
  endOfTurn(run: () => void): void;
}

export const systemClock: BenchClock = {
  monotonic: () => performance.now(),
  now: () => Date.now(),
  pause: (delayMs) => new Promise((resolve) => setTimeout(resolve, delayMs)),
  every(intervalMs, run) {
    const handle = setInterval(run, intervalMs);
    return () => clearInterval(handle);
  },
  after(delayMs, run) {
    const handle = setTimeout(run, delayMs);
    return () => clearTimeout(handle);
  },
  endOfTurn: (run) => {
    setImmediate(run);
  },
};

/** Rejects with `what` when `work` takes longer than `limitMs`; every wait of a benchmark is bounded by it. */
export async function within<T>(
  clock: BenchClock,
  limitMs: number,
  what: string,
  work: Promise<T>,
): Promise<T> {
  let cancel: () => void = () => undefined;
  const late = new Promise<never>((_, reject) => {
    cancel = clock.after(limitMs, () =>
      reject(new BenchTimeoutError(`${what}: not done after ${limitMs} ms`)),
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    cancel();
  }
}

export class BenchTimeoutError extends Error {
  override readonly name = "BenchTimeoutError";
}

/** A clock that runs faster than the real one, so that a test of a limit of seconds takes milliseconds. */
import { type BenchClock, systemClock } from "../clock.ts";

export function quickClock(times: number): BenchClock {
  return {
    ...systemClock,
    monotonic: () => systemClock.monotonic() * times,
    pause: (delayMs) => systemClock.pause(delayMs / times),
    every: (intervalMs, run) => systemClock.every(intervalMs / times, run),
    after: (delayMs, run) => systemClock.after(delayMs / times, run),
  };
}

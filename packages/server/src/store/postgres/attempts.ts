/**
 * Tries until one attempt succeeds. One that takes long is not waited for, and another one begins beside it: what it hangs on,
 * such as packets that were lost a moment ago, need not be in the way of a new one.
 */
import type { Clock, Timer } from "../../clock.ts";

export interface AttemptsOptions<T> {
  readonly clock: Pick<Clock, "after" | "monotonic">;
  readonly attempt: () => Promise<T>;
  readonly onFailure: (error: unknown) => void;
  /** Then no further one begins. */
  readonly onSuccess: (made: T) => void;
  /** Another one was quicker, or nobody wants it any more. */
  readonly discard: (made: T) => void;
}

/** From a failure to the next attempt: doubled each time, up to the longest, and no longer between two of them at all. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 1_000;
const MAX_AT_ONCE = 4;

export class Attempts<T> {
  readonly #options: AttemptsOptions<T>;
  #isOn = false;
  #atOnce = 0;
  #pauseMs = 0;
  #timer: Timer | undefined;
  #dueAt = Number.POSITIVE_INFINITY;

  constructor(options: AttemptsOptions<T>) {
    this.#options = options;
  }

  /** After a pause as long as it has grown since `reset`. */
  begin(): void {
    this.#isOn = true;
    this.#scheduleWithin(this.#nextPauseMs());
  }

  /** What was made is of use: should another one be needed, the first attempt comes at once. */
  reset(): void {
    this.#pauseMs = 0;
  }

  end(): void {
    this.#isOn = false;
    this.#timer?.cancel();
    this.#dueAt = Number.POSITIVE_INFINITY;
  }

  #nextPauseMs(): number {
    const pauseMs = this.#pauseMs;
    this.#pauseMs = Math.min(Math.max(FIRST_PAUSE_MS, 2 * pauseMs), LONGEST_PAUSE_MS);
    return pauseMs;
  }

  /** Earlier than it is due already, but never later. */
  #scheduleWithin(delayMs: number): void {
    const { clock } = this.#options;
    const dueAt = clock.monotonic() + delayMs;
    if (dueAt >= this.#dueAt) return;
    this.#timer?.cancel();
    this.#dueAt = dueAt;
    this.#timer = clock.after(delayMs, () => {
      this.#dueAt = Number.POSITIVE_INFINITY;
      this.#scheduleWithin(LONGEST_PAUSE_MS);
      if (this.#atOnce < MAX_AT_ONCE) void this.#try();
    });
  }

  async #try(): Promise<void> {
    const { attempt, discard, onFailure, onSuccess } = this.#options;
    this.#atOnce += 1;
    const made = await attempt().then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
    this.#atOnce -= 1;
    if ("value" in made) {
      if (!this.#isOn) return discard(made.value);
      this.end();
      onSuccess(made.value);
    } else if (this.#isOn) {
      onFailure(made.error);
      this.#scheduleWithin(this.#nextPauseMs());
    }
  }
}

import type { Environment } from "./environment.ts";
import {
  BACKOFF_FIRST_MS,
  BACKOFF_JITTER,
  BACKOFF_MAX_MS,
  QUICK_RETURNS,
  RETURN_WITHIN_MS,
} from "./limits.ts";

/** Growing, jittered waits: 0.5 s × 2^n, at most 30 s, each moved by up to 30 %. */
export class Backoff {
  readonly #environment: Environment;
  #failures = 0;
  #quickReturns = 0;

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  nextDelayMs(): number {
    const planned = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** Math.min(this.#failures, 16));
    this.#failures += 1;
    return Math.round(planned * (1 + BACKOFF_JITTER * (2 * this.#environment.random() - 1)));
  }

  /** After a connection that was good until it was cut: soon, at a random moment, but not again and again. */
  returnDelayMs(): number {
    if (this.#quickReturns === QUICK_RETURNS) return this.nextDelayMs();
    this.#quickReturns += 1;
    return Math.round(RETURN_WITHIN_MS * this.#environment.random());
  }

  reset(): void {
    this.#quickReturns = 0;
    this.#failures = 0;
  }
}

import type { Environment, Timer } from "./environment.ts";
import { OUTBOX_RATE_SHARE } from "./limits.ts";

/**
 * Keeps the outbox below the server's frame rate, so that a long queue after a cut is not refused halfway, which would cost
 * its order. A second's worth may go at once; then one at a time.
 */
export class Pacer {
  readonly #environment: Environment;
  readonly #ready: () => void;
  #perSecond = 1;
  #tokens = 1;
  #timer: Timer | undefined;

  constructor(environment: Environment, ready: () => void) {
    this.#environment = environment;
    this.#ready = ready;
  }

  /** Begins with a full second's worth: the server's allowance is new with each connection. */
  setRate(framesPerSecond: number): void {
    this.#perSecond = Math.max(1, Math.floor(framesPerSecond * OUTBOX_RATE_SHARE));
    this.#tokens = this.#perSecond;
  }

  /** False: not now; `ready` will be called. */
  take(): boolean {
    if (this.#tokens > 0) {
      this.#tokens -= 1;
      this.#refillLater();
      return true;
    }
    return false;
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #refillLater(): void {
    this.#timer ??= this.#environment.after(1000 / this.#perSecond, () => {
      this.#timer = undefined;
      this.#tokens += 1;
      if (this.#tokens < this.#perSecond) this.#refillLater();
      this.#ready();
    });
  }
}

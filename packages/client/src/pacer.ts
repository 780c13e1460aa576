import type { Environment, Timer } from "./environment.ts";

/**
 * Keeps what it lets through below a share of the server's frame rate, so that a long queue after a cut is not refused
 * halfway, which would cost its order, or the connection. A second's worth may go at once; then one at a time.
 */
export class Pacer {
  readonly #environment: Pick<Environment, "now" | "after">;
  readonly #share: number;
  readonly #ready: () => void;
  #perSecond = 1;
  #tokens = 1;
  #timer: Timer | undefined;

  constructor(environment: Pick<Environment, "now" | "after">, share: number, ready: () => void) {
    this.#environment = environment;
    this.#share = share;
    this.#ready = ready;
  }

  /** Begins with a full second's worth: the server's allowance is new with each connection. */
  setRate(framesPerSecond: number): void {
    this.#perSecond = Math.max(1, Math.floor(framesPerSecond * this.#share));
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
    if (this.#timer !== undefined) return;
    const since = this.#environment.now();
    this.#timer = this.#environment.after(1000 / this.#perSecond, () => {
      this.#timer = undefined;
      // Browsers wake a hidden page's timers once a minute: what counts is the time that went by. The clock may jump.
      const elapsedMs = this.#environment.now() - since;
      const earned = Math.max(1, Math.floor((elapsedMs / 1000) * this.#perSecond));
      this.#tokens = Math.min(this.#perSecond, this.#tokens + earned);
      if (this.#tokens < this.#perSecond) this.#refillLater();
      this.#ready();
    });
  }
}

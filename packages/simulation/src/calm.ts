/** How long nothing has been wrong: only that time counts for whoever waits for an answer. */

/** What was wrong is still felt for a while: frames that were slow, processes that catch up. */
const AFTERMATH_MS = 1_000;

export class Calm {
  readonly #now: () => number;
  #totalMs = 0;
  #countedMs = 0;
  #disturbedUntilMs = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Since the beginning, all calm moments together. */
  get totalMs(): number {
    this.#count();
    return this.#totalMs;
  }

  /** Something is wrong from now until then. */
  disturb(untilMs: number = this.#now()): void {
    this.#count();
    this.#disturbedUntilMs = Math.max(this.#disturbedUntilMs, untilMs + AFTERMATH_MS);
  }

  #count(): void {
    const now = this.#now();
    this.#totalMs += Math.max(0, now - Math.max(this.#countedMs, this.#disturbedUntilMs));
    this.#countedMs = now;
  }
}

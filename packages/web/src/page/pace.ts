/** Runs something often asked for at once, and then no more than once in a while: what comes in a flood is drawn in few steps. */
import type { Environment } from "@duologue/client";

/** Two drawings of a screen that shows sixty in a second. */
const GAP_MS = 33;

export class Pace {
  readonly #environment: Pick<Environment, "after">;
  readonly #run: () => void;
  #timer: { cancel(): void } | undefined;
  #isDue = false;

  constructor(environment: Pick<Environment, "after">, run: () => void) {
    this.#environment = environment;
    this.#run = run;
  }

  ask(): void {
    this.#isDue = true;
    if (this.#timer === undefined) this.flush();
  }

  /** Runs now what would be run later. */
  flush(): void {
    if (!this.#isDue) return;
    this.#isDue = false;
    this.#timer?.cancel();
    this.#timer = this.#environment.after(GAP_MS, () => {
      this.#timer = undefined;
      this.flush();
    });
    this.#run();
  }

  close(): void {
    this.#timer?.cancel();
    this.#isDue = false;
  }
}

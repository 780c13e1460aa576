/** While the store takes nothing, the log says so every now and then, and why: who reads only its end must see it. */
import type { Clock } from "../clock.ts";
import type { Logger } from "../log.ts";
import type { StoreHealth } from "../store/index.ts";

const REPEAT_MS = 30_000;

export class OutageLog {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #log: Pick<Logger, "error">;
  #begunAt: number | undefined;
  #saidAt = 0;

  constructor(clock: Pick<Clock, "monotonic">, log: Pick<Logger, "error">) {
    this.#clock = clock;
    this.#log = log;
  }

  /** To be called about once a second. Its beginning and its end are logged by others. */
  look(health: StoreHealth): void {
    const now = this.#clock.monotonic();
    if (health.kind === "well") this.#begunAt = undefined;
    else if (this.#begunAt === undefined) {
      this.#begunAt = now;
      this.#saidAt = now;
    } else if (now - this.#saidAt >= REPEAT_MS) {
      this.#saidAt = now;
      const seconds = Math.round((now - this.#begunAt) / 1_000);
      this.#log.error({ problem: health.problem }, `not ready for ${seconds} s: the store takes no messages`);
    }
  }
}

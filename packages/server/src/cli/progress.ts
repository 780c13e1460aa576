/** How far something is, for people: a bar that is drawn over itself in a terminal, a line now and then elsewhere. */

import { formatCount, formatDuration } from "../app/units.ts";
import type { Clock } from "../clock.ts";

export interface ProgressOptions {
  readonly clock: Pick<Clock, "monotonic">;
  readonly write: (text: string) => void;
  readonly isTerminal: boolean;
}

const BAR_CELLS = 24;
/** Drawn no more often. */
const FRAME_MS = 100;
/** A rate is not told before: it would be chance. */
const FIRST_RATE_MS = 500;
/** Elsewhere than in a terminal, a line for so many percent. */
const LINE_PERCENT = 10;
const CLEAR_LINE = "\r\u001b[K";

export class ProgressBar {
  readonly #options: ProgressOptions;
  #phase = "";
  #begunAt = 0;
  #drawnAt = Number.NEGATIVE_INFINITY;
  #toldPercent = 0;
  #isDrawn = false;

  constructor(options: ProgressOptions) {
    this.#options = options;
  }

  /** `unit`: what is counted, in the plural. */
  show(phase: string, done: number, total: number, unit: string): void {
    const now = this.#options.clock.monotonic();
    if (phase !== this.#phase) {
      this.end();
      this.#phase = phase;
      this.#begunAt = now;
      this.#drawnAt = Number.NEGATIVE_INFINITY;
      this.#toldPercent = 0;
    }
    const percent = total === 0 ? 100 : Math.floor((done / total) * 100);
    const text = this.#describe(done, total, unit, now - this.#begunAt);
    if (this.#options.isTerminal) this.#draw(percent, text, now, done === total);
    else if (percent >= this.#toldPercent + LINE_PERCENT) {
      this.#toldPercent = percent - (percent % LINE_PERCENT);
      this.#options.write(`${phase}: ${percent} %, ${text}\n`);
    }
  }

  /** The next output begins on a line of its own. */
  end(): void {
    if (this.#isDrawn) this.#options.write("\n");
    this.#isDrawn = false;
  }

  #draw(percent: number, text: string, now: number, isLast: boolean): void {
    if (now - this.#drawnAt < FRAME_MS && !isLast) return;
    this.#drawnAt = now;
    this.#isDrawn = true;
    const cells = Math.round((percent / 100) * BAR_CELLS);
    const bar = "█".repeat(cells) + "░".repeat(BAR_CELLS - cells);
    this.#options.write(`${CLEAR_LINE}${this.#phase} ${bar} ${percent} %, ${text}`);
  }

  #describe(done: number, total: number, unit: string, elapsedMs: number): string {
    const counts = `${formatCount(done)} of ${formatCount(total)} ${unit}`;
    if (elapsedMs < FIRST_RATE_MS || done === 0) return counts;
    const rate = (done / elapsedMs) * 1000;
    const left = done === total ? "" : `, ${formatDuration(((total - done) / rate) * 1000)} left`;
    return `${counts}, ${formatCount(Math.round(rate))} a second${left}`;
  }
}

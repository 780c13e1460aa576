/**
 * Requests that failed, for the log. While the store cannot be read each request of each client fails: a line for every
 * one of them would fill a disk, and say nothing new.
 */
import type { Clock } from "../clock.ts";
import type { Logger } from "../log.ts";

/** After one failure, those that follow within this time are counted only. */
const SHARE_MS = 1_000;

export class FailureLog {
  private isQuiet = false;
  private unsaid = 0;

  constructor(
    private readonly log: Pick<Logger, "error">,
    private readonly clock: Pick<Clock, "after">,
  ) {}

  report(error: unknown, message: string): void {
    if (this.isQuiet) {
      this.unsaid += 1;
      return;
    }
    this.isQuiet = true;
    this.log.error({ error }, message);
    this.clock.after(SHARE_MS, () => this.sayRest());
  }

  private sayRest(): void {
    this.isQuiet = false;
    if (this.unsaid > 0) this.log.error({ count: this.unsaid }, "more requests failed within a second");
    this.unsaid = 0;
  }
}

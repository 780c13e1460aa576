/** Time that stands still until a test moves it; turns end when the test says so. */
import type { Clock } from "../../src/clock.ts";

interface Due {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

export class FakeClock implements Clock {
  private time = 1_700_000_000_000;
  private order = 0;
  private turnEnds: (() => void)[] = [];
  private readonly due = new Set<Due>();

  now(): number {
    return this.time;
  }

  monotonic(): number {
    return this.time;
  }

  after(delayMs: number, run: () => void): { cancel(): void } {
    const due: Due = { at: this.time + delayMs, order: this.order++, run };
    this.due.add(due);
    return { cancel: () => void this.due.delete(due) };
  }

  every(intervalMs: number, run: () => void): { cancel(): void } {
    let timer = { cancel: (): void => undefined };
    const again = (): void => {
      timer = this.after(intervalMs, again);
      run();
    };
    timer = this.after(intervalMs, again);
    return { cancel: () => timer.cancel() };
  }

  endOfTurn(run: () => void): void {
    this.turnEnds.push(run);
  }

  randomId(bytes = 16): string {
    this.order += 1;
    return String(this.order).padStart(Math.ceil((bytes * 4) / 3), "0");
  }

  uuid(): string {
    this.order += 1;
    return `00000000-0000-7000-8000-${String(this.order).padStart(12, "0")}`;
  }

  random(): number {
    this.order += 1;
    return (this.order * 0.618_033_988_75) % 1;
  }

  /** Ends the turn, and those that ending it begins. */
  endTurn(): void {
    while (this.turnEnds.length > 0) {
      const runs = this.turnEnds;
      this.turnEnds = [];
      for (const run of runs) run();
    }
  }

  advance(byMs: number): void {
    const until = this.time + byMs;
    for (;;) {
      this.endTurn();
      const [next] = [...this.due]
        .filter(({ at }) => at <= until)
        .sort((a, b) => a.at - b.at || a.order - b.order);
      if (next === undefined) break;
      this.due.delete(next);
      this.time = Math.max(this.time, next.at);
      next.run();
    }
    this.time = until;
  }
}

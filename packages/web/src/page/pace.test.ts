import { expect, test } from "bun:test";
import { Pace } from "./pace.ts";

/** Timers that run when told to. */
function handClock(): { after: (delayMs: number, run: () => void) => { cancel(): void }; tick: () => void } {
  const due = new Set<() => void>();
  return {
    after: (_, run) => {
      due.add(run);
      return { cancel: () => void due.delete(run) };
    },
    tick() {
      for (const run of [...due]) {
        due.delete(run);
        run();
      }
    },
  };
}

test("what is asked for alone runs at once, what comes in a flood once at the start and once for each gap", () => {
  const clock = handClock();
  let runs = 0;
  const pace = new Pace(clock, () => {
    runs += 1;
  });
  pace.ask();
  expect(runs).toBe(1);
  for (let request = 0; request < 1000; request += 1) pace.ask();
  expect(runs).toBe(1);
  clock.tick();
  expect(runs).toBe(2);
  clock.tick();
  expect(runs).toBe(2);
  pace.ask();
  expect(runs).toBe(3);
});

test("what is due runs when flushed, not again after it, and not after the end", () => {
  const clock = handClock();
  let runs = 0;
  const pace = new Pace(clock, () => {
    runs += 1;
  });
  pace.flush();
  expect(runs).toBe(0);
  pace.ask();
  pace.ask();
  pace.flush();
  expect(runs).toBe(2);
  clock.tick();
  expect(runs).toBe(2);
  pace.ask();
  pace.ask();
  pace.close();
  clock.tick();
  expect(runs).toBe(3);
});

import { expect, test } from "bun:test";
import { type BenchClock, systemClock } from "../clock.ts";
import { createPacer } from "./pacer.ts";

function manualClock(): { clock: BenchClock; advance(byMs: number): void } {
  let nowMs = 1000;
  const ticks: (() => void)[] = [];
  const clock: BenchClock = {
    ...systemClock,
    monotonic: () => nowMs,
    every: (_intervalMs, run) => {
      ticks.push(run);
      return () => ticks.splice(0);
    },
  };
  const advance = (byMs: number): void => {
    nowMs += byMs;
    for (const tick of ticks) tick();
  };
  return { clock, advance };
}

test("open loop: a stall does not lower the rate, and delays count from the time a message was due", () => {
  const { clock, advance } = manualClock();
  const requested: number[] = [];
  const pacer = createPacer(clock, { kind: "open", messagesPerSecond: 1000 }, 2, (connection) => {
    requested.push(connection);
  });
  pacer.start();
  advance(1);
  advance(100);
  expect(requested.length).toBe(101);
  expect(requested.slice(0, 4)).toEqual([0, 1, 0, 1]);
  expect(pacer.sinceMs(1, 3)).toBe(1007);
  pacer.sent(0, 0, 1101);
  pacer.sent(0, 50, 1101);
  expect(pacer.sentLate).toBe(1);
  pacer.stop();
  advance(100);
  expect(requested.length).toBe(101);
});

test("closed loop: a window for each connection, and one more for each that is finished", () => {
  const requested: [number, number][] = [];
  const pacer = createPacer(systemClock, { kind: "closed", window: 3 }, 2, (connection, count) => {
    requested.push([connection, count]);
  });
  pacer.start();
  pacer.sent(1, 5, 70);
  pacer.finished(1);
  pacer.stop();
  pacer.finished(1);
  expect(requested).toEqual([
    [0, 3],
    [1, 3],
    [1, 1],
  ]);
  expect(pacer.sinceMs(1, 5)).toBe(70);
});

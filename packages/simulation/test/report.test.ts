import { describe, expect, test } from "bun:test";
import { Coverage } from "../src/coverage.ts";
import { describeFailure } from "../src/report.ts";
import { type RunResult, runSeed } from "../src/run.ts";

const honest = await runSeed(1, { actions: 0 });

function failing(trace: readonly string[], what: string, line?: number): RunResult {
  const violation = line === undefined ? { what } : { what, line };
  return { ...honest, seed: 7, trace, violations: [violation], coverage: new Coverage() };
}

const lines = [
  "1.000 alice-1.1 sends",
  ...Array.from({ length: 90 }, (_, index) => `2.${index} bob-1.1 reads`),
  '3.000 worker-1.1 ← alice-1.1: {"type":"ping"}',
  '3.001 alice-1.1 ← {"type":"pong","behind":false}',
  "4.000 primary-1 refuses",
  "5.000 alice-1.1 is told",
  "6.000 what follows",
];

describe("what is said of a failing run", () => {
  test("is what led to the first violation: around it, and long before, of the tab that it names", () => {
    const text = describeFailure(failing(lines, "5.000 alice-1.1 is wrong", 95), { users: 2 }, 3);
    expect(text).toContain("of alice-1.1:\n  1.000 alice-1.1 sends\n  5.000 alice-1.1 is told\n");
    expect(text).toContain(
      "around the first violation:\n  2.89 bob-1.1 reads\n  4.000 primary-1 refuses\n  5.000 alice-1.1 is told\n  6.000 what follows\n",
    );
    expect(text).toEndWith("again: npm run simulate -- --seed 7 --users 2");
  });

  test("holds the last lines when it was only found at the end, and no pings", () => {
    const text = describeFailure(failing(lines, "a message is missing"), {}, 2);
    expect(text).toContain("the last lines:\n  5.000 alice-1.1 is told\n  6.000 what follows\n");
    expect(describeFailure(failing(lines, "it is missing"), {}, 200)).not.toMatch(/ping|pong/);
  });
});

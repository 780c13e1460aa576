import { expect, test } from "bun:test";
import type { Clock } from "../clock.ts";
import { cleanEnvironment } from "./environment.ts";
import { watchLauncher } from "./launcher.ts";

/** A clock of which only `every` is used; `tick` lets one interval pass. */
function tickingClock(): { readonly clock: Clock; tick(): void } {
  const runs = new Set<() => void>();
  const every: Clock["every"] = (_, run) => {
    runs.add(run);
    return { cancel: () => runs.delete(run) };
  };
  return {
    clock: { every } as Clock,
    tick: () => {
      for (const run of runs) run();
    },
  };
}

test("the launcher's end is noticed once", () => {
  const { clock, tick } = tickingClock();
  let parent = 100;
  let calls = 0;
  watchLauncher(
    clock,
    { DUOLOGUE_LAUNCHER: "100" },
    () => parent,
    () => {
      calls += 1;
    },
  );
  tick();
  expect(calls).toBe(0);
  parent = 1;
  tick();
  tick();
  expect(calls).toBe(1);
});

test.each([{}, { DUOLOGUE_LAUNCHER: "99" }])("a parent that is no launcher may end: %j", (environment) => {
  const { clock, tick } = tickingClock();
  let parent = 100;
  let calls = 0;
  watchLauncher(
    clock,
    environment,
    () => parent,
    () => {
      calls += 1;
    },
  );
  parent = 1;
  tick();
  expect(calls).toBe(0);
});

test("workers get neither the runtime's traps nor our own options", () => {
  const environment = {
    PATH: "/bin",
    BUN_OPTIONS: "--inspect",
    BUN_BE_BUN: "1",
    NODE_OPTIONS: "-r x",
    DUOLOGUE_PORT: "1",
  };
  expect(cleanEnvironment(environment)).toEqual({ PATH: "/bin" });
});

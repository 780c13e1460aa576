import { expect, test } from "bun:test";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import { createLogger } from "../log.ts";
import { FailureLog } from "./failure-log.ts";

test("of requests that fail within a second the first one is logged, and the number of the others", () => {
  const clock = new FakeClock();
  const lines: string[] = [];
  const destination = { write: (line: string) => lines.push(line) };
  const failures = new FailureLog(
    createLogger({ level: "error", format: "json", name: "t", destination }),
    clock,
  );
  for (let count = 0; count < 1_000; count += 1) failures.report(new RangeError(`number ${count}`), "failed");
  clock.advance(1_000);
  failures.report(new RangeError("later"), "failed");
  clock.advance(10_000);
  const said = lines.map((line) => JSON.parse(line) as { error?: { message: string }; count?: number });
  expect(said.map(({ error, count }) => error?.message ?? count)).toEqual(["number 0", 999, "later"]);
});

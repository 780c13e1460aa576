import { expect, test } from "bun:test";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import type { StoreHealth } from "../store/index.ts";
import { OutageLog } from "./outage-log.ts";

test("as long as the store takes nothing a line every 30 s says so, why, and for how long", () => {
  const clock = new FakeClock();
  const lines: unknown[] = [];
  const outage = new OutageLog(clock, { error: (...words: unknown[]) => lines.push(words) });
  const look = (seconds: number, health: StoreHealth): void => {
    for (let second = 0; second < seconds; second += 1) {
      outage.look(health);
      clock.advance(1_000);
    }
  };
  const text = (seconds: number): string => `not ready for ${seconds} s: the store takes no messages`;
  look(100, { kind: "well" });
  look(30, { kind: "failed", problem: "it is away" });
  expect(lines).toEqual([]);
  look(40, { kind: "failed", problem: "it is away" });
  expect(lines).toEqual([
    [{ problem: "it is away" }, text(30)],
    [{ problem: "it is away" }, text(60)],
  ]);
  look(30, { kind: "full", problem: "no room" });
  expect(lines.slice(2)).toEqual([[{ problem: "no room" }, text(90)]]);
  look(1, { kind: "well" });
  look(31, { kind: "failed", problem: "again" });
  expect(lines.slice(3)).toEqual([[{ problem: "again" }, text(30)]]);
});

import { expect, setDefaultTimeout, test } from "bun:test";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import { systemClock } from "../clock.ts";
import type { Submit, WriteOutcome } from "./requests.ts";
import { purgeSessions } from "./session-purge.ts";
import { temporaryFile, throwFault } from "./sqlite/fixture.ts";
import { SqliteReader } from "./sqlite/reader.ts";
import { meet } from "./sqlite/testing/requests.ts";
import { SqliteWriter } from "./sqlite/writer.ts";

setDefaultTimeout(60_000);

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

interface Bench extends Disposable {
  readonly clock: FakeClock;
  readonly reader: SqliteReader;
  /** How many were forgotten, each time. */
  readonly counts: number[];
  /** Begins to forget. */
  start(): void;
  add(id: string, expiresAt: number): void;
}

function begin(): Bench {
  const file = temporaryFile();
  const clock = new FakeClock();
  const writer = new SqliteWriter({ path: file.path, clock: systemClock, onFault: throwFault });
  meet(writer);
  const reader = new SqliteReader(file.path);
  const counts: number[] = [];
  const submit: Submit = (request, done) => {
    const outcome = writer.commit([request])[0]?.outcome;
    if (outcome?.ok && "count" in outcome) counts.push(outcome.count);
    clock.endOfTurn(() => (done as (outcome: WriteOutcome | undefined) => void)(outcome));
  };
  return {
    clock,
    reader,
    counts,
    start: () => purgeSessions(clock, submit),
    add: (id, expiresAt) => {
      writer.commit([{ op: "start-session", session: { id, user: "u_ann", expiresAt } }]);
    },
    [Symbol.dispose]: () => {
      reader.close();
      writer.close();
      file[Symbol.dispose]();
    },
  };
}

test("sessions are forgotten a week after their end and not before, logged out or not", async () => {
  using bench = begin();
  const { clock, reader } = bench;
  bench.add("s_over", clock.now() - 8 * DAY_MS);
  bench.add("s_just_over", clock.now() - 6 * DAY_MS);
  bench.add("s_living", clock.now() + DAY_MS);
  bench.start();
  clock.advance(2_000);
  const isThere = async (id: string): Promise<boolean> => (await reader.session(id)) !== undefined;
  expect([await isThere("s_over"), await isThere("s_just_over"), await isThere("s_living")]).toEqual([
    false,
    true,
    true,
  ]);
  clock.advance(DAY_MS + HOUR_MS);
  expect([await isThere("s_just_over"), await isThere("s_living")]).toEqual([false, true]);
});

test("many are forgotten in portions with pauses between, and then it rests for an hour", () => {
  using bench = begin();
  const { clock, counts } = bench;
  for (let index = 0; index < 1200; index += 1) bench.add(`s_${index}`, 1);
  bench.start();
  clock.advance(1_500);
  expect(counts).toEqual([500]);
  clock.advance(10_000);
  expect(counts).toEqual([500, 500, 200]);
  clock.advance(HOUR_MS);
  expect(counts).toEqual([500, 500, 200, 0]);
});

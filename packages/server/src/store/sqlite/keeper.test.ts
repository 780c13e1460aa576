/** A disk that fails: nothing is acknowledged that it may not hold, and what comes back begins from what it provably holds. */
import { Database } from "bun:sqlite";
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { copyFileSync, existsSync, readdirSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { systemClock } from "../../clock.ts";
import type { StoreHealth } from "../health.ts";
import type { WriteRequest } from "../requests.ts";
import { openReaderDatabase, openWriterDatabase } from "./database.ts";
import { type TemporaryFile, temporaryFile } from "./fixture.ts";
import { SqliteKeeper } from "./keeper.ts";
import { type DiskOperation, diskFaults, openOn } from "./testing/failing-disk.ts";
import { acknowledged, busyBatch, meet, says } from "./testing/requests.ts";
import { expectWhole } from "./testing/whole.ts";
import { SqliteWriter } from "./writer.ts";

setDefaultTimeout(60_000);

type Fault = keyof typeof diskFaults;

class Bench implements Disposable {
  readonly keeper: SqliteKeeper;
  readonly conversation: string;
  readonly health: StoreHealth["kind"][] = [];
  readonly known = new Map<number, string>();
  /** Operations on the disk since `fail` was called. */
  readonly operations: DiskOperation["kind"][] = [];
  /** How often the file was opened to write. */
  opened = 0;
  nowMs = 0;
  readonly #file: TemporaryFile = temporaryFile();
  #fault: Fault | undefined;
  #after = 0;

  constructor() {
    const open: typeof openWriterDatabase = (options) => {
      this.opened += 1;
      return openOn(openWriterDatabase, (operation) => this.#judge(operation))(options);
    };
    this.keeper = new SqliteKeeper({
      path: this.path,
      clock: { ...systemClock, monotonic: () => this.nowMs },
      onFault: () => undefined,
      onHealth: ({ kind }) => this.health.push(kind),
      open,
      checkpoints: { portionPages: 4, boundPages: 1000 },
    });
    this.conversation = meet(this.keeper);
  }

  get path(): string {
    return this.#file.path;
  }

  /** From the operation after the next `after` ones on, each that can fail so does. */
  fail(fault: Fault | undefined, after = 0): void {
    this.#fault = fault;
    this.#after = after;
    this.operations.length = 0;
  }

  /** How many were acknowledged. */
  commit(requests: readonly WriteRequest[]): number {
    const answered = acknowledged(requests, this.keeper.commit(requests));
    for (const [seq, id] of answered) this.known.set(seq, id);
    return answered.size;
  }

  say(count: number): number {
    return this.commit(busyBatch(this.conversation, count, this.known.size));
  }

  /** As the primary's timer does, some seconds later. */
  wait(): void {
    this.nowMs += 5_000;
    this.keeper.recover();
  }

  [Symbol.dispose](): void {
    this.keeper.close();
    this.#file[Symbol.dispose]();
  }

  #judge({ kind }: DiskOperation): number | undefined {
    if (this.#fault === undefined) return undefined;
    this.operations.push(kind);
    const canFail = this.#fault === "flush" ? kind === "flush" : kind === "write";
    return canFail && this.operations.length > this.#after ? diskFaults[this.#fault] : undefined;
  }
}

/** Disk operations of one batch and of the checkpoint after it. */
const OPERATIONS = 24;

describe.each(["write", "flush"] as const)("a %s that fails", (fault) => {
  test("[CV3] at any point of a batch or a checkpoint: no acknowledgement from then on, no second try on the same file, and it comes back whole", () => {
    for (let after = 0; after < OPERATIONS; after += 3) {
      using bench = new Bench();
      bench.say(20);
      bench.fail(fault, after);
      for (let round = 0; round < 10 && bench.keeper.health.kind === "well"; round += 1) {
        bench.say(5);
        bench.keeper.maintain();
      }
      expect(bench.keeper.health.kind).toBe("failed");
      const touched = bench.operations.length;
      const lost = busyBatch(bench.conversation, 5, bench.known.size);
      expect(bench.commit(lost)).toBe(0);
      bench.keeper.maintain();
      expect([bench.operations.length, bench.opened]).toEqual([touched, 1]);
      // As long as the disk fails, it stays so.
      bench.wait();
      expect(bench.commit(lost)).toBe(0);
      expect(bench.keeper.health.kind).toBe("failed");
      bench.fail(undefined);
      bench.wait();
      expect(bench.health).toEqual(["failed", "well"]);
      // What was refused is sent again, and is there once.
      expect(bench.commit(lost)).toBe(5);
      bench.say(3);
      bench.keeper.close();
      expectWhole(bench.path, bench.known);
    }
  });
});

test("[CV3] after a failed flush, what the log held is in the database file itself before anything new is taken", () => {
  using bench = new Bench();
  bench.say(20);
  // As a worker does all the time, and so the file is never recovered from its log as after a crash.
  using reader = openReaderDatabase(bench.path);
  expect(reader.query("SELECT count(*) AS count FROM event").get()).toEqual({ count: 20 });
  bench.fail("flush");
  expect(bench.say(5)).toBe(0);
  bench.fail(undefined);
  bench.wait();
  expect(bench.keeper.health.kind).toBe("well");
  // Without its log, the file alone has it all.
  using copy = temporaryFile();
  copyFileSync(bench.path, copy.path);
  const alone = new Database(copy.path);
  const count = alone.query<{ count: number }, []>("SELECT count(*) AS count FROM event").get()?.count;
  alone.close();
  expect(count).toBe(20);
});

test("a reader that holds the log keeps the store from coming back, and it comes back when the reader is gone", () => {
  using bench = new Bench();
  bench.say(20);
  const reader = openReaderDatabase(bench.path);
  reader.run("BEGIN");
  reader.query("SELECT count(*) FROM event").get();
  bench.fail("flush");
  expect(bench.say(1)).toBe(0);
  bench.fail(undefined);
  bench.wait();
  expect(bench.keeper.health.kind).toBe("failed");
  reader.close();
  bench.wait();
  expect(bench.keeper.health.kind).toBe("well");
});

test("[CV3] a full disk: refused, with the same writer and nothing half there, until a usual batch finds room", () => {
  for (let after = 0; after < OPERATIONS; after += 3) {
    using bench = new Bench();
    bench.say(20);
    bench.fail("full", after);
    for (let round = 0; round < 10 && bench.keeper.health.kind === "well"; round += 1) bench.say(5);
    expect(bench.keeper.health.kind).toBe("full");
    bench.wait();
    expect(bench.keeper.health.kind).toBe("full");
    expect(bench.say(1)).toBe(0);
    bench.fail(undefined);
    bench.wait();
    expect([bench.health, bench.opened]).toEqual([["full", "well"], 1]);
    expect(bench.say(3)).toBe(3);
    bench.keeper.close();
    expectWhole(bench.path, bench.known);
  }
});

test("a damaged file is not written to again, however long one waits", () => {
  using bench = new Bench();
  bench.say(20);
  bench.fail("damage");
  expect(bench.say(3)).toBe(0);
  expect(bench.keeper.health.kind).toBe("damaged");
  bench.fail(undefined);
  for (let round = 0; round < 5; round += 1) bench.wait();
  expect(bench.say(3)).toBe(0);
  expect([bench.health, bench.opened]).toEqual([["damaged"], 1]);
});

/** Who has a file open goes on writing into it when its name is gone, and everything ends with the process. */
describe("[CV3] a file that is taken away", () => {
  const all = (path: string): string[] => ["", "-wal", "-shm"].map((ending) => path + ending);

  test.each([
    ["removed", (path: string): void => rmSync(path)],
    ["removed with its log", (path: string): void => all(path).forEach((one) => void rmSync(one))],
    ["renamed", (path: string): void => renameSync(path, `${path}.old`)],
    ["renamed over", replaceByCopy],
    ["left without its log", (path: string): void => rmSync(`${path}-wal`)],
    ["given another index of its log", (path: string): void => replaceByCopy(`${path}-shm`)],
  ])("%s: nothing is acknowledged once it is noticed, and nothing is made in its place", (_, takeAway) => {
    using bench = new Bench();
    bench.say(20);
    takeAway(bench.path);
    const left = readdirSync(dirname(bench.path));
    bench.wait();
    expect(bench.keeper.health).toMatchObject({
      kind: "moved",
      problem: expect.stringContaining("was removed or replaced"),
    });
    for (let round = 0; round < 3; round += 1) bench.wait();
    expect(bench.say(3)).toBe(0);
    expect([bench.health, bench.opened]).toEqual([["moved"], 1]);
    expect(readdirSync(dirname(bench.path))).toEqual(left);
  });

  test.each(["full", "flush"] as const)("while the disk fails (%s), is not made anew", (fault) => {
    using bench = new Bench();
    bench.say(20);
    bench.fail(fault);
    bench.say(1);
    for (const path of all(bench.path)) rmSync(path, { force: true });
    bench.fail(undefined);
    bench.wait();
    expect(bench.keeper.health.kind).toBe("moved");
    expect([bench.say(1), existsSync(bench.path)]).toEqual([0, false]);
  });

  test("by its name only: put back after the end, it holds everything", () => {
    using bench = new Bench();
    bench.say(20);
    renameSync(bench.path, `${bench.path}.old`);
    bench.say(5);
    bench.wait();
    bench.keeper.close();
    renameSync(`${bench.path}.old`, bench.path);
    expect(expectWhole(bench.path, bench.known).events).toBe(25);
  });
});

function replaceByCopy(path: string): void {
  copyFileSync(path, `${path}.copy`);
  renameSync(`${path}.copy`, path);
}

describe("fencing", () => {
  test("a writer whose file another one has taken over never commits again", () => {
    using bench = new Bench();
    bench.say(3);
    const request = says(bench.conversation, "from the old one");
    {
      using newer = new SqliteWriter({ path: bench.path, clock: systemClock, onFault: () => undefined });
      expect(newer.commit([says(bench.conversation, "from the new one")])).toMatchObject([
        { outcome: { ok: true, seq: 4 } },
      ]);
      expect(bench.commit([request])).toBe(0);
      expect(bench.keeper.health.kind).toBe("fenced");
      bench.wait();
      expect(bench.commit([request])).toBe(0);
      expect(newer.commit([says(bench.conversation, "still here")])).toMatchObject([
        { outcome: { ok: true, seq: 5 } },
      ]);
    }
    expect(expectWhole(bench.path, bench.known).events).toBe(5);
  });

  test("a writer that nobody asks for anything finds out by itself", () => {
    using bench = new Bench();
    using _newer = new SqliteWriter({ path: bench.path, clock: systemClock, onFault: () => undefined });
    expect(bench.keeper.health.kind).toBe("well");
    bench.wait();
    expect(bench.keeper.health.kind).toBe("fenced");
  });

  test("one whose beginning failed when its name was in the file already is not taken for another server's at the next attempt", () => {
    using file = temporaryFile();
    let opened = 0;
    let isFailing = false;
    const faults: unknown[] = [];
    const open: typeof openWriterDatabase = (options) => {
      opened += 1;
      const database = openWriterDatabase(options);
      const prepare = database.prepare.bind(database);
      // Prepared after the fence is in the file.
      const unreadable = (sql: string): string => (sql === "BEGIN IMMEDIATE" ? "SELECT 1 FROM nothing" : sql);
      database.prepare = (sql, ...rest) => prepare(opened === 2 ? unreadable(sql) : sql, ...rest);
      return openOn(
        () => database,
        ({ kind }) => (isFailing && kind === "flush" ? diskFaults.flush : undefined),
      )(options);
    };
    let nowMs = 0;
    using keeper = new SqliteKeeper({
      path: file.path,
      clock: { ...systemClock, monotonic: () => nowMs },
      onFault: (error) => faults.push(error),
      onHealth: () => undefined,
      open,
    });
    const conversation = meet(keeper);
    isFailing = true;
    keeper.commit([says(conversation, "lost")]);
    isFailing = false;
    for (const kind of ["failed", "well"] as const) {
      nowMs += 5_000;
      keeper.recover();
      expect([faults.length, keeper.health.kind]).toEqual([2, kind]);
    }
  });

  test("a writer that failed does not come back over one that took its place", () => {
    using bench = new Bench();
    bench.fail("flush");
    bench.say(1);
    bench.fail(undefined);
    using newer = new SqliteWriter({ path: bench.path, clock: systemClock, onFault: () => undefined });
    bench.wait();
    expect(bench.keeper.health.kind).toBe("fenced");
    expect(newer.commit([says(bench.conversation, "here")])).toMatchObject([{ outcome: { ok: true } }]);
  });
});

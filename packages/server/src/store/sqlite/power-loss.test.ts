/**
 * The power fails in the middle of the writer's work: what was flushed stays, and of what was written since, any part may
 * be there, torn or as garbage. POWER_SEEDS=500 makes it the long one.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { systemClock } from "../../clock.ts";
import { openWriterDatabase } from "./database.ts";
import { temporaryFile, throwFault } from "./fixture.ts";
import { type DiskJudge, openOn } from "./testing/failing-disk.ts";
import { type LostPower, RememberingDisk } from "./testing/remembering-disk.ts";
import { acknowledged, busyBatch, meet } from "./testing/requests.ts";
import { seededRandom } from "./testing/seeded.ts";
import { expectWhole } from "./testing/whole.ts";
import { SqliteWriter } from "./writer.ts";

setDefaultTimeout(60_000);

const seeds = Number(process.env.POWER_SEEDS ?? 10);
const BATCHES = 12;
const STATES = 8;

interface Outage extends Disposable {
  readonly state: LostPower;
  /** Message ids by number, of all that was acknowledged before. */
  readonly known: ReadonlyMap<number, string>;
  /** Writes that were not flushed when the power failed. */
  readonly unflushed: number;
}

/** Writes some batches, with checkpoints between, and cuts the power at some of the disk's operations. */
function findOutages(seed: number, open = openWriterDatabase): readonly Outage[] {
  const random = seededRandom(seed);
  using file = temporaryFile();
  const known = new Map<number, string>();
  const outages: Outage[] = [];
  let disk: RememberingDisk | undefined;
  const judge: DiskJudge = (operation) => {
    if (disk !== undefined && outages.length < STATES && random() < 0.03) outages.push(cut(disk));
    return disk?.remember(operation);
  };
  const cut = (at: RememberingDisk): Outage => {
    const state = at.afterPowerLoss(random);
    return {
      state,
      known: new Map(known),
      unflushed: at.unflushed,
      [Symbol.dispose]: () => state[Symbol.dispose](),
    };
  };
  const openWatched: typeof openWriterDatabase = (options) => {
    const database = openOn(open, judge)(options);
    disk = new RememberingDisk(options.path);
    return database;
  };
  const checkpoints = { portionPages: 30, boundPages: 100_000 };
  // What stood before is no business of the disk's memory: it begins with a file that is whole.
  let conversation: string;
  {
    using first = new SqliteWriter({ path: file.path, clock: systemClock, onFault: throwFault });
    conversation = meet(first);
  }
  using writer = new SqliteWriter({
    path: file.path,
    clock: systemClock,
    onFault: throwFault,
    open: openWatched,
    checkpoints,
  });
  for (let batch = 0; batch < BATCHES; batch += 1) {
    const requests = busyBatch(conversation, 1 + Math.floor(random() * 60), known.size);
    const answered = acknowledged(requests, writer.commit(requests));
    for (const [seq, id] of answered) known.set(seq, id);
    writer.maintain();
  }
  if (disk !== undefined) outages.push(cut(disk));
  return outages;
}

test(`[CV3] the power fails at any moment of ${seeds} runs: everything acknowledged is there, and the file is whole`, () => {
  let unflushed = 0;
  for (let seed = 1; seed <= seeds; seed += 1) {
    for (const outage of findOutages(seed)) {
      using lost = outage;
      unflushed += lost.unflushed;
      try {
        expectWhole(lost.state.path, lost.known);
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error });
      }
    }
  }
  // Otherwise nothing was tried out.
  expect(unflushed).toBeGreaterThan(seeds * 10);
}, 120_000);

test("the same look finds what is lost when a commit does not flush", () => {
  const openCareless: typeof openWriterDatabase = (options) => {
    const database = openWriterDatabase(options);
    database.run("PRAGMA synchronous = NORMAL");
    return database;
  };
  const isLost = ({ state, known }: Outage): boolean => {
    try {
      expectWhole(state.path, known);
      return false;
    } catch {
      return true;
    }
  };
  let losses = 0;
  for (let seed = 1; seed <= 5; seed += 1) {
    for (const outage of findOutages(seed, openCareless)) {
      using lost = outage;
      if (isLost(lost)) losses += 1;
    }
  }
  expect(losses).toBeGreaterThan(5);
});

test("every commit is flushed before it is answered", () => {
  using file = temporaryFile();
  const order: string[] = [];
  const open = openOn(openWriterDatabase, ({ kind, file: name }) => {
    order.push(`${kind} ${name}`);
    return undefined;
  });
  using writer = new SqliteWriter({ path: file.path, clock: systemClock, onFault: throwFault, open });
  const conversation = meet(writer);
  for (let round = 0; round < 5; round += 1) {
    order.length = 0;
    writer.commit(busyBatch(conversation, 3, round * 3));
    expect(order.at(-1)).toBe("flush log");
    expect(order.slice(0, -1).every((entry) => entry === "write log")).toBe(true);
  }
});

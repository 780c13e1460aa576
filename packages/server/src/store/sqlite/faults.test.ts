import { Database, SQLiteError } from "bun:sqlite";
import { expect, setDefaultTimeout, test } from "bun:test";
import { expectOk, message, refused, seqs, World } from "../contract/fixture.ts";
import type { StoreFixture } from "../contract.ts";
import { type TemporaryFile, temporaryFile } from "./fixture.ts";
import { openSqliteStore } from "./store.ts";

setDefaultTimeout(60_000);

interface Limits {
  maxPages: number | undefined;
}

/** A world whose faults are collected; `limits` holds from the next opening on. */
async function begin(file: TemporaryFile, faults: unknown[], limits: Limits): Promise<World> {
  const fixture: StoreFixture = {
    async open(setup) {
      const store = openSqliteStore({
        ...setup,
        path: file.path,
        onFault: (error) => faults.push(error),
        busyTimeoutMs: 1,
        maxPages: limits.maxPages,
      });
      return { store, [Symbol.asyncDispose]: async () => store.close() };
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
  return World.begin(async () => fixture);
}

function codes(faults: readonly unknown[]): readonly unknown[] {
  return faults.map((fault) => (fault instanceof SQLiteError ? fault.code : fault));
}

test("a full disk: every request of the batch is refused, nothing of it is stored, and no number is lost", async () => {
  using file = temporaryFile();
  const faults: unknown[] = [];
  const limits: Limits = { maxPages: 100 };
  await using world = await begin(file, faults, limits);
  const { ann, bob, conversation } = await world.pair();
  await world.send(conversation, ann, "before");
  const published = world.published.length;
  const batch = Array.from({ length: 100 }, () => world.append(message(conversation, ann, "x".repeat(8000))));
  const mark = world.store.mark({ conversation, user: bob, delivered: 1, read: 1 });
  const outcomes = [...(await Promise.all(batch)), await mark];
  expect(new Set(outcomes.map((outcome) => JSON.stringify(outcome)))).toEqual(
    new Set([JSON.stringify(refused("unavailable"))]),
  );
  expect(codes(faults)).toEqual(["SQLITE_FULL"]);
  expect(world.published).toHaveLength(published);
  expect(await world.history(conversation)).toHaveLength(1);
  // What was small enough goes in, with the next number and the old chain.
  const next = await world.send(conversation, bob, "after");
  expect(next).toMatchObject({ seq: 2, prev: 1, position: 2 });
  expect((await world.store.conversation(bob, conversation))?.theirs.read).toBe(1);
  limits.maxPages = undefined;
  await world.reopen();
  await world.send(conversation, ann, "x".repeat(8000));
  expect(seqs(await world.history(conversation))).toEqual([1, 2, 3]);
});

test("a database that somebody else holds: refused, and as before when it is free again", async () => {
  using file = temporaryFile();
  const faults: unknown[] = [];
  await using world = await begin(file, faults, { maxPages: undefined });
  const { ann, conversation } = await world.pair();
  const first = await world.send(conversation, ann, "before");
  const draft = message(conversation, ann, "retried");
  const other = new Database(file.path);
  other.run("BEGIN IMMEDIATE");
  expect(await world.append(draft)).toEqual(refused("unavailable"));
  expect(codes(faults)).toEqual(["SQLITE_BUSY"]);
  other.run("ROLLBACK");
  other.close();
  expect(await world.append(draft)).toMatchObject({ seq: 2, prev: first.position, duplicate: false });
});

test("a request that SQLite cannot take is refused alone", async () => {
  using file = temporaryFile();
  const faults: unknown[] = [];
  await using world = await begin(file, faults, { maxPages: undefined });
  const { ann, conversation } = await world.pair();
  const nameless = { id: "u_x", name: null as unknown as string, kind: "guest", createdAt: 0 } as const;
  const [before, broken, after] = await Promise.all([
    world.append(message(conversation, ann, "one")),
    world.store.createUser(nameless),
    world.append(message(conversation, ann, "two")),
  ]);
  expect([before, broken, after]).toMatchObject([{ seq: 1 }, refused("unavailable"), { seq: 2, prev: 1 }]);
  expect(codes(faults)).toEqual(["SQLITE_CONSTRAINT_NOTNULL"]);
  expect(world.events().map((event) => event.position)).toEqual([1, 2]);
});

test("[CV9] a retracted text is gone from the file's bytes", async () => {
  using file = temporaryFile();
  await using world = await begin(file, [], { maxPages: undefined });
  const { ann, conversation } = await world.pair();
  await world.send(conversation, ann, `xyzzy is the secret word${".".repeat(500)}`);
  expectOk(
    await world.append(message(conversation, ann, "", { kind: "retract", target: 1, body: undefined })),
  );
  // Closing moves the whole log into the file.
  await world.reopen();
  const bytes = await Bun.file(file.path).text();
  expect([bytes.includes("xyzzy"), bytes.includes(conversation)]).toEqual([false, true]);
  expect(await Bun.file(`${file.path}-wal`).text()).not.toContain("xyzzy");
});

/** What a batch costs: how many transactions, and how many statements. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { PostgresServer } from "@duologue/testing";
import { systemClock } from "../../clock.ts";
import { expectOk, message } from "../contract/fixture.ts";
import type { WriteRequest } from "../requests.ts";
import { StoreBench } from "./fixture.ts";

setDefaultTimeout(60_000);

let server: PostgresServer | undefined;
beforeAll(async () => {
  // Each line of its log begins with whose statement it is.
  server = await PostgresServer.start({ parameters: { log_statement: "all", log_line_prefix: "%a_" } });
});
afterAll(() => server?.[Symbol.asyncDispose]());

async function countTransactions(bench: StoreBench): Promise<number> {
  await using stranger = await bench.stranger();
  const [row] = await stranger.unsafe<{ count: number }[]>(
    "SELECT count(DISTINCT xmin::text)::int AS count FROM event",
  );
  return row?.count ?? 0;
}

function countStatements(): number {
  return (server?.log().match(/^duologue writer_LOG: +(statement|execute)/gm) ?? []).length;
}

test("a batch of a thousand messages takes as many statements as one of a single one, and so do conversations", async () => {
  await using bench = await StoreBench.begin(server ?? expect.unreachable());
  const { keeper } = bench.store;
  const places = await Promise.all(
    [1, 2, 3, 4, 5].map((number) => bench.pair([`u_a${number}`, `u_b${number}`])),
  );
  const statements = async (requests: readonly WriteRequest[]): Promise<number> => {
    const before = countStatements();
    const results = await keeper.commit(requests);
    expect(results.filter(({ outcome }) => !outcome.ok)).toEqual([]);
    return countStatements() - before;
  };
  const append = (_: unknown, index: number): WriteRequest => {
    const place = index % 5;
    return { op: "append", draft: message(places[place] ?? "", `u_a${place + 1}`, "hi") };
  };
  // What is looked up once is known then.
  await keeper.commit(Array.from({ length: 5 }, append));
  const one = await statements(Array.from({ length: 1 }, append));
  expect(one).toBe(7);
  expect(await statements(Array.from({ length: 1_000 }, append))).toBe(one);

  const people = Array.from({ length: 202 }, (_, index) => `u_${index}`);
  await keeper.commit(
    people.map((id) => ({ op: "create-user", user: { id, name: id, kind: "guest", createdAt: 0 } })),
  );
  const open = (index: number): WriteRequest => ({
    op: "open",
    open: { by: `u_${index}`, with: `u_${101 + index}`, ensure: [], quota: { count: 10, since: 0 } },
  });
  const first = await statements([open(100)]);
  expect(first).toBeLessThan(15);
  expect(await statements(Array.from({ length: 100 }, (_, index) => open(index)))).toBe(first);
});

test("messages and sightings between them are one transaction, in which the last sighting of each counts", async () => {
  await using bench = await StoreBench.begin(server ?? expect.unreachable());
  const conversation = await bench.pair();
  const requests = Array.from({ length: 20 }, (_, index): readonly WriteRequest[] => [
    { op: "append", draft: message(conversation, "u_ann", "hi") },
    {
      op: "note-seen",
      seen: [
        { user: "u_bob", at: index },
        { user: "u_nobody", at: index },
      ],
    },
  ]).flat();
  const results = await bench.store.keeper.commit(requests);
  expect(results.every(({ outcome }) => outcome.ok)).toBe(true);
  expect(await countTransactions(bench)).toBe(1);
  expect(await bench.store.conversation("u_ann", conversation)).toMatchObject({ peerSeenAt: 19 });
});

test("of several names that somebody takes in one batch only the last one is told", async () => {
  await using bench = await StoreBench.begin(server ?? expect.unreachable());
  const conversation = await bench.pair();
  expectOk(await bench.append(message(conversation, "u_ann", "hi")));
  const before = await bench.store.position("u_bob");
  const names = Array.from({ length: 10 }, (_, index) => `Ann ${index}`);
  const results = await bench.store.keeper.commit(
    names.map((name) => ({ op: "rename", user: "u_ann", name })),
  );
  expect(results.map(({ outcome }) => outcome)).toEqual(names.map(() => ({ ok: true })));
  expect(await bench.store.position("u_bob")).toBe(before + 1);
  expect(await bench.store.user("u_ann")).toMatchObject({ name: "Ann 9" });
  expect((await bench.store.findUsers("Ann", 5)).map(({ name }) => name)).toEqual(["Ann 9"]);
});

test("[CV6] for a second after a repeat ids are looked up before, so that the next one does not undo its batch", async () => {
  let nowMs = 0;
  const clock = { ...systemClock, monotonic: () => nowMs };
  const database = server ?? expect.unreachable();
  await using bench = await StoreBench.begin(database, {}, clock);
  const conversation = await bench.pair();
  const known = message(conversation, "u_ann", "hi");
  expectOk(await bench.append(known));
  const countUndone = (): number => database.log().split("duplicate key value").length - 1;
  const commit = async (): Promise<void> => {
    const drafts = [message(conversation, "u_bob", "hi"), known];
    const results = await bench.store.keeper.commit(drafts.map((draft) => ({ op: "append", draft })));
    expect(results.map(({ outcome }) => outcome)).toMatchObject([{ duplicate: false }, { duplicate: true }]);
  };
  const before = countUndone();
  for (let round = 0; round < 4; round += 1) {
    await commit();
    nowMs += 900;
  }
  expect(countUndone() - before).toBe(1);
  nowMs += 1_000;
  await commit();
  expect(countUndone() - before).toBe(2);
});

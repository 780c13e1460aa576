/** Data that have lost their last changes are other data: nobody's cursor may lead past what takes their place. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { PostgresServer, until } from "@duologue/testing";
import { systemClock } from "../../clock.ts";
import { expectOk, message } from "../contract/fixture.ts";
import { DEFAULT_TIMES } from "./address.ts";
import { Connection } from "./connection.ts";
import { makeAddress, makeFacts, StoreBench, throwFault } from "./fixture.ts";
import { inspectPostgres } from "./inspection.ts";
import { openPostgresStore } from "./store.ts";
import { readTimeline } from "./timeline.ts";

setDefaultTimeout(60_000);

let server: PostgresServer | undefined;
beforeAll(async () => {
  server = await PostgresServer.start({ parameters: { wal_level: "replica" } });
});
afterAll(() => server?.[Symbol.asyncDispose]());

function postgres(): PostgresServer {
  return server ?? expect.unreachable();
}

test("[SY3] after a fail-over to a copy that lagged, nodes agree on a new epoch, and no cursor of before leads on", async () => {
  await using bench = await StoreBench.begin(postgres());
  const conversation = await bench.pair();
  const told: string[] = [];
  await using other = await openPostgresStore({
    address: bench.address,
    clock: systemClock,
    publish: () => undefined,
    onFault: () => undefined,
    onNewEpoch: () => told.push("new epoch"),
    proposal: makeFacts(),
  });
  const { keeper } = bench.store;
  const before = keeper.facts;
  expect(other.keeper.facts).toEqual(before);
  const say = async (text: string): Promise<number> => {
    let seq = 0;
    // Told of a fault, a client asks again.
    await until(async () => {
      const outcome = await bench.append(message(conversation, "u_ann", text));
      seq = outcome.ok ? outcome.seq : 0;
      return outcome.ok;
    }, "an answer");
    return seq;
  };
  for (const text of ["1", "2", "3"]) await say(text);
  await postgres().keepCopy();
  expect([await say("4"), await say("5")]).toEqual([4, 5]);
  const cursor = await bench.store.position("u_bob");
  await postgres().failOver();
  for (const text of ["other 4", "other 5", "other 6"]) await say(text);
  expect(await bench.store.position("u_bob")).toBeGreaterThan(cursor);
  // By one who reads with the epoch of before.
  expect(await bench.store.changes("u_bob", cursor, 100, 5_000)).toBeUndefined();
  expect(await bench.store.changes("u_bob", await bench.store.position("u_bob"), 100, 5_000)).toBeUndefined();
  await until(() => {
    other.keeper.recover();
    return told.length > 0;
  }, "the other node notices");
  expect(keeper.facts).toEqual({ ...before, epoch: expect.any(String) });
  expect(keeper.facts.epoch).not.toBe(before.epoch);
  expect(other.keeper.facts).toEqual(keeper.facts);
  expect(told).toEqual(["new epoch"]);
  expect((await inspectPostgres(bench.address, systemClock)).damage).toEqual([]);
});

test("a node that begins on a server that is another one's copy, or a restored one, gives the data a new epoch, once", async () => {
  const address = makeAddress(postgres());
  const open = async (): Promise<string> => {
    const options = { address, clock: systemClock, publish: () => undefined, onFault: throwFault };
    await using store = await openPostgresStore({ ...options, proposal: makeFacts() });
    return store.epoch;
  };
  const first = await open();
  expect(await open()).toBe(first);
  await postgres().query(`UPDATE ${address.schema}.meta SET value = '1/00000001' WHERE name = 'timeline'`);
  const [one, same] = await Promise.all([open(), open()]);
  expect(one).not.toBe(first);
  expect([same, await open()]).toEqual([one ?? "", one ?? ""]);
  // Tables of a Duologue that did not look at it.
  await postgres().query(`DELETE FROM ${address.schema}.meta WHERE name = 'timeline'`);
  expect(await open()).toBe(one ?? "");
});

test("the timeline can be asked for without any rights, and one that nobody may ask for is none", async () => {
  await postgres().query("CREATE ROLE plain LOGIN");
  const url = new URL(postgres().url());
  url.username = "plain";
  const connection = await Connection.open({
    address: { url: url.href, ca: undefined },
    times: DEFAULT_TIMES,
    clock: systemClock,
    name: "test",
  });
  try {
    expect(await readTimeline(connection)).toMatch(/^\d+\/[0-9A-F]{8}$/);
    await postgres().query("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC");
    expect(await readTimeline(connection)).toBeUndefined();
  } finally {
    connection.close();
    await postgres().query("GRANT EXECUTE ON FUNCTION pg_control_system() TO PUBLIC");
  }
});

test("of data with another name a node that is at work takes nothing", async () => {
  await using bench = await StoreBench.begin(postgres(), { outageMs: 200 });
  const conversation = await bench.pair();
  expectOk(await bench.append(message(conversation, "u_ann", "hi")));
  await using stranger = await bench.stranger();
  await stranger`UPDATE meta SET value = 'other' WHERE name = 'realm'`;
  await stranger`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'duologue writer'`;
  await until(async () => {
    await bench.append(message(conversation, "u_ann", "again"));
    return JSON.stringify(bench.store.keeper.health).includes("other data than at the start");
  }, "it notices");
  expect(bench.health).toEqual(["failed"]);
});

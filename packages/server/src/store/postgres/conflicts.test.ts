/** What other transactions, and requests that cannot be taken, do to a batch. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { PostgresServer, until } from "@duologue/testing";
import { systemClock } from "../../clock.ts";
import { expectOk, message, refused } from "../contract/fixture.ts";
import { makeAddress, makeFacts, StoreBench } from "./fixture.ts";
import { inspectPostgres } from "./inspection.ts";
import { openPostgresStore } from "./store.ts";

setDefaultTimeout(60_000);

let server: PostgresServer | undefined;
beforeAll(async () => {
  server = await PostgresServer.start({ parameters: { max_connections: "20", deadlock_timeout: "100ms" } });
});
afterAll(() => server?.[Symbol.asyncDispose]());

function postgres(): PostgresServer {
  return server ?? expect.unreachable();
}

const LOCK = "SELECT 1 FROM person WHERE id = $1 FOR UPDATE";

async function waitForLock(bench: StoreBench): Promise<void> {
  await until(async () => {
    const rows = await postgres().query<{ count: number }>(
      "SELECT count(*)::int AS count FROM pg_stat_activity WHERE application_name = 'duologue writer' AND wait_event_type = 'Lock'",
    );
    return rows[0]?.count === 1 || bench.faults.length > 0;
  }, "the store waits for the lock");
}

test("a transaction that the server undoes for another one's sake is carried out again", async () => {
  await using bench = await StoreBench.begin(postgres());
  const conversation = await bench.pair();
  await using other = await bench.stranger();
  // Only this one of the two is chosen to be undone when it waits first.
  await other`SET deadlock_timeout = '30s'`;
  await other`BEGIN`;
  await other.unsafe(LOCK, ["u_bob"]);
  const sent = bench.append(message(conversation, "u_ann", "hi"));
  await waitForLock(bench);
  // In the other order: now each waits for the other.
  await other.unsafe(LOCK, ["u_ann"]);
  await other`ROLLBACK`;
  expect(await sent).toMatchObject({ seq: 1, duplicate: false });
  expect(bench.faults).toEqual([]);
  expect(bench.health).toEqual([]);
});

test("somebody whose row is held for too long is refused alone, and the others of the batch are not", async () => {
  await using bench = await StoreBench.begin(postgres(), { lockMs: 150 });
  const held = await bench.pair();
  const free = await bench.pair(["u_cid", "u_dot"]);
  await using other = await bench.stranger();
  await other`BEGIN`;
  await other.unsafe(LOCK, ["u_bob"]);
  const draft = message(held, "u_ann", "hi");
  const answers = await Promise.all([
    bench.append(draft),
    bench.append(message(free, "u_cid", "hi")),
    bench.store.mark({ conversation: held, user: "u_bob", delivered: 0, read: 0 }),
  ]);
  expect(answers).toMatchObject([refused("unavailable"), { seq: 1 }, refused("unavailable")]);
  await other`ROLLBACK`;
  expect(await bench.append(draft)).toMatchObject({ seq: 1, duplicate: false });
  expect(bench.health).toEqual([]);
});

test("what takes too long is undone by the server and refused, and the store stays well", async () => {
  await using bench = await StoreBench.begin(postgres(), { statementMs: 150, lockMs: 20_000 });
  const conversation = await bench.pair();
  await using other = await bench.stranger();
  await other`BEGIN`;
  await other.unsafe(LOCK, ["u_bob"]);
  expect(await bench.append(message(conversation, "u_ann", "hi"))).toEqual(refused("unavailable"));
  await other`ROLLBACK`;
  expect(bench.faults).toHaveLength(1);
  expect(await bench.append(message(conversation, "u_ann", "hi"))).toMatchObject({ seq: 1 });
  expect(bench.health).toEqual([]);
});

test("[CV6] repeats of what was stored before, amid new messages, get their numbers, and take none", async () => {
  await using bench = await StoreBench.begin(postgres());
  const conversation = await bench.pair();
  const old = [1, 2, 3].map((text) => message(conversation, "u_ann", `${text}`));
  for (const draft of old) expectOk(await bench.append(draft));
  const fresh = [4, 5, 6].map((text) => message(conversation, "u_bob", `${text}`));
  const mixed = old.flatMap((draft, index) => [draft, fresh[index] ?? draft]);
  expect(await Promise.all(mixed.map((draft) => bench.append(draft)))).toMatchObject([
    { seq: 1, duplicate: true },
    { seq: 4, duplicate: false },
    { seq: 2, duplicate: true },
    { seq: 5, duplicate: false },
    { seq: 3, duplicate: true },
    { seq: 6, duplicate: false },
  ]);
  expect((await inspectPostgres(bench.address, systemClock)).damage).toEqual([]);
});

test("a request that PostgreSQL cannot take is refused alone", async () => {
  await using bench = await StoreBench.begin(postgres());
  const conversation = await bench.pair();
  const wrong = { id: "u_nul", name: "a\0b", kind: "guest", createdAt: 0 } as const;
  const answers = await Promise.all([
    bench.append(message(conversation, "u_ann", "1")),
    bench.store.createUser(wrong),
    bench.append(message(conversation, "u_ann", "2")),
    bench.append({ ...message(conversation, "u_ann", "3"), id: "no UUID" }),
    bench.append(message(conversation, "u_bob", "4")),
  ]);
  expect(answers).toMatchObject([
    { seq: 1 },
    refused("unavailable"),
    { seq: 2 },
    refused("unavailable"),
    { seq: 3 },
  ]);
  expect(await bench.store.findUsers("a\0", 5)).toEqual([]);
  expect(bench.health).toEqual([]);
});

test("a server without a free connection is one that is away, until it has one", async () => {
  await using bench = await StoreBench.begin(postgres(), { outageMs: 200 });
  const conversation = await bench.pair();
  await using killer = await bench.stranger();
  const crowd = [...(await postgres().occupy())];
  await killer`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'duologue writer'`;
  const places = crowd.length;
  // The one that becomes free when the writer's has ended.
  await until(async () => crowd.push(...(await postgres().occupy())) > places, "the last place is taken");
  const draft = message(conversation, "u_ann", "hi");
  expect(await bench.append(draft)).toEqual(refused("unavailable"));
  for (const connection of crowd) await connection.close({ timeout: 0 });
  await until(async () => (await bench.append(draft)).ok, "an answer", 10_000);
  expect(bench.store.keeper.health.kind).toBe("well");
});

test("tables of a newer Duologue are left alone, and so are those that name no data", async () => {
  const address = makeAddress(postgres());
  const open = async (): Promise<void> => {
    const options = { address, clock: systemClock, publish: () => undefined, onFault: () => undefined };
    await using _ = await openPostgresStore({ ...options, proposal: makeFacts() });
  };
  await open();
  await postgres().query(`UPDATE ${address.schema}.meta SET value = '99' WHERE name = 'version'`);
  await expect(open()).rejects.toThrow("made by a newer Duologue");
  await postgres().query(`UPDATE ${address.schema}.meta SET value = '1' WHERE name = 'version'`);
  await postgres().query(`DELETE FROM ${address.schema}.meta WHERE name = 'realm'`);
  await expect(open()).rejects.toThrow("does not name the data");
});

test("a database that cannot hold every text is refused, whatever it holds", async () => {
  await postgres().query("CREATE DATABASE narrow ENCODING 'LATIN1' TEMPLATE template0");
  const address = { ...makeAddress(postgres()), url: postgres().url("narrow") };
  const options = { address, clock: systemClock, publish: () => undefined, onFault: () => undefined };
  await expect(openPostgresStore({ ...options, proposal: makeFacts() })).rejects.toThrow(
    "the database's encoding is LATIN1, and must be UTF8",
  );
});

test("a conversation that has another key since the connection was lost, as after a restore, is found by it", async () => {
  await using bench = await StoreBench.begin(postgres());
  const conversation = await bench.pair();
  expectOk(await bench.append(message(conversation, "u_ann", "hi")));
  await using other = await bench.stranger();
  await other.unsafe(
    "CREATE TEMP TABLE kept AS SELECT * FROM conversation; DELETE FROM event; DELETE FROM conversation",
  );
  await other.unsafe(
    `INSERT INTO conversation (key, id, a, b, opener, created_at) OVERRIDING SYSTEM VALUE
     SELECT key + 1000, id, a, b, opener, created_at FROM kept`,
  );
  await other`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'duologue writer'`;
  const draft = message(conversation, "u_ann", "hi");
  await until(async () => (await bench.append(draft)).ok, "an answer", 10_000);
  expect(await bench.append(draft)).toMatchObject({ seq: 1, duplicate: true });
});

test("a server that says synchronous_commit = off is told otherwise by the writer", async () => {
  await postgres().query("ALTER SYSTEM SET synchronous_commit = off");
  await postgres().query("SELECT pg_reload_conf()");
  try {
    await using bench = await StoreBench.begin(postgres());
    const conversation = await bench.pair();
    await using other = await bench.stranger();
    // A trigger tells what the writer's transactions are committed with.
    await other.unsafe("CREATE TABLE told (what text)");
    await other.unsafe(
      `CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS
       $$ BEGIN INSERT INTO told VALUES (current_setting('synchronous_commit')); RETURN NEW; END $$`,
    );
    await other.unsafe("CREATE TRIGGER telling AFTER INSERT ON event FOR EACH ROW EXECUTE FUNCTION tell()");
    expectOk(await bench.append(message(conversation, "u_ann", "hi")));
    expect([...(await other.unsafe("SELECT what FROM told"))]).toEqual([{ what: "on" }]);
  } finally {
    await postgres().query("ALTER SYSTEM RESET synchronous_commit");
    await postgres().query("SELECT pg_reload_conf()");
  }
});

test("a server without room makes the store take nothing, until it has room again", async () => {
  await using bench = await StoreBench.begin(postgres());
  const conversation = await bench.pair();
  await using other = await bench.stranger();
  // As it says that a disk is full (53100).
  await other.unsafe(
    `CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql
     AS $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$`,
  );
  for (const table of ["event", "meta"])
    await other.unsafe(`CREATE TRIGGER full_disk BEFORE INSERT ON ${table} EXECUTE FUNCTION fill()`);
  const draft = message(conversation, "u_ann", "hi");
  expect(await bench.append(draft)).toEqual(refused("unavailable"));
  expect(bench.store.keeper.health).toEqual({ kind: "full", problem: "could not extend file (53100)" });
  expect(await bench.append(draft)).toEqual(refused("unavailable"));
  // The second one was not tried.
  expect(bench.faults).toHaveLength(1);
  for (const table of ["event", "meta"]) await other.unsafe(`DROP TRIGGER full_disk ON ${table}`);
  const looking = systemClock.every(50, () => bench.store.keeper.recover());
  await until(() => bench.health.length > 1, "the store is well again");
  looking.cancel();
  expect(bench.health).toEqual(["full", "well"]);
  expect(await bench.append(draft)).toMatchObject({ seq: 1, duplicate: false });
});

test("texts that are too long for one transaction go in several, in their order", async () => {
  await using bench = await StoreBench.begin(postgres());
  const conversation = await bench.pair();
  const text = "長".repeat(60_000);
  const answers = await Promise.all(
    Array.from({ length: 80 }, (_, index) =>
      bench.append(message(conversation, index % 2 === 0 ? "u_ann" : "u_bob", text)),
    ),
  );
  expect(answers.map((answer) => answer.ok && answer.seq)).toEqual(answers.map((_, index) => index + 1));
  expect(bench.faults).toEqual([]);
});

/** How a node's one connection to write is lost and found again. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { PostgresServer, until } from "@duologue/testing";
import { type Clock, systemClock } from "../../clock.ts";
import { message, refused } from "../contract/fixture.ts";
import { makeAddress, makeFacts, StoreBench, throwFault, writerProcesses } from "./fixture.ts";
import { PostgresKeeper } from "./keeper.ts";

setDefaultTimeout(60_000);

/** After so long without an answer, the keeper asks whether the database is still there. */
const LONG_QUIET_MS = 10_000;
const LONGEST_PAUSE_MS = 1_000;

let server: PostgresServer | undefined;
beforeAll(async () => {
  server = await PostgresServer.start({
    parameters: { max_connections: "20", wal_level: "replica", max_wal_senders: "1" },
  });
});
afterAll(() => server?.[Symbol.asyncDispose]());

function postgres(): PostgresServer {
  return server ?? expect.unreachable();
}

test("a connection that a question and a batch lose at the same time is replaced by one", async () => {
  let aheadMs = 0;
  const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + aheadMs };
  await using bench = await StoreBench.begin(postgres(), { answerMs: 1_500, statementMs: 1_000 }, clock);
  const conversation = await bench.pair();
  for (let round = 1; round <= 2; round += 1) {
    const [hanging = 0, ...others] = await writerProcesses(postgres());
    expect(others).toEqual([]);
    process.kill(hanging, "SIGSTOP");
    try {
      aheadMs += LONG_QUIET_MS;
      bench.store.keeper.recover();
      expect(await bench.append(message(conversation, "u_ann", "hi"))).toMatchObject({ seq: round });
    } finally {
      process.kill(hanging, "SIGCONT");
    }
    await until(async () => !(await writerProcesses(postgres())).includes(hanging), "the old one has ended");
  }
  expect(await writerProcesses(postgres())).toHaveLength(1);
  expect(bench.health).toEqual(["failed", "well", "failed", "well"]);
});

async function waitingCommits(): Promise<readonly number[]> {
  const rows = await postgres().query<{ pid: number }>(
    "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'",
  );
  return rows.map(({ pid }) => pid);
}

async function tellServer(statement: string): Promise<void> {
  await postgres().query(statement);
  await postgres().query("SELECT pg_reload_conf()");
}

test("a database that becomes read-only is one that is away, not well again with each connection", async () => {
  await using bench = await StoreBench.begin(postgres(), { outageMs: 500 });
  const conversation = await bench.pair();
  await tellServer("ALTER SYSTEM SET default_transaction_read_only = on");
  try {
    // Until its connection has heard of it, too.
    await until(async () => !(await bench.append(message(conversation, "u_ann", "hi"))).ok, "a refusal");
    const again = systemClock.monotonic();
    expect(await bench.append(message(conversation, "u_ann", "hi"))).toEqual(refused("unavailable"));
    expect(systemClock.monotonic() - again).toBeLessThan(250);
    expect(bench.health).toEqual(["failed"]);
    expect(bench.store.keeper.health).toMatchObject({
      problem: "the database is read-only (default_transaction_read_only = on)",
    });
  } finally {
    await tellServer("ALTER SYSTEM RESET default_transaction_read_only");
  }
  await until(() => bench.health.at(-1) === "well", "the store is well again");
  expect(bench.health).toEqual(["failed", "well"]);
  expect(bench.faults).toHaveLength(1);
  expect(await bench.append(message(conversation, "u_ann", "hi"))).toMatchObject({ ok: true });
});

test("tables that cannot be written are no reason to be well again, until they can", async () => {
  await using bench = await StoreBench.begin(postgres(), { outageMs: 100 });
  const conversation = await bench.pair();
  await using other = await bench.stranger();
  await other`ALTER TABLE event RENAME COLUMN body TO text`;
  for (let round = 0; round < 3; round += 1)
    expect(await bench.append(message(conversation, "u_ann", "hi"))).toEqual(refused("unavailable"));
  expect(bench.health).toEqual(["failed"]);
  await other`ALTER TABLE event RENAME COLUMN text TO body`;
  await until(() => bench.health.at(-1) === "well", "the store is well again");
  expect(bench.health).toEqual(["failed", "well"]);
  expect(await bench.append(message(conversation, "u_ann", "hi"))).toMatchObject({ seq: 1 });
});

test("a connection that fails as soon as a batch comes is made anew less and less often", async () => {
  const pausesMs: number[] = [];
  const clock: Clock = {
    ...systemClock,
    after(delayMs, run) {
      const isPause = delayMs < LONGEST_PAUSE_MS;
      if (isPause) pausesMs.push(delayMs);
      return systemClock.after(isPause ? delayMs / 10 : delayMs, run);
    },
  };
  await using bench = await StoreBench.begin(postgres(), {}, clock);
  const conversation = await bench.pair();
  await using other = await bench.stranger();
  await other.unsafe(
    `CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$`,
  );
  // Of rows only, so that a rehearsal does not show it.
  await other.unsafe("CREATE TRIGGER failing BEFORE INSERT ON event FOR EACH ROW EXECUTE FUNCTION fail()");
  for (let round = 0; round < 5; round += 1)
    expect(await bench.append(message(conversation, "u_ann", "hi"))).toEqual(refused("unavailable"));
  await until(() => bench.health.length === 10, "the last connection");
  expect(pausesMs).toEqual([0, 100, 200, 400, 800]);
  await other`DROP TRIGGER failing ON event`;
  pausesMs.length = 0;
  expect(await bench.append(message(conversation, "u_ann", "hi"))).toMatchObject({ seq: 1 });
  await other`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'duologue writer'`;
  await until(async () => (await bench.append(message(conversation, "u_ann", "hi"))).ok, "an answer");
  expect(pausesMs).toEqual([0]);
});

test("commits that hang, since a copy elsewhere is away, pile up neither connections nor locks, and nothing is well", async () => {
  const times = { answerMs: 800, statementMs: 600, outageMs: 400 };
  await using bench = await StoreBench.begin(postgres(), times);
  const conversation = await bench.pair();
  let draft = message(conversation, "u_ann", "hi");
  await tellServer("ALTER SYSTEM SET synchronous_standby_names = 'away'");
  const hung = new Set<number>();
  try {
    await until(async () => {
      draft = message(conversation, "u_ann", "hi");
      return !(await bench.append(draft)).ok;
    }, "a commit that hangs");
    await until(async () => {
      for (const pid of await waitingCommits()) hung.add(pid);
      expect((await writerProcesses(postgres())).length).toBeLessThanOrEqual(2);
      return hung.size >= 3;
    }, "three that wait for the copy, too");
    expect(await bench.append(draft)).toEqual(refused("unavailable"));
    expect(bench.health).toEqual(["failed"]);
  } finally {
    await tellServer("ALTER SYSTEM RESET synchronous_standby_names");
  }
  await until(() => bench.health.at(-1) === "well", "the store is well again");
  expect(bench.health).toEqual(["failed", "well"]);
  expect(await bench.append(draft)).toMatchObject({ ok: true });
  await until(async () => (await writerProcesses(postgres())).length === 1, "one connection");
});

test("a node takes a copy over when it can be seen itself, so that `duologue migrate` cannot miss it", async () => {
  const address = makeAddress(postgres());
  const ignore = (): void => undefined;
  const options = { address, clock: systemClock, onFault: throwFault, onHealth: ignore, onNewEpoch: ignore };
  const open = (): Promise<PostgresKeeper> => PostgresKeeper.open({ ...options, proposal: makeFacts() });
  (await open()).close();
  await until(async () => (await writerProcesses(postgres())).length === 0, "it has gone");
  await postgres().query(
    `SET search_path TO ${address.schema};
    INSERT INTO meta (name, value) VALUES ('copy', 'complete');
    CREATE TABLE seen (count bigint);
    CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$ BEGIN
      INSERT INTO seen SELECT count(*) FROM pg_stat_activity WHERE application_name = 'duologue writer';
      RETURN NEW;
    END $$;
    CREATE TRIGGER looking BEFORE UPDATE ON meta FOR EACH ROW WHEN (NEW.value = 'served') EXECUTE FUNCTION look()`,
  );
  (await open()).close();
  const seen = await postgres().query(`SELECT count::int AS count FROM ${address.schema}.seen`);
  expect([...seen]).toEqual([{ count: 1 }]);
});

/** From one machine to many: a data directory copied into PostgreSQL, beside its server or without one. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { limits, PostgresServer, runCommand, startServer, until } from "@duologue/testing";
import { systemClock } from "../src/clock.ts";
import { inspectPostgres } from "../src/store/index.ts";
import { expectRefusal, freshDirectory, oldDirectory, writeChanged } from "./harness/directories.ts";
import {
  migrateInto,
  openCluster,
  refusalInto,
  spawnMigration,
  TargetDatabase,
} from "./harness/migration.ts";
import { Pair, Peer, textBody } from "./harness/peer.ts";
import { expectSameStores } from "./harness/store-comparison.ts";
import { StoredWorld } from "./harness/stored-world.ts";

setDefaultTimeout(60_000);

const SMALL = { users: 30, conversations: 40, events: 800 };
const TINY = { users: 3, conversations: 9, events: 20 };

let postgres: PostgresServer;
beforeAll(async () => {
  postgres = await PostgresServer.start();
});
afterAll(() => postgres?.[Symbol.asyncDispose]());

function directoryWith(size: typeof SMALL): string {
  const directory = freshDirectory();
  new StoredWorld(directory, 1).grow(size);
  return directory;
}

/** One message after the other, for as long as a copy takes. */
async function sayUntil<T>(
  copying: Promise<T>,
  peer: Peer,
  conversation: string,
): Promise<{ readonly said: number; readonly outcome: T }> {
  let isCopying = true;
  const ended = copying.finally(() => {
    isCopying = false;
  });
  let said = 0;
  for (; isCopying; said += 1) await peer.say(conversation, `meanwhile ${said}`);
  return { said, outcome: await ended };
}

describe("a copy into PostgreSQL", () => {
  test("[SY1, HL3] of a server at work goes on after its end, and clients come back to the cluster with their tokens and cursors", async () => {
    const url = postgres.url(await postgres.createDatabase());
    const directory = freshDirectory();
    const serve = ["serve", "--port", "0", "--workers", "1", "--data", freshDirectory(), "--store", url];
    const first = await startServer({
      dataDirectory: directory,
      options: limits({ framesPerSecond: 10_000, framesBurst: 10_000 }),
    });
    const { ann, ben, conversation } = await Pair.connect(first.url);
    await ann.say(conversation, "one");
    await ann.say(conversation, "two");
    await ben.edit(conversation, (await ben.say(conversation, "three")).seq, "three, corrected");
    const copying = runCommand(["migrate", "--from", directory, "--to", url]);
    const { said, outcome: half } = await sayUntil(copying, ann, conversation);
    expect([half.exitCode, half.stderr]).toEqual([0, expect.not.stringContaining("duologue:")]);
    const copied = Number(/(\d+) events/.exec(half.stdout)?.[1]);
    expect(copied).toBeGreaterThanOrEqual(4);
    expect(copied).toBeLessThanOrEqual(4 + said);
    expect(half.stdout).toContain(`duologue stop --data ${directory}`);
    expectRefusal(
      await runCommand(serve),
      /cannot be used: it holds a copy of a server that was still running/,
    );
    await using missing = await Peer.connect(first.url, { token: ben.token });
    const { cursor } = missing.welcome;
    await missing.close();
    await ann.retract(conversation, 2);
    const last = await ann.say(conversation, "after the first copy");
    const before = (await ann.ask({ type: "history", conversation }, "history")).events;
    await first.stop();
    const whole = await runCommand(["migrate", "--from", directory, "--to", url]);
    expect(whole).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("The copy is complete") });
    await using second = await startServer({ workers: 2, options: ["--store", url] });
    await using again = await Peer.connect(second.url, { token: ben.token, cursor });
    expect(again.welcome.changes).toMatchObject({
      events: [{ seq: said + 5, kind: "retract", target: 2 }, { id: last.id }],
    });
    expect(again.welcome.changes).not.toHaveProperty("reset", true);
    expect((await again.ask({ type: "history", conversation }, "history")).events).toEqual(before);
    expect(await again.say(conversation, "on the cluster")).toMatchObject({ seq: said + 7 });
    await using newcomer = await Peer.connect(second.url);
    expect(await newcomer.say((await newcomer.open(again.id)).id, "hello")).toMatchObject({ seq: 1 });
    expectRefusal(
      await runCommand(["migrate", "--from", directory, "--to", url]),
      /a server has worked with the copy already/,
    );
    const kept = await again.ask({ type: "history", conversation }, "history");
    expect(kept.events.at(-1)).toMatchObject({ body: textBody("on the cluster") });
  });

  test("holds everything as it was, and a second one writes what has changed since and nothing else", async () => {
    const directory = freshDirectory();
    const world = new StoredWorld(directory, 7);
    world.grow(SMALL);
    const address = TargetDatabase.schema(postgres);
    const first = await migrateInto(address, directory);
    expect(first.isComplete).toBe(true);
    await expectSameStores(directory, address);
    const rows = Object.values(first.counts).reduce((sum, count) => sum + count, 0);
    expect(first.written).toBe(rows);
    expect(await migrateInto(address, directory)).toMatchObject({ written: 0, counts: first.counts });
    world.grow({ users: 2, conversations: 2, events: 30 });
    const third = await migrateInto(address, directory);
    expect(third.written).toBeGreaterThan(30);
    expect(third.written).toBeLessThan(rows / 2);
    await expectSameStores(directory, address);
    // Two nodes at the same moment: both work with it.
    const nodes = await Promise.all([openCluster(address), openCluster(address)]);
    await using cluster = nodes[0];
    await using _other = nodes[1];
    expect(nodes.map(({ epoch }) => epoch)).toEqual([cluster.epoch, cluster.epoch]);
    const [one = "", two = ""] = world.people.slice(-2);
    const newcomer = { id: "u_new", name: "New", kind: "guest", createdAt: 0 } as const;
    expect(await cluster.createUser(newcomer)).toEqual({ ok: true });
    for (const user of [one, two]) {
      const opened = await cluster.open({ by: "u_new", with: user, ensure: [], quota: undefined });
      expect(opened).toMatchObject({ ok: true });
    }
  });

  test.each([
    ["kill -9", "SIGKILL", /^$/],
    [
      "Ctrl-C",
      "SIGINT",
      /^duologue: Interrupted\. What was copied so far stays there.*run the same command again/,
    ],
    ["the end of the database's connection", undefined, /is gone|was stopped|terminating connection/],
  ] as const)(
    "that is broken off by %s is served by nobody until it has been made whole",
    async (_, signal, says) => {
      const directory = freshDirectory();
      const world = new StoredWorld(directory, 3);
      world.grow(TINY);
      const target = await TargetDatabase.create(postgres);
      await migrateInto(target.address, directory);
      world.grow(TINY);
      await using lock = await target.lockTable("event");
      const child = spawnMigration(directory, target.address.url);
      const pid = await target.whenWaiting(child);
      if (signal === undefined) await postgres.query(`SELECT pg_terminate_backend(${pid})`);
      else child.kill(signal);
      if (signal === "SIGINT") await lock[Symbol.asyncDispose]();
      const { exitCode, stderr } = await child.ended();
      expect(exitCode).not.toBe(0);
      expect(stderr.split("\n").find((line) => line.startsWith("duologue")) ?? "").toMatch(says);
      await lock[Symbol.asyncDispose]();
      await expect(openCluster(target.address)).rejects.toThrow(/unfinished copy.*again/);
      await expect(inspectPostgres(target.address, systemClock)).rejects.toThrow(/unfinished copy/);
      expect(await migrateInto(target.address, directory)).toMatchObject({ isComplete: true });
      await expectSameStores(directory, target.address);
    },
  );

  test("says where the two sides differ after it, and leaves it unfinished", async () => {
    const target = await TargetDatabase.create(postgres);
    const directory = directoryWith(TINY);
    await migrateInto(target.address, directory);
    await target.query(`
      CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.name := upper(NEW.name); RETURN NEW; END $$;
      CREATE TRIGGER shout BEFORE INSERT ON duologue.person FOR EACH ROW EXECUTE FUNCTION shout();
      UPDATE duologue.person SET name = 'somebody else'`);
    const refused = migrateInto(target.address, directory);
    await expect(refused).rejects.toThrow(
      /any of the users are not the same on both sides \(3 rows there, 3 here\)/,
    );
    await expect(openCluster(target.address)).rejects.toThrow(/unfinished copy/);
  });
});

describe("a copy is refused in one line", () => {
  test("where a cluster holds data of its own, or its servers are at work", async () => {
    const target = await TargetDatabase.create(postgres);
    const directory = directoryWith(TINY);
    {
      await using _cluster = await openCluster(target.address);
      expect(await refusalInto(target.address, directory)).toMatch(/servers are at work with it: stop them/);
    }
    {
      // Refused, it has changed nothing.
      await using cluster = await openCluster(target.address);
      await cluster.createUser({ id: "u_own", name: "Own", kind: "guest", createdAt: 0 });
    }
    await expect(migrateInto(target.address, directory)).rejects.toThrow(
      /holds users and messages of a cluster/,
    );
    await using cluster = await openCluster(target.address);
    expect(await cluster.user("u_own")).toMatchObject({ name: "Own" });
  });

  test("where a copy of other data is, another one is being made, or a newer Duologue was", async () => {
    const target = await TargetDatabase.create(postgres);
    const directory = directoryWith(TINY);
    // An empty one that a server has begun is taken.
    await (await openCluster(target.address))[Symbol.asyncDispose]();
    await migrateInto(target.address, directory);
    await expect(migrateInto(target.address, directoryWith(TINY))).rejects.toThrow(/copy of other data/);
    {
      await using _lock = await target.advisoryLock("duologue migrate duologue");
      expect(await refusalInto(target.address, directory)).toMatch(/another `duologue migrate`/);
    }
    await target.query("UPDATE duologue.meta SET value = '99' WHERE name = 'version'");
    await expect(migrateInto(target.address, directory)).rejects.toThrow(
      /tables have version 99.*newer Duologue/,
    );
  });

  test("from a directory without data, or of an older or a newer version", async () => {
    const address = TargetDatabase.schema(postgres);
    await expect(migrateInto(address, freshDirectory())).rejects.toThrow(/no duologue\.db/);
    await expect(migrateInto(address, oldDirectory())).rejects.toThrow(
      /version 1.*Start this version's server/,
    );
    const newer = freshDirectory();
    writeChanged(join(newer, "duologue.db"), "PRAGMA user_version = 99");
    await expect(migrateInto(address, newer)).rejects.toThrow(/version 99.*newer Duologue/);
  });

  test("with a wrong password, no such database, none at all, or one that cannot hold every text", async () => {
    const directory = directoryWith(TINY);
    const [hba] = await postgres.query<{ hba_file: string }>("SHOW hba_file");
    await postgres.query("CREATE ROLE locked LOGIN PASSWORD 'right'");
    await postgres.query(
      `COPY (VALUES ('host all locked 127.0.0.1/32 scram-sha-256'), ('host all all 127.0.0.1/32 trust')) TO '${hba?.hba_file}'`,
    );
    await postgres.query("SELECT pg_reload_conf()");
    const url = new URL(postgres.url());
    const at = (change: (to: URL) => void): Promise<unknown> => {
      const to = new URL(url);
      change(to);
      return migrateInto({ url: to.href, ca: undefined }, directory).then(() => "copied", String);
    };
    const wrong = (): Promise<unknown> =>
      at((to) => Object.assign(to, { username: "locked", password: "wrong" }));
    await until(
      async () => /password authentication failed/.test(String(await wrong())),
      "the password is asked for",
    );
    expect(await wrong()).toMatch(/28P01.*Correct the password in --to/);
    expect(await wrong()).not.toContain("wrong");
    expect(await at((to) => Object.assign(to, { pathname: "/nowhere" }))).toMatch(/3D000.*createdb/);
    expect(await at((to) => Object.assign(to, { port: "1" }))).toMatch(
      /nobody listens at 127\.0\.0\.1:1\. .*correct --to/,
    );
    await postgres.query("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0");
    expect(await at((to) => Object.assign(to, { pathname: "/latin" }))).toMatch(/encoding is LATIN1.*UTF8/);
  });

  test("when the database's disk is full, and goes on when there is room", async () => {
    const target = await TargetDatabase.create(postgres);
    const directory = freshDirectory();
    const world = new StoredWorld(directory, 3);
    world.grow(TINY);
    await migrateInto(target.address, directory);
    world.grow(TINY);
    await target.query(`
      CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$;
      CREATE TRIGGER fill BEFORE INSERT ON duologue.event FOR EACH STATEMENT EXECUTE FUNCTION fill()`);
    const refused = migrateInto(target.address, directory);
    await expect(refused).rejects.toThrow(
      /53100\)\. Its disk is full: make room\. What was copied so far stays/,
    );
    await target.query("DROP TRIGGER fill ON duologue.event");
    expect(await migrateInto(target.address, directory)).toMatchObject({ isComplete: true });
    await expectSameStores(directory, target.address);
  });
});

test("a copy of much tells how far it is, and reads no more at once than a chunk", async () => {
  const directory = directoryWith({ users: 30, conversations: 40, events: 9_000 });
  const told: { phase: string; done: number; total: number }[] = [];
  const outcome = await migrateInto(TargetDatabase.schema(postgres), directory, (progress) =>
    told.push(progress),
  );
  const steps = told.map(({ done }, index) => done - (told[index - 1]?.done ?? 0)).filter((step) => step > 0);
  expect(Math.max(...steps)).toBe(4_096);
  for (const phase of ["copying", "checking"])
    expect(told.filter((one) => one.phase === phase).at(-1)).toMatchObject({
      done: outcome.written,
      total: outcome.written,
    });
});

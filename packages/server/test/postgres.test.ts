/** A server over PostgreSQL, as its operator sees it. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  makeDataDirectory,
  PostgresServer,
  runCommand,
  startServer,
  testCertificate,
  until,
} from "@duologue/testing";
import { examinePostgres } from "../src/app/doctor-postgres.ts";
import { systemClock } from "../src/clock.ts";
import { Pair, Peer, textBody } from "./harness/peer.ts";

setDefaultTimeout(60_000);

const RECOVERY_MS = 5_000;

let postgres: PostgresServer | undefined;
beforeAll(async () => {
  postgres = await PostgresServer.start({ parameters: { wal_level: "replica" } });
});
afterAll(() => postgres?.[Symbol.asyncDispose]());

function database(): PostgresServer {
  return postgres ?? expect.unreachable();
}

/** False also while workers are being replaced. */
function isReady(url: string): Promise<boolean> {
  return fetch(`${url}/readyz`).then(
    ({ ok }) => ok,
    () => false,
  );
}

test("while its database is away a server is not ready and takes nothing, says so, and recovers by itself", async () => {
  await using server = await startServer({ workers: 2, options: ["--store", database().url()] });
  await using pair = await Pair.connect(server.url);
  expect((await pair.ann.say(pair.conversation, "one")).seq).toBe(1);
  await database().halt("immediate");
  await until(async () => !(await isReady(server.url)), "the server is not ready", RECOVERY_MS);
  const isTold = async (): Promise<boolean> => (await server.run("status")).stdout.includes("NOT READY");
  await until(isTold, "the status says so", RECOVERY_MS);
  expect((await fetch(`${server.url}/healthz`)).ok).toBe(true);
  await database().launch();
  const returnedAt = systemClock.monotonic();
  await until(() => isReady(server.url), "the server is ready", RECOVERY_MS);
  expect((await pair.ann.say(pair.conversation, "two")).seq).toBe(2);
  expect(systemClock.monotonic() - returnedAt).toBeLessThan(RECOVERY_MS);
});

test("[SY5] after its store was away a server looks for what was committed of which nobody was told", async () => {
  // Neither tells the other anything: so each one's commits are like those whose answer was lost.
  const store = ["--store", database().url(await database().createDatabase())];
  await using server = await startServer({ options: store });
  await using silent = await startServer({ options: store });
  const [ann, ben] = [await Peer.connect(silent.url), await Peer.connect(server.url)];
  const { id } = await ann.open(ben.id);
  const { seq } = await ann.say(id, "untold");
  const since = ben.welcome.cursor;
  await database().query(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'duologue writer'",
  );
  await ben.next("pong", ({ behind, ref }) => behind === true && ref === undefined);
  const changes = await ben.ask({ type: "sync", cursor: since }, "changes");
  expect(changes.events).toMatchObject([{ conversation: id, seq }]);
  await Promise.all([ann.close(), ben.close()]);
});

test("[SY3] after a fail-over that lost the last messages, clients that knew them load anew, from new workers", async () => {
  const store = ["--store", database().url(await database().createDatabase())];
  await using server = await startServer({ workers: 2, options: store });
  const { ann, ben, conversation } = await Pair.connect(server.url);
  await ann.say(conversation, "kept");
  const workers = server.workerPids();
  await database().keepCopy();
  await until(() => isReady(server.url), "the server is ready", RECOVERY_MS);
  const { cursor = "" } = await ann.say(conversation, "lost");
  await database().failOver();
  await Promise.all([ann.socket.whenClosed(), ben.socket.whenClosed()]);
  await until(() => isReady(server.url), "the server is ready", RECOVERY_MS);
  await using again = await Peer.connect(server.url, { token: ann.token });
  expect(await again.say(conversation, "instead")).toMatchObject({ seq: 2 });
  expect(await again.ask({ type: "sync", cursor }, "changes")).toMatchObject({ reset: true, events: [] });
  const { events } = await again.ask({ type: "history", conversation }, "history");
  expect(events.map(({ body }) => body)).toEqual([textBody("kept"), textBody("instead")]);
  expect(server.workerPids().filter((pid) => workers.includes(pid))).toEqual([]);
});

test("the doctor looks into the database, and nothing that the server says holds the password", async () => {
  const { url, secret } = { url: new URL(database().url()), secret: "open-sesame" };
  url.password = secret;
  await using server = await startServer({ options: ["--store", url.href] });
  await using _people = await Pair.connect(server.url);
  const options = ["--store", url.href, "--port", String(server.port)];
  const sound = await server.run("doctor", ...options);
  expect([sound.exitCode, sound.stderr]).toEqual([0, ""]);
  expect(sound.stdout).toMatch(/✓ database: postgres:\/\/127\.0\.0\.1:\d+\/postgres is PostgreSQL 18/);
  expect(sound.stdout).toContain("numbers, markers and cursors are right");
  await database().query("UPDATE duologue.person SET position = position + 1");
  const damaged = await server.run("doctor", ...options);
  await database().query("UPDATE duologue.person SET position = position - 1");
  expect(damaged.exitCode).toBe(1);
  expect(damaged.stdout).toContain("✗ messages: a person's position is not that of their last change");
  const status = await server.run("status");
  expect(await server.stop()).toBe(0);
  const said = [sound, damaged, status].map(({ stdout, stderr }) => stdout + stderr);
  expect([...said, ...server.output.log].join("\n")).not.toContain(secret);
});

test("the doctor finds a node whose clock is not the database's", async () => {
  const clocks = async (aheadMs: number): Promise<readonly string[]> => {
    const clock = {
      now: () => systemClock.now() + aheadMs,
      after: (delayMs: number, run: () => void) => systemClock.after(delayMs, run),
    };
    const { findings } = await examinePostgres(database().url(), undefined, clock);
    return findings.map(({ text }) => text).filter((text) => text.startsWith("clock"));
  };
  expect(await clocks(0)).toEqual([]);
  expect(await clocks(3_600_000)).toEqual(["clock: this machine's is 3600 s ahead of the database's"]);
  expect(await clocks(-60_000)).toEqual(["clock: this machine's is 60 s behind the database's"]);
});

/** An address of a database of its own, made ready by these statements; its password must be said nowhere. */
async function preparedUrl(...statements: readonly string[]): Promise<URL> {
  const name = await database().createDatabase();
  for (const statement of statements) await database().query(statement, name);
  return new URL(database().url(name));
}

function changed(url: URL, changes: Partial<Pick<URL, "hostname" | "port" | "username" | "pathname">>): URL {
  return Object.assign(new URL(url), changes);
}

test("a database that cannot be used is one line at the start: what, why, what to do, and no password; nothing stays behind", async () => {
  await using web = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response() });
  const url = new URL(database().url("nowhere"));
  await database().query("CREATE ROLE stranger LOGIN");
  const cases: readonly (readonly [URL, RegExp])[] = [
    [url, /database "nowhere" does not exist \(3D000\)\. Correct the database's name/],
    [changed(url, { port: "1" }), /: nobody listens at 127\.0\.0\.1:1\. See that it runs/],
    [
      changed(url, { hostname: "nowhere.invalid" }),
      /: the name nowhere\.invalid is not known \(\w+\)\. Correct the host/,
    ],
    [changed(url, { port: String(web.port) }), /: what listens at .* may not be PostgreSQL\. See its log/],
    [
      changed(await preparedUrl("CREATE SCHEMA duologue"), { username: "stranger" }),
      /: this user may make no tables in its schema duologue: make the user the owner/,
    ],
    [
      await preparedUrl("CREATE SCHEMA duologue", "CREATE TABLE duologue.meta (other int)"),
      /: the tables in its schema duologue are not Duologue's \(.*42703\)\)\. If they are something else's/,
    ],
    [
      await preparedUrl("CREATE SCHEMA duologue", "CREATE TABLE duologue.event (other int)"),
      /: its schema duologue holds tables that are not Duologue's \(event\): name another database\./,
    ],
  ];
  for (const [address, says] of cases) {
    address.password = "open-sesame";
    const words = ["--port", "0", "--data", makeDataDirectory(), "--store", address.href];
    const { exitCode, stdout, stderr } = await runCommand(["serve", ...words]);
    expect([exitCode, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/^duologue: The database postgres:\/\/[^ ]+ cannot be used: .*\.\n$/);
    expect(stderr).toMatch(says);
    expect(stderr).not.toContain("sesame");
    const doctor = await runCommand(["doctor", ...words]);
    expect(doctor.exitCode).toBe(1);
    expect(doctor.stdout).toContain("✗ database: ");
    expect(doctor.stdout).not.toContain("sesame");
  }
});

test("with --store-ca every connection of primary and workers is encrypted, to a server that bears this certificate", async () => {
  await using secure = await PostgresServer.start({ tls: testCertificate, parameters: { ssl: "on" } });
  const ca = join(makeDataDirectory(), "ca.pem");
  writeFileSync(ca, testCertificate.certificate);
  const options = ["--store", secure.url(), "--store-ca", ca];
  await using server = await startServer({ workers: 2, options });
  await using pair = await Pair.connect(server.url);
  const { ann, ben, conversation } = pair;
  await ann.say(conversation, "hi");
  const pages = await Promise.all(
    [ann, ben, ann, ben].map((peer) => peer.ask({ type: "history", conversation }, "history")),
  );
  for (const { events } of pages) expect(events.map(({ body }) => body)).toEqual([textBody("hi")]);
  const connections = await secure.query<{ name: string; ssl: boolean }>(
    `SELECT application_name AS name, ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
      WHERE application_name LIKE 'duologue%'`,
  );
  expect(new Set(connections.map(({ name }) => name))).toEqual(
    new Set(["duologue reads", "duologue writer"]),
  );
  expect(connections.filter(({ ssl }) => !ssl)).toEqual([]);
});

test("a server that begins on an empty database, beside the data of an embedded store, points to migrate, once", async () => {
  const dataDirectory = makeDataDirectory();
  const told = async (options: readonly string[]): Promise<boolean> => {
    await using server = await startServer({ dataDirectory, options });
    return server.output.log.some((line) => line.includes("run `duologue migrate`"));
  };
  const store = ["--store", database().url(await database().createDatabase())];
  expect(await told([])).toBe(false);
  expect(await told(store)).toBe(true);
  expect(await told(store)).toBe(false);
});

test("backup and restore say that PostgreSQL has its own", async () => {
  for (const command of ["backup", "restore"]) {
    const { exitCode, stderr } = await runCommand([command, "file", "--store", database().url()]);
    expect(exitCode).toBe(1);
    expect(stderr).toContain("pg_dump");
  }
});

test("a node of two workers has nine connections at most, under many reads at once and after all were ended", async () => {
  const name = await database().createDatabase();
  await using server = await startServer({ workers: 2, options: ["--store", database().url(name)] });
  await using pair = await Pair.connect(server.url);
  const { ann, ben, conversation } = pair;
  await ann.say(conversation, "hi");
  const others = await Promise.all([1, 2].map(() => Peer.connect(server.url, { token: ann.token })));
  const counts: number[] = [];
  let isOver = false;
  const counting = (async (): Promise<void> => {
    const client = new Bun.SQL({ url: database().url(), max: 1 });
    while (!isOver) {
      const [row] = await client<{ count: number }[]>`SELECT count(*)::int AS count FROM pg_stat_activity
        WHERE datname = ${name} AND backend_type = 'client backend'`;
      counts.push(row?.count ?? 0);
    }
    await client.close({ timeout: 0 });
  })();
  const read = async (): Promise<void> => {
    const peers = [ann, ben, ...others];
    await Promise.all(
      Array.from({ length: 200 }, (_, index) =>
        peers[index % peers.length]?.ask({ type: "history", conversation }, "history"),
      ),
    );
  };
  await read();
  await database().query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}' AND backend_type = 'client backend'`,
  );
  await until(() => isReady(server.url), "the server is ready", RECOVERY_MS);
  await read();
  expect((await ann.say(conversation, "again")).seq).toBe(2);
  isOver = true;
  await counting;
  expect(Math.max(...counts)).toBeGreaterThanOrEqual(5);
  expect(Math.max(...counts)).toBeLessThanOrEqual(9);
  await Promise.all(others.map((other) => other.close()));
});

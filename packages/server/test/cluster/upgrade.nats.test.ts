/**
 * A cluster is upgraded node by node: for a while two versions stand beside each other, on one bus and on tables that the
 * newer one has changed.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { rmSync } from "node:fs";
import {
  childrenOf,
  killQuietly,
  limits,
  makeDataDirectory,
  PostgresServer,
  type Server,
  until,
} from "@duologue/testing";
import { Cluster } from "../harness/cluster.ts";
import { freshName, Peer } from "../harness/peer.ts";

setDefaultTimeout(60_000);

const NEXT_VERSION = new URL("../harness/next-version.ts", import.meta.url).pathname;

const directory = makeDataDirectory();
let cluster: Cluster;
let older: Server;
let newer: Server;

beforeAll(async () => {
  cluster = await Cluster.start({ nodes: 0 });
  older = await cluster.addNode({ dataDirectory: directory });
  newer = await cluster.addNode({ preload: NEXT_VERSION });
});

afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
});

interface Status {
  readonly bus: { readonly unknown: number; readonly broken: number };
}

async function statusOf(node: Server): Promise<Status> {
  return JSON.parse((await node.run("status", "--json")).stdout) as Status;
}

/** A message each way, and what each side is told of it. */
async function expectTalk(ann: Peer, ben: Peer, conversation: string): Promise<void> {
  for (const [from, to] of [
    [ann, ben],
    [ben, ann],
  ] as const) {
    from.send({ type: "typing", conversation, active: true });
    await to.next("typing", ({ user }) => user === from.id);
    const { id, seq } = await from.say(conversation, `from ${from.name}`);
    expect(await to.next("event", (frame) => frame.id === id)).toMatchObject({ seq });
    to.send({ type: "mark", conversation, read: seq });
    await from.next("markers", ({ user, read }) => user === to.id && read === seq);
  }
}

async function backendsOf(database: string, name: string): Promise<readonly number[]> {
  const rows = await cluster.postgres.query<{ pid: number }>(
    `SELECT pid FROM pg_stat_activity WHERE datname = '${database}' AND application_name LIKE '${name}%'`,
  );
  return rows.map(({ pid }) => pid);
}

describe("two nodes that are one version apart", () => {
  test("tell each other everything, and pass over what only one of them knows", async () => {
    await using ann = await Peer.connect(older.url);
    await using ben = await Peer.connect(newer.url);
    // Who is there.
    await ann.seen("lobby-change", ({ joined }) => joined.some(({ id }) => id === ben.id));
    expect((await ben.next("lobby")).users?.map(({ id }) => id)).toContain(ann.id);
    await expect(Peer.connect(newer.url, { nickname: ann.name })).rejects.toThrow("nickname_taken");
    await expect(Peer.connect(older.url, { nickname: ben.name })).rejects.toThrow("nickname_taken");
    const { id: conversation } = await ann.open(ben.id);
    await expectTalk(ann, ben, conversation);
    expect((await statusOf(older)).bus.unknown).toBeGreaterThan(0);
    for (const node of cluster.nodes) expect((await statusOf(node)).bus.broken).toBe(0);
  });

  test("share tables to which the newer one has added", async () => {
    const [row] = await cluster.postgres.query<{ version: string; novelty: string | null }>(
      `SELECT (SELECT value FROM duologue.meta WHERE name = 'version') AS version,
        to_regclass('duologue.novelty')::text AS novelty`,
      cluster.database,
    );
    expect(row?.novelty).toBe("duologue.novelty");
    await using ann = await Peer.connect(older.url);
    await using ben = await Peer.connect(newer.url);
    const { id: conversation } = await ann.open(ben.id);
    await ann.say(conversation, "first");
    // Everything of the older node is made anew: its connections, and a worker.
    for (const pid of await backendsOf(cluster.database, "duologue"))
      await cluster.postgres.query(`SELECT pg_terminate_backend(${pid})`);
    await until(async () => (await fetch(`${older.url}/readyz`)).status === 200, "the older node is ready");
    await ann.say(conversation, "second");
    await expectTalk(ann, ben, conversation);
    const [worker = 0] = older.workerPids();
    killQuietly(worker);
    await until(() => childrenOf(older.pid).some((pid) => pid !== worker), "the worker was replaced");
    await until(
      async () => (await fetch(`${older.url}/readyz`).catch(() => undefined))?.status === 200,
      "it is ready",
    );
    await using again = await Peer.connect(older.url, { token: ann.token });
    await expectTalk(again, ben, conversation);
  });
});

test("[LB8] beyond lobbyUsers, too, each knows of single users of the other", async () => {
  const options = limits({ lobbyUsers: 1 });
  await using small = await Cluster.start({ nodes: 1, postgres: cluster.postgres, options });
  const next = await small.addNode({ preload: NEXT_VERSION });
  for (const [here, there] of [
    [small.node(0), next],
    [next, small.node(0)],
  ] as const) {
    await using ann = await Peer.connect(here.url);
    const ben = await Peer.connect(there.url);
    await ann.seen("lobby-change", ({ count }) => count > 1);
    const { id: conversation } = await ann.open(ben.id);
    await ann.ask({ type: "watch", conversations: [conversation] }, "presence");
    expect(ann.all("presence").at(-1)).toMatchObject({ online: [ben.id], offline: [] });
    await ben.ask({ type: "rename", nickname: freshName("Ben") }, "renamed");
    await ben.logout();
    await ann.next("presence", ({ offline }) => offline.includes(ben.id));
  }
  for (const node of small.nodes) expect((await statusOf(node)).bus.broken).toBe(0);
});

test("whoever brings the tables to the next version gives way to others who wait for it, and tries again", async () => {
  // Whoever looks first whether each waits for the other is the one that must give way.
  await using postgres = await PostgresServer.start({ parameters: { deadlock_timeout: "2s" } });
  await using small = await Cluster.start({ nodes: 1, postgres });
  await using ann = await Peer.connect(small.node(0).url);
  await using stranger = new Bun.SQL({ url: postgres.url(small.database), max: 1 });
  await stranger.unsafe("SET deadlock_timeout = '1h'");
  await stranger.unsafe("BEGIN");
  await stranger.unsafe("LOCK TABLE duologue.event IN ROW EXCLUSIVE MODE");
  const starting = small.addNode({ preload: NEXT_VERSION });
  const isWaiting = async (): Promise<boolean> => {
    const [row] = await postgres.query<{ count: number }>(
      "SELECT count(*)::int FROM pg_stat_activity WHERE application_name = 'duologue start' AND wait_event_type = 'Lock'",
    );
    return (row?.count ?? 0) > 0;
  };
  await until(isWaiting, "it waits for the events");
  expect(await stranger.unsafe("SELECT id FROM duologue.person FOR UPDATE")).toEqual([{ id: ann.id }]);
  await stranger.unsafe("COMMIT");
  await using ben = await Peer.connect((await starting).url);
  await expectTalk(ann, ben, (await ann.open(ben.id)).id);
});

test("there is no way back: the older program does not begin on tables that the newer one has changed", async () => {
  expect(await older.stop()).toBe(0);
  const words = ["--host", "127.0.0.1", "--port", "0", ...cluster.serveOptions];
  const { exitCode, stderr } = await older.run("serve", ...words);
  expect([exitCode, stderr.trimEnd().split("\n").at(-1)]).toEqual([
    1,
    expect.stringContaining("made by a newer Duologue"),
  ]);
  const upgraded = await cluster.addNode({ dataDirectory: directory, preload: NEXT_VERSION });
  expect((await fetch(`${upgraded.url}/readyz`)).status).toBe(200);
});

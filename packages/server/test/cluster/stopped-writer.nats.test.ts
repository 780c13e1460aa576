/**
 * A node's writer, or the process of PostgreSQL that works for it, is stopped in the middle of a transaction: who has to
 * wait for it, for how long, and what becomes of the transaction when it goes on.
 */
import { afterAll, beforeAll, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import type { ClientFrameOf } from "@duologue/protocol";
import { elapsed, killQuietly, PostgresServer, until } from "@duologue/testing";
import { systemClock } from "../../src/clock.ts";
import { Cluster } from "../harness/cluster.ts";
import { HeldRow } from "../harness/held-row.ts";
import { freshId, Peer, textBody } from "../harness/peer.ts";

setDefaultTimeout(60_000);

/** PostgreSQL ends a transaction that stands idle for 3 s. */
const TAKEN_OVER_MS = 6_000;
/** A statement that is not answered is given up after 3.5 s, and then a row is waited for once. */
const OWN_PAUSE_MS = 7_000;
const OTHERS_PAUSE_MS = 5_000;
const FREE_MS = 5_000;
const AGAIN_MS = 100;

type Send = ClientFrameOf<"send">;

let postgres: PostgresServer;
let cluster: Cluster;

beforeAll(async () => {
  postgres = await PostgresServer.start();
});
afterAll(() => postgres?.[Symbol.asyncDispose]());

/** The first people of a database, whose rows are locked before all others'. */
interface Elders {
  readonly ann: Peer;
  readonly ben: Peer;
  readonly conversation: string;
}

let elders: Elders;

beforeEach(async () => {
  await cluster?.[Symbol.asyncDispose]();
  cluster = await Cluster.start({ nodes: 2, postgres });
  elders = await apart();
});
afterAll(() => cluster?.[Symbol.asyncDispose]());

/** Two people, on the first node and on the second. */
async function apart(): Promise<Elders> {
  const [one = "", two = ""] = cluster.urls;
  const [ann, ben] = [await Peer.connect(one), await Peer.connect(two)];
  return { ann, ben, conversation: (await ann.open(ben.id)).id };
}

function makeSend(conversation: string, text: string): Send {
  return { type: "send", id: freshId(), conversation, body: textBody(text) };
}

/** Ann's message is under way in the writer of the first node, which holds a row of hers or Ben's; resolves with the process behind it. */
async function standInTheMiddle(send: Send, stop: (backend: number) => void): Promise<number> {
  const { ann, ben } = elders;
  await using row = await HeldRow.take(postgres.url(cluster.database), [ann.id, ben.id]);
  ann.send(send);
  const backend = await row.waitingWriter();
  stop(backend);
  return backend;
}

/** As a client does: again, with the same id, as long as it is refused for now. Number, and how long it took, ms. */
async function insist(peer: Peer, send: Send): Promise<{ readonly seq: number; readonly tookMs: number }> {
  const begunAt = systemClock.monotonic();
  for (;;) {
    const reply = await peer.write(send);
    if (reply.type === "ack") return { seq: reply.seq, tookMs: systemClock.monotonic() - begunAt };
    expect(reply).toMatchObject({ code: "unavailable", retryable: true });
    await elapsed(AGAIN_MS);
  }
}

async function texts(peer: Peer, conversation: string): Promise<readonly (string | undefined)[]> {
  const { events } = await peer.ask({ type: "history", conversation }, "history");
  return events.map(({ body }) => body?.text);
}

async function isThere(backend: number): Promise<boolean> {
  return (await postgres.query(`SELECT 1 FROM pg_stat_activity WHERE pid = ${backend}`)).length > 0;
}

/**
 * The first node's, whatever became of it, is there once, and whoever repeats it anywhere is told one number. `all`: what
 * is there, in whatever order.
 */
async function expectOnce(send: Send, all: readonly string[]): Promise<void> {
  const { ann, ben, conversation } = elders;
  const { seq } = await insist(ann, send);
  await using elsewhere = await Peer.connect(cluster.urls[1] ?? "", { token: ann.token });
  expect((await insist(elsewhere, send)).seq).toBe(seq);
  const told = ann.all("ack").filter(({ id }) => id === send.id);
  expect(told.filter(({ duplicate }) => duplicate !== true).length).toBeLessThanOrEqual(1);
  for (const reader of [ann, ben])
    expect((await texts(reader, conversation)).toSorted()).toEqual(all.toSorted());
}

test("[CV3] [CV6] a writer that stops in the middle of a transaction cannot commit it any more: others have its rows", async () => {
  const { ben, conversation } = elders;
  const node = cluster.node(0);
  const late = makeSend(conversation, "from before the stop");
  const backend = await standInTheMiddle(late, () => node.signal("SIGSTOP"));
  try {
    const { seq, tookMs } = await insist(ben, makeSend(conversation, "meanwhile"));
    expect(seq).toBe(1);
    expect(tookMs).toBeLessThan(TAKEN_OVER_MS);
    expect(await isThere(backend)).toBe(false);
    expect(await texts(ben, conversation)).toEqual(["meanwhile"]);
  } finally {
    node.signal("SIGCONT");
  }
  await expectOnce(late, ["meanwhile", "from before the stop"]);
});

test("a process of PostgreSQL that stops holds up those whose rows it has, until it goes on, and nobody else", async () => {
  const { ben, conversation } = elders;
  const [cem, dot] = [await apart(), await apart()];
  const late = makeSend(conversation, "from before the stop");
  const backend = await standInTheMiddle(late, (pid) => killQuietly(pid, "SIGSTOP"));
  let free = Promise.resolve<unknown>(undefined);
  let goneOnAt = 0;
  try {
    let isFree = false;
    free = insist(ben, makeSend(conversation, "meanwhile")).finally(() => {
      isFree = true;
    });
    const [own, other] = await Promise.all([
      insist(cem.ann, makeSend(cem.conversation, "over the node that it works for")),
      insist(dot.ben, makeSend(dot.conversation, "over the other one")),
    ]);
    expect(own.tookMs).toBeLessThan(OWN_PAUSE_MS);
    expect(other.tookMs).toBeLessThan(OTHERS_PAUSE_MS);
    // PostgreSQL's own time-outs do not run in a stopped process, and nobody can end it but by SIGKILL.
    await until(() => ben.all("error").length > 1, "it is refused, and refused again", 20_000);
    expect(isFree).toBe(false);
  } finally {
    killQuietly(backend, "SIGCONT");
    goneOnAt = systemClock.monotonic();
  }
  await free;
  expect(systemClock.monotonic() - goneOnAt).toBeLessThan(FREE_MS);
  await expectOnce(late, ["from before the stop", "meanwhile"]);
});

/** Two nodes on one database and one bus: what one of them commits is heard at the other one, whatever the bus does. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { PostgresServer, until } from "@duologue/testing";
import { systemClock } from "../../src/clock.ts";
import { askPrimary } from "../../src/link/control.ts";
import { judge, testimonyOf, type Verdict } from "../chaos/oracle.ts";
import { ClassicClient } from "../harness/classic.ts";
import { Cluster } from "../harness/cluster.ts";
import { Peer } from "../harness/peer.ts";
import { Talker } from "../harness/traffic.ts";

setDefaultTimeout(60_000);

const PACE = { window: 4, pauseMs: 10 };

let postgres: PostgresServer;
let cluster: Cluster;

beforeAll(async () => {
  postgres = await PostgresServer.start();
  cluster = await Cluster.start({ postgres, workers: 2 });
});

afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
  await postgres?.[Symbol.asyncDispose]();
});

/** Ann on the first node, Ben on the second, and their conversation. */
async function apart(): Promise<{ ann: Peer; ben: Peer; conversation: string }> {
  const [one = "", two = ""] = cluster.urls;
  const [ann, ben] = [await Peer.connect(one), await Peer.connect(two)];
  return { ann, ben, conversation: (await ann.open(ben.id)).id };
}

describe("two nodes", () => {
  test("[CV5] an event reaches every connection of both sides on either node once, in one chain of cursors", async () => {
    const { ann, ben, conversation } = await apart();
    const [one = "", two = ""] = cluster.urls;
    const devices = [
      await Peer.connect(two, { token: ann.token }),
      await Peer.connect(one, { token: ben.token }),
    ];
    for (let count = 0; count < 20; count += 1) {
      const peer = count % 2 === 0 ? ann : ben;
      await peer.say(conversation, `number ${count}`);
    }
    for (const peer of [...devices, ann, ben]) {
      const steps = await stepsUntil(peer, 20);
      expect(steps.map(({ seq }) => seq)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
      for (const [index, { prev }] of steps.entries()) {
        if (index > 0) expect(prev).toBe(steps[index - 1]?.cursor);
      }
      await peer.close();
    }
  });

  test("[CV14] [MK1] typing, markers, edits and retractions go from node to node", async () => {
    const { ann, ben, conversation } = await apart();
    ann.send({ type: "typing", conversation, active: true });
    expect(await ben.next("typing")).toMatchObject({ user: ann.id, active: true });
    const { id } = await ann.say(conversation, "first");
    expect(await ben.next("event", (frame) => frame.id === id)).toMatchObject({ seq: 1 });
    ben.send({ type: "mark", conversation, read: 1 });
    expect(await ann.next("markers", ({ user }) => user === ben.id)).toMatchObject({ delivered: 1, read: 1 });
    await ann.edit(conversation, 1, "changed");
    expect(await ben.next("event", ({ kind }) => kind === "edit")).toMatchObject({ target: 1 });
    await ann.retract(conversation, 1);
    expect(await ben.next("event", ({ kind }) => kind === "retract")).toMatchObject({ target: 1 });
    await Promise.all([ann.close(), ben.close()]);
  });

  test("[HL10] a session that ends on one node ends on the other", async () => {
    const [one = "", two = ""] = cluster.urls;
    const ann = await Peer.connect(one);
    const device = await Peer.connect(two, { token: ann.token });
    await ann.logout();
    expect(await device.whenClosed()).toMatchObject({ reason: "logged_out" });
  });

  test("[CL4] [CL7] classic users on two nodes see and reach each other, and learn it when the other has gone", async () => {
    const [one = "", two = ""] = cluster.urls;
    await using ann = await ClassicClient.login(one, "ann_on_one");
    const ben = await ClassicClient.login(two, "ben_on_two");
    const address = await ann.addressOf("ben_on_two");
    ann.send(`chat:<${address}>:hello <b>`);
    await ben.next("msg:hello <b>");
    ben.send(`chat:<${await ben.addressOf("ann_on_one")}>:answer`);
    await ann.next("msg:answer");
    await ben.close();
    // Either the list still has them, and their node says no, or it has them no more.
    ann.send(`chat:<${address}>:too late`);
    await ann.next("notice:failed:offline");
  });

  test("[CL10] a v1 user on one node and a classic user on the other write to each other", async () => {
    const [one = "", two = ""] = cluster.urls;
    await using ann = await Peer.connect(one);
    await using ben = await ClassicClient.login(two, "ben_classic");
    ben.send(`chat:<${await ben.addressOf(ann.name)}>:from classic`);
    const { conversation, body } = await ann.next("event");
    expect(body?.text).toBe("from classic");
    await ann.say(conversation, "from v1");
    await ben.next("msg:from v1");
  });

  test("`status` shows the bus, without its secrets", async () => {
    const { stdout } = await cluster.node(0).run("status");
    expect(stdout).toContain(`Bus      ${cluster.nats.url}, connected`);
    const { stdout: json } = await cluster.node(0).run("status", "--json");
    expect(JSON.parse(json)).toMatchObject({ bus: { isConnected: true, broken: 0, unknown: 0 } });
  });
});

/** Acks and events of this connection, in the order of their coming, up to this number. */
async function stepsUntil(peer: Peer, last: number) {
  const isStep = (frame: { readonly type: string }): boolean =>
    frame.type === "event" || frame.type === "ack";
  const steps = (): readonly { seq: number; cursor?: string; prev?: string }[] =>
    peer.frames.log.filter(isStep) as never;
  await until(() => steps().some(({ seq }) => seq === last), `number ${last} is there`);
  return steps();
}

describe("the doctor", () => {
  test("enters the bus, and says when it cannot", async () => {
    const { stdout } = await cluster.node(0).run("doctor", "--port", "0", ...cluster.serveOptions);
    expect(stdout).toContain(`✓ bus: ${cluster.nats.url} lets this machine in, and lets it speak`);
    const gone = ["--store", postgres.url(cluster.database), "--bus", "nats://127.0.0.1:1"];
    const { exitCode, stdout: said } = await cluster.node(0).run("doctor", "--port", "0", ...gone);
    expect([exitCode, /✗ bus: The bus nats:.*connection refused.* → Start it/.test(said)]).toEqual([1, true]);
  });
});

describe("a bus that falls silent", () => {
  test("is noticed within four seconds, and no node stops being ready", async () => {
    const isConnected = async (): Promise<boolean> => {
      for await (const reply of askPrimary(cluster.node(0).dataDirectory, { type: "status" }))
        if (reply.type === "status") return reply.bus?.isConnected === true;
      throw new Error("no status");
    };
    const readiness: number[] = [];
    cluster.nats.signal("SIGSTOP");
    const cutAt = systemClock.monotonic();
    try {
      await until(async () => {
        readiness.push((await fetch(`${cluster.urls[0]}/readyz`)).status);
        return !(await isConnected());
      }, "the silence is noticed");
    } finally {
      cluster.nats.signal("SIGCONT");
    }
    const noticedMs = systemClock.monotonic() - cutAt;
    process.stdout.write(`noticed after ${Math.round(noticedMs)} ms\n`);
    // Four heartbeats, and what a busy machine adds.
    expect(noticedMs).toBeLessThan(5_000);
    expect(new Set(readiness)).toEqual(new Set([200]));
    await until(isConnected, "the bus is back");
  });
});

describe("a bus that dies", () => {
  test("[CV3] [SY5] sends are acknowledged all the while, all catch up within 5 s of its return, and go on live", async () => {
    const [one = "", two = ""] = cluster.urls;
    using alice = new Talker({ url: one, pace: PACE });
    using bob = new Talker({ url: two, pace: PACE });
    await alice.meet(bob);
    using tablet = new Talker({ url: two, token: alice.token, horizon: alice.log.horizon });
    await tablet.when(({ me }) => me !== undefined, "logged in");
    await tablet.join(alice.conversation);
    using cem = new Talker({ url: two, pace: PACE });
    using dot = new Talker({ url: one, pace: PACE });
    await cem.meet(dot);
    const writers = [alice, cem, dot];
    for (const talker of [...writers, bob]) talker.begin();
    await alice.when(() => alice.log.acknowledged.size > 20, "twenty are acknowledged");
    // Then all is quiet: with a receipt still to be written, a node would have something of its own, which shows a gap.
    const all = [...writers, bob, tablet];
    for (const talker of [...writers, bob]) talker.rest();
    for (const talker of all)
      await talker.when(() => talker.isSettled && isDelivered(talker), "all is quiet");
    await cluster.nats.kill();
    for (const talker of writers) talker.begin();
    for (const talker of writers) {
      const before = talker.log.acknowledged.size;
      await talker.when(() => talker.log.acknowledged.size > before + 50, "sends go on without the bus");
    }
    for (const url of cluster.urls) expect((await fetch(`${url}/readyz`)).status).toBe(200);
    for (const talker of writers) talker.rest();
    for (const talker of writers) await talker.when(() => talker.isSettled, "all is acknowledged");
    const last = alice.log.lastSeq;
    for (const talker of [bob, tablet]) expect(talker.log.lastSeq).toBeLessThan(last);
    const lastOfBoth = Math.max(cem.log.lastSeq, dot.log.lastSeq);
    await cluster.nats.start();
    const returnedAt = systemClock.monotonic();
    for (const talker of [bob, tablet])
      await talker.when(() => talker.log.lastSeq >= last, "all is there", 5_000);
    for (const talker of [cem, dot])
      await talker.when(() => talker.log.lastSeq >= lastOfBoth, "all is there", 5_000);
    process.stdout.write(
      `caught up ${Math.round(systemClock.monotonic() - returnedAt)} ms after the return\n`,
    );
    await expectLive(alice, tablet, bob);
    await expectLive(cem, dot);
    await expectSound([alice, bob], [alice, bob, tablet]);
    await expectSound([cem, dot], [cem, dot]);
  });
});

/** What has come to this device, the server knows to have come; an edit or a retraction alone gets no receipt. */
function isDelivered({ client, conversation }: Talker): boolean {
  const view = client.conversation(conversation);
  return view !== undefined && (view.unread === 0 || view.mine.delivered >= view.lastSeq);
}

/** As soon as the last markers have come, which a client says a little later. */
async function expectSound(sides: readonly Talker[], all: readonly Talker[]): Promise<void> {
  const [{ conversation } = { conversation: "" }] = sides;
  const tokens = new Map(sides.map(({ client, token }) => [client.me?.id ?? "", token]));
  const look = (): Promise<Verdict> => {
    const devices = all.map((talker) => testimonyOf(talker));
    return judge({ url: cluster.urls[0] ?? "", conversation, tokens, devices });
  };
  let verdict = await look();
  await until(async () => {
    verdict = await look();
    return verdict.violations.length === 0;
  }, "sound").catch(() => undefined);
  expect([verdict.violations, verdict.messages > 50]).toEqual([[], true]);
}

/** One message at a time, and the median of the times until it is there. */
async function expectLive(sender: Talker, ...receivers: readonly Talker[]): Promise<void> {
  const delays: number[] = [];
  for (let count = 0; count < 9; count += 1) {
    const text = `live ${count}`;
    const sentAt = systemClock.monotonic();
    const id = sender.client.send(sender.conversation, text);
    sender.log.onSent(id);
    sender.texts.set(id, text);
    for (const receiver of receivers) await receiver.when(() => receiver.log.numbered.has(id), text, 5_000);
    delays.push(systemClock.monotonic() - sentAt);
    await sender.when(() => sender.isSettled, `${text} is acknowledged`);
  }
  const median = delays.toSorted((a, b) => a - b)[4] ?? 0;
  process.stdout.write(`live again: ${median.toFixed(1)} ms\n`);
  expect(median).toBeLessThan(1_000);
}

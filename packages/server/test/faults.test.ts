/**
 * Processes die, networks break, clients vanish, while people talk; and nothing that was acknowledged is lost, doubled or
 * moved. Short here; `npm run chaos -- --minutes 10` mixes the same faults for as long as one likes.
 */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { rmSync } from "node:fs";
import { closeTable } from "@duologue/protocol";
import {
  childrenOf,
  elapsed,
  isAlive,
  killQuietly,
  limits,
  makeDataDirectory,
  startServer,
  until,
} from "@duologue/testing";
import { runHerd } from "./chaos/herd.ts";
import { judge, testimonyOfPeer } from "./chaos/oracle.ts";
import { FaultyProxy } from "./chaos/proxy.ts";
import { renderReport } from "./chaos/report.ts";
import { runChaos } from "./chaos/run.ts";
import { renderWorkersKilled, runWorkersKilled } from "./chaos/workers-killed.ts";
import { canListen, World } from "./chaos/world.ts";
import { freshId, freshName, Pair, Peer, textBody } from "./harness/peer.ts";
import { openSpread } from "./harness/spread.ts";
import { Talker } from "./harness/traffic.ts";
import { Horizon, WireLog } from "./harness/wire-log.ts";

setDefaultTimeout(240_000);

const seed = Number(process.env.CHAOS_SEED ?? 29);

describe("everything at once", () => {
  test(`[CV3] whatever dies under load (seed ${seed}), what was acknowledged is there once, in one order for all`, async () => {
    const report = await runChaos({
      seed,
      durationMs: 6000,
      roundMs: 6000,
      workers: 4,
      conversations: 6,
      devices: 4,
      only: ["worker killed", "writer killed", "replies lost", "network flaps", "page reloaded", "page lost"],
    });
    expect(report.violations).toEqual([]);
    expect(report.messages).toBeGreaterThan(500);
    expect(report.tallies.flatMap(({ absencesMs }) => absencesMs).length).toBeGreaterThan(0);
    process.stdout.write(`${renderReport(report)}\n`);
  });
});

describe("one worker after the other dies", () => {
  test(`[CV3] sooner than anybody has recovered from the last one (seed ${seed}): everybody comes back, nothing is lost`, async () => {
    const size = { durationMs: 8000, workers: 4, conversations: 10, pauseMs: 100 };
    const report = await runWorkersKilled({ ...size, seed });
    expect(report.verdict.violations).toEqual([]);
    expect(report.kills).toBeGreaterThan(2);
    expect(report.replacedMs.length).toBeGreaterThan(0);
    expect(report.backMs.length).toBeGreaterThan(0);
    // How long it took is judged where the machine is quiet: npm run chaos -- --workers-killed
    process.stdout.write(`${renderWorkersKilled(report)}\n`);
  });
});

describe("one process dies", () => {
  test("a killed worker is replaced at once; clients of others do not notice, its own resume", async () => {
    await using server = await startServer({ workers: 2 });
    const peers = await Promise.all(Array.from({ length: 12 }, () => Peer.connect(server.url)));
    const [victim = 0] = server.workerPids();
    killQuietly(victim);
    const cut: Peer[] = [];
    await until(
      async () => {
        const pids = childrenOf(server.pid);
        return pids.length === 2 && !pids.includes(victim);
      },
      "the worker was replaced",
      5000,
    );
    for (const peer of peers) {
      const outcome = await Promise.race([peer.whenClosed(), peer.settled().catch(() => peer.whenClosed())]);
      if ("code" in outcome) cut.push(peer);
    }
    expect(cut.length).toBeGreaterThan(0);
    expect(cut.length).toBeLessThan(peers.length);
    for (const peer of cut) {
      await using again = await Peer.connect(server.url, { token: peer.token });
      expect(again.id).toBe(peer.id);
    }
    await Promise.all(peers.map((peer) => peer.close()));
  });

  test("a worker that hangs is killed and replaced, and its clients come back", async () => {
    await using server = await startServer({ workers: 2 });
    const peers = await Promise.all(Array.from({ length: 8 }, () => Peer.connect(server.url)));
    const [victim = 0] = server.workerPids();
    killQuietly(victim, "SIGSTOP");
    // The supervisor's own times are in supervisor.test.ts: 6 s; the rest is for the beginning of a process.
    await until(
      () => !isAlive(victim) && childrenOf(server.pid).length === 2,
      "the hung worker was killed and replaced",
      10_000,
    );
    await using pair = await Pair.connect(server.url);
    expect((await pair.ann.say(pair.conversation, "all is well")).seq).toBe(1);
    for (const peer of peers) peer.socket.terminate();
  });

  test("while the writer hangs, nothing is acknowledged; when it goes on, everything is, once", async () => {
    await using world = await World.begin({ workers: 2, conversations: 2, devices: 4 });
    const [talker] = world.talkers as [Talker];
    await talker.when(() => talker.log.acknowledged.size > 3, "the talk has begun");
    world.server.signal("SIGSTOP");
    // What the workers had been told before it stopped may still be on its way.
    await elapsed(200);
    const before = world.talkers.map(({ log }) => log.acknowledged.size);
    await elapsed(1500);
    expect(world.talkers.map(({ log }) => log.acknowledged.size)).toEqual(before);
    world.server.signal("SIGCONT");
    await talker.when(() => talker.log.acknowledged.size > (before[0] ?? 0) + 3, "the talk goes on");
    const verdict = await world.verdict();
    expect(verdict.violations).toEqual([]);
    expect(verdict.messages).toBeGreaterThan(20);
  });

  test("when the primary is killed, its workers end within 2 s and the port is free", async () => {
    await using server = await startServer({ workers: 3 });
    await using peer = await Peer.connect(server.url);
    const workers = await server.killPrimary();
    expect(workers).toHaveLength(3);
    await until(() => !workers.some(isAlive), "the workers ended", 2000);
    expect([1001, 1006, 4003]).toContain((await peer.whenClosed()).code);
    // A process counts as ended a little before the kernel has closed its sockets.
    await until(() => canListen(server.port), "the port is free", 2000);
  });

  test("[CV3] a message acknowledged right before the primary is killed is there after the restart", async () => {
    const dataDirectory = makeDataDirectory();
    try {
      let [token, conversation, cursor] = ["", "", ""];
      for (let round = 1; round <= 5; round += 1) {
        const server = await startServer({ workers: 2, dataDirectory });
        try {
          if (token === "") {
            const pair = await Pair.connect(server.url);
            ({ conversation } = pair);
            ({ token } = pair.ann);
            ({ cursor } = pair.ann.welcome);
          }
          await using ann = await Peer.connect(server.url, { token, cursor });
          expect(ann.welcome.changes?.events.map(({ seq }) => seq)).toEqual(
            Array.from({ length: round - 1 }, (_, index) => index + 1),
          );
          expect((await ann.say(conversation, `round ${round}`)).seq).toBe(round);
          await server.killPrimary();
        } finally {
          await server[Symbol.asyncDispose]();
        }
      }
    } finally {
      rmSync(dataDirectory, { recursive: true, force: true });
    }
  });
});

describe("the network", () => {
  test("[CV6] when the reply is lost after the commit, a repeat through each of four workers gets the first one's number", async () => {
    await using server = await startServer({ workers: 4 });
    using proxy = new FaultyProxy(server.port);
    await using pair = await Pair.connect(server.url);
    const { conversation, ben } = pair;
    const each = await openSpread(server, 4, () => Peer.connect(server.url, { token: pair.ann.token }));
    expect(each.map(({ length }) => length)).toEqual([1, 1, 1, 1]);
    const again = each.flat();
    for (let round = 1; round <= 10; round += 1) {
      const ann = await Peer.connect(proxy.url, { token: pair.ann.token });
      await ann.settled();
      const send = { type: "send", id: freshId(), conversation, body: textBody(`round ${round}`) } as const;
      proxy.loseNextReplies();
      ann.send(send);
      await ann.whenClosed();
      expect(ann.all("ack")).toEqual([]);
      // It was committed: the other side has it, once.
      expect((await ben.next("event")).seq).toBe(round);
      const replies = await Promise.all(again.map((peer) => peer.write(send)));
      for (const reply of replies) expect(reply).toMatchObject({ type: "ack", seq: round, duplicate: true });
      const other = await again[0]?.write({ ...send, body: textBody("another text") });
      expect(other).toMatchObject({ type: "error", code: "id_conflict" });
    }
    await Promise.all(again.map((peer) => peer.close()));
    expect(proxy.lostReplies).toBe(10);
    expect(ben.all("event").map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  test("that comes and goes for everybody every 300 ms lets each talk on afterwards, and loses nothing", async () => {
    await using world = await World.begin({ workers: 2, conversations: 3, devices: 2, way: "proxy" });
    await world.talkAgain();
    const acknowledged = (): number[] => world.talkers.map(({ log }) => log.acknowledged.size);
    const before = acknowledged();
    for (let cuts = 0; cuts < 10; cuts += 1) {
      world.proxy.cutAll();
      await elapsed(300);
    }
    for (const { log } of world.talkers) expect(log.closeCodes.length).toBeGreaterThan(0);
    await world.talkAgain();
    for (const [index, count] of acknowledged().entries()) expect(count).toBeGreaterThan(before[index] ?? 0);
    const verdict = await world.verdict();
    expect(verdict.violations).toEqual([]);
    expect(verdict.messages).toBeGreaterThanOrEqual(acknowledged().reduce((sum, count) => sum + count, 0));
  });
});

describe("many at once", () => {
  test("[CV4, CV12, MK1] both sides, three devices each, 64 messages in flight on each and marks between them, over four workers: one order for all, no marker ahead of what was told", async () => {
    const room = limits({ framesPerSecond: 10_000, framesBurst: 10_000 });
    await using server = await startServer({ workers: 4, options: room });
    await using pair = await Pair.connect(server.url);
    const { conversation } = pair;
    const users = [pair.ann, pair.ben];
    const horizon = new Horizon();
    let marksInFlight = 0;
    const sockets = (await openSpread(server, 8, () => Peer.open(server.url))).flat();
    // Of each person, three devices that write and one that does not.
    const devices = await Promise.all(
      sockets.map(async (peer, index) => {
        const log = new WireLog(horizon);
        const count = index < 6 ? 64 : 0;
        const texts = Array.from({ length: count }, (_, number) => `device ${index}, number ${number}`);
        peer.onFrame = (frame) => {
          log.onFrame(frame);
          // Of several devices at once, and in no order: the markers must only go forward.
          if (frame.type !== "event" || frame.seq % 8 > 0) return;
          for (const back of [0, 20, 5])
            peer.send({ type: "mark", conversation, read: Math.max(1, frame.seq - back) });
          marksInFlight += log.acknowledged.size < count ? 1 : 0;
        };
        await peer.hello({ token: users[index % 2]?.token ?? "" });
        return { peer, log, texts };
      }),
    );
    await until(async () => {
      const { stdout } = await server.run("status", "--json");
      const { workers } = JSON.parse(stdout) as { workers: readonly { connections: number }[] };
      return workers.length === 4 && workers.every(({ connections }) => connections >= 2);
    }, "every worker has connections");
    await Promise.all(
      devices.map(async ({ peer, texts }) => {
        const acks = await Promise.all(texts.map((text) => peer.say(conversation, text)));
        const numbers = acks.map(({ seq }) => seq);
        expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
      }),
    );
    const total = devices.flatMap(({ texts }) => texts).length;
    await Promise.all(devices.slice(6).map(({ peer }) => peer.seen("event", ({ seq }) => seq === total)));
    await Promise.all(devices.map(({ peer }) => peer.settled()));
    const everybody = devices.map(({ peer, texts, log }) => testimonyOfPeer(peer, texts, log));
    const tokens = new Map(users.map(({ id, token }) => [id, token]));
    const verdict = await judge({ url: server.url, conversation, tokens, devices: everybody });
    expect(verdict.violations).toEqual([]);
    expect([verdict.messages, verdict.acknowledged]).toEqual([total, total]);
    // Those that sent nothing were told everything.
    for (const { received } of everybody.slice(6)) expect(received.size).toBe(total);
    // Everybody was told of markers, and said so while messages of theirs were on their way.
    for (const { peer } of devices) expect(peer.all("markers").length).toBeGreaterThan(0);
    expect(marksInFlight).toBeGreaterThan(devices.length);
    await Promise.all(devices.map(({ peer }) => peer.close()));
  });

  test("[CN9] a reload under load: every worker is replaced, everybody is told so and comes back, nothing is lost", async () => {
    await using world = await World.begin({ workers: 2, conversations: 3, devices: 4, way: "direct" });
    const before = world.server.workerPids();
    expect((await world.server.run("reload")).exitCode).toBe(0);
    expect(world.server.workerPids().filter((pid) => before.includes(pid))).toEqual([]);
    const verdict = await world.verdict();
    expect(verdict.violations).toEqual([]);
    // Once, or twice for who came back to a worker whose turn was still to come.
    for (const { log } of world.talkers) {
      expect([1, 2]).toContain(log.absencesMs.length);
      expect(new Set(log.closeCodes)).toEqual(new Set([closeTable.server_stopping.code]));
    }
  });

  test("[CN9] SIGTERM of each worker in turn under load: its clients are told, it ends within 10 s and is replaced, nothing is lost", async () => {
    await using world = await World.begin({ workers: 3, conversations: 4, devices: 4, way: "direct" });
    const { server } = world;
    for (const pid of server.workerPids()) {
      world.killWorkers([pid], "SIGTERM");
      await until(() => !isAlive(pid), "the worker ended", 10_000);
      await until(() => childrenOf(server.pid).length === 3, "the worker was replaced");
      await world.talkAgain();
    }
    const verdict = await world.verdict();
    expect(verdict.violations).toEqual([]);
    // Each was with one of the three at least once when its turn came.
    for (const { log } of world.talkers)
      expect(new Set(log.closeCodes)).toEqual(new Set([closeTable.server_stopping.code]));
  });
});

describe("everybody", () => {
  test("is cut at once by the death of every worker, and is back within a minute, as the same person", async () => {
    const { backMs, strangers, verdict } = await runHerd(150, 4);
    expect(Math.max(...backMs)).toBeLessThan(60_000);
    expect(strangers).toBe(0);
    expect(verdict.violations).toEqual([]);
  });
});

describe("a client", () => {
  test("whose clock jumps back by a day keeps the order of what it writes", async () => {
    await using server = await startServer();
    using ann = new Talker({ url: server.url, name: freshName("Ann") });
    using ben = new Talker({ url: server.url, name: freshName("Ben") });
    await ann.meet(ben);
    const texts: string[] = [];
    for (let step = 0; step < 10; step += 1) {
      ann.clockShiftMs -= 86_400_000;
      ann.client.send(ann.conversation, `step ${step}`);
      texts.push(`step ${step}`);
    }
    const shown = (): readonly (string | undefined)[] =>
      ben.client.timeline(ben.conversation).entries.map(({ body }) => body?.text);
    await ben.when(() => shown().length === texts.length, "everything has come");
    expect(shown()).toEqual(texts);
  });
});

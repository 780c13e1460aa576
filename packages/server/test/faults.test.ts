/**
 * Processes die under load, and nothing that was acknowledged is lost, doubled or moved. In the suite for a few seconds
 * with few clients; FAULT_CLIENTS=200 FAULT_SECONDS=30 makes it the full one.
 */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { rmSync } from "node:fs";
import {
  childrenOf,
  elapsed,
  isAlive,
  killQuietly,
  makeDataDirectory,
  type Server,
  startServer,
  until,
} from "@duologue/testing";
import { systemClock } from "../src/clock.ts";
import { Pair, Peer } from "./harness/peer.ts";
import { Talker } from "./harness/traffic.ts";

setDefaultTimeout(240_000);

const clients = Number(process.env.FAULT_CLIENTS ?? 40);
const seconds = Number(process.env.FAULT_SECONDS ?? 8);
const WORKERS = 4;

/** Clients wait longer after each failure in a row, so the last may be back only after this. */
const RECOVERY_MS = 60_000;

async function makePairs(url: string): Promise<[Talker, Talker][]> {
  const talkers = Array.from({ length: clients }, () => new Talker(url));
  const pairs: [Talker, Talker][] = [];
  for (let index = 0; index + 1 < talkers.length; index += 2) {
    pairs.push([talkers[index] as Talker, talkers[index + 1] as Talker]);
  }
  await Promise.all(pairs.map(([one, other]) => one.meet(other)));
  return pairs;
}

/** The conversation as the store has it: message ids by number. */
async function readHistory(url: string, token: string, conversation: string): Promise<Map<number, string>> {
  await using peer = await Peer.connect(url, { token });
  const stored = new Map<number, string>();
  for (let before: number | undefined, more = true; more; ) {
    const page = await peer.answer({
      type: "history",
      conversation,
      ...(before === undefined ? {} : { before }),
    });
    if (page.type === "error") {
      await elapsed(page.retryAfterMs ?? 100);
      continue;
    }
    if (page.type !== "history") throw new Error(`got ${page.type} for history`);
    for (const { seq, id } of page.events) stored.set(seq, id);
    ({ more } = page);
    before = page.events[0]?.seq;
  }
  return stored;
}

async function expectNothingLost(url: string, [one, other]: [Talker, Talker]): Promise<number> {
  const { conversation } = one;
  const stored = await readHistory(url, one.token, conversation);
  const numbers = [...stored.keys()].sort((a, b) => a - b);
  expect(numbers).toEqual(numbers.map((_, index) => index + 1));
  expect(new Set(stored.values()).size).toBe(stored.size);
  expect(stored.size).toBe(one.log.sent.size + other.log.sent.size);
  const order = numbers.map((seq) => stored.get(seq) ?? "");
  for (const { log, client } of [one, other]) {
    expect(log.contradictions).toEqual([]);
    const ids = new Set(order);
    expect([...log.sent].filter((id) => !ids.has(id))).toEqual([]);
    for (const [id, seq] of log.acknowledged) expect(stored.get(seq)).toBe(id);
    for (const [seq, id] of log.received) expect(stored.get(seq)).toBe(id);
    const shown = client.timeline(conversation).entries.map(({ id }) => id);
    expect(shown.length).toBeGreaterThan(0);
    expect(shown).toEqual(order.slice(-shown.length));
  }
  return stored.size;
}

describe("processes die under load", () => {
  test(`[CV3] ${clients} clients, a worker killed every second for ${seconds} s, the primary once`, async () => {
    const dataDirectory = makeDataDirectory();
    let server: Server | undefined;
    const pairs: [Talker, Talker][] = [];
    try {
      server = await startServer({ workers: WORKERS, dataDirectory });
      const { url, port } = server;
      pairs.push(...(await makePairs(url)));
      for (const talker of pairs.flat()) talker.begin();
      for (let second = 1; second <= seconds; second += 1) {
        await elapsed(1000);
        if (second === Math.ceil(seconds / 2)) {
          const orphans = await server.killPrimary();
          await until(
            () => !orphans.some(isAlive) && canListen(port),
            "the workers ended with their primary",
            2000,
          );
          await server[Symbol.asyncDispose]();
          server = await startServer({ workers: WORKERS, dataDirectory, port });
        } else {
          const workers = server.workerPids();
          const victim = workers[Math.floor(systemClock.random() * workers.length)];
          if (victim !== undefined) killQuietly(victim);
        }
      }
      for (const talker of pairs.flat()) talker.rest();
      await Promise.all(
        pairs.flat().map((talker) => talker.when(() => talker.isSettled, "settled", RECOVERY_MS)),
      );
      await Promise.all(
        pairs.flatMap(([one, other]) => {
          const total = one.log.sent.size + other.log.sent.size;
          const isUpToDate = ({ conversation }: Talker, client: Talker["client"]): boolean =>
            client.conversation(conversation)?.lastSeq === total &&
            client.timeline(conversation).entries.length > 0;
          return [one, other].map((talker) =>
            talker.when((client) => isUpToDate(talker, client), `caught up to ${total}`, RECOVERY_MS),
          );
        }),
      );
      let messages = 0;
      for (const pair of pairs) messages += await expectNothingLost(url, pair);
      const absences = pairs.flat().flatMap(({ log }) => log.absencesMs);
      expect(messages).toBeGreaterThan(clients);
      expect(absences.length).toBeGreaterThan(0);
      report(messages, absences);
    } finally {
      for (const talker of pairs.flat()) talker[Symbol.dispose]();
      await server?.[Symbol.asyncDispose]();
      rmSync(dataDirectory, { recursive: true, force: true });
    }
  });
});

function report(messages: number, absencesMs: readonly number[]): void {
  const sorted = absencesMs.toSorted((a, b) => a - b);
  const at = (share: number): number => Math.round(sorted[Math.floor(share * (sorted.length - 1))] ?? 0);
  process.stdout.write(
    `faults: ${messages} messages; ${sorted.length} reconnections, median ${at(0.5)} ms, 99 % ${at(0.99)} ms, longest ${at(1)} ms\n`,
  );
}

function canListen(port: number): boolean {
  try {
    Bun.listen({ hostname: "127.0.0.1", port, socket: { data: () => undefined } }).stop(true);
    return true;
  } catch {
    return false;
  }
}

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
    await until(() => !isAlive(victim), "the hung worker was killed", 15_000);
    await until(() => childrenOf(server.pid).length === 2, "it was replaced", 5000);
    await using pair = await Pair.connect(server.url);
    expect((await pair.ann.say(pair.conversation, "all is well")).seq).toBe(1);
    for (const peer of peers) peer.socket.terminate();
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

/**
 * Clients that stop reading while others talk. ATTACK_READERS=1000 makes it the full size, in which it is also judged how long
 * others wait; each reader holds some megabytes of the kernel's memory until its connection is cut.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { defaultLimits, SUBPROTOCOL } from "@duologue/protocol";
import { limits, startServer } from "@duologue/testing";
import { systemClock } from "../../src/clock.ts";
import { Pair, Peer } from "../harness/peer.ts";
import { openFilesOf } from "../harness/processes.ts";
import { openRaw } from "../harness/raw.ts";
import { openMany } from "../harness/raw-pool.ts";
import { isFullSize, judgeDelays, Witness } from "./witness.ts";

setDefaultTimeout(300_000);

const readers = Number(process.env.ATTACK_READERS ?? 150);
const CLOSED_MS = 30_000;
const MEGABYTE = 1e6;
/** What the garbage of so much talk may take for a while, however few the readers are. */
const HEAP_MEGABYTES = 50;
/** Messages in flight: fewer than fill a reader's share at once. */
const AT_ONCE = 10;
/** Rounds of the same talk while nobody has stalled: more than it takes to close the stalled ones. */
const ROUNDS_BEFORE = 200;
/** So many times as long as without the stalled ones others may wait, at most. */
const DELAY_FACTOR = 1.5;

/** What one talks about, and what it costs others: memory, and how long they wait. */
class Talk {
  readonly delays: number[] = [];
  sent = 0;
  highestMegabytes = 0;

  constructor(
    private readonly pair: Pair,
    private readonly witness: Witness,
  ) {}

  async round(): Promise<void> {
    const { ann, ben, conversation } = this.pair;
    const text = "你".repeat(defaultLimits.textCharacters - 10);
    await Promise.all(
      Array.from({ length: AT_ONCE }, (_, index) => ann.say(conversation, `${this.sent + index} ${text}`)),
    );
    this.sent += AT_ONCE;
    this.delays.push(await this.witness.say());
    this.highestMegabytes = Math.max(this.highestMegabytes, this.witness.rssMegabytes());
    // Nobody reads what piles up here.
    for (const { frames, socket } of [ann, ben]) {
      frames.rest();
      frames.log.length = 0;
      socket.received.log.length = 0;
    }
  }
}

test(`[CN8] ${readers} stalled readers are closed within 30 s, cost what the limit says, and catch up later`, async () => {
  // Coming back is to be told of each message, however many it takes until what the kernel buffers is full.
  const room = limits({
    framesPerSecond: 100_000,
    framesBurst: 100_000,
    lobbyUsers: 10,
    syncEvents: 1_000_000,
  });
  // One worker, so that those who stall and those who watch share it.
  await using server = await startServer({ workers: 1, options: room });
  await using witness = await Witness.watch(server);
  // The same for as long without anybody who stalls: what it costs then is not their doing.
  await using others = await Pair.connect(server.url);
  const before = new Talk(others, witness);
  for (let round = 0; round < ROUNDS_BEFORE; round += 1) await before.round();
  await using pair = await Pair.connect(server.url);
  const { ben } = pair;
  const { cursor } = ben.welcome;
  // Who does not read does not see the end either, so it is the server's open files that tell.
  const openFiles = (): number => server.workerPids().reduce((sum, pid) => sum + (openFilesOf(pid) ?? 0), 0);
  const filesBefore = openFiles();
  const sockets = await openMany(readers, async () => {
    const raw = await openRaw(server.url, { protocol: SUBPROTOCOL });
    raw.sendText(JSON.stringify({ type: "hello", version: 1, token: ben.token }));
    await raw.texts.next((text) => text.includes('"lobby"'), "lobby");
    raw.pause();
    return raw;
  });
  expect(openFiles()).toBe(filesBefore + readers);
  const startedAt = systemClock.monotonic();
  const during = new Talk(pair, witness);
  // Until what the kernel takes for each of them is full, and the server's own share after it.
  while (openFiles() > filesBefore && systemClock.monotonic() - startedAt < CLOSED_MS) await during.round();
  const took = systemClock.monotonic() - startedAt;
  const grown = during.highestMegabytes - before.highestMegabytes;
  process.stdout.write(
    `readers: ${readers} stalled, all closed after ${Math.round(took)} ms and ${during.sent} messages of 24 KB; ` +
      `memory at most ${Math.round(grown)} MB more than in ${before.sent} such messages before\n`,
  );
  expect(openFiles()).toBe(filesBefore);
  // What waits for each, one message more, and half as much again for the allocator.
  const share = (defaultLimits.outboxBytes + 3 * defaultLimits.textCharacters) / MEGABYTE;
  expect(grown).toBeLessThan(readers * share * 1.5 + (isFullSize ? 0 : HEAP_MEGABYTES));
  judgeDelays(`${readers} stalled readers`, before.delays, during.delays, DELAY_FACTOR);
  for (const raw of sockets) raw.terminate();
  await witness.isWell();
  for (let device = 0; device < 3; device += 1) {
    await using again = await Peer.connect(server.url, { token: ben.token, cursor });
    const seen: number[] = [];
    for (let page = again.welcome.changes; page !== undefined; ) {
      seen.push(...page.events.map(({ seq }) => seq));
      page = page.more ? await again.ask({ type: "sync", cursor: page.cursor }, "changes") : undefined;
    }
    expect(seen).toEqual(Array.from({ length: during.sent }, (_, index) => index + 1));
  }
});

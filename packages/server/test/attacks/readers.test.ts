/**
 * Clients that stop reading while others talk. ATTACK_READERS=1000 makes it the full size; each reader holds some megabytes
 * of the kernel's memory until its connection is cut.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { defaultLimits, SUBPROTOCOL } from "@duologue/protocol";
import { limits, startServer } from "@duologue/testing";
import { systemClock } from "../../src/clock.ts";
import { Pair, Peer } from "../harness/peer.ts";
import { openFilesOf } from "../harness/processes.ts";
import { openRaw } from "../harness/raw.ts";
import { openMany } from "../harness/raw-pool.ts";
import { Witness } from "./witness.ts";

setDefaultTimeout(300_000);

const readers = Number(process.env.ATTACK_READERS ?? 20);
const CLOSED_MS = 30_000;
const MEGABYTE = 1e6;
/** Messages in flight: fewer than fill a reader's share at once. */
const AT_ONCE = 10;

test(`[CN8] ${readers} stalled readers are closed within 30 s, cost what the limit says, and catch up later`, async () => {
  await using server = await startServer({
    workers: 2,
    options: limits({ framesPerSecond: 100_000, framesBurst: 100_000, lobbyUsers: 10 }),
  });
  await using witness = await Witness.watch(server);
  await using pair = await Pair.connect(server.url);
  const { ann, ben, conversation } = pair;
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
  const before = witness.rssMegabytes();
  const text = "你".repeat(defaultLimits.textCharacters);
  const startedAt = systemClock.monotonic();
  const delays: number[] = [];
  let [sent, highest] = [0, before];
  // Until what the kernel takes for each of them is full, and the server's own share after it.
  while (openFiles() > filesBefore && systemClock.monotonic() - startedAt < CLOSED_MS) {
    await Promise.all(
      Array.from({ length: AT_ONCE }, (_, index) =>
        ann.say(conversation, `${sent + index} ${text.slice(10)}`),
      ),
    );
    sent += AT_ONCE;
    delays.push(await witness.say());
    highest = Math.max(highest, witness.rssMegabytes());
    // Nobody reads the answers that pile up here.
    ann.frames.log.length = 0;
  }
  const took = systemClock.monotonic() - startedAt;
  const sorted = delays.toSorted((a, b) => a - b);
  process.stdout.write(
    `readers: ${readers} stalled, all closed after ${Math.round(took)} ms and ${sent} messages of 24 KB; ` +
      `memory +${Math.round(highest - before)} MB; others waited ${Math.round(sorted[sorted.length >> 1] ?? 0)} ms, ` +
      `99 % ${Math.round(sorted[Math.floor(0.99 * (sorted.length - 1))] ?? 0)} ms\n`,
  );
  expect(openFiles()).toBe(filesBefore);
  // What waits for each, one message more, half as much again for the allocator, and the usual garbage of two workers.
  const share = (defaultLimits.outboxBytes + 3 * defaultLimits.textCharacters) / MEGABYTE;
  expect(highest - before).toBeLessThan(readers * share * 1.5 + 80);
  for (const raw of sockets) raw.terminate();
  await witness.isWell();
  for (let device = 0; device < 3; device += 1) {
    await using again = await Peer.connect(server.url, { token: ben.token, cursor });
    const seen: number[] = [];
    for (let page = again.welcome.changes; page !== undefined; ) {
      seen.push(...page.events.map(({ seq }) => seq));
      page = page.more ? await again.ask({ type: "sync", cursor: page.cursor }, "changes") : undefined;
    }
    expect(seen).toEqual(Array.from({ length: sent }, (_, index) => index + 1));
  }
});

/**
 * A flood of payloads that nobody expects: over the wire, and against the same parts in this process, where what becomes of
 * the prototypes can be seen. FUZZ_PAYLOADS=1000000 makes it the full size, FUZZ_SEED another one; a failure prints the seed.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { decodeClientFrame, decodeServerFrame } from "@duologue/protocol";
import { limits, type Server, startServer } from "@duologue/testing";
import { InProcessServer } from "../harness/in-process.ts";
import { freshName, Pair, type Place } from "../harness/peer.ts";
import { Socket } from "../harness/socket.ts";
import { Fuzzer } from "./fuzz.ts";
import { Witness } from "./witness.ts";

setDefaultTimeout(900_000);

/** Of each of the two floods, whatever the time. */
const payloads = Number(process.env.FUZZ_PAYLOADS ?? 40_000);
const seed = Number(process.env.FUZZ_SEED ?? 20_261_123);
const SENDERS = 8;
/** Sent between two answers that are awaited. */
const BLOCK = 200;
/** So high that none of the payloads is refused before it is looked at. */
const room = { framesPerSecond: 1_000_000, framesBurst: 1_000_000, pendingPerConnection: 10_000 };

let server: Server;
beforeAll(async () => {
  server = await startServer({ workers: 2, options: limits(room) });
});
afterAll(() => server[Symbol.asyncDispose]());

const BUILT_IN: readonly object[] = [
  ...[Object, Array, String, Number, Boolean, Function, Symbol, BigInt, RegExp, Date, Promise, Error],
  ...[Map, Set, WeakMap, WeakSet, ArrayBuffer, Uint8Array, Buffer],
].flatMap((type): object[] => [type, type.prototype]);

/** What each has, and under which name: a property that was added, taken away or replaced makes it another list. */
function prototypes(): readonly unknown[] {
  return BUILT_IN.flatMap((object) =>
    Reflect.ownKeys(object).flatMap((key) => {
      const { value, get, set } = Object.getOwnPropertyDescriptor(object, key) ?? {};
      return [key, value, get, set];
    }),
  );
}

function expectSamePrototypes(before: readonly unknown[]): void {
  const now = prototypes();
  expect(now.length).toBe(before.length);
  // Compared one by one: a list of all of them is nothing to print.
  expect(now.findIndex((one, index) => !Object.is(one, before[index]))).toBe(-1);
}

/** One of several senders: blocks of payloads, after each of which the server has read it. A session that ended is begun anew. */
async function send(place: Place, number: number): Promise<number> {
  let [sent, logins] = [0, 0];
  while (sent < payloads / SENDERS) {
    await using pair = await Pair.connect(place);
    const { ann, ben, conversation } = pair;
    logins += 1;
    const fuzzer = new Fuzzer(seed + number * 1000 + logins, { conversation, peer: ben.id });
    let isOpen = true;
    void ann.socket.closed.then(() => {
      isOpen = false;
    });
    while (isOpen && sent < payloads / SENDERS) {
      for (let count = 0; count < BLOCK && isOpen; count += 1) {
        ann.sendText(fuzzer.next());
        sent += 1;
      }
      await Promise.race([ann.settled().catch(() => undefined), ann.socket.closed]);
      for (const { frames, socket } of [ann, ben]) {
        frames.rest();
        frames.log.length = 0;
        socket.received.log.length = 0;
      }
    }
  }
  return sent;
}

async function flood(place: Place): Promise<void> {
  const sent = await Promise.all(Array.from({ length: SENDERS }, (_, number) => send(place, number)));
  expect(sent.reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(payloads);
  // A prototype that was changed would show as a field that no frame has, or as one that should not be there.
  await using late = await Pair.connect(place);
  expect(Object.keys(late.ann.welcome.user).sort()).toEqual(["id", "kind", "name"]);
}

describe("payloads that nobody expects", () => {
  test(`[BI1] ${payloads} of them end no process and reject no promise (seed ${seed})`, async () => {
    await using witness = await Witness.watch(server);
    await flood(server.url);
    await witness.isWell();
  });

  test(`[BI1] ${payloads} of them change no prototype where they are taken (seed ${seed})`, async () => {
    using inProcess = new InProcessServer(room);
    // Once before: what is loaded or made at the first use is no change.
    await using _ = await Pair.connect(inProcess);
    const before = prototypes();
    await flood(inProcess);
    expectSamePrototypes(before);
    expect("polluted" in {}).toBe(false);
    expect(inProcess.log).toEqual([]);
  });

  test("[BI1] both decoders take them without throwing, and leave this process's prototypes alone", () => {
    const before = prototypes();
    const fuzzer = new Fuzzer(seed, { conversation: "c", peer: "p" });
    let valid = 0;
    for (let count = 0; count < 20_000; count += 1) {
      const text = fuzzer.next();
      const decoded = decodeClientFrame(text);
      if (decoded.ok) valid += 1;
      else expect(decoded.problem).not.toBe("");
      decodeServerFrame(text);
    }
    expectSamePrototypes(before);
    expect("polluted" in {}).toBe(false);
    // Neither all refused nor all taken: the payloads go deeper than the first check.
    expect(valid).toBeGreaterThan(2000);
    expect(valid).toBeLessThan(18_000);
  });

  test("[CL8] classic payloads, and texts as first frames, are answered, ignored or closed", async () => {
    await using witness = await Witness.watch(server);
    const fuzzer = new Fuzzer(seed + 1, { conversation: "c", peer: "p" });
    for (let round = 0; round < 40; round += 1) {
      const sockets = await Promise.all([
        Socket.open(server.url),
        Socket.open(server.url, { protocol: "duologue.v1" }),
      ]);
      for (const socket of sockets) {
        if (round % 2 === 0) socket.send(`login:${freshName().replace(/\W/g, "")}`);
        for (let count = 0; count < 50; count += 1) {
          const text = fuzzer.next();
          socket.send(count % 3 === 0 ? `chat:<127.0.0.1:${count}>:${text}` : text);
        }
        socket.terminate();
      }
    }
    await witness.isWell();
  });
});

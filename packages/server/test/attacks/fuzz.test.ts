/**
 * A flood of payloads that nobody expects. FUZZ_PAYLOADS=1000000 makes it the full size, FUZZ_SEED another one; a failure
 * prints the seed.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { decodeClientFrame, decodeServerFrame } from "@duologue/protocol";
import { limits, type Server, startServer } from "@duologue/testing";
import { systemClock } from "../../src/clock.ts";
import { freshName, Pair } from "../harness/peer.ts";
import { Socket } from "../harness/socket.ts";
import { Fuzzer } from "./fuzz.ts";
import { Witness } from "./witness.ts";

setDefaultTimeout(600_000);

const payloads = Number(process.env.FUZZ_PAYLOADS ?? 100_000);
const seed = Number(process.env.FUZZ_SEED ?? 20_261_123);
/** The suite goes on after this long, having sent less on a slow machine; the full size has all the time it needs. */
const budgetMs = process.env.FUZZ_PAYLOADS === undefined ? 15_000 : Number.POSITIVE_INFINITY;
const SENDERS = 8;
/** Sent between two answers that are awaited. */
const BLOCK = 200;

let server: Server;
beforeAll(async () => {
  server = await startServer({
    workers: 2,
    options: limits({ framesPerSecond: 1_000_000, framesBurst: 1_000_000, pendingPerConnection: 10_000 }),
  });
});
afterAll(() => server[Symbol.asyncDispose]());

function prototypeKeys(): readonly PropertyKey[] {
  return [Object.prototype, Array.prototype, String.prototype, Function.prototype].flatMap((object) =>
    Reflect.ownKeys(object),
  );
}

/** Sends blocks of payloads, and waits after each until the server has read it. A session that ended is begun anew. */
async function attack(number: number, mayGoOn: () => boolean): Promise<{ sent: number; logins: number }> {
  let [sent, logins] = [0, 0];
  while (mayGoOn() && sent < payloads / SENDERS) {
    await using pair = await Pair.connect(server.url);
    logins += 1;
    const fuzzer = new Fuzzer(seed + number * 1000 + logins, {
      conversation: pair.conversation,
      peer: pair.ben.id,
    });
    let isOpen = true;
    void pair.ann.socket.closed.then(() => {
      isOpen = false;
    });
    while (isOpen && mayGoOn() && sent < payloads / SENDERS) {
      for (let count = 0; count < BLOCK; count += 1) pair.ann.sendText(fuzzer.next());
      sent += BLOCK;
      await Promise.race([pair.ann.settled().catch(() => undefined), pair.ann.socket.closed]);
      pair.ann.frames.rest();
      pair.ann.frames.log.length = 0;
      pair.ben.frames.rest();
      pair.ben.frames.log.length = 0;
    }
  }
  return { sent, logins };
}

describe("payloads that nobody expects", () => {
  test(`[BI1] ${payloads} of them end no process, reject no promise, change no prototype (seed ${seed})`, async () => {
    await using witness = await Witness.watch(server);
    const before = prototypeKeys();
    const endAt = systemClock.monotonic() + budgetMs;
    const mayGoOn = (): boolean => systemClock.monotonic() < endAt;
    const outcomes = await Promise.all(
      Array.from({ length: SENDERS }, (_, number) => attack(number, mayGoOn)),
    );
    const sent = outcomes.reduce((sum, outcome) => sum + outcome.sent, 0);
    expect(sent).toBeGreaterThan(Math.min(payloads, 20_000) - SENDERS * BLOCK);
    await witness.isWell();
    expect(prototypeKeys()).toEqual(before);
    // A prototype that was changed in the server would show as a field that no frame has; Peer looks at each.
    await using late = await Pair.connect(server.url);
    expect(Object.keys(late.ann.welcome.user).sort()).toEqual(["id", "kind", "name"]);
    process.stdout.write(`fuzz: ${sent} payloads, seed ${seed}\n`);
  });

  test("[BI1] both decoders take them without throwing, and leave this process's prototypes alone", () => {
    const before = prototypeKeys();
    const fuzzer = new Fuzzer(seed, { conversation: "c", peer: "p" });
    let valid = 0;
    for (let count = 0; count < 20_000; count += 1) {
      const text = fuzzer.next();
      const decoded = decodeClientFrame(text);
      if (decoded.ok) valid += 1;
      else expect(decoded.problem).not.toBe("");
      decodeServerFrame(text);
    }
    expect(prototypeKeys()).toEqual(before);
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

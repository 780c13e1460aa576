/**
 * Peers that break WebSocket, or use what it allows to do harm: each gets the right close code or is cut within 15 s, costs
 * no more memory than its limits say, and others are answered meanwhile. ATTACK_CONNECTIONS=2000 makes it the full size, in
 * which it is also judged how long others wait.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { closeTable, defaultLimits, SUBPROTOCOL } from "@duologue/protocol";
import { type Server, startServer } from "@duologue/testing";
import { systemClock } from "../../src/clock.ts";
import { freshName } from "../harness/peer.ts";
import { encodeRawFrame, type FrameOptions, opcode, openRaw, RawSocket } from "../harness/raw.ts";
import { openMany } from "../harness/raw-pool.ts";
import { breaches } from "./breaches.ts";
import { brokenHandshakes, deflateOffers } from "./handshakes.ts";
import { judgeDelays, Witness } from "./witness.ts";

setDefaultTimeout(60_000);

const connections = Number(process.env.ATTACK_CONNECTIONS ?? 400);
const slowConnections = connections >> 2;
const CUT_MS = 15_000;
/** So many times as long as usual others may wait, at most. */
const FLOOD_FACTOR = 2;
let server: Server;
/** How long others wait while nobody attacks. */
let usualDelays: readonly number[];

beforeAll(async () => {
  // One, so that who attacks and who watches share it.
  server = await startServer({ workers: 1 });
  await using witness = await Witness.watch(server);
  usualDelays = await witness.baseline();
});
afterAll(() => server[Symbol.asyncDispose]());

function openV1(): Promise<RawSocket> {
  return openRaw(server.url, { protocol: SUBPROTOCOL });
}

async function loggedIn(): Promise<RawSocket> {
  const raw = await openV1();
  raw.sendText(JSON.stringify({ type: "hello", version: 1, nickname: freshName() }));
  await raw.texts.next((text) => text.includes('"lobby"'), "lobby");
  return raw;
}

describe("frames that break the standard", () => {
  const all = breaches(defaultLimits.frameBytes);

  test(`[CN4] each of ${all.length} breaches is answered with the close code of RFC 6455 §7.4.1`, async () => {
    await using witness = await Witness.watch(server);
    const wrong: string[] = [];
    await openMany(all.length, async (index) => {
      const { name, bytes, code } = all[index] as (typeof all)[number];
      await using raw = await openV1();
      raw.write(bytes);
      const got = await raw.whenClosed(CUT_MS).catch(() => "still open");
      if (got !== code) wrong.push(`${name}: ${got}, not ${code}`);
    });
    expect(wrong).toEqual([]);
    await witness.isWell();
  });

  test("[BI1] a text may be cut into fragments anywhere, also inside a character, with pings between them", async () => {
    await using raw = await loggedIn();
    const text = Buffer.from('{"type":"ping","more":"aé你🦀","ref":7}');
    for (let cut = 0; cut <= text.length; cut += 1) {
      raw.sendFrame(text.subarray(0, cut), { fin: false });
      raw.sendFrame("", { opcode: opcode.continuation, fin: false });
      if (cut % 4 === 0) raw.sendFrame("between", { opcode: opcode.ping });
      raw.sendFrame(text.subarray(cut), { opcode: opcode.continuation });
      await raw.texts.next((answer) => answer.includes('"pong"'), `the pong after a cut at ${cut}`);
    }
  });

  test("[BI1] a text may come byte by byte, each in a fragment of its own", async () => {
    await using raw = await loggedIn();
    const bytes = [...Buffer.from('{"type":"ping","more":"aé你🦀","ref":8}')];
    for (const [index, byte] of bytes.entries()) {
      raw.sendFrame(Buffer.from([byte]), {
        ...(index === 0 ? {} : { opcode: opcode.continuation }),
        fin: index === bytes.length - 1,
      });
    }
    await raw.texts.next((answer) => answer.includes('"ref":8'), "the pong");
  });

  test("[CN4] a text of each length at which its header changes is taken, up to the limit", async () => {
    await using raw = await loggedIn();
    for (const size of [0, 125, 126, 127, 65_535, defaultLimits.frameBytes]) {
      const frame = JSON.stringify({ type: "ping", ref: size });
      raw.sendText(size === 0 ? "" : frame.padEnd(size));
      const answer = size === 0 ? '"frame_invalid"' : `"ref":${size}`;
      await raw.texts.next((text) => text.includes(answer), `the answer to ${size} bytes`);
    }
  });

  test("a ping of any length is answered with what it carries", async () => {
    await using raw = await loggedIn();
    for (const size of [0, 1, 2, 124, 125]) {
      const payload = Buffer.from(Array.from({ length: size }, (_, index) => (index * 37 + size) % 256));
      raw.sendFrame(payload, { opcode: opcode.ping });
      const pong = await raw.frames.next(
        (frame) => frame.opcode === opcode.pong,
        `the pong of ${size} bytes`,
      );
      expect(pong.payload.equals(payload)).toBe(true);
    }
  });
});

describe("handshakes", () => {
  test("[CN10] that break the standard are refused, and the server goes on", async () => {
    await using witness = await Witness.watch(server);
    const wrong: string[] = [];
    for (const { name, lines, status } of brokenHandshakes(server.url)) {
      await using raw = new RawSocket();
      await raw.connect(server.url);
      const answer = await raw.request(lines);
      if (answer.status !== status) wrong.push(`${name}: ${answer.status}, not ${status}`);
    }
    expect(wrong).toEqual([]);
    await witness.isWell();
  });

  test.each(deflateOffers)("[CN10] no offer of compression is taken up: %s", async (offer) => {
    await using raw = new RawSocket();
    await raw.connect(server.url);
    const headers = { "Sec-WebSocket-Extensions": offer };
    const { status, headers: answer } = await raw.upgrade(server.url, { protocol: SUBPROTOCOL, headers });
    expect([status, answer.get("sec-websocket-extensions")]).toEqual([101, undefined]);
  });
});

describe("frames that are allowed, in numbers that are not", () => {
  const floods: readonly (readonly [string, string, FrameOptions])[] = [
    ["empty continuation frames", "", { opcode: opcode.continuation, fin: false }],
    ["pings", "", { opcode: opcode.ping }],
    ["pings of 125 bytes", "x".repeat(125), { opcode: opcode.ping }],
    ["pongs that nobody asked for", "", { opcode: opcode.pong }],
  ];

  // Bun tells nobody of a frame that completes no message: before BI5, one peer took a whole core and delayed all others of
  // its worker by 13 ms (empty frames) to 50 ms (pings), for as long as it liked.
  test.each(floods)(
    "[BI5] a flood of %s is cut within 15 s, and others are answered meanwhile",
    async (name, payload, options) => {
      await using witness = await Witness.watch(server);
      await using raw = await loggedIn();
      raw.sendFrame("x", { fin: false });
      const flood = Buffer.concat(Array.from({ length: 100_000 }, () => encodeRawFrame(payload, options)));
      const closed = raw.whenClosed(CUT_MS);
      let isOver = false;
      void closed.finally(() => {
        isOver = true;
      });
      raw.write(flood);
      const delays = await witness.sayWhile(() => {
        // As long as the server takes it, there is more.
        if (raw.unwrittenBytes === 0) raw.write(flood);
        return !isOver;
      });
      await closed;
      judgeDelays(`flood of ${name}`, usualDelays, delays, FLOOD_FACTOR);
      expect(witness.grownMegabytes).toBeLessThan(60);
      await witness.isWell();
    },
  );

  test("[CN4] a message of one-byte fragments without end is cut at its size", async () => {
    await using raw = await loggedIn();
    raw.sendFrame("x", { fin: false });
    const fragment = encodeRawFrame("x", { opcode: opcode.continuation, fin: false });
    raw.write(Buffer.concat(Array.from({ length: defaultLimits.frameBytes + 10 }, () => fragment)));
    expect(await raw.whenClosed(CUT_MS)).toBe(1009);
  });

  test("[BI5] messages in one-byte fragments, each allowed by itself, are cut for what they weigh", async () => {
    await using raw = await loggedIn();
    const [first, middle, last] = [
      encodeRawFrame('"', { fin: false }),
      encodeRawFrame("x", { opcode: opcode.continuation, fin: false }),
      encodeRawFrame('"', { opcode: opcode.continuation }),
    ];
    const message = Buffer.concat([first, ...Array.from({ length: 30_000 }, () => middle), last]);
    const messages = Buffer.concat(Array.from({ length: 5 }, () => message));
    const timer = systemClock.every(100, () => {
      if (raw.unwrittenBytes === 0) raw.write(messages);
    });
    await raw.whenClosed(CUT_MS).finally(() => timer.cancel());
  });

  test("[CN4] a burst of the largest messages, which weighs more, is not cut", async () => {
    await using raw = await loggedIn();
    const padding = "x".repeat(defaultLimits.frameBytes - 100);
    for (let ref = 1; ref <= 150; ref += 1) raw.sendText(JSON.stringify({ type: "ping", ref, padding }));
    await raw.texts.next((text) => text.includes('"ref":150'), "the last pong");
  });
});

describe("what is never finished", () => {
  test(`[CN5] ${connections} unfinished messages, and ${slowConnections} slow and silent requests, are ended within 15 s, at a bounded price`, async () => {
    await using witness = await Witness.watch(server);
    const startedAt = systemClock.monotonic();
    const slow = await slowRequests();
    const unfinished = await openMany(connections, async () => {
      const raw = await openV1();
      raw.sendFrame(Buffer.alloc(60_000, 120), { fin: false });
      return raw;
    });
    const codes = Promise.all(unfinished.map((raw) => raw.whenClosed(CUT_MS)));
    let isOver = false;
    void codes.finally(() => {
      isOver = true;
    });
    let grown = 0;
    const delays = await witness.sayWhile(() => {
      grown = Math.max(grown, witness.grownMegabytes);
      return !isOver;
    });
    expect(grown).toBeLessThan((connections * defaultLimits.frameBytes * 1.5) / 1e6 + 40);
    expect([...new Set(await codes)]).toEqual([closeTable.login_late.code]);
    await Promise.all(slow.map((raw) => raw.whenClosed(CUT_MS)));
    expect(systemClock.monotonic() - startedAt).toBeLessThan(CUT_MS + 3000);
    judgeDelays(`${connections} unfinished messages`, usualDelays, delays, FLOOD_FACTOR);
    await witness.isWell();
  });
});

/** In turn: one that says nothing, one that stops in the middle of a handshake, one that sends a byte of it every 300 ms. */
function slowRequests(): Promise<readonly RawSocket[]> {
  return openMany(slowConnections, async (index) => {
    const raw = new RawSocket();
    await raw.connect(server.url);
    if (index % 3 === 1) raw.write(Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websock"));
    if (index % 3 === 2) {
      raw.write(Buffer.from("GET / HTTP/1.1\r\n"));
      const timer = systemClock.every(300, () => raw.write(Buffer.from("X")));
      void raw.closed.finally(() => timer.cancel());
    }
    return raw;
  });
}

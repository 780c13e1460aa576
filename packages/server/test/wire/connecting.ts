/** SPEC.md, "Connecting" (CN) and "Bad input" at the level of WebSocket frames. */
import { describe, expect } from "bun:test";
import { closeTable, defaultLimits, isReconnectClose, SUBPROTOCOL } from "@duologue/protocol";
import { freshName, Peer } from "../harness/peer.ts";
import { opcode, openRaw, requestUpgrade } from "../harness/raw.ts";
import type { Target } from "./target.ts";

export function connectingTests(target: Target): void {
  describe("connecting", () => {
    upgradeTests(target);
    originTests(target);
    frameTests(target);
    lowLevelTests(target);
  });
}

function upgradeTests(target: Target): void {
  const { test } = target;
  test("[CN1] a request for duologue.v1 is upgraded with that subprotocol chosen", async () => {
    const answer = await requestUpgrade(target.url(), { protocol: SUBPROTOCOL });
    expect(answer.status).toBe(101);
    expect(answer.headers.get("sec-websocket-protocol")).toBe(SUBPROTOCOL);
  });

  test("[CN1] duologue.v1 is chosen wherever it stands in the offer", async () => {
    const answer = await requestUpgrade(target.url(), { protocol: `chat, ${SUBPROTOCOL} ,mqtt` });
    expect(answer.status).toBe(101);
    expect(answer.headers.get("sec-websocket-protocol")).toBe(SUBPROTOCOL);
  });

  test.each(["duologue.v2", "chat, mqtt", "Duologue.V1", "duologue.v1x"])(
    "[CN1] an offer of unknown subprotocols only is refused with 400: %s",
    async (protocol) => {
      expect((await requestUpgrade(target.url(), { protocol })).status).toBe(400);
    },
  );

  test("[CN1] a request without subprotocol is upgraded without one", async () => {
    const answer = await requestUpgrade(target.url());
    expect(answer.status).toBe(101);
    expect(answer.headers.has("sec-websocket-protocol")).toBe(false);
  });
}

function originTests(target: Target): void {
  const { test } = target;
  test("[CN2] the server's own origin is let in", async () => {
    const url = target.url();
    const answer = await requestUpgrade(url, {
      protocol: SUBPROTOCOL,
      headers: { Origin: new URL(url).origin },
    });
    expect(answer.status).toBe(101);
  });

  test("[CN2] a client without origin, which is no browser, is let in", async () => {
    expect((await requestUpgrade(target.url(), { protocol: SUBPROTOCOL })).status).toBe(101);
  });

  test("[CN2] every other origin is refused with 403 before the upgrade", async () => {
    const { host, hostname, port } = new URL(target.url());
    const foreign = [
      "https://evil.example",
      `https://${host}`,
      `http://${hostname}`,
      `http://${hostname}:${Number(port) + 1}`,
      `http://${host}.evil.example`,
      `http://evil-${host}`,
      `http://${host}/`,
      `http://user@${host}`,
      `http://${host} http://evil.example`,
      `file://${host}`,
      "null",
      "*",
    ];
    for (const origin of foreign) {
      const answer = await requestUpgrade(target.url(), {
        protocol: SUBPROTOCOL,
        headers: { Origin: origin },
      });
      expect([origin, answer.status]).toEqual([origin, 403]);
    }
  });
}

function frameTests(target: Target): void {
  const { test } = target;
  test("[CN3] a binary frame is answered with binary_unsupported, and the connection goes on", async () => {
    await using ann = await Peer.connect(target.place());
    ann.socket.send(new TextEncoder().encode('{"type":"ping","ref":1}'));
    expect((await ann.next("error")).code).toBe("binary_unsupported");
    await ann.settled();
    expect(ann.all("pong")).toHaveLength(1);
  });

  test("[CN4] a frame of frameBytes is read; one byte more closes with 1009", async () => {
    const ann = await Peer.connect(target.place());
    const frameOf = (bytes: number): string => {
      const empty = '{"type":"ping","ref":7,"padding":""}';
      return empty.replace('""', `"${"x".repeat(bytes - empty.length)}"`);
    };
    ann.sendText(frameOf(ann.welcome.limits.frameBytes));
    await ann.next("pong", ({ ref }) => ref === 7);
    ann.sendText(frameOf(ann.welcome.limits.frameBytes + 1));
    expect((await ann.whenClosed()).code).toBe(1009);
  });

  test("[CN4] a frame in fragments is measured as a whole", async () => {
    await using raw = await openRaw(target.url(), { protocol: SUBPROTOCOL });
    raw.sendText(JSON.stringify({ type: "hello", version: 1, nickname: freshName() }));
    await raw.texts.next((text) => text.includes('"welcome"'), "welcome");
    raw.sendFrame("x".repeat(1000), { fin: false });
    for (let sent = 0; sent < defaultLimits.frameBytes; sent += 10_000) {
      raw.sendFrame("x".repeat(10_000), { opcode: opcode.continuation, fin: false });
    }
    expect(await raw.whenClosed()).toBe(1009);
  });

  test("[CN4] before login, a frame above helloBytes closes with unauthenticated_limit", async () => {
    const stranger = await Peer.open(target.place());
    stranger.sendText(
      JSON.stringify({
        type: "hello",
        version: 1,
        nickname: freshName(),
        padding: "x".repeat(defaultLimits.helloBytes),
      }),
    );
    expect((await stranger.whenClosed()).code).toBe(closeTable.unauthenticated_limit.code);
    expect(stranger.all("welcome")).toEqual([]);
  });

  test("[CN6] a refused login closes with a code that means: do not come back with this", async () => {
    const stranger = await Peer.open(target.place());
    stranger.send({ type: "hello", version: 1, token: "nonsense" });
    expect(isReconnectClose((await stranger.whenClosed()).code)).toBe(false);
  });
}

function lowLevelTests(target: Target): void {
  const { test } = target;
  test("a hello in fragments of one byte, with a ping between them, is read like any other", async () => {
    await using raw = await openRaw(target.url(), { protocol: SUBPROTOCOL });
    const hello = JSON.stringify({ type: "hello", version: 1, nickname: freshName() });
    raw.sendFrame(hello.slice(0, 1), { fin: false });
    raw.sendFrame("in between", { opcode: opcode.ping });
    for (const letter of hello.slice(1, -1)) {
      raw.sendFrame(letter, { opcode: opcode.continuation, fin: false });
    }
    raw.sendFrame(hello.slice(-1), { opcode: opcode.continuation });
    const pong = await raw.frames.next((frame) => frame.opcode === opcode.pong, "pong");
    expect(String(pong.payload)).toBe("in between");
    await raw.texts.next((text) => text.includes('"welcome"'), "welcome");
  });

  test("frames that break RFC 6455 end that connection and no other", async () => {
    await using witness = await Peer.connect(target.place());
    const breaches = [
      { name: "not masked", payload: '{"type":"ping"}', options: { masked: false } },
      { name: "reserved bits", payload: '{"type":"ping"}', options: { reserved: 7 } },
      { name: "unknown opcode", payload: "x", options: { opcode: 5 } },
      { name: "continuation of nothing", payload: "x", options: { opcode: opcode.continuation } },
      { name: "long ping", payload: "x".repeat(126), options: { opcode: opcode.ping } },
      { name: "fragmented ping", payload: "x", options: { opcode: opcode.ping, fin: false } },
      { name: "not UTF-8", payload: Buffer.from([0xc3, 0x28]), options: {} },
      { name: "2^62 bytes claimed", payload: "x", options: { claimedBytes: 1n << 62n } },
    ];
    for (const { name, payload, options } of breaches) {
      await using raw = await openRaw(target.url(), { protocol: SUBPROTOCOL });
      raw.sendFrame(payload, options);
      await raw.whenClosed().catch(() => {
        throw new Error(`the connection outlived: ${name}`);
      });
      expect(raw.texts.log.filter((text) => text.includes('"welcome"'))).toEqual([]);
    }
    await witness.settled();
  });

  test("a text frame inside a fragmented one ends the connection", async () => {
    await using raw = await openRaw(target.url(), { protocol: SUBPROTOCOL });
    raw.sendFrame('{"type":', { fin: false });
    raw.sendText('{"type":"ping"}');
    await raw.whenClosed();
  });
}

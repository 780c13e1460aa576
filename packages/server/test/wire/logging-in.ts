/** SPEC.md, "Logging in" (HL). */
import { describe, expect } from "bun:test";
import { closeTable } from "@duologue/protocol";
import { freshName, type Hello, Pair, Peer, type Place, RefusedError } from "../harness/peer.ts";
import { hs256, parseToken, unsignedToken } from "../harness/token.ts";
import type { Target } from "./target.ts";

export function loggingInTests(target: Target): void {
  describe("logging in", () => {
    firstFrameTests(target);
    helloTests(target);
    tokenTests(target);
    logoutTests(target);
  });
}

/** A hello that must be refused: the error's code, and the close code after it. */
async function refusedHello(place: Place, hello: Hello): Promise<{ code: string; close: number }> {
  const peer = await Peer.open(place);
  const refusal = await peer.hello(hello).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(refusal instanceof RefusedError)) {
    throw new Error(`hello ${JSON.stringify(hello)} was not refused: ${String(refusal)}`);
  }
  const { code } = await peer.whenClosed();
  expect(peer.all("welcome")).toEqual([]);
  return { code: refusal.frame.code, close: code };
}

function firstFrameTests(target: Target): void {
  const { test } = target;
  const early = [
    { type: "ping" },
    { type: "search", ref: 1, query: "a" },
    { type: "conversations", ref: 1 },
    { type: "open", ref: 1, user: "somebody" },
    { type: "logout", ref: 1 },
    { type: "sync", ref: 1, cursor: "abc.0" },
  ];
  test.each(early)("[HL1] before hello, $type is answered with hello_expected, then close", async (frame) => {
    const peer = await Peer.open(target.place());
    peer.sendText(JSON.stringify(frame));
    expect((await peer.next("error")).code).toBe("hello_expected");
    expect((await peer.whenClosed()).code).toBe(closeTable.frame_invalid.code);
  });

  test.each([
    "",
    "not JSON",
    "[]",
    '{"type":"nothing"}',
    '{"type":"hello"}',
    '{"type":"hello","version":"1"}',
  ])("[HL1] before hello, an invalid frame is answered with frame_invalid, then close: %s", async (text) => {
    const peer = await Peer.open(target.place());
    peer.sendText(text);
    expect((await peer.next("error")).code).toBe("frame_invalid");
    expect((await peer.whenClosed()).code).toBe(closeTable.frame_invalid.code);
  });

  test("[HL6] another version is answered with version_unsupported, then close", async () => {
    expect(await refusedHello(target.place(), { version: 2, nickname: freshName() })).toEqual({
      code: "version_unsupported",
      close: closeTable.version_unsupported.code,
    });
  });

  test("[HL8] hello with neither token nor nickname is answered with frame_invalid, then close", async () => {
    expect(await refusedHello(target.place(), {})).toEqual({
      code: "frame_invalid",
      close: closeTable.frame_invalid.code,
    });
  });
}

function helloTests(target: Target): void {
  const { test } = target;
  test("[HL2] a nickname makes a guest; welcome has user, token, cursor and limits", async () => {
    const nickname = freshName();
    await using ann = await Peer.connect(target.place(), { nickname });
    const { user, token, tokenExpiresAt, time, cursor, limits, version, changes } = ann.welcome;
    expect(user).toEqual({ id: expect.any(String), name: nickname, kind: "guest" });
    expect(version).toBe(1);
    expect(token.length).toBeGreaterThan(20);
    expect(tokenExpiresAt).toBeGreaterThan(time);
    expect(cursor.length).toBeGreaterThan(0);
    expect(changes).toBeUndefined();
    expect(limits.nicknameMaxCharacters).toBe(32);
    expect(Math.min(...Object.values(limits))).toBeGreaterThan(0);
  });

  test("[HL2] every guest is another user, and no id or token can be guessed from another", async () => {
    const guests = await Promise.all([1, 2, 3, 4].map(() => Peer.connect(target.place())));
    expect(new Set(guests.map(({ id }) => id)).size).toBe(4);
    expect(new Set(guests.map(({ token }) => token)).size).toBe(4);
    for (const { id } of guests) expect(id.length).toBeGreaterThanOrEqual(16);
    await Promise.all(guests.map((guest) => guest.close()));
  });

  test("[HL5] a second hello is answered with hello_repeated, and the connection goes on", async () => {
    await using ann = await Peer.connect(target.place());
    ann.send({ type: "hello", version: 1, nickname: freshName() });
    expect((await ann.next("error")).code).toBe("hello_repeated");
    await ann.settled();
    expect(ann.all("welcome")).toHaveLength(1);
  });

  test("[HL5] two hellos in one breath make one login", async () => {
    const peer = await Peer.open(target.place());
    peer.send({ type: "hello", version: 1, nickname: freshName() });
    peer.send({ type: "hello", version: 1, nickname: freshName() });
    await peer.next("welcome");
    expect((await peer.next("error")).code).toBe("hello_repeated");
    await peer.settled();
    await peer.close();
  });

  test("[HL2] frames sent right behind the hello are carried out after it", async () => {
    const peer = await Peer.open(target.place());
    peer.send({ type: "hello", version: 1, nickname: freshName() });
    peer.send({ type: "ping", ref: 5 });
    await peer.next("pong", ({ ref }) => ref === 5);
    expect(peer.frames.log[0]?.type).toBe("welcome");
    await peer.close();
  });

  test("[HL9] hello with a cursor brings what changed since in welcome.changes", async () => {
    await using pair = await Pair.connect(target.place());
    const { ann, ben, conversation } = pair;
    const before = ben.welcome.cursor;
    await ann.say(conversation, "while you were away");
    await using again = await Peer.connect(target.place(), { token: ben.token, cursor: before });
    const { changes } = again.welcome;
    expect(changes?.events.map(({ body }) => body?.text)).toEqual(["while you were away"]);
    expect(changes?.conversations.map(({ id }) => id)).toEqual([conversation]);
    expect(changes?.more).toBe(false);
    expect(changes?.reset).toBeUndefined();
    expect(changes?.cursor).toBe(again.welcome.cursor);
  });
}

function tokenTests(target: Target): void {
  const { test } = target;
  test("[HL3] a token is the same person on every connection, whichever worker holds it", async () => {
    await using ann = await Peer.connect(target.place());
    let { token } = ann;
    for (let round = 0; round < 8; round += 1) {
      await using again = await Peer.connect(target.place(), { token });
      expect(again.welcome.user).toEqual(ann.welcome.user);
      token = again.token;
    }
  });

  test("[HL4] a token with a nickname logs in under the new name", async () => {
    await using ann = await Peer.connect(target.place());
    const nickname = freshName("Renamed");
    await using again = await Peer.connect(target.place(), { token: ann.token, nickname });
    expect(again.welcome.user).toEqual({ id: ann.id, name: nickname, kind: "guest" });
    await using third = await Peer.connect(target.place(), { token: ann.token });
    expect(third.name).toBe(nickname);
  });

  test("[HL7] a malformed or forged token is answered with token_invalid, then close", async () => {
    await using ann = await Peer.connect(target.place());
    const { head, payload, signature } = parseToken(ann.token);
    const flipped = `${signature.slice(0, -2)}${signature.endsWith("AA") ? "BB" : "AA"}`;
    const far = { ...payload, exp: 9_999_999_999 };
    const forged = [
      "x",
      "a.b.c",
      ann.token.slice(0, -10),
      `${ann.token}x`,
      ann.token.replace(/\.[^.]*$/, "."),
      ann.token.replace(/\.[^.]*$/, `.${flipped}`),
      unsignedToken({ ...head, alg: "none" }, payload),
      unsignedToken({ ...head, alg: "None" }, far),
      hs256(head, far, ""),
      hs256(head, far, "secret"),
      hs256({ ...head, alg: "HS512" }, far, "secret"),
      hs256({ ...head, jwk: { kty: "oct", k: "c2VjcmV0" } }, far, "secret"),
    ];
    for (const token of forged) {
      expect([token, await refusedHello(target.place(), { token })]).toEqual([
        token,
        { code: "token_invalid", close: closeTable.hello_refused.code },
      ]);
    }
  });

  test("[HL7] a token logged out is answered with session_ended, then close", async () => {
    const ann = await Peer.connect(target.place());
    await ann.logout();
    expect(await refusedHello(target.place(), { token: ann.token })).toEqual({
      code: "session_ended",
      close: closeTable.hello_refused.code,
    });
  });
}

function logoutTests(target: Target): void {
  const { test } = target;
  test("[HL10] logout closes every connection of the session, on every worker, and ends the token", async () => {
    const ann = await Peer.connect(target.place());
    const others = await Promise.all(
      [1, 2, 3, 4].map(() => Peer.connect(target.place(), { token: ann.token })),
    );
    await ann.ask({ type: "logout" }, "logged-out");
    for (const peer of [ann, ...others]) {
      expect((await peer.whenClosed()).code).toBe(closeTable.logged_out.code);
    }
    for (const { token } of [ann, ...others]) {
      expect((await refusedHello(target.place(), { token })).code).toBe("session_ended");
    }
  });

  test("[HL10] who logged out is offline at once", async () => {
    await using ben = await Peer.connect(target.place());
    const ann = await Peer.connect(target.place());
    await ben.next("lobby-change", ({ joined }) => joined.some(({ id }) => id === ann.id));
    await ann.logout();
    await ben.next("lobby-change", ({ left }) => left.includes(ann.id));
    const { users } = await ben.ask({ type: "search", query: ann.name }, "users");
    expect(users.find(({ id }) => id === ann.id)?.online).toBe(false);
  });

  test("[HL10] nothing reaches a connection after its session was logged out", async () => {
    await using pair = await Pair.connect(target.place());
    const { ann, ben, conversation } = pair;
    await using second = await Peer.connect(target.place(), { token: ben.token });
    await ben.logout();
    await second.whenClosed();
    await ann.say(conversation, "too late");
    expect(second.all("event")).toEqual([]);
    expect(ben.all("event")).toEqual([]);
  });
}

/** Rules of SPEC.md whose limits are too large, or too long, to be met with the defaults. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { closeTable, isReconnectClose, SUBPROTOCOL } from "@duologue/protocol";
import { elapsed, limits, type Server, startServer } from "@duologue/testing";
import { ClassicClient } from "./harness/classic.ts";
import { freshId, freshName, Pair, Peer, type RefusedError, textBody } from "./harness/peer.ts";
import { openRaw } from "./harness/raw.ts";

setDefaultTimeout(60_000);

/** A server with these limits for the tests of one group. */
function withServer(values: Readonly<Record<string, number>>, workers = 1): () => string {
  let server: Server | undefined;
  beforeAll(async () => {
    server = await startServer({ workers, options: limits(values) });
  });
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
  });
  return () => server?.url ?? "";
}

describe("time", () => {
  const url = withServer({ helloMs: 300, silenceMs: 1500 }, 2);

  test("[CN5] who has not logged in after helloMs is closed with login_late, and may come back", async () => {
    const { code } = closeTable.login_late;
    expect(isReconnectClose(code)).toBe(true);
    const silent = await Peer.open(url());
    const classic = await ClassicClient.open(url());
    const talkative = await ClassicClient.open(url());
    talkative.send("msg:nihao");
    const half = await openRaw(url(), { protocol: SUBPROTOCOL });
    half.sendFrame('{"type":"hello",', { fin: false });
    expect((await silent.whenClosed()).code).toBe(code);
    expect(await classic.socket.whenClosed()).toBe(code);
    expect(await talkative.socket.whenClosed()).toBe(code);
    expect(await half.whenClosed()).toBe(code);
  });

  test("[CN7] who sends no frame for silenceMs is closed with idle; a ping is enough to stay", async () => {
    await using lively = await Peer.connect(url());
    const quiet = await Peer.connect(url());
    let isOver = false;
    const closing = quiet.whenClosed().finally(() => {
      isOver = true;
    });
    while (!isOver) {
      await lively.settled();
      await elapsed(100);
    }
    expect((await closing).code).toBe(closeTable.idle.code);
    await lively.settled();
  });

  test("[CN7] a classic client may be silent: the tutorial's page never pings", async () => {
    await using classic = await ClassicClient.login(url(), "silent_one");
    const quiet = await Peer.connect(url());
    expect((await quiet.whenClosed()).code).toBe(closeTable.idle.code);
    await classic.settled();
  });
});

describe("a slow reader", () => {
  const url = withServer({
    outboxBytes: 100_000,
    textCharacters: 20_000,
    framesPerSecond: 100_000,
    framesBurst: 100_000,
  });

  test("[CN8] is closed with slow_consumer, harms nobody, and catches up", async () => {
    await using pair = await Pair.connect(url());
    const { ann, ben, conversation } = pair;
    await using slow = await openRaw(url(), { protocol: SUBPROTOCOL });
    slow.sendText(JSON.stringify({ type: "hello", version: 1, token: ben.token }));
    await slow.texts.next((text) => text.includes('"lobby"'), "lobby");
    slow.pause();
    // More than the kernel keeps for both ends of a connection, so that the rest piles up in the server.
    const count = 400;
    const text = "\u4f60".repeat(20_000);
    for (let sent = 0; sent < count; sent += 1) await ann.say(conversation, text);
    slow.resume();
    // Without a code when this machine took so long that it had to be cut.
    expect([closeTable.slow_consumer.code, undefined]).toContain(await slow.whenClosed());
    expect(slow.texts.log.filter((frame) => frame.includes('"event"')).length).toBeLessThan(count);
    await ben.next("event", ({ seq }) => seq === count);
    expect(ben.all("event").map(({ seq }) => seq)).toEqual(
      Array.from({ length: count }, (_, index) => index + 1),
    );
  });
});

describe("many users", () => {
  const url = withServer({ lobbyUsers: 3, classicUsers: 5 }, 2);

  test("[LB3] above lobbyUsers, lobby and lobby-change carry the count only, and search finds people", async () => {
    const peers: Peer[] = [];
    for (let count = 1; count <= 3; count += 1) peers.push(await Peer.connect(url()));
    const [first] = peers as [Peer];
    expect((await (peers[2] as Peer).next("lobby")).users).toHaveLength(3);
    const name = freshName("Fourth");
    const fourth = await Peer.connect(url(), { nickname: name });
    expect(await fourth.next("lobby")).toEqual({ type: "lobby", count: 4 });
    expect(await first.next("lobby-change", ({ count }) => count === 4)).toEqual({
      type: "lobby-change",
      count: 4,
      joined: [],
      left: [],
    });
    const { users } = await first.ask({ type: "search", query: name }, "users");
    expect(users).toEqual([{ ...fourth.welcome.user, online: true }]);
    await fourth.logout();
    const again = await first.frames.next(
      (frame) => (frame.type === "lobby" || frame.type === "lobby-change") && frame.count === 3,
      "the lobby below the limit",
    );
    if (again.type === "lobby") expect(again.users).toHaveLength(3);
    await Promise.all(peers.map((peer) => peer.logout()));
  });

  test("[LB8] above lobbyUsers, the coming and going of watched peers is told all the same", async () => {
    const crowd = await Promise.all([1, 2, 3].map(() => Peer.connect(url())));
    await using pair = await Pair.connect(url());
    const { ann, ben, conversation } = pair;
    expect((await ben.next("lobby")).users).toBeUndefined();
    const watch = (): Promise<unknown> =>
      ann.ask({ type: "watch", conversations: [conversation] }, "presence");
    expect(await watch()).toMatchObject({ online: [ben.id], offline: [] });
    await ben.logout();
    expect(await ann.next("presence")).toEqual({ type: "presence", online: [], offline: [ben.id] });
    expect(await watch()).toMatchObject({ online: [], offline: [ben.id] });
    await Promise.all(crowd.map((peer) => peer.logout()));
    await ann.logout();
  });

  test("[CL9] a login when classicUsers are online is answered with full; later there is room again", async () => {
    const clients: ClassicClient[] = [];
    for (let count = 1; count <= 5; count += 1)
      clients.push(await ClassicClient.login(url(), `visitor_${count}`));
    await using late = await ClassicClient.open(url());
    late.send("login:too_late");
    expect(await late.received.next()).toBe("notice:failed:full");
    const [gone, witness, ...others] = clients as [ClassicClient, ClassicClient, ...ClassicClient[]];
    await gone.close();
    await witness.list((users) => !users.has(gone.address));
    late.send("login:in_time");
    expect(await late.received.next()).toBe("notice:success");
    await Promise.all([witness, ...others].map((client) => client.close()));
  });
});

describe("newcomers", () => {
  const url = withServer({ newcomerConversationsPerMinute: 2 }, 2);

  test("[CV13] a newcomer who begins more than the quota is refused for a while", async () => {
    await using ann = await Peer.connect(url());
    const others = await Promise.all([1, 2, 3].map(() => Peer.connect(url())));
    const [first, second, third] = others as [Peer, Peer, Peer];
    const known = await ann.open(first.id);
    await ann.open(second.id);
    const refused = await ann.refusal({ type: "open", user: third.id });
    expect(refused.code).toBe("too_many_conversations");
    expect(refused.retryAfterMs).toBeGreaterThan(0);
    expect(refused.retryAfterMs).toBeLessThanOrEqual(60_000);
    // On another connection too, but neither for what exists already nor for what others begin.
    await using elsewhere = await Peer.connect(url(), { token: ann.token });
    expect((await elsewhere.refusal({ type: "open", user: third.id })).code).toBe("too_many_conversations");
    expect((await ann.open(first.id)).id).toBe(known.id);
    expect((await third.open(ann.id)).peer.id).toBe(ann.id);
    expect((await ann.open(third.id)).peer.id).toBe(third.id);
    await Promise.all(others.map((other) => other.close()));
  });
});

describe("other names", () => {
  const url = withServer({ renamesPerMinute: 2 });

  test("[NK7] more renames than renamesPerMinute are refused for a while, at a login too, and the name stays", async () => {
    await using ann = await Peer.connect(url());
    const last = freshName();
    for (const nickname of [freshName(), last]) await ann.ask({ type: "rename", nickname }, "renamed");
    const refused = await ann.refusal({ type: "rename", nickname: freshName() });
    expect(refused).toMatchObject({ code: "too_fast", retryable: true });
    expect(refused.retryAfterMs).toBeGreaterThan(0);
    expect(refused.retryAfterMs).toBeLessThanOrEqual(30_000);
    const login = Peer.connect(url(), { token: ann.token, nickname: freshName() });
    expect(await login.catch((error: RefusedError) => error.frame)).toMatchObject({ code: "too_fast" });
    await using again = await Peer.connect(url(), { token: ann.token, nickname: last });
    expect(again.name).toBe(last);
    // Each user for themselves.
    await using ben = await Peer.connect(url());
    await ben.ask({ type: "rename", nickname: freshName() }, "renamed");
  });
});

describe("catching up", () => {
  const url = withServer({ syncEvents: 20, pageEvents: 7 });

  test("[SY3] a cursor further back than syncEvents gets reset; one event less does not", async () => {
    await using pair = await Pair.connect(url());
    const { ann, ben, conversation } = pair;
    const old = ben.welcome.cursor;
    for (let sent = 0; sent < 20; sent += 1) await ann.say(conversation, `number ${sent}`);
    const near = await ben.ask({ type: "sync", cursor: old }, "changes");
    expect([near.reset, near.events.length, near.more]).toEqual([undefined, 7, true]);
    await ann.say(conversation, "one more");
    const far = await ben.ask({ type: "sync", cursor: old }, "changes");
    expect([far.reset, far.more]).toEqual([true, false]);
    await using again = await Peer.connect(url(), { token: ben.token, cursor: old });
    expect(again.welcome.changes?.reset).toBe(true);
    expect((await again.settled(far.cursor)).behind).toBe(false);
  });

  test("[HL9] welcome.changes is the first page only; sync from its cursor brings the rest", async () => {
    await using pair = await Pair.connect(url());
    const { ann, ben, conversation } = pair;
    for (let sent = 0; sent < 10; sent += 1) await ann.say(conversation, `number ${sent}`);
    await using again = await Peer.connect(url(), { token: ben.token, cursor: ben.welcome.cursor });
    const first = again.welcome.changes;
    expect([first?.events.map(({ seq }) => seq), first?.more]).toEqual([[1, 2, 3, 4, 5, 6, 7], true]);
    const rest = await again.ask({ type: "sync", cursor: first?.cursor ?? "" }, "changes");
    expect([rest.events.map(({ seq }) => seq), rest.more]).toEqual([[8, 9, 10], false]);
  });
});

describe("requests that wait", () => {
  const url = withServer({ pendingPerConnection: 2 });

  test("more than pendingPerConnection at once are refused as busy, and may be sent again", async () => {
    await using pair = await Pair.connect(url());
    const { ann, ben, conversation } = pair;
    const frames = Array.from({ length: 30 }, (_, index) => {
      return { type: "send", id: freshId(), conversation, body: textBody(`number ${index}`) } as const;
    });
    const replies = await Promise.all(frames.map((frame) => ann.write(frame)));
    const refused = frames.filter((_, index) => replies[index]?.type === "error");
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.length).toBeLessThanOrEqual(28);
    for (const reply of replies) if (reply.type === "error") expect(reply.code).toBe("busy");
    for (const frame of refused) expect(await ann.write(frame)).toMatchObject({ type: "ack" });
    expect((await ben.open(ann.id)).lastSeq).toBe(30);
  });
});

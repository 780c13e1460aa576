/** SPEC.md, "Catching up" (SY). */
import { describe, expect } from "bun:test";
import type { ConversationEvent, ServerFrame } from "@duologue/protocol";
import { Pair, Peer } from "../harness/peer.ts";
import type { Target } from "./target.ts";

export function catchingUpTests(target: Target): void {
  describe("catching up", () => {
    chainTests(target);
    syncTests(target);
    resetTests(target);
    pingTests(target);
  });
}

type Step = Extract<ServerFrame, { type: "event" | "ack" | "markers" }>;

function stepsOf(peer: Peer): Step[] {
  return peer.frames.log.filter(
    (frame): frame is Step =>
      frame.type === "event" ||
      frame.type === "markers" ||
      (frame.type === "ack" && frame.duplicate !== true),
  );
}

/** Follows the chain from the welcome's cursor through every step, in whatever order they came, to its end. */
function endOfChain(peer: Peer): string {
  const byPrev = new Map(stepsOf(peer).map((step) => [step.prev, step]));
  let cursor = peer.welcome.cursor;
  for (let step = byPrev.get(cursor); step !== undefined; step = byPrev.get(cursor)) {
    byPrev.delete(cursor);
    if (step.cursor === undefined) throw new Error(`a step without cursor: ${JSON.stringify(step)}`);
    cursor = step.cursor;
  }
  expect([...byPrev.values()]).toEqual([]);
  return cursor;
}

function chainTests(target: Target): void {
  const { test } = target;
  test("[SY1] cursor and prev of every change form one chain, over all conversations and kinds", async () => {
    await using pair = await Pair.connect(target.place());
    const { ann, ben, conversation } = pair;
    await using elsewhere = await Peer.connect(target.place(), { token: ben.token });
    await using third = await Peer.connect(target.place());
    const other = (await third.open(ben.id)).id;
    await ann.say(conversation, "one");
    await third.say(other, "two");
    await ben.say(conversation, "three");
    ben.send({ type: "mark", conversation: other, read: 1 });
    await ann.edit(conversation, 1, "One");
    await ann.retract(conversation, 1);
    await elsewhere.say(other, "last");
    await Promise.all([
      ben.next("event", ({ seq, conversation: id }) => id === other && seq === 2),
      ben.next("markers"),
      elsewhere.next("markers"),
      elsewhere.next("event", ({ kind }) => kind === "retract"),
    ]);
    expect(stepsOf(ben)).toHaveLength(7);
    expect(stepsOf(elsewhere)).toHaveLength(7);
    expect(endOfChain(ben)).toBe(endOfChain(elsewhere));
    expect((await ben.settled(endOfChain(ben))).behind).toBe(false);
  });

  test("[SY1] a duplicate ack moves no cursor", async () => {
    await using pair = await Pair.connect(target.place());
    const { ann, conversation } = pair;
    const first = await ann.say(conversation, "one");
    const repeat = await ann.say(conversation, "one", { id: first.id });
    expect([repeat.duplicate, repeat.cursor, repeat.prev]).toEqual([true, undefined, undefined]);
    expect((await ann.settled(first.cursor)).behind).toBe(false);
  });
}

function syncTests(target: Target): void {
  const { test } = target;
  test("[SY2] sync brings everything since the cursor, oldest first, over all conversations, in pages", async () => {
    await using ben = await Peer.connect(target.place());
    const senders = await Promise.all([1, 2, 3].map(() => Peer.connect(target.place())));
    const ids: string[] = [];
    for (const sender of senders) ids.push((await sender.open(ben.id)).id);
    await senders[0]?.say(ids[0] ?? "", "before");
    const from = (await ben.next("event")).cursor;
    const perSender = 90;
    for (let round = 0; round < perSender; round += 1) {
      await Promise.all(senders.map((sender, index) => sender.say(ids[index] ?? "", `round ${round}`)));
    }
    const events: ConversationEvent[] = [];
    const changed = new Set<string>();
    let cursor = from;
    let pages = 0;
    for (let more = true; more; pages += 1) {
      const page = await ben.ask({ type: "sync", cursor }, "changes");
      expect(page.reset).toBeUndefined();
      expect(page.events.length).toBeLessThanOrEqual(ben.welcome.limits.pageEvents);
      for (const { id } of page.conversations) changed.add(id);
      events.push(...page.events);
      ({ cursor, more } = page);
    }
    expect(pages).toBe(3);
    expect([...changed].sort()).toEqual(ids.toSorted());
    for (const [index, id] of ids.entries()) {
      const first = index === 0 ? 2 : 1;
      expect(events.filter(({ conversation }) => conversation === id).map(({ seq }) => seq)).toEqual(
        Array.from({ length: perSender }, (_, offset) => first + offset),
      );
    }
    const live = ben.all("event").slice(1);
    while (live.length < 3 * perSender) live.push(await ben.next("event"));
    // By their cursors, since between nodes news may overtake each other (SY1).
    const byPrev = new Map(live.map((event) => [event.prev, event]));
    let next = byPrev.get(from);
    for (const { id } of events) {
      expect(id).toBe(next?.id ?? "");
      next = byPrev.get(next?.cursor);
    }
    expect(next).toBeUndefined();
    expect((await ben.settled(cursor)).behind).toBe(false);
    await Promise.all(senders.map((sender) => sender.close()));
  });

  test("[SY2] sync brings markers that moved, in the conversations' summaries", async () => {
    await using pair = await Pair.connect(target.place());
    const { ann, ben, conversation } = pair;
    const { cursor } = await ann.say(conversation, "one");
    ben.send({ type: "mark", conversation, read: 1 });
    await ben.next("markers");
    const page = await ann.ask({ type: "sync", cursor: cursor ?? "" }, "changes");
    expect(page.events).toEqual([]);
    expect(page.conversations).toMatchObject([{ id: conversation, theirs: { delivered: 1, read: 1 } }]);
    expect(page.more).toBe(false);
  });

  test("[SY2] with the newest cursor there is nothing", async () => {
    await using pair = await Pair.connect(target.place());
    const { ann, conversation } = pair;
    const { cursor = "" } = await ann.say(conversation, "one");
    const page = await ann.ask({ type: "sync", cursor }, "changes");
    expect(page).toMatchObject({ conversations: [], events: [], more: false, cursor });
  });

  test("[SY2] what comes while a client is away and returns leaves no hole: hello's page and the live events meet", async () => {
    await using pair = await Pair.connect(target.place());
    const { ann, ben, conversation } = pair;
    const total = 60;
    let sent = 0;
    const seen: number[] = [];
    const sending = (async () => {
      for (; sent < total; sent += 1) await ann.say(conversation, `number ${sent + 1}`);
    })();
    try {
      let cursor = ben.welcome.cursor;
      while (seen.length < total) {
        await using again = await Peer.connect(target.place(), { token: ben.token, cursor });
        ({ cursor } = again.welcome);
        for (const { seq } of again.welcome.changes?.events ?? []) seen.push(seq);
        if (seen.length === total) break;
        // What was committed while the welcome was being made may come twice, in it and right behind it.
        const live = await again.next("event", ({ seq }) => seq > (seen.at(-1) ?? 0));
        expect(live.prev).toBe(cursor);
        ({ cursor } = live);
        seen.push(live.seq);
      }
    } finally {
      await sending;
    }
    expect(seen).toEqual(Array.from({ length: total }, (_, index) => index + 1));
  });
}

function resetTests(target: Target): void {
  const { test } = target;
  test("[SY3] a cursor of another server, or from the future, gets reset, in sync and in hello", async () => {
    await using pair = await Pair.connect(target.place());
    const { ann, conversation } = pair;
    const { cursor = "" } = await ann.say(conversation, "one");
    const foreign = [
      cursor.replace(/^[^.]*/, (epoch) => `${epoch}x`),
      cursor.replace(/\d+$/, (position) => String(Number(position) + 1_000_000)),
      "nothing-of-ours",
      "0",
      `${cursor}.1`,
      cursor.replace(/\d+$/, "99999999999999999999"),
    ];
    for (const wrong of foreign) {
      const page = await ann.ask({ type: "sync", cursor: wrong }, "changes");
      expect([wrong, page.reset]).toEqual([wrong, true]);
      expect(page).toMatchObject({ more: false, cursor });
      await using again = await Peer.connect(target.place(), { token: ann.token, cursor: wrong });
      expect([wrong, again.welcome.changes?.reset]).toEqual([wrong, true]);
      expect(again.welcome.cursor).toBe(cursor);
    }
  });
}

function pingTests(target: Target): void {
  const { test } = target;
  test("[SY4] ping with a cursor says whether something changed that it does not cover", async () => {
    await using pair = await Pair.connect(target.place());
    const { ann, ben, conversation } = pair;
    const old = ben.welcome.cursor;
    expect((await ben.settled(old)).behind).toBe(false);
    await ann.say(conversation, "one");
    expect((await ben.settled(old)).behind).toBe(true);
    const { cursor } = await ben.next("event");
    expect((await ben.settled(cursor)).behind).toBe(false);
    ann.send({ type: "mark", conversation, delivered: 1 });
    ben.send({ type: "mark", conversation, read: 1 });
    await ben.next("markers", ({ user }) => user === ben.id);
    expect((await ben.settled(cursor)).behind).toBe(true);
  });

  test("[SY4] ping without ref or cursor is answered too", async () => {
    await using ann = await Peer.connect(target.place());
    ann.send({ type: "ping" });
    expect(await ann.next("pong")).toEqual({ type: "pong", time: expect.any(Number), behind: false });
    expect((await ann.settled("another-server.5")).behind).toBe(true);
  });
}

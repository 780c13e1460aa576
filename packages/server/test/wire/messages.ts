/** SPEC.md, "Conversations and messages" (CV1–CV8, CV11, CV12, CV14). */
import { describe, expect } from "bun:test";
import type { ServerFrameOf } from "@duologue/protocol";
import { freshId, freshName, Pair, Peer, textBody } from "../harness/peer.ts";
import type { Target } from "./target.ts";

export function messageTests(target: Target): void {
  describe("conversations and messages", () => {
    openTests(target);
    deliveryTests(target);
    numberTests(target);
    repeatTests(target);
    replyTests(target);
    textTests(target);
    typingTests(target);
  });
}

function openTests(target: Target): void {
  const { test } = target;
  test("[CV1] there is one conversation for two people, whoever opens it and however often", async () => {
    await using pair = await Pair.connect(target.place());
    const { ann, ben, conversation } = pair;
    const opened = await Promise.all([ann.open(ben.id), ben.open(ann.id), ann.open(ben.id)]);
    expect(opened.map(({ id }) => id)).toEqual([conversation, conversation, conversation]);
    expect(opened.map(({ peer }) => peer.id)).toEqual([ben.id, ann.id, ben.id]);
    const again = await ann.ask({ type: "open", conversation }, "conversation");
    expect(again.conversation).toEqual(await ann.open(ben.id));
  });

  test("[CV1] two people who open at the same moment get the same conversation", async () => {
    await using ann = await Peer.connect(target.place());
    await using ben = await Peer.connect(target.place());
    await using second = await Peer.connect(target.place(), { token: ann.token });
    const opened = await Promise.all([ann.open(ben.id), ben.open(ann.id), second.open(ben.id)]);
    expect(new Set(opened.map(({ id }) => id)).size).toBe(1);
  });

  test("[CV2] one cannot open a conversation with oneself, nor with nobody", async () => {
    await using ann = await Peer.connect(target.place());
    expect((await ann.refusal({ type: "open", user: ann.id })).code).toBe("self_conversation");
    expect((await ann.refusal({ type: "open", user: "nobody-has-this-id" })).code).toBe("user_unknown");
    expect((await ann.refusal({ type: "open" })).code).toBe("frame_invalid");
  });
}

function deliveryTests(target: Target): void {
  const { test } = target;
  test("[CV3] send is answered with ack: the number and the server's time", async () => {
    await using pair = await Pair.connect(target.place());
    const { ann, conversation } = pair;
    const id = freshId();
    const ack = await ann.say(conversation, "first", { id });
    expect(ack).toMatchObject({ id, conversation, seq: 1 });
    expect(ack.time).toBeGreaterThanOrEqual(ann.welcome.time);
    expect(ack.duplicate).toBeUndefined();
  });

  test("[CV5] the event goes to all connections of both but the one that sent it", async () => {
    await using pair = await Pair.connect(target.place());
    const { ann, ben, conversation } = pair;
    const annElsewhere = await Promise.all(
      [1, 2].map(() => Peer.connect(target.place(), { token: ann.token })),
    );
    const benElsewhere = await Promise.all(
      [1, 2].map(() => Peer.connect(target.place(), { token: ben.token })),
    );
    const ack = await ann.say(conversation, "to all");
    for (const peer of [ben, ...annElsewhere, ...benElsewhere]) {
      expect(await peer.next("event")).toMatchObject({
        conversation,
        seq: ack.seq,
        time: ack.time,
        id: ack.id,
        from: ann.id,
        kind: "message",
        body: textBody("to all"),
      });
    }
    await ben.say(conversation, "marker");
    await ann.next("event", ({ seq }) => seq === 2);
    expect(ann.all("event").map(({ seq }) => seq)).toEqual([2]);
    expect(ben.all("event").map(({ seq }) => seq)).toEqual([1]);
    await Promise.all([...annElsewhere, ...benElsewhere].map((peer) => peer.close()));
  });

  test("[CV5] a text arrives exactly as it was sent", async () => {
    await using pair = await Pair.connect(target.place());
    const { ann, ben, conversation } = pair;
    const texts = [
      '"quotes" \\ and / slashes',
      "line\nbreak\r\nand\ttab",
      "\u4f60\u597d \ud83d\udc4b\ud83c\udffd \u{1f468}\u200d\u{1f469}\u200d\u{1f467} e\u0301 \u202eabc",
      "<script>alert(1)</script>",
      "  kept spaces  ",
      "a\u2028b\u2029c",
      "'; DROP TABLE event; --",
    ];
    for (const text of texts) await ann.say(conversation, text);
    for (const text of texts) expect((await ben.next("event")).body).toEqual(textBody(text));
    const { events } = await ben.ask({ type: "history", conversation }, "history");
    expect(events.map(({ body }) => body?.text)).toEqual(texts);
  });

  test("[CV3] what was acknowledged is in the history of the other side right away", async () => {
    await using pair = await Pair.connect(target.place());
    const { ann, ben, conversation } = pair;
    for (let seq = 1; seq <= 10; seq += 1) {
      await ann.say(conversation, `number ${seq}`);
      const { events } = await ben.ask({ type: "history", conversation }, "history");
      expect(events.at(-1)?.seq).toBe(seq);
    }
  });
}

function numberTests(target: Target): void {
  const { test } = target;
  test("[CV4] both sides at once, from several connections: numbers 1…N without holes, the same for all", async () => {
    await using pair = await Pair.connect(target.place());
    const { ann, ben, conversation } = pair;
    const annElsewhere = await Peer.connect(target.place(), { token: ann.token });
    const benElsewhere = await Peer.connect(target.place(), { token: ben.token });
    const senders = [ann, ben, annElsewhere, benElsewhere];
    const each = 25;
    const acks = await Promise.all(
      senders.flatMap((peer) =>
        Array.from({ length: each }, (_, index) => peer.say(conversation, `${index}`)),
      ),
    );
    const total = senders.length * each;
    const expected = Array.from({ length: total }, (_, index) => index + 1);
    expect(acks.map(({ seq }) => seq).sort((a, b) => a - b)).toEqual(expected);
    const idOf = new Map(acks.map(({ seq, id }) => [seq, id]));
    for (const peer of senders) {
      const own = peer.all("ack").length;
      const events: ServerFrameOf<"event">[] = [];
      while (events.length < total - own) events.push(await peer.next("event"));
      for (const { seq, id } of events) expect(idOf.get(seq)).toBe(id);
      const seen = [...events, ...peer.all("ack")].map(({ seq }) => seq).sort((a, b) => a - b);
      expect(seen).toEqual(expected);
      // What one of them sent stays in its order. Between two nodes, news may overtake each other (SY1).
      for (const other of senders) {
        const sent = new Set(other.all("ack").map(({ id }) => id));
        const order = events.flatMap(({ id, seq }) => (sent.has(id) ? [seq] : []));
        expect(order).toEqual(order.toSorted((a, b) => a - b));
      }
    }
    await Promise.all([annElsewhere.close(), benElsewhere.close()]);
  });

  test("[CV12] sends of one connection are numbered in the order they were sent", async () => {
    await using pair = await Pair.connect(target.place());
    const { ann, ben, conversation } = pair;
    const acks = await Promise.all(
      Array.from({ length: 100 }, (_, index) => ann.say(conversation, `number ${index + 1}`)),
    );
    expect(acks.map(({ seq }) => seq)).toEqual(acks.map((_, index) => index + 1));
    for (const { seq } of acks) {
      expect(await ben.next("event")).toMatchObject({ seq, body: textBody(`number ${seq}`) });
    }
  });

  test("[CV4] conversations have numbers of their own", async () => {
    await using ann = await Peer.connect(target.place());
    const others = await Promise.all([1, 2, 3].map(() => Peer.connect(target.place())));
    for (const other of others) {
      const { id } = await ann.open(other.id);
      expect([(await ann.say(id, "a")).seq, (await other.say(id, "b")).seq]).toEqual([1, 2]);
    }
    await Promise.all(others.map((other) => other.close()));
  });
}

function repeatTests(target: Target): void {
  const { test } = target;
  test("[CV6] a repeated send gets the first one's ack, marked duplicate, and nothing else happens", async () => {
    await using pair = await Pair.connect(target.place());
    const { ann, ben, conversation } = pair;
    await using elsewhere = await Peer.connect(target.place(), { token: ann.token });
    const id = freshId();
    const first = await ann.say(conversation, "once", { id });
    for (const peer of [ann, elsewhere, ann]) {
      const { seq, time, duplicate } = await peer.say(conversation, "once", { id });
      expect({ seq, time, duplicate }).toEqual({ seq: first.seq, time: first.time, duplicate: true });
    }
    expect((await ann.say(conversation, "marker")).seq).toBe(2);
    await ben.next("event", ({ seq }) => seq === 2);
    expect(ben.all("event").map(({ seq }) => seq)).toEqual([1, 2]);
    expect((await ben.open(ann.id)).unread).toBe(2);
  });

  test("[CV6] repeats that overtake the first answer are one message", async () => {
    await using pair = await Pair.connect(target.place());
    const { ann, ben, conversation } = pair;
    const frame = { type: "send", id: freshId(), conversation, body: textBody("thrice") } as const;
    for (let count = 0; count < 3; count += 1) ann.send(frame);
    const acks = [await ann.next("ack"), await ann.next("ack"), await ann.next("ack")];
    expect(acks.map(({ seq }) => seq)).toEqual([1, 1, 1]);
    expect(acks.filter(({ duplicate }) => duplicate)).toHaveLength(2);
    await ann.say(conversation, "marker");
    await ben.next("event", ({ seq }) => seq === 2);
    expect(ben.all("event")).toHaveLength(2);
  });

  test("[CV6] the other side may use the same id: ids are each sender's own", async () => {
    await using pair = await Pair.connect(target.place());
    const { ann, ben, conversation } = pair;
    const id = freshId();
    expect((await ann.say(conversation, "mine", { id })).seq).toBe(1);
    const theirs = await ben.say(conversation, "theirs", { id });
    expect([theirs.seq, theirs.duplicate]).toEqual([2, undefined]);
  });

  test("[CV7] the same id with another content, kind or conversation is refused", async () => {
    await using pair = await Pair.connect(target.place());
    const { ann, ben, conversation } = pair;
    await using third = await Peer.connect(target.place());
    const other = (await ann.open(third.id)).id;
    const id = freshId();
    await ann.say(conversation, "one");
    await ann.say(conversation, "two", { id });
    const send = { type: "send", id, conversation, body: textBody("two") } as const;
    const conflicts = [
      await ann.write({ ...send, body: textBody("two ") }),
      await ann.write({ ...send, replyTo: 1 }),
      await ann.write({ ...send, conversation: other }),
      await ann.edit(conversation, 2, "two", id),
      await ann.retract(conversation, 2, id),
    ];
    for (const reply of conflicts) expect(reply).toMatchObject({ type: "error", code: "id_conflict", id });
    const { events } = await ben.ask({ type: "history", conversation }, "history");
    expect(events.map(({ body }) => body?.text)).toEqual(["one", "two"]);
    expect((await ann.open(third.id)).lastSeq).toBe(0);
  });
}

function replyTests(target: Target): void {
  const { test } = target;
  test("[CV8] replyTo names a message of the conversation and comes with the event", async () => {
    await using pair = await Pair.connect(target.place());
    const { ann, ben, conversation } = pair;
    await ann.say(conversation, "question");
    await ben.say(conversation, "answer", { replyTo: 1 });
    expect((await ann.next("event")).replyTo).toBe(1);
    const { events } = await ann.ask({ type: "history", conversation }, "history");
    expect(events.map(({ replyTo }) => replyTo)).toEqual([undefined, 1]);
  });

  test("[CV8] a replyTo that is not there yet is refused, and takes no number", async () => {
    await using pair = await Pair.connect(target.place());
    const { ann, conversation } = pair;
    const frame = { type: "send", conversation, body: textBody("to what?"), replyTo: 1 } as const;
    expect(await ann.write({ ...frame, id: freshId() })).toMatchObject({ code: "seq_unknown" });
    expect((await ann.say(conversation, "first")).seq).toBe(1);
    expect(await ann.write({ ...frame, id: freshId(), replyTo: 3 })).toMatchObject({ code: "seq_unknown" });
    const far = await ann.write({ ...frame, id: freshId(), replyTo: Number.MAX_SAFE_INTEGER });
    expect(far).toMatchObject({ code: "seq_unknown" });
  });
}

function textTests(target: Target): void {
  const { test } = target;
  const refused: [string, string, string][] = [
    ["text_empty", "nothing", ""],
    ["text_empty", "white space", " \n\t\u3000\u00a0 "],
    ["text_too_long", "one character too many", "x".repeat(8001)],
    ["text_too_long", "one emoji too many", "\u{1f980}".repeat(8001)],
    ["text_invalid", "NUL", "a\u0000b"],
    ["text_invalid", "escape", "a\u001bb"],
    ["text_invalid", "C1 control", "a\u0085b"],
    ["text_invalid", "delete", "a\u007fb"],
    ["text_invalid", "a lone high surrogate", "a\ud83db"],
    ["text_invalid", "a lone low surrogate", "\udc4b"],
  ];
  test.each(refused)("[CV11] refused with %s: %s", async (code, _, text) => {
    await using pair = await Pair.connect(target.place());
    const { ann, conversation } = pair;
    await ann.say(conversation, "stands");
    const id = freshId();
    // JSON.stringify writes a lone surrogate as an escape, so it reaches the server as one.
    ann.sendText(JSON.stringify({ type: "send", id, conversation, body: textBody(text) }));
    expect(await ann.next("error")).toMatchObject({ code, id });
    expect(await ann.edit(conversation, 1, text)).toMatchObject({ code });
    expect((await ann.say(conversation, "next")).seq).toBe(2);
  });

  test("[CV11] textCharacters are counted in code points, and that many are taken", async () => {
    await using pair = await Pair.connect(target.place());
    const { ann, ben, conversation } = pair;
    const longest = "\u{1f980}".repeat(ann.welcome.limits.textCharacters);
    await ann.say(conversation, longest);
    expect((await ben.next("event")).body?.text).toBe(longest);
  });
}

function typingTests(target: Target): void {
  const { test } = target;
  test("[CV14] typing reaches the other side's connections, is not stored and not answered", async () => {
    await using pair = await Pair.connect(target.place());
    const { ann, ben, conversation } = pair;
    await using elsewhere = await Peer.connect(target.place(), { token: ben.token });
    await ann.say(conversation, "hello");
    const before = await ben.open(ann.id);
    ann.send({ type: "typing", conversation, active: true });
    ann.send({ type: "typing", conversation, active: false });
    for (const peer of [ben, elsewhere]) {
      const frames = [await peer.next("typing"), await peer.next("typing")];
      expect(frames).toEqual([
        { type: "typing", conversation, user: ann.id, active: true },
        { type: "typing", conversation, user: ann.id, active: false },
      ]);
    }
    await ann.settled();
    await ann.say(conversation, "marker");
    expect(ann.all("typing")).toEqual([]);
    expect(ann.all("error")).toEqual([]);
    expect(before.lastSeq).toBe(1);
    expect((await ben.open(ann.id)).lastSeq).toBe(2);
  });

  test("[CV14] typing reaches nobody else", async () => {
    await using pair = await Pair.connect(target.place());
    await using third = await Peer.connect(target.place(), { nickname: freshName("Third") });
    pair.ann.send({ type: "typing", conversation: pair.conversation, active: true });
    await pair.ben.next("typing");
    const between = await pair.ben.open(third.id);
    await pair.ben.say(between.id, "marker");
    await third.next("event");
    expect(third.all("typing")).toEqual([]);
  });
}

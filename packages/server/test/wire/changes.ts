/** SPEC.md: editing and taking back (CV9), markers and unread (MK). */
import { describe, expect } from "bun:test";
import type { Conversation } from "@duologue/protocol";
import { freshId, Pair, Peer, textBody } from "../harness/peer.ts";
import type { Target } from "./target.ts";

export function changeTests(target: Target): void {
  describe("edits and markers", () => {
    editTests(target);
    refusedChangeTests(target);
    markTests(target);
    unreadTests(target);
  });
}

function editTests(target: Target): void {
  const { test } = target;
  test("[CV9] an edit is an event with a number of its own that says what it changes", async () => {
    await using pair = await Pair.connect(target.place());
    const { ann, ben, conversation } = pair;
    await ann.say(conversation, "frist");
    await ben.say(conversation, "between");
    const ack = await ann.edit(conversation, 1, "first");
    expect(ack).toMatchObject({ type: "ack", seq: 3 });
    expect(await ben.next("event", ({ seq }) => seq === 3)).toMatchObject({
      kind: "edit",
      target: 1,
      from: ann.id,
      body: textBody("first"),
    });
    await ann.edit(conversation, 1, "First!");
    expect((await ben.open(ann.id)).lastSeq).toBe(4);
  });

  test("[CV9] retract erases the text, also that of earlier edits, for everybody", async () => {
    await using pair = await Pair.connect(target.place());
    const { ann, ben, conversation } = pair;
    await ann.say(conversation, "a secret");
    await ann.edit(conversation, 1, "a bigger secret");
    expect(await ann.retract(conversation, 1)).toMatchObject({ type: "ack", seq: 3 });
    const event = await ben.next("event", ({ seq }) => seq === 3);
    expect(event).toMatchObject({ kind: "retract", target: 1, from: ann.id });
    expect(event.body).toBeUndefined();
    for (const peer of [ann, ben]) {
      const history = await peer.ask({ type: "history", conversation }, "history");
      expect(history.events[0]).toMatchObject({ seq: 1, kind: "message", retracted: true });
      expect(history.events.map(({ seq }) => seq)).toEqual([1, 2, 3]);
      const summary = await peer.ask({ type: "open", conversation }, "conversation");
      const list = await peer.ask({ type: "conversations" }, "conversations");
      const sync = await peer.ask({ type: "sync", cursor: peer.welcome.cursor }, "changes");
      expect(JSON.stringify([history, summary, list, sync])).not.toContain("secret");
    }
  });

  test("[CV9] repeated edits and retracts are answered as duplicates", async () => {
    await using pair = await Pair.connect(target.place());
    const { ann, ben, conversation } = pair;
    await ann.say(conversation, "one");
    const [edit, retract] = [freshId(), freshId()];
    await ann.edit(conversation, 1, "two", edit);
    expect(await ann.edit(conversation, 1, "two", edit)).toMatchObject({ seq: 2, duplicate: true });
    await ann.retract(conversation, 1, retract);
    expect(await ann.retract(conversation, 1, retract)).toMatchObject({ seq: 3, duplicate: true });
    expect((await ben.open(ann.id)).lastSeq).toBe(3);
  });

  test("[CV6] a repeated send of a message that was edited or taken back since is still a repeat", async () => {
    await using pair = await Pair.connect(target.place());
    const { ann, conversation } = pair;
    const id = freshId();
    await ann.say(conversation, "one", { id });
    await ann.edit(conversation, 1, "two");
    expect(await ann.say(conversation, "one", { id })).toMatchObject({ seq: 1, duplicate: true });
    await ann.retract(conversation, 1);
    expect(await ann.say(conversation, "one", { id })).toMatchObject({ seq: 1, duplicate: true });
  });
}

function refusedChangeTests(target: Target): void {
  const { test } = target;
  test("[CV9] only one's own standing message can be changed", async () => {
    await using pair = await Pair.connect(target.place());
    const { ann, ben, conversation } = pair;
    await ann.say(conversation, "mine");
    await ann.edit(conversation, 1, "mine, edited");
    await ann.say(conversation, "gone");
    await ann.retract(conversation, 3);
    const invalid: [Peer, number][] = [
      [ben, 1],
      [ann, 2],
      [ann, 3],
      [ann, 4],
    ];
    for (const [peer, target] of invalid) {
      expect(await peer.edit(conversation, target, "x")).toMatchObject({ code: "target_invalid" });
      expect(await peer.retract(conversation, target)).toMatchObject({ code: "target_invalid" });
    }
    expect(await ann.edit(conversation, 5, "x")).toMatchObject({ code: "seq_unknown" });
    expect(await ann.retract(conversation, 5)).toMatchObject({ code: "seq_unknown" });
    const { events } = await ben.ask({ type: "history", conversation }, "history");
    expect(events.map(({ kind }) => kind)).toEqual(["message", "edit", "message", "retract"]);
  });
}

function markTests(target: Target): void {
  const { test } = target;
  test("[MK1] read moves delivered along; every connection of both gets markers", async () => {
    await using pair = await Pair.connect(target.place());
    const { ann, ben, conversation } = pair;
    await using benElsewhere = await Peer.connect(target.place(), { token: ben.token });
    for (const text of ["1", "2", "3"]) await ann.say(conversation, text);
    ben.send({ type: "mark", conversation, delivered: 2 });
    ben.send({ type: "mark", conversation, read: 3 });
    for (const peer of [ann, ben, benElsewhere]) {
      const first = await peer.next("markers");
      const second = await peer.next("markers");
      expect(first).toMatchObject({ conversation, user: ben.id, delivered: 2, read: 0 });
      expect(second).toMatchObject({ conversation, user: ben.id, delivered: 3, read: 3 });
      const unread = peer === ann ? [undefined, undefined] : [3, 0];
      expect([first.unread, second.unread]).toEqual(unread);
    }
    expect((await ann.open(ben.id)).theirs).toEqual({ delivered: 3, read: 3 });
    expect((await ben.open(ann.id)).mine).toEqual({ delivered: 3, read: 3 });
  });

  test("[MK1] markers never move back", async () => {
    await using pair = await Pair.connect(target.place());
    const { ann, ben, conversation } = pair;
    for (const text of ["1", "2", "3"]) await ann.say(conversation, text);
    ben.send({ type: "mark", conversation, read: 3 });
    await ben.next("markers");
    ben.send({ type: "mark", conversation, read: 1, delivered: 2 });
    await ben.settled();
    await ben.say(conversation, "marker");
    await ann.next("event", ({ seq }) => seq === 4);
    expect((await ben.open(ann.id)).mine).toEqual({ delivered: 4, read: 4 });
    for (const { delivered, read } of ann.all("markers")) expect([delivered, read]).toEqual([3, 3]);
  });

  test("[MK2] a marker beyond the last number is refused, and moves nothing", async () => {
    await using pair = await Pair.connect(target.place());
    const { ann, ben, conversation } = pair;
    await ann.say(conversation, "only one");
    for (const marks of [{ read: 2 }, { delivered: 2 }, { delivered: 1, read: Number.MAX_SAFE_INTEGER }]) {
      ben.send({ type: "mark", conversation, ...marks });
      expect((await ben.next("error")).code).toBe("seq_unknown");
    }
    expect((await ben.open(ann.id)).mine).toEqual({ delivered: 0, read: 0 });
  });
}

function unreadTests(target: Target): void {
  const { test } = target;
  const summaryOf = async (peer: Peer, conversation: string): Promise<Conversation> =>
    (await peer.ask({ type: "open", conversation }, "conversation")).conversation;

  test("[MK3] unread counts the other side's standing messages after the read marker", async () => {
    await using pair = await Pair.connect(target.place());
    const { ann, ben, conversation } = pair;
    for (const text of ["1", "2", "3", "4"]) await ann.say(conversation, text);
    expect((await summaryOf(ben, conversation)).unread).toBe(4);
    expect((await summaryOf(ann, conversation)).unread).toBe(0);
    await ann.edit(conversation, 4, "four");
    expect((await summaryOf(ben, conversation)).unread).toBe(4);
    await ann.retract(conversation, 2);
    expect((await summaryOf(ben, conversation)).unread).toBe(3);
    ben.send({ type: "mark", conversation, read: 3 });
    expect((await ben.next("markers")).unread).toBe(1);
    expect((await summaryOf(ben, conversation)).unread).toBe(1);
  });

  test("[MK3] sending moves one's own markers to the message sent", async () => {
    await using pair = await Pair.connect(target.place());
    const { ann, ben, conversation } = pair;
    await ann.say(conversation, "question");
    const { seq } = await ben.say(conversation, "answer");
    const summary = await summaryOf(ben, conversation);
    expect(summary.mine).toEqual({ delivered: seq, read: seq });
    expect(summary.unread).toBe(0);
    expect((await summaryOf(ann, conversation)).theirs).toEqual({ delivered: seq, read: seq });
    expect((await summaryOf(ann, conversation)).unread).toBe(1);
  });
}

/** SPEC.md: lists and history (HS). */
import { describe, expect } from "bun:test";
import type { ConversationEvent, ServerFrameOf } from "@duologue/protocol";
import { freshName, Pair, Peer, textBody } from "../harness/peer.ts";
import type { Target } from "./target.ts";

export function historyTests(target: Target): void {
  describe("lists and history", () => {
    listTests(target);
    pageTests(target);
    revisionTests(target);
  });
}

function listTests(target: Target): void {
  const { test } = target;
  test("[HS1] the list holds conversations with an event only, the one that changed last first", async () => {
    await using ann = await Peer.connect(target.place());
    const others = await Promise.all(
      ["B", "C", "D"].map((start) => Peer.connect(target.place(), { nickname: freshName(start) })),
    );
    const ids: string[] = [];
    for (const other of others) ids.push((await ann.open(other.id)).id);
    const listed = async (): Promise<string[]> =>
      (await ann.ask({ type: "conversations" }, "conversations")).conversations.map(({ id }) => id);
    expect(await listed()).toEqual([]);
    for (const id of ids.slice(0, 2)) await ann.say(id, "hello");
    expect(await listed()).toEqual([ids[1], ids[0]] as string[]);
    await others[0]?.say(ids[0] ?? "", "hello back");
    expect(await listed()).toEqual([ids[0], ids[1]] as string[]);
    await Promise.all(others.map((other) => other.close()));
  });

  test("[HS1] a long list comes in pages that together hold each conversation once", async () => {
    const ann = await Peer.connect(target.place());
    const guests = await Promise.all(Array.from({ length: 55 }, () => Peer.connect(target.place())));
    // The others begin the conversations: a newcomer may begin only a few a minute.
    const ids = await Promise.all(
      guests.map(async (guest) => {
        const { id } = await guest.open(ann.id);
        await guest.say(id, "hello");
        return id;
      }),
    );
    const pages: ServerFrameOf<"conversations">[] = [];
    let before: string | undefined;
    do {
      const page = await ann.ask(
        { type: "conversations", ...(before === undefined ? {} : { before }) },
        "conversations",
      );
      pages.push(page);
      before = page.next;
    } while (before !== undefined);
    expect(pages.map(({ conversations }) => conversations.length)).toEqual([50, 5]);
    const seen = pages.flatMap(({ conversations }) => conversations.map(({ id }) => id));
    expect(seen.toSorted()).toEqual(ids.toSorted());
    await Promise.all([ann, ...guests].map((peer) => peer.close()));
  });

  test("[HS4] a summary has the other side, the last number and message, both markers and unread", async () => {
    await using pair = await Pair.connect(target.place());
    const { ann, ben, conversation } = pair;
    await ben.say(conversation, "one");
    await ann.say(conversation, "two");
    const last = await ann.say(conversation, "three");
    ben.send({ type: "mark", conversation, delivered: 3, read: 2 });
    await ben.next("markers");
    const [summary] = (await ben.ask({ type: "conversations" }, "conversations")).conversations;
    expect(summary).toMatchObject({
      id: conversation,
      peer: ann.welcome.user,
      lastSeq: 3,
      lastMessage: {
        seq: 3,
        from: ann.id,
        id: last.id,
        time: last.time,
        kind: "message",
        body: textBody("three"),
      },
      mine: { delivered: 3, read: 2 },
      theirs: { delivered: 3, read: 3 },
      unread: 1,
    });
    expect((await ann.open(ben.id)).peer).toEqual(ben.welcome.user);
  });

  test("[HS4] the last message is a message also when an edit or a retract came after it", async () => {
    await using pair = await Pair.connect(target.place());
    const { ann, ben, conversation } = pair;
    await ann.say(conversation, "frist");
    await ann.edit(conversation, 1, "first");
    const edited = await ben.open(ann.id);
    expect(edited).toMatchObject({ lastSeq: 2, lastMessage: { seq: 1, body: textBody("first") } });
    await ann.retract(conversation, 1);
    const retracted = await ben.open(ann.id);
    expect(retracted).toMatchObject({ lastSeq: 3, lastMessage: { seq: 1, retracted: true } });
    expect(retracted.lastMessage?.body).toBeUndefined();
  });
}

function pageTests(target: Target): void {
  const { test } = target;
  test("[HS2] history pages backwards, each page in order, until the first message", async () => {
    await using pair = await Pair.connect(target.place());
    const { ann, ben, conversation } = pair;
    const { pageEvents } = ann.welcome.limits;
    const total = 2 * pageEvents + 7;
    for (let seq = 1; seq <= total; seq += 1) {
      // Two senders share the work, so that neither goes above the rate.
      await (seq % 2 === 0 ? ann : ben).say(conversation, `number ${seq}`);
    }
    const seen: number[] = [];
    const sizes: number[] = [];
    let before: number | undefined;
    for (let more = true; more; ) {
      const page = await ann.ask(
        { type: "history", conversation, ...(before === undefined ? {} : { before }) },
        "history",
      );
      const seqs = page.events.map(({ seq }) => seq);
      for (const { seq, body } of page.events) expect(body).toEqual(textBody(`number ${seq}`));
      sizes.push(seqs.length);
      seen.unshift(...seqs);
      before = seqs[0];
      more = page.more;
    }
    expect(sizes).toEqual([pageEvents, pageEvents, 7]);
    expect(seen).toEqual(Array.from({ length: total }, (_, index) => index + 1));
  });

  test("[HS2] at the edges: nothing yet, before the first, before a number far beyond", async () => {
    await using pair = await Pair.connect(target.place());
    const { ann, conversation } = pair;
    const page = async (before?: number): Promise<unknown[]> => {
      const request = { type: "history", conversation, ...(before === undefined ? {} : { before }) } as const;
      const { events, more } = await ann.ask(request, "history");
      return [events.map(({ seq }) => seq), more];
    };
    expect(await page()).toEqual([[], false]);
    await ann.say(conversation, "one");
    await ann.say(conversation, "two");
    expect(await page(1)).toEqual([[], false]);
    expect(await page(2)).toEqual([[1], false]);
    expect(await page(Number.MAX_SAFE_INTEGER)).toEqual([[1, 2], false]);
  });
}

function revisionTests(target: Target): void {
  const { test } = target;
  /** The history page right before `before`. */
  const pageBefore = async (
    peer: Peer,
    conversation: string,
    before: number,
  ): Promise<{ events: readonly ConversationEvent[]; revisions: readonly ConversationEvent[] }> =>
    await peer.ask({ type: "history", conversation, before }, "history");

  test("[HS3] revisions hold the edits after the page that change messages in it", async () => {
    await using pair = await Pair.connect(target.place());
    const { ann, ben, conversation } = pair;
    for (const text of ["one", "two", "three"]) await ann.say(conversation, text);
    await ann.edit(conversation, 1, "ONE");
    await ann.edit(conversation, 3, "THREE");
    await ann.edit(conversation, 1, "One!");
    const { events, revisions } = await pageBefore(ben, conversation, 3);
    expect(events.map(({ seq }) => seq)).toEqual([1, 2]);
    expect(revisions.every(({ kind, target }) => kind === "edit" && target === 1)).toBe(true);
    expect(revisions.at(-1)).toMatchObject({ seq: 6, body: textBody("One!") });
    const whole = await ben.ask({ type: "history", conversation }, "history");
    expect(whole.events.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(whole.revisions).toEqual([]);
  });

  test("[HS3] a retracted message comes without body, with retracted", async () => {
    await using pair = await Pair.connect(target.place());
    const { ann, ben, conversation } = pair;
    for (const text of ["one", "two", "three"]) await ann.say(conversation, text);
    await ann.retract(conversation, 2);
    const { events, revisions } = await pageBefore(ben, conversation, 3);
    expect(events.map(({ seq, retracted }) => [seq, retracted])).toEqual([
      [1, undefined],
      [2, true],
    ]);
    expect(events[1]?.body).toBeUndefined();
    expect(revisions.filter(({ body }) => body !== undefined)).toEqual([]);
  });
}

import { expect, test } from "bun:test";
import { decodeCursor } from "../../ports/store.ts";
import { edit, expectOk, type MakeStore, message, retract, seqs, World } from "./fixture.ts";

export function readingContract(makeStore: MakeStore): void {
  lists(makeStore);
  summaries(makeStore);
  histories(makeStore);
  revisions(makeStore);
}

function lists(makeStore: MakeStore): void {
  test("[HS1] the list holds conversations with an event, the one that changed last first, in pages", async () => {
    await using world = await World.begin(makeStore);
    const ann = await world.user("Ann");
    const peers = await Promise.all(Array.from({ length: 7 }, (_, index) => world.user(`Peer ${index}`)));
    const ids = await Promise.all(
      // Ann opens some, and is written to in others: she stands on both sides of the table.
      peers.map((peer, index) => (index % 2 === 0 ? world.open(ann, peer) : world.open(peer, ann))),
    );
    const empty = await world.open(ann, await world.user("Silent"));
    for (const [index, id] of ids.entries()) await world.send(id, peers[index] ?? "", "hi");
    const moved = ids[2] ?? "";
    expectOk(await world.store.mark({ conversation: moved, user: ann, delivered: 1, read: 1 }));
    const expected = [moved, ...ids.filter((id) => id !== moved).reverse()];
    const listed: string[] = [];
    for (let before: number | undefined; ; ) {
      const page = await world.store.conversations(ann, before, 3);
      listed.push(...page.map((conversation) => conversation.id));
      if (page.length < 3) break;
      before = decodeCursor(world.store.epoch, page.at(-1)?.cursor ?? "");
    }
    expect(listed).toEqual(expected);
    expect(listed).not.toContain(empty);
  });
}

function summaries(makeStore: MakeStore): void {
  test("[HS4] a summary has the other side, the numbers, both sides' markers and the last message", async () => {
    await using world = await World.begin(makeStore);
    const { ann, bob, conversation } = await world.pair();
    expect(await world.store.conversation(bob, conversation)).toEqual({
      id: conversation,
      peer: { id: ann, name: "Ann", kind: "guest" },
      lastSeq: 0,
      mine: { delivered: 0, read: 0 },
      theirs: { delivered: 0, read: 0 },
      unread: 0,
      cursor: `${world.store.epoch}.0`,
    });
    await world.send(conversation, ann, "one");
    const last = await world.send(conversation, ann, "two");
    expect(await world.store.conversation(bob, conversation)).toMatchObject({
      lastSeq: 2,
      lastMessage: { seq: 2, from: ann, kind: "message", body: { text: "two" } },
      theirs: { delivered: 2, read: 2 },
      unread: 2,
      cursor: `${world.store.epoch}.${last.position}`,
    });
  });

  test("[HS4] the last message is shown with its newest text, and without any when it was retracted", async () => {
    await using world = await World.begin(makeStore);
    const { ann, bob, conversation } = await world.pair();
    await world.send(conversation, ann, "one");
    await world.send(conversation, ann, "two");
    expectOk(await world.append(edit(conversation, ann, 2, "three")));
    expectOk(await world.append(edit(conversation, ann, 2, "four")));
    expectOk(await world.append(edit(conversation, ann, 1, "five")));
    const last = async (): Promise<unknown> =>
      (await world.store.conversation(bob, conversation))?.lastMessage;
    expect(await last()).toMatchObject({ seq: 2, kind: "message", body: { text: "four" } });
    expectOk(await world.append(retract(conversation, ann, 2)));
    expect(await last()).toMatchObject({ seq: 2, retracted: true });
    expect(await last()).not.toHaveProperty("body");
  });
}

function histories(makeStore: MakeStore): void {
  test("[HS2] a page holds the events right before a number, in order, and says whether there are more", async () => {
    await using world = await World.begin(makeStore);
    const { ann, conversation } = await world.pair();
    await Promise.all(Array.from({ length: 25 }, (_, index) => world.send(conversation, ann, `${index}`)));
    const read = async (before: number | undefined): Promise<unknown> => {
      const { events, more } = await world.store.history(conversation, before, 10);
      return [events[0]?.seq, events.at(-1)?.seq, events.length, more];
    };
    expect(await read(undefined)).toEqual([16, 25, 10, true]);
    expect(await read(16)).toEqual([6, 15, 10, true]);
    expect(await read(11)).toEqual([1, 10, 10, false]);
    expect(await read(6)).toEqual([1, 5, 5, false]);
    expect(await read(1)).toEqual([undefined, undefined, 0, false]);
    expect(await read(1000)).toEqual([16, 25, 10, true]);
  });

  test("[HS2] an event's cursor is its place among all changes", async () => {
    await using world = await World.begin(makeStore);
    const { ann, bob, conversation } = await world.pair();
    const sent = await Promise.all([
      world.send(conversation, ann, "1"),
      world.send(conversation, bob, "2"),
      world.send(conversation, ann, "3"),
    ]);
    const events = await world.history(conversation);
    expect(events.map((event) => world.positionOf(event))).toEqual(sent.map((answer) => answer.position));
    expect(events.every((event) => !("prev" in event))).toBe(true);
  });

  test("[HS2] a page of very long texts is cut so that it fits a connection, and more says so", async () => {
    await using world = await World.begin(makeStore);
    const { ann, bob, conversation } = await world.pair();
    const text = "長".repeat(8000);
    await Promise.all(Array.from({ length: 60 }, () => world.send(conversation, ann, text)));
    const read: number[] = [];
    for (let before: number | undefined; ; ) {
      const page = await world.store.history(conversation, before, 100);
      expect(Buffer.byteLength(JSON.stringify(page))).toBeLessThan(524_288);
      read.unshift(...seqs(page.events));
      if (!page.more) break;
      before = page.events[0]?.seq;
    }
    expect(read).toEqual(Array.from({ length: 60 }, (_, index) => index + 1));
    const pages = await world.sync(bob, 0, 100);
    expect(pages.flatMap((page) => seqs(page.events))).toEqual(read);
    for (const page of pages) expect(Buffer.byteLength(JSON.stringify(page))).toBeLessThan(524_288);
  });
}

function revisions(makeStore: MakeStore): void {
  test("[HS3] revisions are the latest edits of the page's messages that lie after it", async () => {
    await using world = await World.begin(makeStore);
    const { ann, bob, conversation } = await world.pair();
    for (const text of ["one", "two", "three", "four"]) await world.send(conversation, ann, text);
    expectOk(await world.append(edit(conversation, ann, 2, "2a")));
    expectOk(await world.append(edit(conversation, ann, 2, "2b")));
    expectOk(await world.append(edit(conversation, ann, 1, "1a")));
    expectOk(await world.append(edit(conversation, ann, 3, "3a")));
    expectOk(await world.append(retract(conversation, ann, 3)));
    expectOk(await world.append(message(conversation, bob, "five")));
    const page = await world.store.history(conversation, 5, 4);
    expect(page.events).toMatchObject([
      { seq: 1, body: { text: "one" } },
      { seq: 2, body: { text: "two" } },
      { seq: 3, retracted: true },
      { seq: 4, body: { text: "four" } },
    ]);
    expect(page.revisions).toMatchObject([
      { seq: 6, kind: "edit", target: 2, body: { text: "2b" } },
      { seq: 7, kind: "edit", target: 1, body: { text: "1a" } },
    ]);
    // Where the page holds the edits itself, they are not said twice.
    expect((await world.store.history(conversation, undefined, 100)).revisions).toEqual([]);
    expect(seqs((await world.store.history(conversation, 7, 100)).revisions)).toEqual([7]);
  });
}

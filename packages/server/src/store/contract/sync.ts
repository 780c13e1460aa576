import { expect, test } from "bun:test";
import type { ConversationEvent } from "@duologue/protocol";
import * as fc from "fast-check";
import { type ConversationId, decodeCursor, encodeCursor, type UserId } from "../../ports/store.ts";
import { edit, expectOk, type MakeStore, message, retract, World } from "./fixture.ts";

export function syncContract(makeStore: MakeStore): void {
  pages(makeStore);
  resets(makeStore);
  renames(makeStore);
  renamesInOrder(makeStore);
  everything(makeStore);
}

function pages(makeStore: MakeStore): void {
  test("[SY2] what changed since is told in order over all conversations, page by page", async () => {
    await using world = await World.begin(makeStore);
    const ann = await world.user("Ann");
    const peers = await Promise.all([world.user("Bob"), world.user("Cid"), world.user("Dot")]);
    const ids = await Promise.all(peers.map((peer) => world.open(ann, peer)));
    const since = await world.store.position(ann);
    for (let index = 0; index < 12; index += 1) {
      await world.send(ids[index % 3] ?? "", peers[index % 3] ?? "", `text ${index}`);
    }
    const read = await world.sync(ann, since, 5);
    expect(read.map((page) => page.events.length)).toEqual([5, 5, 2]);
    expect(read.map((page) => page.more)).toEqual([true, true, false]);
    const texts = read.flatMap((page) => page.events.map((event) => event.body?.text));
    expect(texts).toEqual(Array.from({ length: 12 }, (_, index) => `text ${index}`));
    expect(read.at(-1)?.position).toBe(await world.store.position(ann));
    for (const page of read) {
      const known = new Set(page.conversations.map((conversation) => conversation.id));
      expect(page.events.every((event) => known.has(event.conversation))).toBe(true);
    }
  });

  test("[SY2] a moved marker alone is a change, and its conversation comes", async () => {
    await using world = await World.begin(makeStore);
    const { ann, bob, conversation } = await world.pair();
    const { position } = await world.send(conversation, ann, "hi");
    expectOk(await world.store.mark({ conversation, user: bob, delivered: 1, read: 1 }));
    const last = await world.store.position(ann);
    expect(last).toBeGreaterThan(position);
    expect(await world.store.changes(ann, position, 10, 10)).toMatchObject({
      conversations: [{ id: conversation, theirs: { delivered: 1, read: 1 } }],
      events: [],
      position: last,
      more: false,
    });
  });

  test("[SY2] nothing changed: an empty page at the same position", async () => {
    await using world = await World.begin(makeStore);
    const { ann, bob, conversation } = await world.pair();
    expect(await world.store.changes(ann, 0, 10, 10)).toEqual({
      conversations: [],
      events: [],
      position: 0,
      more: false,
    });
    const { position } = await world.send(conversation, ann, "hi");
    const empty = { conversations: [], events: [], position, more: false };
    expect(await world.store.changes(bob, position, 10, 10)).toEqual(empty);
  });
}

function resets(makeStore: MakeStore): void {
  test("[SY3] more missing events than asked for, or a position from the future, are no page", async () => {
    await using world = await World.begin(makeStore);
    const { ann, bob, conversation } = await world.pair();
    const other = await world.open(bob, await world.user("Cid"));
    for (let index = 0; index < 6; index += 1) {
      await world.send(index % 2 === 0 ? conversation : other, bob, `text ${index}`);
    }
    const last = await world.store.position(bob);
    expect(await world.store.changes(bob, 0, 10, 5)).toBeUndefined();
    expect((await world.store.changes(bob, 0, 10, 6))?.events).toHaveLength(6);
    expect(await world.store.changes(bob, last + 1, 10, 6)).toBeUndefined();
    expect(await world.store.changes("u_nobody", 1, 10, 6)).toBeUndefined();
    // Bob's own place is in the future for Ann, who has seen less.
    expect(await world.store.changes(ann, last, 10, 6)).toBeUndefined();
  });

  test("[SY3] the epoch is this body of data's own, and stays over a restart", async () => {
    await using world = await World.begin(makeStore);
    await using stranger = await World.begin(makeStore);
    const { epoch } = world.store;
    expect(epoch).toMatch(/^[a-z0-9]{8,32}$/);
    await world.reopen();
    expect(world.store.epoch).toBe(epoch);
    expect(stranger.store.epoch).not.toBe(epoch);
    expect(decodeCursor(stranger.store.epoch, encodeCursor(epoch, 3))).toBeUndefined();
    expect(decodeCursor(epoch, encodeCursor(epoch, 3))).toBe(3);
  });
}

function renames(makeStore: MakeStore): void {
  test("[SY2] a new name reaches the other sides by the conversations they share", async () => {
    await using world = await World.begin(makeStore);
    const { ann, bob, conversation } = await world.pair();
    const silent = await world.open(ann, await world.user("Cid"));
    await world.send(conversation, ann, "hi");
    const before = await world.store.position(bob);
    expectOk(await world.store.rename(ann, "Anna"));
    const page = await world.store.changes(bob, before, 10, 10);
    expect(page).toMatchObject({ conversations: [{ id: conversation, peer: { name: "Anna" } }], events: [] });
    expect(page?.position).toBeGreaterThan(before);
    expect(await world.store.conversations(ann, undefined, 10)).toHaveLength(1);
    expect((await world.store.conversation(ann, silent))?.lastSeq).toBe(0);
    // The next change says that there was one between, so that who has missed the name finds out.
    const next = await world.send(conversation, ann, "it is me");
    expect(world.events().at(-1)?.prev).toEqual({ [ann]: next.prev, [bob]: page?.position ?? -1 });
  });
}

function renamesInOrder(makeStore: MakeStore): void {
  test("[SY2] a new name comes after what was sent in the same turn", async () => {
    await using world = await World.begin(makeStore);
    const { ann, bob, conversation } = await world.pair();
    const [sent] = await Promise.all([world.send(conversation, ann, "hi"), world.store.rename(ann, "Anna")]);
    const page = await world.store.changes(bob, sent.position, 10, 10);
    expect(page).toMatchObject({ conversations: [{ id: conversation, peer: { name: "Anna" } }], events: [] });
  });

  test("[HS1] a new name leaves the order of the list as it was", async () => {
    await using world = await World.begin(makeStore);
    const ann = await world.user("Ann");
    const peers = await Promise.all(["a", "b", "c", "d"].map((name) => world.user(name)));
    for (const [index, peer] of peers.entries()) {
      await world.send(
        index % 2 === 0 ? await world.open(ann, peer) : await world.open(peer, ann),
        peer,
        "hi",
      );
    }
    const order = async (): Promise<readonly string[]> =>
      (await world.store.conversations(ann, undefined, 10)).map((conversation) => conversation.peer.id);
    expectOk(await world.store.rename(ann, "Anna"));
    expect(await order()).toEqual([...peers].reverse());
  });
}

type Step = {
  readonly conversation: number;
  readonly side: 0 | 1;
  readonly what: number;
  readonly target: number;
};

const step: fc.Arbitrary<Step> = fc.record({
  conversation: fc.nat(3),
  side: fc.constantFrom(0, 1),
  what: fc.nat(9),
  target: fc.nat(6),
});

/** Each place: the conversation and its two users. */
type Place = readonly [ConversationId, UserId, UserId];

async function walk(world: World, places: readonly Place[], steps: readonly Step[]): Promise<void> {
  await Promise.all(
    steps.map(async ({ conversation, side, what, target }) => {
      const [id, one, other] = places[conversation] ?? expect.unreachable();
      const user = side === 0 ? one : other;
      const seq = target + 1;
      if (what < 5) await world.append(message(id, user, "text"));
      else if (what === 5) await world.append(edit(id, user, seq, "edit"));
      else if (what === 6) await world.append(retract(id, user, seq));
      else if (what === 7) await world.store.rename(user, `name ${target}`);
      else await world.store.mark({ conversation: id, user, delivered: seq, read: target });
    }),
  );
}

/** Unread, counted from scratch. */
function unreadOf(events: readonly ConversationEvent[], user: UserId, read: number): number {
  const isUnread = ({ kind, from, seq, retracted }: ConversationEvent): boolean =>
    kind === "message" && from !== user && seq > read && retracted !== true;
  return events.filter(isUnread).length;
}

/** From any point, the pages of a sync hold exactly the events after it, and every conversation that changed. */
async function expectNothingMissing(world: World, user: UserId, places: readonly Place[]): Promise<void> {
  const own = places.filter(([, one, other]) => one === user || other === user);
  const all = (await Promise.all(own.map(([id]) => world.history(id))))
    .flat()
    .sort((one, other) => world.positionOf(one) - world.positionOf(other));
  const list = await world.store.conversations(user, undefined, 100);
  const last = await world.store.position(user);
  for (const since of new Set([0, Math.floor(last / 3), Math.max(0, last - 2), last])) {
    const read = await world.sync(user, since, 3);
    const expected = all.filter((event) => world.positionOf(event) > since);
    expect(read.flatMap((page) => page.events)).toEqual(expected);
    expect(read.at(-1)?.position).toBe(last);
    const changed = list.filter(({ cursor }) => (decodeCursor(world.store.epoch, cursor) ?? 0) > since);
    const told = new Map(read.flatMap((page) => page.conversations.map((summary) => [summary.id, summary])));
    expect([...told.keys()].sort()).toEqual(changed.map((summary) => summary.id).sort());
    for (const summary of changed) expect(told.get(summary.id)).toEqual(summary);
  }
  for (const { id, mine, unread } of list) {
    expect(unread).toBe(unreadOf(await world.history(id), user, mine.read));
  }
}

function everything(makeStore: MakeStore): void {
  test("[SY2] whatever happened, and from wherever one comes back, nothing is missing and unread is right", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 60 }), async (steps) => {
        await using world = await World.begin(makeStore);
        const [ann, bob, cid] = [await world.user("Ann"), await world.user("Bob"), await world.user("Cid")];
        const dot = await world.user("Dot");
        const places: readonly Place[] = [
          [await world.open(ann, bob), ann, bob],
          [await world.open(cid, ann), cid, ann],
          [await world.open(bob, cid), bob, cid],
          [await world.open(ann, dot), ann, dot],
        ];
        const middle = Math.floor(steps.length / 2);
        await walk(world, places, steps.slice(0, middle));
        await walk(world, places, steps.slice(middle));
        for (const user of [ann, bob, cid, dot]) await expectNothingMissing(world, user, places);
      }),
      { numRuns: 25 },
    );
  });
}

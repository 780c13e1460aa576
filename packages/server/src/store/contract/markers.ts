import { expect, test } from "bun:test";
import type { UserId } from "../../ports/store.ts";
import { edit, expectOk, type MakeStore, type Pair, refused, retract, World } from "./fixture.ts";

export function markerContract(makeStore: MakeStore): void {
  moving(makeStore);
  counting(makeStore);
  retracting(makeStore);
}

async function begin(makeStore: MakeStore, messages: number): Promise<{ world: World; pair: Pair }> {
  const world = await World.begin(makeStore);
  const pair = await world.pair();
  await Promise.all(
    Array.from({ length: messages }, (_, index) => world.send(pair.conversation, pair.ann, `text ${index}`)),
  );
  return { world, pair };
}

async function unread(world: World, user: UserId, pair: Pair): Promise<number | undefined> {
  return (await world.store.conversation(user, pair.conversation))?.unread;
}

function moving(makeStore: MakeStore): void {
  test("[MK1] markers move forward, never back, and read moves delivered along", async () => {
    const { world, pair } = await begin(makeStore, 10);
    await using _ = world;
    const { ann, bob, conversation } = pair;
    const mark = async (delivered: number, read: number): Promise<unknown> => {
      expectOk(await world.store.mark({ conversation, user: bob, delivered, read }));
      return (await world.store.conversation(bob, conversation))?.mine;
    };
    expect(await mark(3, 0)).toEqual({ delivered: 3, read: 0 });
    expect(await mark(0, 5)).toEqual({ delivered: 5, read: 5 });
    expect(await mark(4, 4)).toEqual({ delivered: 5, read: 5 });
    expect(await mark(9, 2)).toEqual({ delivered: 9, read: 5 });
    expect((await world.store.conversation(ann, conversation))?.theirs).toEqual({ delivered: 9, read: 5 });
    await world.reopen();
    expect((await world.store.conversation(bob, conversation))?.mine).toEqual({ delivered: 9, read: 5 });
  });

  test("[MK1] each move is published to both users with the markers as they are now", async () => {
    const { world, pair } = await begin(makeStore, 4);
    await using _ = world;
    const { bob, conversation } = pair;
    expectOk(await world.store.mark({ conversation, user: bob, delivered: 4, read: 1 }));
    expectOk(await world.store.mark({ conversation, user: bob, delivered: 1, read: 3 }));
    expect(world.markers()).toMatchObject([
      { conversation, user: bob, delivered: 4, read: 1, unread: 3 },
      { conversation, user: bob, delivered: 4, read: 3, unread: 1 },
    ]);
    const to = world.published.filter(({ note }) => note.kind === "markers").map((entry) => entry.to.length);
    expect(to).toEqual([2, 2]);
  });

  test("[MK2] a marker beyond the last number is refused, and nothing moves", async () => {
    const { world, pair } = await begin(makeStore, 2);
    await using _ = world;
    const { bob, conversation } = pair;
    for (const [delivered, read] of [
      [3, 0],
      [1, 3],
    ] as const) {
      expect(await world.store.mark({ conversation, user: bob, delivered, read })).toEqual(
        refused("seq_unknown"),
      );
    }
    expect((await world.store.conversation(bob, conversation))?.mine).toEqual({ delivered: 0, read: 0 });
    expect(world.markers()).toEqual([]);
  });
}

function counting(makeStore: MakeStore): void {
  test("[MK3] unread are the other side's standing messages after the read marker", async () => {
    const { world, pair } = await begin(makeStore, 5);
    await using _ = world;
    const { ann, bob, conversation } = pair;
    expect([await unread(world, ann, pair), await unread(world, bob, pair)]).toEqual([0, 5]);
    expectOk(await world.append(edit(conversation, ann, 4, "new")));
    expectOk(await world.append(retract(conversation, ann, 5)));
    expect(await unread(world, bob, pair)).toBe(4);
    expectOk(await world.store.mark({ conversation, user: bob, delivered: 0, read: 3 }));
    expect(await unread(world, bob, pair)).toBe(1);
    expect(world.markers().at(-1)?.unread).toBe(1);
    expectOk(await world.store.mark({ conversation, user: bob, delivered: 0, read: 7 }));
    expect(await unread(world, bob, pair)).toBe(0);
  });

  test("[MK3] sending moves one's own markers, without a word of it", async () => {
    const { world, pair } = await begin(makeStore, 3);
    await using _ = world;
    await world.send(pair.conversation, pair.bob, "re");
    const summary = await world.store.conversation(pair.bob, pair.conversation);
    expect(summary).toMatchObject({
      unread: 0,
      mine: { delivered: 4, read: 4 },
      theirs: { delivered: 3, read: 3 },
    });
    expect(world.markers()).toEqual([]);
    expect(await unread(world, pair.ann, pair)).toBe(1);
  });

  test("[MK3] unread is counted up to a thousand", async () => {
    const { world, pair } = await begin(makeStore, 1010);
    await using _ = world;
    expect(await unread(world, pair.bob, pair)).toBe(1000);
    const { bob, conversation } = pair;
    expectOk(await world.store.mark({ conversation, user: bob, delivered: 0, read: 11 }));
    expect(await unread(world, pair.bob, pair)).toBe(999);
  });
}

/** Of the reader, from what the history shows. */
async function countUnread(world: World, reader: UserId, pair: Pair): Promise<number> {
  const read = (await world.store.conversation(reader, pair.conversation))?.mine.read ?? 0;
  const events = await world.history(pair.conversation);
  return events.filter(
    ({ seq, kind, from, retracted }) =>
      seq > read && kind === "message" && from !== reader && retracted !== true,
  ).length;
}

function retracting(makeStore: MakeStore): void {
  test("[MK3] marks among messages and retractions of the same moment leave the right number unread", async () => {
    await using world = await World.begin(makeStore);
    const [near, far] = [await world.pair(), await world.pair()];
    // The one who is far behind is counted in another way.
    await Promise.all(
      Array.from({ length: 300 }, (_, index) => world.send(far.conversation, far.ann, `text ${index}`)),
    );
    for (let round = 0; round < 12; round += 1) {
      const done: Promise<unknown>[] = [];
      for (const pair of [near, far]) {
        const { conversation, ann, bob } = pair;
        // Who writes has read all before it, so that only one of them has something left.
        const [writer, reader] = pair === near && round % 4 > 1 ? [bob, ann] : [ann, bob];
        const last = (await world.store.conversation(ann, conversation))?.lastSeq ?? 0;
        const mark = (read: number): unknown =>
          done.push(world.store.mark({ conversation, user: reader, delivered: 0, read }));
        for (let message = 0; message < 5; message += 1) {
          done.push(world.send(conversation, writer, `${round} ${message}`));
          if (round % 5 === message) mark(pair === far ? 20 * round : last - (round % 3));
        }
        done.push(world.append(retract(conversation, writer, last + 1)));
        done.push(world.append(retract(conversation, writer, Math.max(1, last - 2))));
        mark(pair === far ? 20 * round + 1 : last + 1 + (round % 3));
      }
      await Promise.all(done);
      for (const pair of [near, far]) {
        for (const user of [pair.ann, pair.bob])
          expect(await unread(world, user, pair)).toBe(await countUnread(world, user, pair));
      }
    }
  });

  test("[MK3] a retraction lessens what is unread, and only if it was, on either side", async () => {
    await using world = await World.begin(makeStore);
    const [first, second] = [await world.pair(), await world.pair()];
    for (const [place, writer] of [
      [first.conversation, first.ann],
      [second.conversation, second.bob],
    ] as const) {
      const peers = (await world.store.membership(place))?.users.map((user) => user.id) ?? [];
      const reader = peers.find((id) => id !== writer) ?? "";
      for (const text of ["one", "two", "three", "four"]) await world.send(place, writer, text);
      expectOk(await world.store.mark({ conversation: place, user: reader, delivered: 0, read: 2 }));
      expectOk(await world.append(retract(place, writer, 1)));
      expectOk(await world.append(retract(place, writer, 4)));
      expect((await world.store.conversation(reader, place))?.unread).toBe(1);
      await world.reopen();
      expectOk(await world.store.mark({ conversation: place, user: reader, delivered: 0, read: 3 }));
      expect((await world.store.conversation(reader, place))?.unread).toBe(0);
    }
  });
}

import { expect, test } from "bun:test";
import { decodeServerFrame } from "@duologue/protocol";
import type { Position, UserId } from "../../ports/store.ts";
import { edit, expectOk, type MakeStore, message, retract, textBody, World } from "./fixture.ts";

export function publicationContract(makeStore: MakeStore): void {
  notes(makeStore);
  chains(makeStore);
}

function notes(makeStore: MakeStore): void {
  test("a committed event is published to both users, before it is answered", async () => {
    await using world = await World.begin(makeStore);
    const { ann, bob, conversation } = await world.pair();
    const draft = message(conversation, ann, "hi", { origin: 7 });
    const publishedBefore = await new Promise<number>((resolve) => {
      world.store.append(draft, () => resolve(world.published.length));
    });
    expect(publishedBefore).toBe(1);
    const [published] = world.published;
    expect([...(published?.to ?? [])].sort()).toEqual([ann, bob].sort());
    expect(published?.note).toMatchObject({
      kind: "event",
      conversation,
      sender: ann,
      origin: 7,
      position: await world.store.position(bob),
      prev: { [ann]: 0, [bob]: 0 },
    });
  });

  test("the published frame is the protocol's event without cursors, the same that history reads", async () => {
    await using world = await World.begin(makeStore);
    const { ann, bob, conversation } = await world.pair();
    await world.send(conversation, ann, 'say "hi"');
    expectOk(await world.append(message(conversation, bob, "re", { replyTo: 1 })));
    expectOk(await world.append(edit(conversation, ann, 1, "say hello")));
    expectOk(await world.append(retract(conversation, bob, 2)));
    const stored = await world.history(conversation);
    for (const [index, note] of world.events().entries()) {
      const frame = JSON.parse(note.json);
      expect(Object.keys(frame).slice(0, 2)).toEqual(["type", "conversation"]);
      expect(decodeServerFrame(JSON.stringify({ ...frame, cursor: "c.1" })).ok).toBe(true);
      const { cursor: _, retracted, ...event } = stored[index] ?? expect.unreachable();
      // Bob's reply has lost its text since.
      expect(retracted === true ? { ...event, body: textBody("re") } : event).toEqual(frame);
    }
    expect(world.events()).toHaveLength(4);
  });

  test("what changed nothing is not published", async () => {
    await using world = await World.begin(makeStore);
    const { ann, bob, conversation } = await world.pair();
    const draft = message(conversation, ann, "hi");
    expectOk(await world.append(draft));
    expectOk(await world.store.mark({ conversation, user: bob, delivered: 1, read: 1 }));
    const count = world.published.length;
    await world.append(draft);
    await world.append({ ...draft, replyTo: 1 });
    await world.append(edit(conversation, bob, 1, "x"));
    await world.store.mark({ conversation, user: bob, delivered: 1, read: 0 });
    await world.store.mark({ conversation, user: bob, delivered: 5, read: 5 });
    expect(world.published).toHaveLength(count);
  });
}

function chains(makeStore: MakeStore): void {
  test("[SY1] for each user, every change says the position before it, over all conversations", async () => {
    await using world = await World.begin(makeStore);
    const [ann, bob, cid] = [await world.user("Ann"), await world.user("Bob"), await world.user("Cid")];
    const [ab, ac, bc] = [await world.open(ann, bob), await world.open(cid, ann), await world.open(bob, cid)];
    await Promise.all([
      world.send(ab, ann, "1"),
      world.send(bc, cid, "1"),
      world.send(ac, ann, "1"),
      world.send(ab, bob, "2"),
      world.store.mark({ conversation: ac, user: cid, delivered: 1, read: 0 }),
      world.append(edit(ab, ann, 1, "one")),
    ]);
    await world.reopen();
    await Promise.all([
      world.send(bc, bob, "2"),
      world.append(retract(ab, ann, 1)),
      world.send(ac, cid, "2"),
    ]);
    const chain = new Map<UserId, Position>();
    let highest = 0;
    for (const { to, note } of world.published) {
      if (note.kind !== "event" && note.kind !== "markers") continue;
      expect(note.position).toBeGreaterThan(highest);
      highest = note.position;
      for (const user of to) {
        expect(note.prev[user]).toBe(chain.get(user) ?? 0);
        chain.set(user, note.position);
      }
    }
    expect(world.published).toHaveLength(9);
    for (const user of [ann, bob, cid]) expect(await world.store.position(user)).toBe(chain.get(user) ?? -1);
    expect(await world.store.positions(["nobody", cid, ann, bob])).toEqual(chain);
  });

  test("[SY1] the sender's answer carries the same positions as the note", async () => {
    await using world = await World.begin(makeStore);
    const { ann, bob, conversation } = await world.pair();
    const answers = await Promise.all([
      world.send(conversation, ann, "1"),
      world.send(conversation, bob, "2"),
      world.send(conversation, ann, "3"),
    ]);
    const links = world.events().map(({ position, prev, sender }) => ({ position, prev: prev[sender] }));
    expect(answers.map(({ position, prev }) => ({ position, prev }))).toEqual(
      links.map(({ position, prev }) => ({ position, prev: prev ?? -1 })),
    );
  });
}

import { expect, test } from "bun:test";
import { defaultLimits } from "@duologue/protocol";
import { edit, expectOk, type MakeStore, message, refused, retract, World } from "./fixture.ts";

export function revisionContract(makeStore: MakeStore): void {
  references(makeStore);
  edits(makeStore);
  manyEdits(makeStore);
  retractions(makeStore);
}

function references(makeStore: MakeStore): void {
  test("[CV8] a reply names a number that is there", async () => {
    await using world = await World.begin(makeStore);
    const { ann, bob, conversation } = await world.pair();
    const early = message(conversation, bob, "re", { replyTo: 1 });
    expect(await world.append(early)).toEqual(refused("seq_unknown"));
    await world.send(conversation, ann, "hi");
    expect(await world.append(message(conversation, bob, "re", { replyTo: 2 }))).toEqual(
      refused("seq_unknown"),
    );
    // The same request succeeds when the number is there: a refusal leaves no trace of its id.
    expect(await world.append(early)).toMatchObject({ seq: 2, duplicate: false });
    expect((await world.history(conversation))[1]?.replyTo).toBe(1);
  });

  test("[CV9] a target must be one's own message that stands", async () => {
    await using world = await World.begin(makeStore);
    const { ann, bob, conversation } = await world.pair();
    await world.send(conversation, ann, "one");
    expectOk(await world.append(edit(conversation, ann, 1, "new")));
    expect(await world.append(edit(conversation, ann, 3, "x"))).toEqual(refused("seq_unknown"));
    expect(await world.append(retract(conversation, ann, 3))).toEqual(refused("seq_unknown"));
    expect(await world.append(edit(conversation, bob, 1, "x"))).toEqual(refused("target_invalid"));
    expect(await world.append(retract(conversation, bob, 1))).toEqual(refused("target_invalid"));
    expect(await world.append(edit(conversation, ann, 2, "x"))).toEqual(refused("target_invalid"));
    expectOk(await world.append(retract(conversation, ann, 1)));
    expect(await world.append(edit(conversation, ann, 1, "x"))).toEqual(refused("target_invalid"));
    expect(await world.append(retract(conversation, ann, 1))).toEqual(refused("target_invalid"));
    expect(await world.append(retract(conversation, ann, 3))).toEqual(refused("target_invalid"));
    expect(await world.history(conversation)).toHaveLength(3);
  });
}

function edits(makeStore: MakeStore): void {
  test("[CV9] an edit is an event with a number of its own, and the message keeps its first text", async () => {
    await using world = await World.begin(makeStore);
    const { ann, conversation } = await world.pair();
    await world.send(conversation, ann, "helo");
    const editing = edit(conversation, ann, 1, "hello");
    expect(await world.append(editing)).toMatchObject({ seq: 2 });
    expect(await world.history(conversation)).toMatchObject([
      { seq: 1, kind: "message", body: { text: "helo" } },
      { seq: 2, kind: "edit", target: 1, id: editing.id, body: { text: "hello" } },
    ]);
  });

  test("[CV9] a message may be edited and retracted in the turn in which it is sent", async () => {
    await using world = await World.begin(makeStore);
    const { ann, conversation } = await world.pair();
    const outcomes = await Promise.all([
      world.append(message(conversation, ann, "one")),
      world.append(edit(conversation, ann, 1, "two")),
      world.append(retract(conversation, ann, 1)),
      world.append(edit(conversation, ann, 1, "three")),
    ]);
    expect(outcomes).toMatchObject([{ seq: 1 }, { seq: 2 }, { seq: 3 }, refused("target_invalid")]);
  });
}

function manyEdits(makeStore: MakeStore): void {
  test("[CV9] a message is edited so often and no more, a repeat gets its number all the same, and it can be retracted", async () => {
    await using world = await World.begin(makeStore);
    const { ann, conversation } = await world.pair();
    const { editsPerMessage } = defaultLimits;
    await world.send(conversation, ann, "one");
    await world.send(conversation, ann, "two");
    const drafts = Array.from({ length: editsPerMessage + 1 }, () => edit(conversation, ann, 1, "again"));
    const outcomes = await Promise.all(drafts.map((draft) => world.append(draft)));
    expect(outcomes.at(-1)).toEqual(refused("target_invalid"));
    expect(outcomes.filter(({ ok }) => ok)).toHaveLength(editsPerMessage);
    const [first] = drafts;
    if (first !== undefined) expect(await world.append(first)).toMatchObject({ seq: 3, duplicate: true });
    expectOk(await world.append(edit(conversation, ann, 2, "another message")));
    expectOk(await world.append(retract(conversation, ann, 1)));
    expect(JSON.stringify(await world.history(conversation))).not.toContain("again");
  });
}

function retractions(makeStore: MakeStore): void {
  test("[CV9] a retraction erases the text of the message and of its edits wherever it is read", async () => {
    await using world = await World.begin(makeStore);
    const { ann, bob, conversation } = await world.pair();
    await world.send(conversation, ann, "secret one");
    expectOk(await world.append(edit(conversation, ann, 1, "secret two")));
    expectOk(await world.append(edit(conversation, ann, 1, "secret three")));
    expectOk(await world.append(retract(conversation, ann, 1)));
    const page = await world.store.history(conversation, undefined, 100);
    expect(page.events).toMatchObject([
      { seq: 1, kind: "message", retracted: true },
      { seq: 2, kind: "edit", target: 1, retracted: true },
      { seq: 3, kind: "edit", target: 1, retracted: true },
      { seq: 4, kind: "retract", target: 1 },
    ]);
    const everything = JSON.stringify([
      page,
      await world.store.history(conversation, 2, 100),
      await world.store.conversation(bob, conversation),
      await world.store.changes(bob, 0, 100, 100),
    ]);
    expect(everything).not.toContain("secret");
    expect(page.events.filter((event) => event.body !== undefined)).toEqual([]);
  });

  test("[CV9] other messages and their edits keep their text", async () => {
    await using world = await World.begin(makeStore);
    const { ann, conversation } = await world.pair();
    const other = await world.open(ann, await world.user("Cid"));
    for (const place of [conversation, other]) {
      await world.send(place, ann, "one");
      await world.send(place, ann, "two");
      expectOk(await world.append(edit(place, ann, 2, "three")));
    }
    expectOk(await world.append(retract(conversation, ann, 1)));
    const texts = async (place: string): Promise<unknown[]> =>
      (await world.history(place)).map((event) => event.body?.text);
    expect(await texts(conversation)).toEqual([undefined, "two", "three", undefined]);
    expect(await texts(other)).toEqual(["one", "two", "three"]);
  });
}

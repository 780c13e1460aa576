import { expect, test } from "bun:test";
import { edit, expectOk, type MakeStore, message, refused, retract, START_MS, World } from "./fixture.ts";

export function repeatContract(makeStore: MakeStore): void {
  repeats(makeStore);
  repeatsOfRevisions(makeStore);
  conflicts(makeStore);
}

function repeats(makeStore: MakeStore): void {
  test("[CV6] a repeat gets the first one's number and time, and changes nothing", async () => {
    await using world = await World.begin(makeStore);
    const { ann, conversation } = await world.pair();
    const draft = message(conversation, ann, "hi");
    const first = expectOk(await world.append(draft));
    world.now = START_MS + 30 * 24 * 3600 * 1000;
    await world.reopen();
    expect(await world.append({ ...draft, origin: 2 })).toEqual({
      ok: true,
      seq: 1,
      time: first.time,
      position: 0,
      prev: 0,
      duplicate: true,
    });
    expect(await world.history(conversation)).toHaveLength(1);
    expect(await world.store.position(ann)).toBe(first.position);
    expect(world.events()).toHaveLength(1);
    expect((await world.send(conversation, ann, "next")).seq).toBe(2);
  });

  test("[CL11] with the recipient gone, a repeat gets the first one's number, and anything new is refused", async () => {
    await using world = await World.begin(makeStore);
    const { ann, conversation } = await world.pair();
    const draft = message(conversation, ann, "hi");
    const first = expectOk(await world.append(draft));
    const late = { onlyRepeat: true } as const;
    expect(await world.append({ ...draft, ...late })).toMatchObject({ seq: first.seq, duplicate: true });
    expect(await world.append(message(conversation, ann, "late", late))).toEqual(refused("recipient_gone"));
    expect(await world.append({ ...edit(conversation, ann, first.seq, "late"), ...late })).toEqual(
      refused("recipient_gone"),
    );
    expect(await world.history(conversation)).toHaveLength(1);
  });

  test("[CV6] a repeat in the same turn is one too", async () => {
    await using world = await World.begin(makeStore);
    const { ann, conversation } = await world.pair();
    const draft = message(conversation, ann, "hi");
    const answers = await Promise.all([world.append(draft), world.append(draft), world.append(draft)]);
    expect(answers.map((answer) => expectOk(answer).duplicate)).toEqual([false, true, true]);
    expect(answers.map((answer) => expectOk(answer).seq)).toEqual([1, 1, 1]);
    expect(await world.history(conversation)).toHaveLength(1);
  });

  test("the two users may use the same id for different messages", async () => {
    await using world = await World.begin(makeStore);
    const { ann, bob, conversation } = await world.pair();
    const draft = message(conversation, ann, "from Ann");
    expectOk(await world.append(draft));
    expect(await world.append({ ...message(conversation, bob, "from Bob"), id: draft.id })).toMatchObject({
      seq: 2,
      duplicate: false,
    });
  });
}

function repeatsOfRevisions(makeStore: MakeStore): void {
  test("[CV6] a repeat of a message that was edited or retracted since is still a repeat", async () => {
    await using world = await World.begin(makeStore);
    const { ann, conversation } = await world.pair();
    const draft = message(conversation, ann, "hi");
    expectOk(await world.append(draft));
    expectOk(await world.append(edit(conversation, ann, 1, "hello")));
    expect(await world.append(draft)).toMatchObject({ seq: 1, duplicate: true });
    expectOk(await world.append(retract(conversation, ann, 1)));
    expect(await world.append(draft)).toMatchObject({ seq: 1, duplicate: true });
  });

  test("[CV6] a repeated edit or retraction gets its number, though its target is gone by now", async () => {
    await using world = await World.begin(makeStore);
    const { ann, conversation } = await world.pair();
    await world.send(conversation, ann, "hi");
    const [editing, retracting] = [edit(conversation, ann, 1, "hello"), retract(conversation, ann, 1)];
    expectOk(await world.append(editing));
    expectOk(await world.append(retracting));
    expect(await world.append(editing)).toMatchObject({ seq: 2, duplicate: true });
    expect(await world.append(retracting)).toMatchObject({ seq: 3, duplicate: true });
    expect(await world.history(conversation)).toHaveLength(3);
  });
}

function conflicts(makeStore: MakeStore): void {
  test("[CV7] the same id with another text, kind, reference or conversation is refused", async () => {
    await using world = await World.begin(makeStore);
    const { ann, conversation } = await world.pair();
    const other = await world.open(ann, await world.user("Cid"));
    await world.send(conversation, ann, "zero");
    const draft = message(conversation, ann, "hi");
    expectOk(await world.append(draft));
    const wrong = [
      { ...draft, body: message(conversation, ann, "other").body },
      { ...draft, replyTo: 1 },
      { ...draft, replyTo: 99 },
      { ...draft, conversation: other },
      { ...draft, kind: "edit", target: 1 } as const,
      { ...draft, kind: "retract", target: 1, body: undefined } as const,
    ];
    for (const conflicting of wrong) expect(await world.append(conflicting)).toEqual(refused("id_conflict"));
    expect(await world.history(conversation)).toHaveLength(2);
    expect(await world.history(other)).toHaveLength(0);
  });

  test("[CV7] an edit's id with another target is refused", async () => {
    await using world = await World.begin(makeStore);
    const { ann, conversation } = await world.pair();
    await world.send(conversation, ann, "one");
    await world.send(conversation, ann, "two");
    const editing = edit(conversation, ann, 1, "new");
    expectOk(await world.append(editing));
    expect(await world.append({ ...editing, target: 2 })).toEqual(refused("id_conflict"));
  });
}

import { expect, test } from "bun:test";
import { expectOk, type MakeStore, message, refused, START_MS, seqs, World } from "./fixture.ts";

export function numberContract(makeStore: MakeStore): void {
  committing(makeStore);
  ordering(makeStore);
}

function committing(makeStore: MakeStore): void {
  test("[CV3] an answered message has a number and the server's time, and is there after a restart", async () => {
    await using world = await World.begin(makeStore);
    const { ann, conversation } = await world.pair();
    world.now = START_MS + 5;
    const draft = message(conversation, ann, "hello ✓ 😀");
    expect(await world.append(draft)).toMatchObject({
      ok: true,
      seq: 1,
      time: START_MS + 5,
      prev: 0,
      duplicate: false,
    });
    await world.reopen();
    expect(await world.history(conversation)).toMatchObject([
      { seq: 1, from: ann, id: draft.id, kind: "message", time: START_MS + 5, body: { text: "hello ✓ 😀" } },
    ]);
  });

  test("the text is kept as it was given, byte for byte", async () => {
    await using world = await World.begin(makeStore);
    const { ann, conversation } = await world.pair();
    const text = `"quotes" \\ \u2028 \t\n e\u0301 \u{1F468}\u200D\u{1F469}\u200D\u{1F467} 50% '; DROP TABLE event; --`;
    await world.send(conversation, ann, text);
    expect((await world.history(conversation))[0]?.body).toEqual({ kind: "text", text });
    const body = '{"text":"the order of the fields stays","kind":"text"}';
    expectOk(await world.append(message(conversation, ann, "", { body })));
    expect(world.events().at(-1)?.json).toContain(body);
  });

  test("an answer never comes inside the call", async () => {
    await using world = await World.begin(makeStore);
    const { ann, conversation } = await world.pair();
    let isInside = true;
    const wasInside = new Promise<boolean>((resolve) => {
      world.store.append(message(conversation, ann, "hi"), () => resolve(isInside));
    });
    isInside = false;
    expect(await wasInside).toBe(false);
  });

  test("a refused request harms none of its neighbours and takes no number", async () => {
    await using world = await World.begin(makeStore);
    const { ann, conversation } = await world.pair();
    const outcomes = await Promise.all([
      world.append(message(conversation, ann, "one")),
      world.append(message("d_nowhere", ann, "lost")),
      world.append(message(conversation, ann, "reply", { replyTo: 99 })),
      world.append(message(conversation, ann, "two")),
    ]);
    expect(outcomes).toMatchObject([
      { seq: 1 },
      refused("conversation_unknown"),
      refused("seq_unknown"),
      { seq: 2 },
    ]);
  });
}

function ordering(makeStore: MakeStore): void {
  test("[CV4] events of each conversation are numbered 1, 2, 3, … whatever is sent at the same time", async () => {
    await using world = await World.begin(makeStore);
    const pairs = [await world.pair(), await world.pair(), await world.pair()];
    const sends = Array.from({ length: 150 }, (_, index) => {
      const { conversation, ann, bob } = pairs[index % 3] ?? pairs[0] ?? expect.unreachable();
      return world.send(conversation, index % 2 === 0 ? ann : bob, `text ${index}`);
    });
    await Promise.all(sends);
    for (const { conversation } of pairs) {
      const expected = Array.from({ length: 50 }, (_, index) => index + 1);
      expect(seqs(await world.history(conversation))).toEqual(expected);
    }
  });

  test("[CV12] requests of one caller are carried out in the order they were made", async () => {
    await using world = await World.begin(makeStore);
    const { ann, conversation } = await world.pair();
    const sends = Array.from({ length: 40 }, (_, index) => world.send(conversation, ann, `text ${index}`));
    const answers = await Promise.all(sends);
    expect(answers.map((answer) => answer.seq)).toEqual(answers.map((_, index) => index + 1));
    const texts = (await world.history(conversation)).map((event) => event.body?.text);
    expect(texts).toEqual(answers.map((_, index) => `text ${index}`));
  });

  test("numbering goes on after a restart", async () => {
    await using world = await World.begin(makeStore);
    const { ann, bob, conversation } = await world.pair();
    const first = await world.send(conversation, ann, "one");
    expectOk(await world.store.mark({ conversation, user: bob, delivered: 1, read: 1 }));
    const marked = await world.store.position(ann);
    await world.reopen();
    const second = await world.send(conversation, ann, "two");
    expect(second.seq).toBe(2);
    expect(marked).toBeGreaterThan(first.position);
    expect(second.prev).toBe(marked);
    expect(second.position).toBeGreaterThan(marked);
  });

  test("time never goes back within a conversation, though the clock does", async () => {
    await using world = await World.begin(makeStore);
    const { ann, bob, conversation } = await world.pair();
    await world.send(conversation, ann, "one");
    world.now = START_MS - 60_000;
    expect((await world.send(conversation, bob, "two")).time).toBe(START_MS);
    await world.reopen();
    expect((await world.send(conversation, bob, "three")).time).toBe(START_MS);
  });
}

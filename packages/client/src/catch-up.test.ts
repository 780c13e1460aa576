import { describe, expect, test } from "bun:test";
import { joinPair, Room, textsOf } from "./testing/room.ts";

function messages(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `message ${index + 1}`);
}

function idOf(number: number): string {
  return `00000000-0000-7000-8000-${String(number).padStart(12, "0")}`;
}

describe("catching up", () => {
  test("[HL9] hello with the cursor brings what was missed, over several pages, in order", async () => {
    using room = new Room();
    const { alice, bob, conversation } = await joinPair(room);
    alice.send(conversation, "before");
    room.server.flush();
    room.server.cut(room.link(bob));
    for (const text of messages(17)) alice.send(conversation, text);
    room.pass(1_000);
    expect(bob.connection.kind).toBe("online");
    expect(textsOf(bob, conversation)).toEqual(["before", ...messages(17)]);
    const link = room.link(bob);
    expect(link.taken[0]).toHaveProperty("cursor");
    expect(link.taken.filter((frame) => frame.type === "sync").length).toBeGreaterThan(2);
    expect(link.taken.filter((frame) => frame.type === "history")).toHaveLength(0);
    expect(bob.conversation(conversation)?.unread).toBe(18);
  });

  // What the welcome's page asks for was written, and then again with all requests that wait for an answer.
  test("[HL9] hello with the cursor asks for each further page once", async () => {
    using room = new Room();
    const { alice, bob, conversation } = await joinPair(room);
    room.server.cut(room.link(bob));
    for (const text of messages(17)) alice.send(conversation, text);
    room.pass(1_000);
    const asked = room.link(bob).taken.flatMap((frame) => (frame.type === "sync" ? [frame.ref] : []));
    expect(asked.length).toBeGreaterThan(2);
    expect(new Set(asked).size).toBe(asked.length);
  });

  test("[SY1] a step that does not begin at the cursor is kept for 200 ms, then sync fetches what is missing", async () => {
    using room = new Room();
    const { alice, bob, conversation } = await joinPair(room);
    room.server.losesHint = (frame) => frame.type === "event" && frame.seq === 1;
    alice.send(conversation, "lost");
    alice.send(conversation, "found");
    room.server.flush();
    expect(textsOf(bob, conversation)).toEqual([]);
    room.environment.advance(199);
    room.server.flush();
    expect(room.link(bob).taken.filter((frame) => frame.type === "sync")).toHaveLength(0);
    room.environment.advance(1);
    room.server.flush();
    expect(textsOf(bob, conversation)).toEqual(["lost", "found"]);
    expect(bob.conversation(conversation)?.unread).toBe(2);
  });

  test("[SY1] steps that come in the wrong order need no sync", async () => {
    using room = new Room();
    const { alice, bob, conversation } = await joinPair(room);
    for (const text of messages(3)) alice.send(conversation, text);
    for (let step = 0; step < 6; step += 1) room.server.step(room.link(alice));
    room.link(bob).down.reverse();
    room.pass(1_000);
    expect(textsOf(bob, conversation)).toEqual(messages(3));
    expect(room.link(bob).taken.filter((frame) => frame.type === "sync")).toHaveLength(0);
  });

  test("[SY1] a repeated step changes nothing and needs no sync", async () => {
    using room = new Room();
    const { alice, bob, conversation } = await joinPair(room);
    alice.send(conversation, "once");
    while (room.server.step(room.link(alice)));
    const [event] = room.link(bob).down;
    if (event === undefined) throw new TypeError("no event on its way");
    room.link(bob).down.push(event);
    room.pass(1_000);
    expect(textsOf(bob, conversation)).toEqual(["once"]);
    expect(bob.conversation(conversation)?.unread).toBe(1);
    expect(room.link(bob).taken.filter((frame) => frame.type === "sync")).toHaveLength(0);
  });

  test("[SY2] what happens while pages come is neither lost nor counted twice", async () => {
    using room = new Room();
    const { alice, bob, conversation } = await joinPair(room);
    room.server.cut(room.link(bob));
    for (const text of messages(12)) alice.send(conversation, text);
    room.server.flush();
    room.environment.advance(700);
    const link = room.server.last;
    for (let step = 0; step < 3; step += 1) room.server.step(link);
    expect(bob.syncing).toBe(true);
    for (const text of ["live 1", "live 2"]) alice.send(conversation, text);
    while (room.server.step(room.link(alice)));
    room.server.flush();
    expect(bob.syncing).toBe(false);
    expect(textsOf(bob, conversation)).toEqual([...messages(12), "live 1", "live 2"]);
    expect(bob.conversation(conversation)?.unread).toBe(14);
    room.pass(1_000);
    expect(alice.timeline(conversation).entries.at(-1)?.state).toBe("delivered");
  });

  test("[SY3] a reset forgets everything and loads the list and the open conversation anew", async () => {
    using room = new Room();
    const { alice, bob, conversation } = await joinPair(room);
    for (const text of messages(4)) alice.send(conversation, text);
    room.server.flush();
    room.server.syncEvents = 3;
    room.server.cut(room.link(bob));
    for (const text of ["five", "six", "seven", "eight"]) alice.send(conversation, text);
    room.pass(2_000);
    expect(textsOf(bob, conversation)).toEqual(["message 4", "five", "six", "seven", "eight"]);
    expect(bob.timeline(conversation).hasOlder).toBe(true);
    expect(bob.conversation(conversation)?.unread).toBe(8);
  });

  test("[SY4] a lost last message is noticed by the next ping", async () => {
    using room = new Room();
    const { alice, bob, conversation } = await joinPair(room);
    room.pass(1_000);
    room.server.losesHint = (frame) => frame.type === "event";
    alice.send(conversation, "the last one");
    room.pass(1_000);
    expect(textsOf(bob, conversation)).toEqual([]);
    room.pass(25_000);
    expect(textsOf(bob, conversation)).toEqual(["the last one"]);
  });

  test("a message of an unknown conversation brings the conversation into the list", async () => {
    using room = new Room();
    const { client: alice, id: from } = room.join("alice");
    const { client: bob, id } = room.join("bob");
    const opened = alice.open(id);
    room.server.flush();
    alice.send(await opened, "hello");
    room.pass(500);
    expect(bob.conversations).toMatchObject([
      { peer: { id: from }, unread: 1, lastMessage: { body: { text: "hello" } } },
    ]);
  });

  test("[CV5] one's other device gets what this one sends, and both count the same", async () => {
    using room = new Room();
    const { alice, bob, conversation } = await joinPair(room);
    const second = room.connect({ token: alice.token ?? "" });
    room.server.flush();
    void second.openConversation(conversation);
    room.server.flush();
    bob.send(conversation, "hello");
    room.server.flush();
    alice.send(conversation, "hi");
    room.server.flush();
    expect(textsOf(second, conversation)).toEqual(["hello", "hi"]);
    expect(second.timeline(conversation).entries.at(-1)?.mine).toBe(true);
    expect(second.conversation(conversation)?.unread).toBe(0);
    bob.send(conversation, "more");
    room.server.flush();
    expect(second.conversation(conversation)?.unread).toBe(1);
    alice.markRead(conversation);
    room.pass(500);
    expect(second.conversation(conversation)?.unread).toBe(0);
  });
});

describe("history", () => {
  test("[CV10] a conversation that is not one's own cannot be opened", async () => {
    using room = new Room();
    const { alice } = await joinPair(room);
    const opened = alice.openConversation("somebody-elses");
    room.server.flush();
    await expect(opened).rejects.toMatchObject({ code: "conversation_unknown" });
  });

  test("[HS2] older pages come in order until there are no more", async () => {
    using room = new Room();
    const { alice, bob, conversation } = await joinPair(room);
    for (const [index, text] of messages(13).entries()) {
      room.server.write(bob.me?.id ?? "", {
        conversation,
        id: idOf(index),
        kind: "message",
        body: { kind: "text", text },
      });
    }
    room.server.flush();
    const reader = room.connect({ token: alice.token ?? "" });
    room.server.flush();
    void reader.openConversation(conversation);
    room.server.flush();
    expect(textsOf(reader, conversation)).toEqual(messages(13).slice(8));
    for (let page = 0; page < 2; page += 1) {
      const loaded = reader.loadOlder(conversation);
      room.server.flush();
      await loaded;
    }
    expect(textsOf(reader, conversation)).toEqual(messages(13));
    expect(reader.timeline(conversation).hasOlder).toBe(false);
  });

  test("an unchanged timeline is the same object, so that a page need not draw it again", async () => {
    using room = new Room();
    const { alice, conversation } = await joinPair(room);
    alice.send(conversation, "hello");
    room.pass(500);
    const view = alice.timeline(conversation);
    expect(alice.timeline(conversation)).toBe(view);
    alice.send(conversation, "more");
    expect(alice.timeline(conversation)).not.toBe(view);
  });

  test("listeners are told once for all changes of a turn, and no more after they left", async () => {
    using room = new Room();
    const { alice, conversation } = await joinPair(room);
    let calls = 0;
    const leave = alice.subscribe(() => {
      calls += 1;
    });
    for (const text of messages(5)) alice.send(conversation, text);
    room.server.flush();
    await Promise.resolve();
    expect(calls).toBe(1);
    leave();
    alice.send(conversation, "more");
    await Promise.resolve();
    expect(calls).toBe(1);
  });
});

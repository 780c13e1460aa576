/** Frames and answers that go astray on a connection that lives, and connections that died without a word. */
import { describe, expect, test } from "bun:test";
import type { ServerFrame } from "@duologue/protocol";
import type { Client } from "./client.ts";
import { Pacer } from "./pacer.ts";
import { FakeEnvironment } from "./testing/fake-environment.ts";
import { joinPair, Room, textsOf } from "./testing/room.ts";

/** Until the condition holds; how long that took, in milliseconds, at most this many. */
function waitFor(room: Room, mostMs: number, holds: () => boolean): number {
  let passedMs = 0;
  for (; !holds() && passedMs < mostMs; passedMs += 100) room.pass(100);
  return passedMs;
}

function lose(room: Room, type: ServerFrame["type"], forMs: number): void {
  room.server.losesHint = (frame) => frame.type === type;
  room.pass(forMs);
  room.server.losesHint = () => false;
}

describe("a message without an answer", () => {
  test("[CV6] whose frame was lost on a living connection is there within 20 s, once", async () => {
    using room = new Room();
    const { alice, bob, conversation } = await joinPair(room);
    alice.send(conversation, "lost on its way");
    room.link(alice).up.length = 0;
    expect(waitFor(room, 60_000, () => textsOf(bob, conversation).length > 0)).toBeLessThanOrEqual(20_000);
    room.pass(60_000);
    for (const client of [alice, bob]) expect(textsOf(client, conversation)).toEqual(["lost on its way"]);
    expect(room.server.links.length).toBe(2);
  });

  test("[CN7] on a connection that is dead is sent over another one within 25 s", async () => {
    using room = new Room();
    const { alice, bob, conversation } = await joinPair(room);
    const dead = room.link(alice);
    dead.isDead = true;
    alice.send(conversation, "into the dark");
    expect(waitFor(room, 60_000, () => textsOf(bob, conversation).length > 0)).toBeLessThanOrEqual(25_000);
    expect(dead.isGone).toBe(true);
  });

  test("is the only reason to ping more often", async () => {
    using room = new Room();
    const { alice, conversation } = await joinPair(room);
    for (let second = 0; second < 24; second += 1) {
      alice.send(conversation, `${second}`);
      room.pass(1_000);
    }
    expect(room.link(alice).taken.filter(({ type }) => type === "ping")).toEqual([]);
  });
});

describe("what timed out is asked for again on the same connection", () => {
  test("[HS1] the list of conversations", async () => {
    using room = new Room();
    room.server.losesHint = ({ type }) => type === "conversations";
    const { client } = room.join("alice");
    room.pass(40_000);
    expect(client.conversationsLoaded).toBe(false);
    room.server.losesHint = () => false;
    room.pass(30_000);
    expect(client.conversationsLoaded).toBe(true);
  });

  test("[HS2] the messages of a conversation that is looked at", async () => {
    using room = new Room();
    const { client: alice } = room.join("alice");
    const { client: bob, id } = room.join("bob");
    const conversation = await openWith(room, alice, id);
    alice.send(conversation, "hello");
    room.server.flush();
    room.server.losesHint = ({ type }) => type === "history";
    void bob.openConversation(conversation);
    room.pass(40_000);
    expect(textsOf(bob, conversation)).toEqual([]);
    room.server.losesHint = () => false;
    room.pass(30_000);
    expect(textsOf(bob, conversation)).toEqual(["hello"]);
  });

  test("[HS4] the summary of a conversation that somebody began", async () => {
    using room = new Room();
    const { client: alice } = room.join("alice");
    const { client: bob, id } = room.join("bob");
    const conversation = await openWith(room, alice, id);
    alice.send(conversation, "hello");
    lose(room, "conversation", 40_000);
    expect(bob.conversation(conversation)).toBeUndefined();
    room.pass(30_000);
    expect(bob.conversation(conversation)).toMatchObject({ lastSeq: 1, unread: 1 });
  });
});

test("[HS4] a summary that an event overtook is asked for once more", async () => {
  using room = new Room();
  const { client: alice } = room.join("alice");
  const { client: bob, id } = room.join("bob");
  const conversation = await openWith(room, alice, id);
  const [from, to] = [room.link(alice), room.link(bob)];
  alice.send(conversation, "one");
  while (room.server.step(from));
  // Bob hears of it, and asks; the answer is made, and the next event is quicker than it.
  while (to.up.length === 0) room.server.step(to);
  while (to.up.length > 0) room.server.step(to);
  const [answer = ""] = to.down.splice(
    to.down.findIndex((text) => text.includes('"type":"conversation"')),
    1,
  );
  alice.send(conversation, "two");
  while (room.server.step(from));
  to.down.push(answer);
  room.server.flush();
  expect(bob.conversation(conversation)).toMatchObject({ lastSeq: 2, unread: 2 });
});

test("[BI3] receipts for many conversations at once stay far below the rate", async () => {
  using room = new Room();
  room.server.framesPerSecond = 50;
  const { client: bob, id: bobId } = room.join("bob");
  const { token = "" } = bob;
  const { client: alice } = room.join("alice");
  bob.close();
  for (let index = 0; index < 60; index += 1) {
    const { client, id } = room.join(`writer ${index}`);
    const conversation = await openWith(room, client, bobId);
    client.send(conversation, `from ${id}`);
    room.server.flush();
    client.close();
  }
  const again = room.connect({ token });
  const marks = (): number => room.link(again).taken.filter(({ type }) => type === "mark").length;
  room.pass(1_000);
  expect(marks()).toBeGreaterThan(0);
  for (let second = 0; second < 20; second += 1) {
    const before = marks();
    room.pass(1_000);
    expect(marks() - before).toBeLessThanOrEqual(15);
  }
  expect(again.conversations.every(({ mine, lastSeq }) => mine.delivered === lastSeq)).toBe(true);
  expect(alice.connection.kind).toBe("online");
});

test("a page that the browser wakes once a minute sends as much as time allows", () => {
  const environment = new FakeEnvironment(() => {
    throw new RangeError("no socket is needed here");
  });
  // Timers are late, as those of a hidden page.
  const late = {
    now: () => environment.now(),
    after: (_: number, run: () => void) => environment.after(60_000, run),
  };
  const pacer = new Pacer(late, 1, () => undefined);
  pacer.setRate(10);
  let sent = 0;
  for (let count = 0; count < 240; count += 1) {
    if (pacer.take()) sent += 1;
    environment.advance(15_000);
  }
  expect(sent).toBe(240);
});

async function openWith(room: Room, client: Client, peer: string): Promise<string> {
  const opened = client.open(peer);
  room.server.flush();
  return await opened;
}

import { describe, expect, test } from "bun:test";
import type { Client } from "./client.ts";
import { joinPair, Room } from "./testing/room.ts";
import { TabRoom } from "./testing/tabs.ts";

function arrivalsOf(client: Client): string[] {
  const arrived: string[] = [];
  client.onArrival(({ body }) => arrived.push(body?.text ?? "nothing"));
  return arrived;
}

describe("messages that arrive", () => {
  test("are told one by one, those of one turn too; one's own, edits and retractions are not", async () => {
    using room = new Room();
    const { alice, bob, conversation } = await joinPair(room);
    const [atAlice, atBob] = [arrivalsOf(alice), arrivalsOf(bob)];
    for (const text of ["one", "two", "three"]) alice.send(conversation, text);
    room.server.flush();
    alice.edit(conversation, 1, "one and a half");
    alice.retract(conversation, 2);
    room.server.flush();
    bob.send(conversation, "four");
    room.server.flush();
    await Promise.resolve();
    expect(atBob).toEqual(["one", "two", "three"]);
    expect(atAlice).toEqual(["four"]);
  });

  test("[SY2] while one is away are told after it, once, and what was retracted meanwhile is not", async () => {
    using room = new Room();
    const { alice, bob, conversation } = await joinPair(room);
    const atBob = arrivalsOf(bob);
    alice.send(conversation, "before");
    room.server.flush();
    room.server.cut(room.link(bob));
    for (const text of ["one", "taken back", "three"]) alice.send(conversation, text);
    room.server.flush();
    alice.retract(conversation, 3);
    room.server.flush();
    room.pass(2_000);
    expect(bob.connection.kind).toBe("online");
    alice.send(conversation, "after");
    room.server.flush();
    await Promise.resolve();
    expect(atBob).toEqual(["before", "one", "three", "after"]);
  });

  test("before the first login are not told", async () => {
    using room = new TabRoom();
    const { client: bob } = room.join("bob");
    const { client: alice, id } = room.join("alice");
    const opened = bob.open(id);
    room.settle();
    bob.send(await opened, "old");
    room.settle();
    const token = alice.token ?? "";
    alice.close();
    const { client: later } = room.openTab({ token });
    const arrived = arrivalsOf(later);
    room.settle();
    expect(later.conversations).toMatchObject([{ lastSeq: 1 }]);
    expect(arrived).toEqual([]);
  });

  test("are told by each tab once, whichever of them has the connection", async () => {
    using room = new TabRoom();
    const { client: bob } = room.join("bob");
    const { client: alice, id } = room.join("alice");
    const opened = bob.open(id);
    room.settle();
    const conversation = await opened;
    const token = alice.token ?? "";
    alice.close();
    const tabs = [room.openTab({ token }), room.openTab({ token })];
    room.settle();
    const arrived = tabs.map(({ client }) => arrivalsOf(client));
    for (const text of ["one", "two"]) bob.send(conversation, text);
    room.settle();
    tabs[0]?.client.close();
    room.settle();
    bob.send(conversation, "three");
    room.settle();
    await Promise.resolve();
    expect(arrived).toEqual([
      ["one", "two"],
      ["one", "two", "three"],
    ]);
  });
});

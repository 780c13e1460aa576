/** Who is online among the peers when the server's lobby is only a count. */
import { describe, expect, test } from "bun:test";
import type { Client } from "./client.ts";
import type { FakeServer } from "./testing/fake-server.ts";
import { joinPair, Room } from "./testing/room.ts";
import { joinWithTabs, TabRoom, tabAt } from "./testing/tabs.ts";

/** More than the time in which changes share one `watch`. */
const SOON_MS = 400;

function watches(server: FakeServer): (readonly string[])[] {
  return server.links.flatMap(({ taken }) =>
    taken.flatMap((frame) => (frame.type === "watch" ? [frame.conversations] : [])),
  );
}

function crowd(room: Room | TabRoom, count: number): void {
  for (let index = 0; index < count; index += 1) room.join(`guest ${index}`);
}

const onlineOf = (client: Client, conversation: string): boolean | undefined =>
  client.conversation(conversation)?.online;

describe("contacts", () => {
  test("[LB8] above the server's limit, peers are online and offline as before, and seen when they go", async () => {
    using room = new Room();
    room.server.lobbyUsers = 2;
    const { alice, bob, conversation } = await joinPair(room);
    bob.send(conversation, "hi");
    room.pass(100);
    expect(watches(room.server)).toEqual([]);
    crowd(room, 2);
    room.pass(SOON_MS);
    expect(alice.lobby.users).toBeUndefined();
    expect(onlineOf(alice, conversation)).toBe(true);
    bob.close();
    room.pass(1_000);
    expect(alice.conversation(conversation)).toMatchObject({ online: false });
    expect(alice.conversation(conversation)?.seenAt).toBeGreaterThan(0);
    const { client: again } = room.join("bob", { token: bob.token ?? "" });
    room.pass(100);
    expect(onlineOf(alice, conversation)).toBe(true);
    again.close();
  });

  test("[LB7] a conversation that begins later is watched too, and a message alone asks for nothing", async () => {
    using room = new Room();
    room.server.lobbyUsers = 1;
    const { alice, bob, conversation } = await joinPair(room);
    bob.send(conversation, "hi");
    room.pass(SOON_MS);
    const { client: carol, id } = room.join("carol");
    const opened = alice.open(id);
    room.pass(SOON_MS);
    const other = await opened;
    room.pass(SOON_MS);
    expect(onlineOf(alice, other)).toBe(true);
    const before = watches(room.server).length;
    for (const text of ["1", "2", "3"]) {
      bob.send(conversation, text);
      alice.send(other, text);
      room.pass(SOON_MS);
    }
    // Carol's first: she had no conversation before.
    expect(watches(room.server).length).toBeLessThanOrEqual(before + 1);
    carol.close();
    room.pass(SOON_MS);
    expect(onlineOf(alice, other)).toBe(false);
  });

  test("[LB3] below the limit again, the list says it, and nobody is watched any more", async () => {
    using room = new Room();
    room.server.lobbyUsers = 2;
    const { alice, bob, conversation } = await joinPair(room);
    bob.send(conversation, "hi");
    const { client: carol } = room.join("carol");
    room.pass(SOON_MS);
    expect(room.link(alice).watched).toHaveLength(1);
    carol.close();
    room.pass(SOON_MS);
    expect(alice.lobby.users?.size).toBe(2);
    expect(room.link(alice).watched).toEqual([]);
    expect(onlineOf(alice, conversation)).toBe(true);
  });

  test("[LB7] after a break it is not known until the server has said it", async () => {
    using room = new Room();
    room.server.lobbyUsers = 1;
    const { alice, bob, conversation } = await joinPair(room);
    bob.send(conversation, "hi");
    room.pass(SOON_MS);
    expect(onlineOf(alice, conversation)).toBe(true);
    crowd(room, 2);
    room.server.acceptsSockets = false;
    room.server.cut(room.link(alice));
    room.pass(100);
    expect(onlineOf(alice, conversation)).toBeUndefined();
    bob.close();
    room.pass(100);
    room.server.acceptsSockets = true;
    room.pass(60_000);
    expect(alice.lobby.users).toBeUndefined();
    expect(onlineOf(alice, conversation)).toBe(false);
  });

  test("[LB7] tabs share one watch, also one that comes later", async () => {
    using room = new TabRoom();
    room.server.lobbyUsers = 2;
    const scene = await joinWithTabs(room, 2);
    scene.bob.send(scene.conversation, "hi");
    crowd(room, 2);
    room.pass(SOON_MS);
    const { client: late } = room.openTab({ token: scene.token });
    room.pass(SOON_MS);
    const tabs = [tabAt(scene, 0).client, tabAt(scene, 1).client, late];
    expect(tabs.map((tab) => onlineOf(tab, scene.conversation))).toEqual([true, true, true]);
    const askers = room.server.links.filter(({ taken }) => taken.some(({ type }) => type === "watch"));
    expect(askers.length).toBeLessThanOrEqual(2);
    scene.bob.close();
    room.pass(1_000);
    expect(tabs.map((tab) => onlineOf(tab, scene.conversation))).toEqual([false, false, false]);
  });
});

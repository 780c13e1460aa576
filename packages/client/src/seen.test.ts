/** When somebody who is offline was last there, as the client shows it. */
import { describe, expect, test } from "bun:test";
import { type Client, connect } from "./client.ts";
import type { FakeServer } from "./testing/fake-server.ts";
import { createMockServer, type MockServer } from "./testing/index.ts";
import { joinPair, Room } from "./testing/room.ts";
import { joinWithTabs, TabRoom, tabAt } from "./testing/tabs.ts";

const HOUR_MS = 3_600_000;
/** As the server's (SPEC LB5). */
const GRACE_MS = 5_000;

interface Meeting {
  readonly server: MockServer;
  readonly join: (token: string) => Promise<Client>;
  readonly anna: Client;
  readonly ben: Client;
  readonly tokens: { readonly anna: string; readonly ben: string };
  readonly conversation: string;
}

/** Anna looks at the conversation in which Ben has written. */
async function meet(): Promise<Meeting> {
  const server = createMockServer();
  const join = async (token: string): Promise<Client> => {
    const client = connect({ url: server.url, environment: server.environment, token });
    await server.settled();
    return client;
  };
  const [annaUser, benUser] = [server.addUser("Anna"), server.addUser("Ben")];
  const tokens = { anna: server.signToken(annaUser), ben: server.signToken(benUser) };
  const [anna, ben] = [await join(tokens.anna), await join(tokens.ben)];
  server.write(benUser, annaUser, "hello");
  const opened = anna.open(benUser.id);
  await server.settled();
  return { server, join, anna, ben, tokens, conversation: await opened };
}

const seenAt = (client: Client, conversation: string): number | undefined =>
  client.conversation(conversation)?.seenAt;

function opens(server: FakeServer): number {
  return server.links.flatMap(({ taken }) => taken).filter(({ type }) => type === "open").length;
}

describe("last seen", () => {
  test("[HS5] is the moment in which others hear that they left, and nothing while they are there", async () => {
    const { server, join, anna, ben, tokens, conversation } = await meet();
    expect(anna.conversation(conversation)).toMatchObject({ online: true });
    expect(seenAt(anna, conversation)).toBeUndefined();
    ben.close();
    await server.advance(GRACE_MS - 100);
    expect(seenAt(anna, conversation)).toBeUndefined();
    await server.advance(100);
    const leftAt = server.environment.now();
    await server.advance(HOUR_MS / 60);
    expect(anna.conversation(conversation)).toMatchObject({ online: false, seenAt: leftAt });
    const again = await join(tokens.ben);
    expect(anna.conversation(conversation)).toMatchObject({ online: true });
    expect(seenAt(anna, conversation)).toBeUndefined();
    for (const client of [anna, again]) client.close();
  });

  test("[HS5] comes with the list at the next visit", async () => {
    const { server, join, anna, ben, tokens, conversation } = await meet();
    ben.close();
    await server.advance(GRACE_MS);
    const leftAt = server.environment.now();
    anna.close();
    await server.advance(HOUR_MS / 10);
    const again = await join(tokens.anna);
    expect(again.conversations[0]).toMatchObject({ id: conversation, online: false, seenAt: leftAt });
    again.close();
  });

  test("[HS5] is asked for anew after a break, in which they went", async () => {
    const { server, join, anna, ben, tokens, conversation } = await meet();
    ben.close();
    await server.advance(GRACE_MS);
    expect(seenAt(anna, conversation)).toBe(server.environment.now());
    const again = await join(tokens.ben);
    server.reachable = false;
    server.cut();
    again.close();
    await server.advance(GRACE_MS);
    const leftAt = server.environment.now();
    await server.advance(HOUR_MS / 10);
    expect(anna.conversation(conversation)?.online).toBeUndefined();
    expect(seenAt(anna, conversation)).toBeUndefined();
    server.reachable = true;
    await server.advance(HOUR_MS / 10);
    expect(anna.conversation(conversation)).toMatchObject({ online: false, seenAt: leftAt });
    anna.close();
  });
});

describe("last seen, by the server's clock", () => {
  test("[HS5] also on a device whose own is wrong", async () => {
    using room = new Room();
    const { alice, bob, conversation } = await joinPair(room);
    bob.send(conversation, "hi");
    room.pass(100);
    bob.close();
    room.pass(1_000);
    const at = seenAt(alice, conversation) ?? 0;
    // The fake server's year is another than the device's.
    expect(Math.abs(at - (room.server.store.users.byId.get(bob.me?.id ?? "")?.seenAt ?? 0))).toBeLessThan(
      10_000,
    );
    expect(Math.abs(at - room.environment.now())).toBeGreaterThan(HOUR_MS);
  });

  test("[HS5] in a tab that shares another one's connection, however long that has been there", async () => {
    using room = new TabRoom();
    const scene = await joinWithTabs(room, 1);
    room.pass(60_000);
    const { client: leader } = tabAt(scene, 0);
    const { client: follower } = room.openTab({ token: scene.token });
    room.settle();
    void follower.openConversation(scene.conversation);
    scene.bob.send(scene.conversation, "hi");
    room.pass(500);
    scene.bob.close();
    room.pass(1_000);
    const at = seenAt(leader, scene.conversation);
    expect(at).toBeGreaterThan(0);
    expect(seenAt(follower, scene.conversation)).toBe(at as number);
  });

  test("[HS5] is not asked for again when the server has said that it does not know", async () => {
    using room = new Room();
    const { client: alice, id } = room.join("alice");
    const carol = room.server.store.createUser("carol").user.id;
    const { id: conversation } = room.server.store.open(id, carol);
    room.server.write(carol, {
      conversation,
      id: "01890000-0000-7000-8000-000000000001",
      kind: "message",
      body: { kind: "text", text: "hi" },
    });
    room.pass(100);
    const before = opens(room.server);
    for (let round = 0; round < 3; round += 1) {
      void alice.openConversation(conversation);
      room.pass(100);
    }
    expect(alice.conversation(conversation)).toMatchObject({ online: false });
    expect(seenAt(alice, conversation)).toBeUndefined();
    expect(opens(room.server)).toBe(before);
  });
});

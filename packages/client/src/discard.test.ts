/** What can be taken back before it is sent, and what cannot any more. */
import { describe, expect, test } from "bun:test";
import type { Client } from "./client.ts";
import { Outbox } from "./outbox.ts";
import { memoryStorage } from "./storage.ts";
import { joinPair, Room, textsOf } from "./testing/room.ts";
import { TabRoom } from "./testing/tabs.ts";

/** Sends it to nobody: the connection breaks, and no other one is made for now. */
function sendOffline(room: Room, client: Client, conversation: string, text: string): string {
  room.server.acceptsSockets = false;
  room.server.cut(room.link(client));
  return client.send(conversation, text);
}

describe("discarding", () => {
  test("what was never written is gone for good", async () => {
    using room = new Room();
    const { alice, bob, conversation } = await joinPair(room);
    const id = sendOffline(room, alice, conversation, "never mind");
    expect(alice.discard(id)).toBe(true);
    expect(alice.discard(id)).toBe(false);
    room.server.acceptsSockets = true;
    room.pass(60_000);
    expect([textsOf(alice, conversation), textsOf(bob, conversation)]).toEqual([[], []]);
  });

  test("[CV6] what a cut left without an answer cannot be discarded, for the server may have it", async () => {
    using room = new Room();
    const { alice, bob, conversation } = await joinPair(room);
    const id = alice.send(conversation, "may be there");
    // The server takes it; the acknowledgement is lost.
    room.server.step(room.link(alice));
    room.server.acceptsSockets = false;
    room.server.cut(room.link(alice));
    expect(alice.timeline(conversation).entries[0]?.state).toBe("queued");
    expect(alice.discard(id)).toBe(false);
    room.server.acceptsSockets = true;
    room.pass(60_000);
    for (const client of [alice, bob]) expect(textsOf(client, conversation)).toEqual(["may be there"]);
  });

  test("what the server refused for good can be discarded, though it was written and cut off before", async () => {
    using room = new Room();
    const { alice, bob, conversation } = await joinPair(room);
    const id = alice.send(conversation, "to somebody who left");
    room.server.cut(room.link(alice));
    room.server.refusals.push({ code: "recipient_gone" });
    room.pass(5_000);
    expect(alice.timeline(conversation).entries[0]?.state).toBe("failed");
    expect(alice.discard(id)).toBe(true);
    room.pass(60_000);
    expect([textsOf(alice, conversation), textsOf(bob, conversation)]).toEqual([[], []]);
  });

  test("what the server put off can be discarded, as long as every copy was refused", async () => {
    using room = new Room();
    const { alice, bob, conversation } = await joinPair(room);
    room.server.refusals.push({ code: "busy", retryAfterMs: 5_000 });
    const id = alice.send(conversation, "never mind");
    room.server.flush();
    expect(alice.discard(id)).toBe(true);
    room.pass(60_000);
    expect(textsOf(bob, conversation)).toEqual([]);
  });

  test("[CV6] what the server lost its store over cannot be discarded, for it may be stored", async () => {
    using room = new Room();
    const { alice, bob, conversation } = await joinPair(room);
    room.server.refusals.push({ code: "unavailable", retryAfterMs: 5_000 });
    const id = alice.send(conversation, "may be there");
    room.server.flush();
    expect(alice.discard(id)).toBe(false);
    room.pass(60_000);
    for (const client of [alice, bob]) expect(textsOf(client, conversation)).toEqual(["may be there"]);
  });

  test("[CV6] one that was repeated cannot be discarded when its second copy is refused", async () => {
    using room = new Room();
    const { alice, bob, conversation } = await joinPair(room);
    room.server.losesHint = ({ type }) => type === "ack";
    const id = alice.send(conversation, "may be there");
    room.server.flush();
    // Before its repeat comes, the server has too much to do.
    for (let passedMs = 0; passedMs < 30_000 && room.server.refusals.length === 0; passedMs += 100) {
      room.environment.advance(100);
      const again = room.link(alice).up.filter((text) => text.includes(id));
      if (again.length > 0) room.server.refusals.push({ code: "busy", retryAfterMs: 60_000 });
      room.server.flush();
    }
    expect(alice.discard(id)).toBe(false);
    room.server.losesHint = () => false;
    room.pass(90_000);
    for (const client of [alice, bob]) expect(textsOf(client, conversation)).toEqual(["may be there"]);
  });

  test("[CV6] a reload forgets neither what was discarded nor that the server may have something", async () => {
    using room = new Room();
    const storage = memoryStorage();
    const { client: alice } = room.join("alice", { storage });
    const { client: bob, id: bobId } = room.join("bob");
    const opened = alice.open(bobId);
    room.server.flush();
    const conversation = await opened;
    void bob.openConversation(conversation);
    const written = alice.send(conversation, "written");
    const waiting = sendOffline(room, alice, conversation, "waits");
    const discarded = alice.send(conversation, "discarded");
    expect(alice.discard(discarded)).toBe(true);
    const { token = "", me } = alice;
    alice.close();
    // What the next page knows before it has a connection.
    const { environment } = room;
    const changed = (): void => undefined;
    const outbox = new Outbox({ environment, storage, write: () => false, changed, unanswered: changed });
    outbox.load(me?.id ?? "");
    expect(outbox.all().map(({ frame }) => frame.id)).toEqual([written, waiting]);
    expect([outbox.discard(discarded), outbox.discard(written)]).toEqual([false, false]);
    room.server.acceptsSockets = true;
    const again = room.connect({ storage, token });
    room.server.flush();
    void again.openConversation(conversation);
    room.pass(60_000);
    for (const client of [again, bob]) expect(textsOf(client, conversation)).toEqual(["written", "waits"]);
    expect(storage.list("").size).toBe(0);
  });

  test("[CV6] a tab cannot discard what the tab that leads had written when the connection broke", async () => {
    using room = new TabRoom();
    const { client: bob, id: bobId } = room.join("bob");
    const { client: first } = room.join("alice");
    const { token = "" } = first;
    const opened = first.open(bobId);
    room.settle();
    const conversation = await opened;
    first.close();
    void bob.openConversation(conversation);
    const [one, two] = [room.openTab({ token }), room.openTab({ token })];
    for (const { client } of [one, two]) {
      room.settle();
      const loaded = client.openConversation(conversation);
      room.settle();
      await loaded;
    }
    const id = two.client.send(conversation, "may be there");
    while (room.tabs.step());
    room.server.step(room.link(one.client));
    room.server.acceptsSockets = false;
    room.server.cut(room.link(one.client));
    while (room.tabs.step());
    expect([two.client.discard(id), one.client.discard(id)]).toEqual([false, false]);
    room.server.acceptsSockets = true;
    room.pass(60_000);
    for (const client of [one.client, two.client, bob])
      expect(textsOf(client, conversation)).toEqual(["may be there"]);
  });
});

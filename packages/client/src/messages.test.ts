import { describe, expect, test } from "bun:test";
import { memoryStorage, webStorage } from "./storage.ts";
import { joinPair, Room, textsOf } from "./testing/room.ts";

describe("sending", () => {
  test("[CV3] a message is shown at once, and goes from queued over sending to sent", async () => {
    using room = new Room();
    const { alice, conversation } = await joinPair(room);
    room.server.cut(room.link(alice));
    const id = alice.send(conversation, "hello");
    const state = (): string | undefined => alice.timeline(conversation).entries.at(-1)?.state;
    expect(state()).toBe("queued");
    room.environment.advance(700);
    const link = room.server.last;
    while (alice.connection.kind !== "online") room.server.step(link);
    expect(state()).toBe("sending");
    room.server.flush();
    expect(alice.timeline(conversation).entries).toMatchObject([{ id, seq: 1, state: "sent", mine: true }]);
  });

  test("[MK1] a message is delivered when the other side has received it, and read when they looked at it", async () => {
    using room = new Room();
    const { alice, bob, conversation } = await joinPair(room);
    alice.send(conversation, "hello");
    room.server.flush();
    const state = (): string | undefined => alice.timeline(conversation).entries.at(-1)?.state;
    expect(state()).toBe("sent");
    room.pass(250);
    expect(state()).toBe("delivered");
    bob.markRead(conversation);
    room.pass(250);
    expect(state()).toBe("read");
  });

  test("what is refused together waits once, not as long as if each had been tried again", async () => {
    using room = new Room();
    const { alice, conversation } = await joinPair(room);
    room.server.refusals.push(...Array.from({ length: 20 }, () => ({ code: "busy" }) as const));
    const texts = Array.from({ length: 20 }, (_, index) => `message ${index}`);
    for (const text of texts) alice.send(conversation, text);
    room.server.flush();
    expect(room.server.refusals).toEqual([]);
    room.pass(700);
    expect(textsOf(alice, conversation)).toEqual(texts);
    expect(alice.timeline(conversation).entries.every(({ seq }) => seq !== undefined)).toBe(true);
  });

  test("[CV12] what comes later waits for a refused message, however often it is refused", async () => {
    using room = new Room();
    const { alice, bob, conversation } = await joinPair(room);
    room.server.refusals.push(...Array.from({ length: 22 }, () => ({ code: "unavailable" }) as const));
    const texts = Array.from({ length: 40 }, (_, index) => `message ${index}`);
    for (const text of texts.slice(0, 20)) alice.send(conversation, text);
    room.server.flush();
    for (const text of texts.slice(20)) alice.send(conversation, text);
    room.pass(10_000);
    expect(room.server.refusals).toEqual([]);
    expect(textsOf(bob, conversation)).toEqual(texts);
  });

  test("a server that goes on refusing is asked less and less", async () => {
    using room = new Room();
    const { alice, conversation } = await joinPair(room);
    room.server.refusals.push(...Array.from({ length: 4 }, () => ({ code: "busy" }) as const));
    alice.send(conversation, "hello");
    room.server.flush();
    const waitsMs: number[] = [];
    for (let waitMs = 0; alice.timeline(conversation).entries.at(-1)?.state !== "sent"; waitMs += 10) {
      const before = room.link(alice).taken.length;
      room.pass(10);
      if (room.link(alice).taken.length === before) continue;
      waitsMs.push(waitMs);
      waitMs = 0;
    }
    expect(waitsMs.length).toBe(4);
    expect(waitsMs).toEqual(waitsMs.toSorted((one, other) => one - other));
    expect(waitsMs[0]).toBeGreaterThan(300);
    expect(waitsMs[3]).toBeGreaterThan(2_700);
  });

  test("[MK1] receipts inside a quarter of a second share one frame", async () => {
    using room = new Room();
    const { alice, bob, conversation } = await joinPair(room);
    for (let index = 0; index < 10; index += 1) {
      alice.send(conversation, `message ${index}`);
      room.server.flush();
    }
    bob.markRead(conversation);
    room.pass(300);
    const marks = room.link(bob).taken.filter((frame) => frame.type === "mark");
    expect(marks).toEqual([{ type: "mark", conversation, delivered: 10, read: 10 }]);
  });

  test("[MK3] an answer shows that what stands above was read", async () => {
    using room = new Room();
    const { alice, bob, conversation } = await joinPair(room);
    alice.send(conversation, "hello");
    room.server.flush();
    bob.send(conversation, "hi");
    room.server.flush();
    expect(alice.timeline(conversation).entries[0]?.state).toBe("read");
    expect(bob.conversation(conversation)?.unread).toBe(0);
    expect(alice.conversation(conversation)?.unread).toBe(1);
  });

  test("[MK3] unread messages are counted as they come, and gone at once when they are read", async () => {
    using room = new Room();
    const { alice, bob, conversation } = await joinPair(room);
    for (const text of ["one", "two", "three"]) alice.send(conversation, text);
    room.server.flush();
    expect(bob.conversation(conversation)?.unread).toBe(3);
    alice.retract(conversation, 3);
    room.server.flush();
    expect(bob.conversation(conversation)?.unread).toBe(2);
    bob.markRead(conversation);
    expect(bob.conversation(conversation)?.unread).toBe(0);
  });

  test("[MK1] what leaves nothing unread asks for no receipt", async () => {
    using room = new Room();
    const { alice, bob, conversation } = await joinPair(room);
    alice.send(conversation, "hello");
    room.server.flush();
    bob.markRead(conversation);
    room.pass(500);
    const { taken } = room.link(bob);
    const marks = (): number => taken.filter((frame) => frame.type === "mark").length;
    const before = marks();
    alice.edit(conversation, 1, "hello again");
    room.pass(500);
    expect(textsOf(bob, conversation)).toEqual(["hello again"]);
    expect(marks()).toBe(before);
  });

  test("[MK1] a mark that a cut swallowed is sent again", async () => {
    using room = new Room();
    const { alice, bob, conversation } = await joinPair(room);
    alice.send(conversation, "hello");
    room.server.flush();
    bob.markRead(conversation);
    room.environment.advance(250);
    room.server.cut(room.link(bob));
    room.pass(1_000);
    expect(alice.timeline(conversation).entries[0]?.state).toBe("read");
  });

  // A mark has no number of its own, so its refusal (the store did not answer) names nothing that could be tried again.
  test("[MK1] a mark that was refused, or lost while the connection lasted, is sent again after two pings", async () => {
    using room = new Room();
    const { alice, bob, conversation } = await joinPair(room);
    alice.send(conversation, "hello");
    room.server.flush();
    bob.markRead(conversation);
    room.environment.advance(250);
    room.link(bob).up.length = 0;
    room.pass(20_000);
    expect(alice.timeline(conversation).entries[0]?.state).not.toBe("read");
    room.pass(40_000);
    expect(alice.timeline(conversation).entries[0]?.state).toBe("read");
  });

  test("[CV6] what was not acknowledged is sent again with the same ids and in order, and stands there once", async () => {
    using room = new Room();
    const { alice, bob, conversation } = await joinPair(room);
    const ids = ["one", "two", "three"].map((text) => alice.send(conversation, text));
    const link = room.link(alice);
    // The server takes the first two; the acknowledgements are lost.
    room.server.step(link);
    room.server.step(link);
    room.server.cut(link);
    room.pass(1_000);
    const sent = room.link(alice).taken.filter((frame) => frame.type === "send");
    expect(sent.map((frame) => frame.id)).toEqual(ids.slice(2));
    expect(textsOf(alice, conversation)).toEqual(["one", "two", "three"]);
    expect(textsOf(bob, conversation)).toEqual(["one", "two", "three"]);
  });

  test("[CV6] an acknowledgement that never comes is asked for by repeating the message", async () => {
    using room = new Room();
    const { alice, bob, conversation } = await joinPair(room);
    bob.close();
    room.server.losesHint = (frame) => frame.type === "ack" && frame.duplicate !== true;
    alice.send(conversation, "hello");
    room.pass(1_000);
    expect(alice.timeline(conversation).entries).toMatchObject([{ state: "sending" }]);
    room.server.losesHint = (frame) => frame.type === "changes" || (frame.type === "ack" && !frame.duplicate);
    room.pass(55_000);
    expect(alice.timeline(conversation).entries).toMatchObject([{ state: "sent", seq: 1 }]);
  });

  test("a refusal that a retry may help is retried after the time the server says", async () => {
    using room = new Room();
    const { alice, conversation } = await joinPair(room);
    room.server.refusals.push({ code: "too_fast", retryAfterMs: 2_000 });
    alice.send(conversation, "hello");
    room.server.flush();
    room.environment.advance(1_999);
    expect(alice.timeline(conversation).entries[0]?.state).toBe("queued");
    room.environment.advance(1);
    room.server.flush();
    expect(alice.timeline(conversation).entries[0]?.state).toBe("sent");
  });

  test("[BI4] a final refusal is shown with its code, and can be retried or discarded", async () => {
    using room = new Room();
    const { alice, conversation } = await joinPair(room);
    room.server.refusals.push({ code: "text_invalid" }, { code: "recipient_gone" });
    const [first, second] = [alice.send(conversation, "one"), alice.send(conversation, "two")];
    room.server.flush();
    const [one, two] = alice.timeline(conversation).entries;
    expect(one?.pending?.state).toMatchObject({ kind: "failed", error: { code: "text_invalid" } });
    expect(two?.state).toBe("failed");
    expect(alice.discard(first)).toBe(true);
    alice.retry(second);
    room.server.flush();
    expect(textsOf(alice, conversation)).toEqual(["two"]);
    expect(alice.timeline(conversation).entries[0]?.state).toBe("sent");
  });

  test("[CN4] a message larger than a frame is refused here, instead of losing the connection", async () => {
    using room = new Room();
    const { alice, conversation } = await joinPair(room);
    alice.send(conversation, "字".repeat(30_000));
    room.server.flush();
    const [entry] = alice.timeline(conversation).entries;
    expect(entry?.pending?.state).toMatchObject({ kind: "failed", error: { code: "text_too_long" } });
    expect(alice.connection.kind).toBe("online");
  });

  test("[BI3] a long queue goes out below the server's rate and in order", async () => {
    using room = new Room();
    room.server.framesPerSecond = 50;
    const { alice, bob, conversation } = await joinPair(room);
    const texts = Array.from({ length: 100 }, (_, index) => `message ${index}`);
    for (const text of texts) alice.send(conversation, text);
    room.server.flush();
    const sent = (): number => room.link(alice).taken.filter((frame) => frame.type === "send").length;
    expect(sent()).toBe(30);
    room.pass(1_000);
    expect(sent()).toBeWithin(31, 62);
    room.pass(3_000);
    expect(textsOf(bob, conversation)).toEqual(texts);
  });
});

describe("the outbox over a reload", () => {
  test("[CV6] what was unsent when the page went away is sent by the next one, under the same ids", async () => {
    using room = new Room();
    const storage = memoryStorage();
    const { client: alice } = room.join("alice", { storage });
    const { id } = room.join("bob");
    const opened = alice.open(id);
    room.server.flush();
    const conversation = await opened;
    room.server.cut(room.link(alice));
    const ids = ["one", "two"].map((text) => alice.send(conversation, text));
    const { token } = alice;
    if (token === undefined) throw new TypeError("no token");
    alice.close();
    const { client: again } = room.join("", { storage, token, nickname: "alice" });
    void again.openConversation(conversation);
    room.server.flush();
    expect(again.timeline(conversation).entries.map((entry) => entry.id)).toEqual(ids);
    expect(storage.list("").size).toBe(0);
  });

  test("two tabs share a storage without losing each other's messages, and what is no message is passed over", async () => {
    const values = new Map<string, string>([["other", "1"]]);
    const shared = {
      get length(): number {
        return values.size;
      },
      key: (index: number): string | null => [...values.keys()][index] ?? null,
      getItem: (key: string): string | null => values.get(key) ?? null,
      setItem: (key: string, value: string): void => void values.set(key, value),
      removeItem: (key: string): void => void values.delete(key),
    };
    using room = new Room();
    const { client: first, id: firstId } = room.join("alice", { storage: webStorage(shared) });
    values.set(`duologue/outbox/${firstId}/x`, "{broken");
    const { id } = room.join("bob");
    const opened = first.open(id);
    room.server.flush();
    const conversation = await opened;
    const token = first.token ?? "";
    const second = room.connect({ token, storage: webStorage(shared) });
    room.server.flush();
    for (const link of room.server.links) room.server.cut(link);
    first.send(conversation, "from the first tab");
    second.send(conversation, "from the second tab");
    expect([...values.keys()].filter((key) => key.startsWith(`duologue/outbox/${firstId}/0`))).toHaveLength(
      2,
    );
    room.pass(2_000);
    void first.openConversation(conversation);
    room.pass(1_000);
    expect(textsOf(first, conversation).toSorted()).toEqual(["from the first tab", "from the second tab"]);
    expect(values.get("other")).toBe("1");
  });

  test("a storage that throws only means that nothing survives", async () => {
    const full = {
      length: 0,
      key: (): never => fail(),
      getItem: (): never => fail(),
      setItem: (): never => fail(),
      removeItem: (): never => fail(),
    };
    using room = new Room();
    const { client: alice } = room.join("alice", { storage: webStorage(full) });
    const { id } = room.join("bob");
    const opened = alice.open(id);
    room.server.flush();
    alice.send(await opened, "hello");
    room.server.flush();
    expect(textsOf(alice, alice.conversations[0]?.id ?? "")).toEqual(["hello"]);
  });
});

function fail(): never {
  throw new DOMException("full", "QuotaExceededError");
}

describe("changing", () => {
  test("[CV9] an edit shows at once on this side, then on the other, and marks the message as edited", async () => {
    using room = new Room();
    const { alice, bob, conversation } = await joinPair(room);
    alice.send(conversation, "helo");
    room.server.flush();
    alice.edit(conversation, 1, "hello");
    expect(alice.timeline(conversation).entries).toMatchObject([{ body: { text: "hello" }, edited: true }]);
    room.server.flush();
    expect(bob.timeline(conversation).entries).toMatchObject([{ body: { text: "hello" }, edited: true }]);
    expect(bob.conversation(conversation)?.lastMessage?.body?.text).toBe("hello");
  });

  test("[CV9] a retraction takes the text away on both sides", async () => {
    using room = new Room();
    const { alice, bob, conversation } = await joinPair(room);
    alice.send(conversation, "a secret");
    room.server.flush();
    alice.retract(conversation, 1);
    room.server.flush();
    for (const client of [alice, bob]) {
      expect(client.timeline(conversation).entries).toMatchObject([{ retracted: true, body: undefined }]);
      expect(client.conversation(conversation)?.lastMessage).toMatchObject({ retracted: true });
    }
  });

  test("[CV9] a refused edit leaves the old text and says so", async () => {
    using room = new Room();
    const { alice, conversation } = await joinPair(room);
    alice.send(conversation, "hello");
    room.server.flush();
    room.server.refusals.push({ code: "text_too_long" });
    alice.edit(conversation, 1, "too long");
    room.server.flush();
    const [entry] = alice.timeline(conversation).entries;
    expect(entry?.body?.text).toBe("hello");
    expect(entry?.change?.state.kind).toBe("failed");
  });

  test("[CV14] typing is said sparingly, and ends by itself or with the message", async () => {
    using room = new Room();
    const { alice, bob, conversation } = await joinPair(room);
    for (let index = 0; index < 5; index += 1) bob.setTyping(conversation, true);
    room.server.flush();
    expect(room.link(bob).taken.filter((frame) => frame.type === "typing")).toHaveLength(1);
    expect(alice.conversation(conversation)?.typing).toBe(true);
    room.pass(6_000);
    expect(alice.conversation(conversation)?.typing).toBe(false);
    bob.setTyping(conversation, true);
    room.server.flush();
    bob.send(conversation, "hello");
    room.server.flush();
    expect(alice.conversation(conversation)?.typing).toBe(false);
  });
});

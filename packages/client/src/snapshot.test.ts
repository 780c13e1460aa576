/** A start from what an earlier visit left: shown before the server answers, and brought up to date by the difference. */
import { describe, expect, test } from "bun:test";
import { SNAPSHOT_BYTES, SNAPSHOT_EVENTS, SNAPSHOT_TIMELINES, SNAPSHOT_WAIT_MS } from "./limits.ts";
import { type ClientStorage, memoryStorage } from "./storage.ts";
import { Room, textsOf } from "./testing/room.ts";
import { TabRoom } from "./testing/tabs.ts";
import { come, leaveSnapshot, pass } from "./testing/visits.ts";

const messageId = (number: number): string => `00000000-0000-7000-8000-${String(number).padStart(12, "0")}`;
const snapshotOf = (storage: ClientStorage): string | undefined => storage.list("snapshot").get("snapshot");

describe("a start with a snapshot", () => {
  test("shows at once, without the server, who one is, the list and the last messages", async () => {
    using room = new Room();
    const visit = await leaveSnapshot(room);
    room.server.acceptsSockets = false;
    const alice = come(room, visit);
    expect(alice.connection.kind).toBe("connecting");
    expect(alice.me?.name).toBe("alice");
    expect(alice.conversations.map(({ peer, unread }) => [peer.name, unread])).toEqual([["bob", 0]]);
    expect(textsOf(alice, visit.conversation)).toEqual(["hello", "bob"]);
    expect(alice.timeline(visit.conversation).loading).toBe(false);
    await alice.openConversation(visit.conversation);
    await pass(room, 1_000);
    expect(alice.connection.kind).toBe("waiting");
    expect(textsOf(alice, visit.conversation)).toEqual(["hello", "bob"]);
  });

  test("[HL9] says its cursor in the hello, so that only the difference comes", async () => {
    using room = new Room();
    const visit = await leaveSnapshot(room);
    visit.bob.send(visit.conversation, "while you were away");
    await pass(room, 500);
    const alice = come(room, visit);
    const arrived: string[] = [];
    alice.onArrival(({ body }) => arrived.push(body?.text ?? ""));
    await alice.openConversation(visit.conversation);
    await pass(room, 1_000);
    expect(textsOf(alice, visit.conversation)).toEqual(["hello", "bob", "while you were away"]);
    expect(alice.conversation(visit.conversation)?.unread).toBe(1);
    const asked = room.link(alice).taken.map(({ type }) => type);
    expect(asked.filter((type) => type === "history" || type === "sync" || type === "open")).toEqual([]);
    expect(arrived).toEqual([]);
    visit.bob.send(visit.conversation, "and now");
    await pass(room, 500);
    expect(arrived).toEqual(["and now"]);
  });

  test("[CV6] shows what was left unsent, takes more, and sends all of it once when the server is there", async () => {
    using room = new Room();
    const visit = await leaveSnapshot(room);
    room.server.acceptsSockets = false;
    const before = come(room, visit);
    before.send(visit.conversation, "left unsent");
    before.close();
    await pass(room, 1);
    const alice = come(room, visit);
    expect(textsOf(alice, visit.conversation).slice(2)).toEqual(["left unsent"]);
    alice.send(visit.conversation, "more");
    room.server.acceptsSockets = true;
    await pass(room, 60_000);
    expect(textsOf(visit.bob, visit.conversation)).toEqual(["hello", "bob", "left unsent", "more"]);
    expect(textsOf(alice, visit.conversation)).toEqual(["hello", "bob", "left unsent", "more"]);
  });

  test("[SY3] forgets it when the server cannot go on from its cursor", async () => {
    using room = new Room();
    const visit = await leaveSnapshot(room);
    room.server.store.epoch = "another";
    const alice = come(room, visit);
    void alice.openConversation(visit.conversation);
    expect(textsOf(alice, visit.conversation)).toHaveLength(2);
    await pass(room, 1_000);
    expect(alice.conversations).toHaveLength(1);
    expect(textsOf(alice, visit.conversation)).toEqual(["hello", "bob"]);
    expect(room.link(alice).taken.map(({ type }) => type)).toContain("history");
  });

  test("takes a name that changed without a step of the cursor", async () => {
    using room = new Room();
    const visit = await leaveSnapshot(room);
    void visit.bob.rename("robert");
    await pass(room, 100);
    visit.bob.close();
    const alice = come(room, visit);
    await pass(room, 1_000);
    expect(alice.conversations.map(({ peer }) => peer.name)).toEqual(["robert"]);
  });

  test("goes on without it when the storage takes too long, and never mixes it in later", async () => {
    using room = new Room();
    const visit = await leaveSnapshot(room);
    visit.bob.send(visit.conversation, "missed");
    const { promise, resolve } = Promise.withResolvers<void>();
    let isOpen = false;
    const storage: ClientStorage = {
      ...visit.storage,
      load: () => promise,
      list: (prefix) => (isOpen ? visit.storage.list(prefix) : new Map()),
    };
    const alice = room.connect({ storage, token: visit.token, offline: true });
    await pass(room, 2_900);
    expect(alice.me).toBeUndefined();
    await pass(room, 200);
    await Promise.resolve();
    await Promise.resolve();
    await pass(room, 100);
    expect(alice.connection.kind).toBe("online");
    expect(room.link(alice).taken[0]).not.toHaveProperty("cursor");
    isOpen = true;
    resolve();
    await promise;
    await Promise.resolve();
    void alice.openConversation(visit.conversation);
    await pass(room, 1_000);
    expect(textsOf(alice, visit.conversation)).toEqual(["hello", "bob", "missed"]);
  });
});

describe("a snapshot", () => {
  test("of another token, another format or damaged is dropped silently", async () => {
    using room = new Room();
    const visit = await leaveSnapshot(room);
    const text = snapshotOf(visit.storage) ?? "";
    const { client: carol } = room.join("carol");
    const bad: [string, string][] = [
      [carol.token ?? "", text],
      [visit.token, text.replace('"format":1', '"format":0')],
      [visit.token, text.slice(0, -5)],
      [visit.token, text.split("\n").slice(0, 2).join("\n")],
      [visit.token, "not a snapshot"],
      [visit.token, text.replace('"lastSeq":2', '"lastSeq":"2"')],
    ];
    for (const [token, stored] of bad) {
      visit.storage.set("snapshot", stored);
      const client = room.connect({ storage: visit.storage, token, offline: true });
      expect(client.me).toBeUndefined();
      expect(client.conversations).toEqual([]);
      expect(snapshotOf(visit.storage)).toBeUndefined();
      client.close();
    }
  });

  test("does not hold the token, and is not written without the option", async () => {
    using room = new Room();
    const visit = await leaveSnapshot(room);
    expect(snapshotOf(visit.storage)).not.toContain(visit.token);
    const plain = memoryStorage();
    room.connect({ storage: plain, token: visit.token });
    await pass(room, 5_000);
    expect(plain.list("").size).toBe(0);
  });

  test("[HL7, HL10] is wiped at a logout, when the token is refused, and when somebody new comes", async () => {
    using room = new Room();
    const visit = await leaveSnapshot(room);
    const text = snapshotOf(visit.storage) ?? "";
    const newcomer = room.connect({ storage: visit.storage, nickname: "dave", offline: true });
    expect(snapshotOf(visit.storage)).toBeUndefined();
    newcomer.close();

    visit.storage.set("snapshot", text);
    const alice = come(room, visit);
    await pass(room, 500);
    const left = alice.logout();
    await pass(room, 5_000);
    await left;
    expect([...visit.storage.list("").keys()]).toEqual([]);
    expect(alice.conversations).toEqual([]);

    visit.storage.set("snapshot", text);
    const late = come(room, visit);
    expect(late.me?.name).toBe("alice");
    await pass(room, 5_000);
    expect(late.connection).toMatchObject({ kind: "stopped", reason: "hello_refused" });
    expect(visit.storage.list("").size).toBe(0);
  });

  test("is written once for all that changes within a second, and not when nothing did", async () => {
    using room = new Room();
    const visit = await leaveSnapshot(room);
    let writes = 0;
    const set = (key: string, value: string): void => {
      if (key === "snapshot") writes += 1;
      visit.storage.set(key, value);
    };
    const alice = room.connect({ storage: { ...visit.storage, set }, token: visit.token, offline: true });
    await pass(room, 3_000);
    const atRest = writes;
    visit.bob.setTyping(visit.conversation, true);
    await pass(room, 3_000);
    expect(writes).toBe(atRest);
    for (let count = 0; count < 30; count += 1) visit.bob.send(visit.conversation, `${count}`);
    await pass(room, SNAPSHOT_WAIT_MS + 1_000);
    expect(writes - atRest).toBeLessThanOrEqual(3);
    expect(writes).toBeGreaterThan(atRest);
    alice.close();
  });

  test("holds the last events of the conversations looked at last, within its bytes", async () => {
    using room = new Room();
    room.server.pageEvents = 100;
    const { client: alice, id } = room.join("alice");
    const storage = memoryStorage();
    const kept = room.connect({ storage, token: alice.token ?? "", offline: true });
    room.server.flush();
    const conversations: string[] = [];
    for (let index = 0; index < SNAPSHOT_TIMELINES + 3; index += 1) {
      const { user } = room.server.store.createUser(`peer ${index}`);
      const { id: conversation } = room.server.store.open(id, user.id);
      conversations.push(conversation);
      const body = { kind: "text" as const, text: index === 0 ? "語".repeat(4_000) : "short" };
      for (let message = 0; message < SNAPSHOT_EVENTS + 20; message += 1)
        room.server.write(user.id, {
          conversation,
          id: messageId(index * 100 + message),
          kind: "message",
          body,
        });
      void kept.openConversation(conversation);
      await pass(room, 200);
    }
    await pass(room, 5_000);
    const text = snapshotOf(storage) ?? "";
    expect(new TextEncoder().encode(text).length).toBeLessThanOrEqual(SNAPSHOT_BYTES);
    const later = room.connect({ storage, token: alice.token ?? "", offline: true });
    expect(later.conversations).toHaveLength(conversations.length);
    const held = conversations.map((conversation) => later.timeline(conversation).entries.length);
    expect(held.slice(3)).toEqual(Array(SNAPSHOT_TIMELINES).fill(SNAPSHOT_EVENTS));
    expect(held.slice(0, 3)).toEqual([0, 0, 0]);
    void kept.openConversation(conversations[0] ?? "");
    await pass(room, 3_000);
    expect(new TextEncoder().encode(snapshotOf(storage) ?? "").length).toBeLessThanOrEqual(SNAPSHOT_BYTES);
  });
});

describe("tabs with a snapshot", () => {
  test("are all shown it, one writes it, and the next one goes on with that", async () => {
    using room = new TabRoom();
    const visit = await leaveSnapshot(room);
    const text = snapshotOf(visit.storage) ?? "";
    const writers: number[] = [];
    const openTab = (index: number) => {
      const set = (key: string, value: string): void => {
        if (key === "snapshot") writers.push(index);
        room.storage.set(key, value);
      };
      return room.openTab({ storage: { ...room.storage, set }, token: visit.token, offline: true });
    };
    room.storage.set("snapshot", text);
    const [one, two] = [openTab(1), openTab(2)];
    for (const { client } of [one, two]) {
      expect(textsOf(client, visit.conversation)).toEqual(["hello", "bob"]);
      void client.openConversation(visit.conversation);
    }
    await pass(room, 2_000);
    visit.bob.send(visit.conversation, "to both");
    await pass(room, 3_000);
    for (const { client } of [one, two])
      expect(textsOf(client, visit.conversation)).toEqual(["hello", "bob", "to both"]);
    expect(new Set(writers)).toEqual(new Set([1]));
    one.tab.crash();
    await pass(room, 1_000);
    visit.bob.send(visit.conversation, "to the other");
    await pass(room, 3_000);
    expect(textsOf(two.client, visit.conversation)).toEqual(["hello", "bob", "to both", "to the other"]);
    expect(writers.at(-1)).toBe(2);
  });

  test("[CV6] what the leading tab left unsent without a server is sent by the other, once", async () => {
    using room = new TabRoom();
    const visit = await leaveSnapshot(room);
    room.storage.set("snapshot", snapshotOf(visit.storage) ?? "");
    room.server.acceptsSockets = false;
    const options = { token: visit.token, offline: true };
    const [one, two] = [room.openTab(options), room.openTab(options)];
    await pass(room, 500);
    one.client.send(visit.conversation, "from the first");
    room.environment.advance(1);
    two.client.send(visit.conversation, "from the second");
    await pass(room, 500);
    one.tab.crash();
    room.server.acceptsSockets = true;
    await pass(room, 60_000);
    const expected = ["hello", "bob", "from the first", "from the second"];
    expect(textsOf(visit.bob, visit.conversation)).toEqual(expected);
    expect(textsOf(two.client, visit.conversation)).toEqual(expected);
  });

  test("what was discarded while another tab opened does not come back there", async () => {
    using room = new TabRoom();
    const visit = await leaveSnapshot(room);
    room.storage.set("snapshot", snapshotOf(visit.storage) ?? "");
    const options = { token: visit.token, offline: true };
    const one = room.openTab(options);
    await pass(room, 500);
    room.server.acceptsSockets = false;
    room.server.cut(room.link(one.client));
    const id = one.client.send(visit.conversation, "not this");
    const stored = room.storage.list("outbox/");
    one.client.discard(id);
    // The removal has not reached the disk when the other tab reads it.
    const stale = memoryStorage();
    for (const [key, value] of [...stored, ...room.storage.list("snapshot")]) stale.set(key, value);
    const two = room.openTab({ ...options, storage: stale });
    expect(textsOf(two.client, visit.conversation)).toContain("not this");
    room.server.acceptsSockets = true;
    await pass(room, 60_000);
    for (const client of [one.client, two.client, visit.bob])
      expect(textsOf(client, visit.conversation)).toEqual(["hello", "bob"]);
  });
});

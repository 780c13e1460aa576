import { describe, expect, test } from "bun:test";
import { browserStorage } from "./browser-storage.ts";
import { type ClientStorage, memoryStorage, type StandardStorage, webStorage } from "./storage.ts";
import { joinPair, Room, textsOf } from "./testing/room.ts";

/** Web Storage in memory that takes this many values. */
function fakeWebStorage(room = Number.POSITIVE_INFINITY): StandardStorage {
  const values = new Map<string, string>();
  return {
    get length() {
      return values.size;
    },
    key: (index) => [...values.keys()][index] ?? null,
    getItem: (key) => values.get(key) ?? null,
    setItem(key, value) {
      if (values.size >= room && !values.has(key)) throw new DOMException("full", "QuotaExceededError");
      values.set(key, value);
    },
    removeItem: (key) => void values.delete(key),
  };
}

/** Resolves when the storage has settled in a state of this kind. */
async function untilState(storage: ClientStorage, kind: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const look = () => {
    if (storage.state?.kind === kind) resolve();
  };
  storage.subscribe?.(look);
  look();
  await promise;
}

// There is no IndexedDB here: the same as in a browser that denies it. With one: test/browser.test.ts.
describe("the browser's storage without IndexedDB", () => {
  test("keeps values in Web Storage, and says so", async () => {
    const web = fakeWebStorage();
    const storage = browserStorage({ webStorage: () => web });
    expect(storage.state).toEqual({ kind: "opening" });
    await storage.load?.();
    storage.set("a", "1");
    await untilState(storage, "kept");
    expect(storage.state).toEqual({ kind: "kept", where: "web-storage" });
    const next = browserStorage({ webStorage: () => web });
    await next.load?.();
    expect(next.list("")).toEqual(new Map([["a", "1"]]));
  });

  test("without Web Storage too, keeps values in memory, and says so", async () => {
    const storage = browserStorage({
      webStorage: () => {
        throw new DOMException("denied", "SecurityError");
      },
    });
    storage.set("a", "1");
    await storage.load?.();
    expect(storage.state).toEqual({ kind: "memory", reason: "denied" });
    expect(storage.list("")).toEqual(new Map([["a", "1"]]));
  });

  test("loses nothing of what is queued when Web Storage is full, and says that a reload would", async () => {
    const storage = browserStorage({ webStorage: () => fakeWebStorage(1) });
    await storage.load?.();
    storage.set("a", "1");
    storage.set("b", "2");
    await untilState(storage, "memory");
    expect(storage.list("").size).toBe(2);
    await storage.load?.();
    expect(storage.list("").size).toBe(2);
  });

  test("says so until a value fits again, and not each time one that did not fit is gone", async () => {
    const web = fakeWebStorage(1);
    const storage = browserStorage({ webStorage: () => web });
    await storage.load?.();
    storage.set("a", "1");
    storage.set("b", "2");
    await untilState(storage, "memory");
    storage.remove("b");
    await storage.load?.();
    expect(storage.state).toEqual({ kind: "memory", reason: "denied" });
    storage.remove("a");
    storage.set("c", "3");
    await untilState(storage, "kept");
    expect(storage.state).toEqual({ kind: "kept", where: "web-storage" });
  });
});

describe("storage that has to be opened", () => {
  function slow(values: ClientStorage): { storage: ClientStorage; opened: () => void } {
    const { promise, resolve } = Promise.withResolvers<void>();
    return { storage: { ...values, load: () => promise }, opened: resolve };
  }

  async function leaveUnsent(
    room: Room,
  ): Promise<{ kept: ClientStorage; token: string; conversation: string }> {
    const kept = memoryStorage();
    const { client } = room.join("carol", { storage: kept });
    const { id } = room.join("dave");
    const opened = client.open(id);
    room.server.flush();
    const conversation = await opened;
    room.server.cut(room.link(client));
    client.send(conversation, "first");
    client.close();
    // Ids made in the same millisecond by two makers are in no order.
    room.pass(1);
    return { kept, token: client.token ?? "", conversation };
  }

  test("[CV12] nothing new overtakes what was left unsent, however long it takes to read", async () => {
    using room = new Room();
    const { kept, token, conversation } = await leaveUnsent(room);
    const { storage, opened } = slow(kept);
    const client = room.connect({ token, storage });
    room.server.flush();
    const loaded = client.openConversation(conversation);
    room.server.flush();
    await loaded;
    client.send(conversation, "second");
    room.pass(1_000);
    expect(textsOf(client, conversation)).toEqual(["second"]);
    opened();
    await Promise.resolve();
    await Promise.resolve();
    room.server.flush();
    expect(textsOf(client, conversation)).toEqual(["first", "second"]);
    expect(client.timeline(conversation).entries.every(({ state }) => state === "sent")).toBe(true);
  });

  test("a storage that never opens holds nothing up for more than three seconds", async () => {
    using room = new Room();
    const { alice } = await joinPair(room);
    const { storage } = slow(memoryStorage());
    const client = room.connect({ token: alice.token ?? "", storage });
    room.server.flush();
    const conversation = alice.conversations[0]?.id ?? "";
    client.send(conversation, "hello");
    room.pass(2_900);
    expect(textsOf(alice, conversation)).toEqual([]);
    room.pass(200);
    expect(textsOf(alice, conversation)).toEqual(["hello"]);
  });

  test("the client says how safe its storage is", () => {
    using room = new Room();
    expect(room.connect({ nickname: "alice" }).storageState).toEqual({ kind: "memory", reason: "chosen" });
    const storage = webStorage(fakeWebStorage(0));
    expect(room.connect({ nickname: "bob", storage }).storageState).toEqual({
      kind: "kept",
      where: "web-storage",
    });
    storage.set("a", "1");
    expect(storage.state).toEqual({ kind: "memory", reason: "full" });
  });
});

/** Several tabs of one user: one leads, the others follow. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Client } from "./client.ts";
import { Outbox } from "./outbox.ts";
import { memoryStorage } from "./storage.ts";
import { Room, textsOf } from "./testing/room.ts";
import { connections, joinWithTabs, type Scene, TabRoom, tabAt } from "./testing/tabs.ts";

/** What a person sees of a conversation. */
function seen(client: Client, conversation: string): readonly string[] {
  const { entries } = client.timeline(conversation);
  return entries.map(({ id, seq, body, state }) => `${seq ?? "-"} ${body?.text} ${state} ${id}`);
}

describe("tabs", () => {
  test("share one connection, and show the same", async () => {
    using room = new TabRoom();
    const scene = await joinWithTabs(room, 3);
    expect(connections(room)).toBe(2);
    const [one, two, three] = scene.tabs.map(({ client }) => client);
    if (one === undefined || two === undefined || three === undefined)
      throw new RangeError("three were opened");
    two.send(scene.conversation, "from the second");
    three.send(scene.conversation, "from the third");
    room.pass(500);
    scene.bob.send(scene.conversation, "hello to all");
    scene.bob.markRead(scene.conversation);
    room.pass(500);
    expect(textsOf(scene.bob, scene.conversation)).toEqual([
      "from the second",
      "from the third",
      "hello to all",
    ]);
    for (const client of [two, three]) {
      expect(seen(client, scene.conversation)).toEqual(seen(one, scene.conversation));
      expect(client.conversations).toEqual(one.conversations);
      expect(client.lobby).toEqual(one.lobby);
      expect(client.me).toEqual(one.me);
      expect(client.connection).toEqual({ kind: "online" });
    }
    expect(one.conversation(scene.conversation)?.unread).toBe(1);
    two.markRead(scene.conversation);
    room.pass(500);
    expect(scene.tabs.map(({ client }) => client.conversation(scene.conversation)?.unread)).toEqual([
      0, 0, 0,
    ]);
  });

  test("[CV6] when the leader crashes, another one takes over at once, and what was unsent is sent once, in order", async () => {
    using room = new TabRoom();
    const scene = await joinWithTabs(room, 3);
    const [one, two, three] = [tabAt(scene, 0), tabAt(scene, 1), tabAt(scene, 2)];
    one.client.send(scene.conversation, "written by the leader");
    room.environment.advance(1);
    two.client.send(scene.conversation, "written by a follower");
    room.environment.advance(1);
    while (room.tabs.step());
    one.tab.crash();
    three.client.send(scene.conversation, "written without a leader");
    room.settle();
    expect(two.client.connection.kind).toBe("online");
    expect(three.client.connection.kind).toBe("online");
    expect(connections(room)).toBe(2);
    const expected = ["written by the leader", "written by a follower", "written without a leader"];
    for (const client of [scene.bob, two.client, three.client]) {
      expect(textsOf(client, scene.conversation)).toEqual(expected);
    }
  });

  test("[CV12] a tab that leads now sends first what the one before it had written, though it knew of no connection of that one", () => {
    using room = new Room();
    const written: string[] = [];
    const ignore = (): void => undefined;
    const outbox = new Outbox({
      environment: room.environment,
      storage: memoryStorage(),
      write: (frame) => "id" in frame && written.push(frame.id) > 0,
      changed: ignore,
      unanswered: ignore,
      peers: { changed: ignore, add: ignore, retry: ignore, discard: ignore },
    });
    const [one, two] = ["one", "two"].map((id) => {
      return { type: "send", id, conversation: "c", body: { kind: "text", text: id } } as const;
    });
    if (one === undefined || two === undefined) throw new RangeError("there are two");
    outbox.follow("alice", []);
    outbox.receive({ frame: one, createdAt: 0, state: { kind: "sending" } });
    outbox.lead();
    outbox.load("alice");
    outbox.connected(50);
    outbox.add(two);
    expect(written).toEqual(["one", "two"]);
  });

  test("what is written in a tab that has not heard from the one that leads is handed to that one at once", () => {
    using room = new Room();
    const handed: string[] = [];
    const ignore = (): void => undefined;
    const outbox = new Outbox({
      environment: room.environment,
      storage: memoryStorage(),
      write: () => false,
      changed: ignore,
      unanswered: ignore,
      peers: { changed: ignore, add: ({ frame }) => handed.push(frame.id), retry: ignore, discard: ignore },
    });
    outbox.preview("alice");
    const body = { kind: "text", text: "hello" } as const;
    outbox.add({ type: "send", id: "one", conversation: "c", body });
    expect(handed).toEqual(["one"]);
  });

  test("what is discarded in one tab is sent by none, also when the leader goes at that moment", async () => {
    using room = new TabRoom();
    const scene = await joinWithTabs(room, 3);
    const [one, two, three] = [tabAt(scene, 0), tabAt(scene, 1), tabAt(scene, 2)];
    room.server.acceptsSockets = false;
    room.server.cut(room.link(one.client));
    const kept = one.client.send(scene.conversation, "kept");
    const dropped = one.client.send(scene.conversation, "dropped");
    room.settle();
    expect(three.client.timeline(scene.conversation).entries.map(({ id }) => id)).toEqual([kept, dropped]);
    expect(three.client.discard(dropped)).toBe(true);
    one.tab.crash();
    room.server.acceptsSockets = true;
    room.pass(60_000);
    for (const client of [two.client, three.client, scene.bob]) {
      expect(textsOf(client, scene.conversation)).toEqual(["kept"]);
    }
    expect(room.storage.list("").size).toBe(0);
  });

  test("what was on its way when another tab discarded it comes back there", async () => {
    using room = new TabRoom();
    const scene = await joinWithTabs(room, 2);
    const [one, two] = [tabAt(scene, 0), tabAt(scene, 1)];
    const id = two.client.send(scene.conversation, "too late");
    // The leader has it and has written it; the follower has not heard of that yet.
    room.tabs.step();
    expect(two.client.discard(id)).toBe(true);
    expect(textsOf(two.client, scene.conversation)).toEqual([]);
    room.settle();
    expect(seen(two.client, scene.conversation)).toEqual(seen(one.client, scene.conversation));
    expect(textsOf(two.client, scene.conversation)).toEqual(["too late"]);
  });

  test("a tab of somebody else connects by itself, and so does one without locks", async () => {
    using room = new TabRoom();
    const scene = await joinWithTabs(room, 2);
    const { client: carol } = room.join("carol");
    const stranger = room.openTab({ token: carol.token ?? "" });
    room.settle();
    expect(stranger.client.me?.name).toBe("carol");
    const guest = room.openTab({ nickname: "dave" });
    room.settle();
    expect(guest.client.me?.name).toBe("dave");
    const before = connections(room);
    room.connect({ token: scene.token, tabs: "group" });
    room.settle();
    expect(connections(room)).toBe(before + 1);
  });

  test("a refusal shows in every tab, and any of them may try again", async () => {
    using room = new TabRoom();
    const scene = await joinWithTabs(room, 2);
    const [one, two] = [tabAt(scene, 0), tabAt(scene, 1)];
    room.server.refusals.push({ code: "recipient_gone" });
    const id = one.client.send(scene.conversation, "hello");
    room.settle();
    for (const { client } of scene.tabs) {
      expect(client.timeline(scene.conversation).entries).toMatchObject([{ id, state: "failed" }]);
    }
    two.client.retry(id);
    room.settle();
    for (const { client } of scene.tabs) {
      expect(client.timeline(scene.conversation).entries).toMatchObject([{ id, seq: 1 }]);
    }
  });

  test("[HL10] logging out in a tab that follows ends all, and logging in again brings all back", async () => {
    using room = new TabRoom();
    const scene = await joinWithTabs(room, 3);
    const left = tabAt(scene, 2).client.logout();
    room.settle();
    await left;
    for (const { client } of scene.tabs) {
      expect(client.connection).toEqual({ kind: "stopped", reason: "logged_out" });
      expect(client.token).toBeUndefined();
    }
    expect(connections(room)).toBe(1);
  });

  test("a leader that is frozen holds a new tab up for five seconds", async () => {
    using room = new TabRoom();
    const scene = await joinWithTabs(room, 1);
    tabAt(scene, 0).tab.freeze();
    const late = room.openTab({ token: scene.token });
    room.pass(4_900);
    expect(late.client.connection.kind).toBe("connecting");
    room.pass(200);
    expect(late.client.connection.kind).toBe("online");
  });

  test("closing the leader hands over, closing all leaves nothing behind", async () => {
    using room = new TabRoom();
    const scene = await joinWithTabs(room, 2);
    tabAt(scene, 0).client.close();
    room.settle();
    expect(tabAt(scene, 1).client.connection.kind).toBe("online");
    tabAt(scene, 0).client.reconnect();
    room.settle();
    expect(tabAt(scene, 0).client.connection.kind).toBe("online");
    expect(connections(room)).toBe(2);
    for (const { client } of scene.tabs) client.close();
    scene.bob.close();
    room.settle();
    expect(room.tabs.held.size + room.tabs.waiting.length + room.tabs.channels.size).toBe(0);
    expect(room.environment.timerCount).toBe(0);
  });
});

type Action = {
  readonly kind:
    | "send"
    | "discard"
    | "crash"
    | "open"
    | "cut"
    | "freeze"
    | "wake"
    | "network"
    | "channel"
    | "pass"
    | "answer";
  readonly who: number;
};

const anyAction: fc.Arbitrary<Action> = fc.record({
  kind: fc.constantFrom(
    ...(["send", "send", "send", "discard", "crash", "open", "cut", "answer", "freeze", "wake"] as const),
    ...(["network", "network", "network", "channel", "channel", "channel", "pass"] as const),
  ),
  who: fc.nat({ max: 8 }),
});

function perform(room: TabRoom, scene: Scene, { kind, who }: Action): void {
  const { tabs, conversation } = scene;
  const one = tabs[who % Math.max(1, tabs.length)];
  switch (kind) {
    case "send":
      if (one?.client.limits !== undefined) one.client.send(conversation, `${who}`);
      return;
    case "answer":
      scene.bob.send(conversation, "answer");
      return;
    case "discard": {
      const pending = one?.client.timeline(conversation).entries.filter(({ seq }) => seq === undefined) ?? [];
      const id = pending[who % Math.max(1, pending.length)]?.id;
      if (id !== undefined) one?.client.discard(id);
      return;
    }
    case "crash":
      if (tabs.length > 1) tabs.splice(tabs.indexOf(one ?? tabAt(scene, 0)), 1)[0]?.tab.crash();
      return;
    case "freeze":
      if (tabs.length > 1) one?.tab.freeze();
      return;
    case "wake":
      one?.tab.wake(
        (tasks) => (who % 2 === 0 ? tasks : tasks.reverse()),
        () => room.server.flush(),
      );
      return;
    case "open": {
      if (tabs.length >= 4) return;
      const opened = room.openTab({ token: scene.token });
      tabs.push(opened);
      opened.client.openConversation(conversation).catch(() => undefined);
      return;
    }
    case "cut": {
      const links = room.server.links.filter((link) => !link.isGone);
      const link = links[who % Math.max(1, links.length)];
      if (link !== undefined) room.server.cut(link);
      return;
    }
    case "network":
      for (const link of [...room.server.links]) room.server.step(link);
      return;
    case "channel":
      for (let step = 0; step <= who; step += 1) room.tabs.step();
      return;
    case "pass":
      // Now and then long enough for somebody who sleeps to be missed.
      if (who === 8) room.pass(10_000);
      else room.environment.advance(who * 100);
      return;
    default:
      kind satisfies never;
  }
}

describe("tabs in a storm", () => {
  test("[SY2] whoever crashes, opens, sleeps or is cut: all tabs end with what the server holds, each message once", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.array(anyAction, { maxLength: 60 }), async (seed, actions) => {
        using room = new TabRoom(seed);
        // All messages on the first page, so that all of them show.
        room.server.pageEvents = 100;
        const scene = await joinWithTabs(room, 2);
        for (const action of actions) perform(room, scene, action);
        for (const { tab } of scene.tabs) tab.wake();
        for (let round = 0; round < 4; round += 1) {
          room.pass(20_000);
          await Promise.resolve();
        }
        const stored = room.server.store.conversations.get(scene.conversation);
        const ids = stored?.events.map(({ id }) => id) ?? [];
        expect(new Set(ids).size).toBe(ids.length);
        for (const { client } of [...scene.tabs, { client: scene.bob }]) {
          expect(client.connection.kind).toBe("online");
          expect(client.timeline(scene.conversation).entries.map(({ id }) => id)).toEqual(ids);
        }
        expect(connections(room)).toBe(2);
      }),
      { numRuns: 100 },
    );
  }, 30_000);
});

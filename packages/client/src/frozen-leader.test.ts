/** A tab that leads and does not run: who notices, who leads then, and what it does when it wakes. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { textsOf } from "./testing/room.ts";
import { connections, joinWithTabs, TabRoom, tabAt } from "./testing/tabs.ts";

describe("a leader that the browser froze", () => {
  /** Long enough for the others to ask, to wait and to take over. */
  const NOTICED_MS = 20_000;

  test("[CV6] is replaced by a tab that follows, which sends what was unsent, once and in order", async () => {
    using room = new TabRoom();
    const scene = await joinWithTabs(room, 3);
    const [one, two, three] = [tabAt(scene, 0), tabAt(scene, 1), tabAt(scene, 2)];
    one.tab.freeze();
    two.client.send(scene.conversation, "first");
    room.environment.advance(1);
    three.client.send(scene.conversation, "second");
    room.pass(NOTICED_MS);
    expect(room.tabs.held.values().next().value?.tab).not.toBe(one.tab);
    for (const client of [two.client, three.client, scene.bob])
      expect(textsOf(client, scene.conversation)).toEqual(["first", "second"]);
    one.tab.wake();
    room.pass(5_000);
    two.client.send(scene.conversation, "third");
    room.pass(1_000);
    for (const { client } of scene.tabs) {
      expect(textsOf(client, scene.conversation)).toEqual(["first", "second", "third"]);
      expect(client.connection).toEqual({ kind: "online" });
    }
    expect(connections(room)).toBe(2);
  });

  test("steps down when it wakes, and what it had not sent goes with the others' messages", async () => {
    using room = new TabRoom();
    const scene = await joinWithTabs(room, 2);
    const [one, two] = [tabAt(scene, 0), tabAt(scene, 1)];
    room.server.acceptsSockets = false;
    room.server.cut(room.link(one.client));
    one.client.send(scene.conversation, "written before");
    one.tab.freeze();
    room.server.acceptsSockets = true;
    room.pass(NOTICED_MS);
    expect(two.client.connection.kind).toBe("online");
    one.tab.wake();
    room.pass(5_000);
    for (const client of [one.client, two.client, scene.bob])
      expect(textsOf(client, scene.conversation)).toEqual(["written before"]);
    expect(connections(room)).toBe(2);
  });

  test("sends nothing that was discarded while it slept, whichever of its tasks comes first when it wakes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(), { minLength: 40, maxLength: 40 }), async (keys) => {
        using room = new TabRoom();
        const scene = await joinWithTabs(room, 2);
        const [one, two] = [tabAt(scene, 0), tabAt(scene, 1)];
        // The server lets it wait: it would try again when it wakes.
        room.server.refusals.push({ code: "busy", retryAfterMs: 1_000 });
        const id = one.client.send(scene.conversation, "never mind");
        room.settle();
        one.tab.freeze();
        room.environment.advance(2_000);
        expect(two.client.discard(id)).toBe(true);
        room.pass(NOTICED_MS);
        one.tab.wake(
          (tasks) =>
            tasks
              .map((task, index) => ({ task, key: keys[index % keys.length] ?? 0 }))
              .sort((first, second) => first.key - second.key)
              .map(({ task }) => task),
          () => room.server.flush(),
        );
        room.pass(60_000);
        for (const client of [one.client, two.client, scene.bob])
          expect(textsOf(client, scene.conversation)).toEqual([]);
        expect(room.storage.list("").size).toBe(0);
        expect(connections(room)).toBe(2);
      }),
      { numRuns: 50 },
    );
  }, 30_000);

  test("is asked, and keeps the lead as long as it answers, however little happens", async () => {
    using room = new TabRoom();
    const scene = await joinWithTabs(room, 3);
    const before = room.server.links.length;
    room.pass(300_000);
    expect(room.tabs.held.values().next().value?.tab).toBe(tabAt(scene, 0).tab);
    expect(room.server.links).toHaveLength(before);
  });

  test("a tab that was frozen itself does not take its own sleep for the leader's", async () => {
    using room = new TabRoom();
    const scene = await joinWithTabs(room, 2);
    const [one, two] = [tabAt(scene, 0), tabAt(scene, 1)];
    two.tab.freeze();
    room.pass(120_000);
    // Timers before messages: the worst that a browser may do.
    two.tab.wake();
    room.pass(30_000);
    expect(room.tabs.held.values().next().value?.tab).toBe(one.tab);
  });
});

/** How much of a long conversation is held, and what never goes: what somebody looks at. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import type { Client } from "./client.ts";
import { TIMELINE_EVENTS, TIMELINE_EVENTS_KEPT } from "./limits.ts";
import { MessageIds } from "./message-id.ts";
import { Room } from "./testing/room.ts";

// Thousands of messages each, one by one.
setDefaultTimeout(30_000);

const PAGE = 1_000;
const PAGES = 5;

/** Somebody who looks at a conversation of so many messages, of which the last page is loaded. */
class Reader implements Disposable {
  readonly room = new Room();
  readonly client: Client;
  readonly conversation: string;
  readonly #ids = new MessageIds(this.room.environment);
  readonly #peer: string;
  total = 0;

  constructor(total: number) {
    this.room.server.pageEvents = PAGE;
    this.room.server.syncEvents = 100_000;
    this.client = this.room.join("reader").client;
    const { store } = this.room.server;
    this.#peer = store.createUser("writer").user.id;
    this.conversation = store.open(this.client.me?.id ?? "", this.#peer).id;
    this.arrive(total);
    void this.client.openConversation(this.conversation);
    this.room.server.flush();
  }

  arrive(count: number): void {
    for (let index = 0; index < count; index += 1) {
      this.room.server.write(this.#peer, {
        conversation: this.conversation,
        id: this.#ids.next(),
        kind: "message",
        body: { kind: "text", text: "x" },
      });
    }
    this.total += count;
    this.room.pass(100);
  }

  async loadOlder(): Promise<void> {
    const loaded = this.client.loadOlder(this.conversation);
    this.room.server.flush();
    await loaded;
  }

  get seqs(): readonly number[] {
    return this.client.timeline(this.conversation).entries.flatMap(({ seq }) => seq ?? []);
  }

  /** All there is from the first one loaded to the last one, and whether there is more is told. */
  check(): void {
    const { seqs } = this;
    const first = seqs[0] ?? 1;
    expect(seqs).toEqual(Array.from({ length: this.total - first + 1 }, (_, index) => first + index));
    expect(this.client.timeline(this.conversation).hasOlder).toBe(first > 1);
  }

  [Symbol.dispose](): void {
    this.room[Symbol.dispose]();
  }
}

describe("reading far back", () => {
  test("what comes meanwhile takes nothing away; back at the end, the oldest go, and can be had again", async () => {
    using reader = new Reader(PAGE * PAGES);
    while (reader.client.timeline(reader.conversation).hasOlder) await reader.loadOlder();
    reader.arrive(200);
    expect(reader.seqs[0]).toBe(1);
    reader.check();
    reader.client.setAtEnd(reader.conversation, true);
    expect(reader.seqs).toHaveLength(TIMELINE_EVENTS_KEPT);
    reader.check();
    await reader.loadOlder();
    expect(reader.seqs).toHaveLength(TIMELINE_EVENTS_KEPT + PAGE);
    reader.check();
  });

  test("who only watches what comes holds a bounded part of it", () => {
    using reader = new Reader(PAGE);
    reader.arrive(TIMELINE_EVENTS + 500);
    expect(reader.seqs.length).toBeLessThanOrEqual(TIMELINE_EVENTS);
    expect(reader.seqs.length).toBeGreaterThanOrEqual(TIMELINE_EVENTS_KEPT);
    reader.check();
  });

  test("who scrolls back in what came, without loading more, keeps it too", () => {
    using reader = new Reader(PAGE);
    reader.arrive(TIMELINE_EVENTS - PAGE - 1);
    const [first] = reader.seqs;
    reader.client.setAtEnd(reader.conversation, false);
    reader.arrive(500);
    expect(reader.seqs[0]).toBe(first as number);
    reader.check();
  });

  test("opening another conversation is being back at the end of this one", async () => {
    using reader = new Reader(PAGE * PAGES);
    while (reader.client.timeline(reader.conversation).hasOlder) await reader.loadOlder();
    const opened = reader.client.open(reader.room.join("another").id);
    reader.room.server.flush();
    await opened;
    expect(reader.seqs).toHaveLength(TIMELINE_EVENTS_KEPT);
    reader.check();
  });

  test("a page that is on its way when the reader comes back to the end leaves no hole", async () => {
    using reader = new Reader(PAGE * PAGES + 10);
    for (let page = 1; page < PAGES; page += 1) await reader.loadOlder();
    const loaded = reader.client.loadOlder(reader.conversation);
    reader.client.setAtEnd(reader.conversation, true);
    reader.arrive(1);
    await loaded;
    reader.check();
    expect(reader.seqs).toHaveLength(TIMELINE_EVENTS_KEPT);
  });

  test("however one reads, jumps, leaves and is cut off: no hole, nothing lost from sight, nothing held without need", async () => {
    const anySteps = fc.array(
      fc.constantFrom("arrive", "older", "back", "end", "other", "cut", "offline" as const),
      { minLength: 5, maxLength: 25 },
    );
    await fc.assert(
      fc.asyncProperty(anySteps, async (steps) => {
        using reader = new Reader(PAGE * PAGES);
        const { client, conversation, room } = reader;
        const { id: other } = room.join("another");
        let isBack = false;
        for (const step of steps) {
          const [before] = reader.seqs;
          if (step === "arrive") reader.arrive(400);
          if (step === "older") await reader.loadOlder();
          if (step === "back" || step === "end") client.setAtEnd(conversation, step === "end");
          if (step === "cut" || step === "offline") {
            room.server.cut(room.link(client));
            if (step === "offline") reader.arrive(400);
            room.pass(3_000);
          }
          if (step === "other") {
            const opened = client.open(other);
            room.server.flush();
            await opened;
            void client.openConversation(conversation);
          }
          isBack = step === "older" || step === "back" || (isBack && step !== "end" && step !== "other");
          reader.check();
          if (isBack) expect(reader.seqs[0]).toBeLessThanOrEqual(before ?? 0);
          else expect(reader.seqs.length).toBeLessThanOrEqual(TIMELINE_EVENTS);
        }
      }),
      { numRuns: 8 },
    );
  }, 60_000);
});

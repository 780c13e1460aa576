/** Visits that end and begin at any moment, each from what the one before it left. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Client } from "./client.ts";
import { Room } from "./testing/room.ts";
import { come, leaveSnapshot, pass, type Visit } from "./testing/visits.ts";

type Action =
  | { readonly kind: "alice" | "bob" | "edit" | "retract" | "leave" | "cut" }
  | { readonly kind: "pass"; readonly ms: number }
  | { readonly kind: "steps"; readonly count: number };

const anyAction: fc.Arbitrary<Action> = fc.oneof(
  fc.record({
    kind: fc.constantFrom(
      "alice" as const,
      "bob" as const,
      "edit" as const,
      "retract" as const,
      "leave" as const,
      "cut" as const,
    ),
  }),
  fc.record({ kind: fc.constant("pass" as const), ms: fc.integer({ min: 1, max: 2_500 }) }),
  fc.record({ kind: fc.constant("steps" as const), count: fc.integer({ min: 1, max: 12 }) }),
);

class Story {
  readonly room: Room;
  readonly visit: Visit;
  alice: Client;
  #count = 0;

  constructor(room: Room, visit: Visit) {
    this.room = room;
    this.visit = visit;
    this.alice = this.#come();
  }

  perform(action: Action): void {
    const { server, environment } = this.room;
    const { bob, conversation } = this.visit;
    switch (action.kind) {
      case "alice":
      case "bob":
        this.#count += 1;
        (action.kind === "bob" ? bob : this.alice).send(conversation, `${action.kind} ${this.#count}`);
        return;
      case "edit":
      case "retract": {
        const { entries } = bob.timeline(conversation);
        const seq = entries.find((entry) => entry.mine && !entry.retracted && entry.seq !== undefined)?.seq;
        if (seq === undefined) return;
        if (action.kind === "edit") bob.edit(conversation, seq, `edited ${seq}`);
        else bob.retract(conversation, seq);
        return;
      }
      case "leave":
        this.alice.close();
        environment.advance(1);
        this.alice = this.#come();
        return;
      case "cut":
        for (const link of server.links) server.cut(link);
        return;
      case "pass":
        environment.advance(action.ms);
        return;
      case "steps":
        for (let count = 0; count < action.count; count += 1)
          for (const link of server.links) server.step(link);
        return;
      default:
        action satisfies never;
    }
  }

  #come(): Client {
    const client = come(this.room, this.visit);
    void client.openConversation(this.visit.conversation).catch(() => undefined);
    return client;
  }
}

describe("visits", () => {
  test("[SY2] that end and begin at any moment show in the end what the server holds, everything once", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyAction, { maxLength: 60 }), fc.nat(), async (actions, seed) => {
        using room = new Room(seed + 1);
        const story = new Story(room, await leaveSnapshot(room));
        for (const action of actions) {
          story.perform(action);
          await Promise.resolve();
        }
        await pass(room, 120_000);
        const { bob, conversation } = story.visit;
        const shown = (client: Client) =>
          client
            .timeline(conversation)
            .entries.map(({ id, seq, body, edited }) => [id, seq, body?.text, edited]);
        expect(shown(story.alice)).toEqual(shown(bob));
        const texts = room.server.store.conversations.get(conversation)?.events.map(({ id }) => id) ?? [];
        expect(new Set(texts).size).toBe(texts.length);
        expect(story.alice.timeline(conversation).entries.some(({ seq }) => seq === undefined)).toBe(false);
      }),
      { numRuns: 150 },
    );
  });
});

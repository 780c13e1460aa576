/**
 * Two people on three devices, a server that loses hints, delays frames and cuts connections at random. At the end every
 * device must show what the server holds, and everything that was sent must be there once, in each sender's order.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Client } from "./client.ts";
import { joinPair, Room, textsOf } from "./testing/room.ts";

type Action =
  | { readonly kind: "send" | "edit" | "retract" | "read" | "cut"; readonly who: number }
  | { readonly kind: "step"; readonly who: number; readonly count: number }
  | { readonly kind: "pass"; readonly ms: number }
  | { readonly kind: "refuse" }
  | { readonly kind: "swap"; readonly who: number };

const who = fc.nat({ max: 2 });
const anyAction: fc.Arbitrary<Action> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("send" as const), who }) },
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant("step" as const), who, count: fc.integer({ min: 1, max: 9 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("pass" as const), ms: fc.integer({ min: 1, max: 3_000 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("refuse" as const) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        "edit" as const,
        "retract" as const,
        "read" as const,
        "cut" as const,
        "swap" as const,
      ),
      who,
    }),
  },
);

class Simulation {
  readonly room: Room;
  readonly devices: readonly Client[];
  readonly conversation: string;
  readonly sent = new Map<Client, string[]>();

  constructor(room: Room, devices: readonly Client[], conversation: string) {
    this.room = room;
    this.devices = devices;
    this.conversation = conversation;
  }

  perform(action: Action): void {
    const { server, environment } = this.room;
    switch (action.kind) {
      case "pass":
        environment.advance(action.ms);
        return;
      case "refuse":
        server.refusals.push({ code: "busy", retryAfterMs: 300 });
        return;
      case "step":
        for (let step = 0; step < action.count; step += 1) {
          const living = server.links.filter((link) => !link.isGone);
          const link = living[action.who % Math.max(1, living.length)];
          if (link !== undefined) server.step(link);
        }
        return;
      case "cut": {
        const living = server.links.filter((link) => !link.isGone);
        const link = living[action.who % Math.max(1, living.length)];
        if (link !== undefined) server.cut(link);
        return;
      }
      case "swap": {
        const link = server.links.filter((one) => !one.isGone)[action.who];
        const frames = link?.down ?? [];
        // Frames of different conversations' stores may pass each other; answers to requests keep their place.
        const last = frames.length - 1;
        const [one, other] = [frames[last - 1], frames[last]];
        if (one?.includes('"prev"') && other?.includes('"prev"')) frames.splice(last - 1, 2, other, one);
        return;
      }
      default:
        this.#use(action.kind, this.devices[action.who % this.devices.length]);
    }
  }

  #use(kind: "send" | "edit" | "retract" | "read", client: Client | undefined): void {
    if (client === undefined) return;
    const entries = client.timeline(this.conversation).entries;
    const target = entries.findLast(
      (entry) => entry.mine && entry.seq !== undefined && !entry.retracted,
    )?.seq;
    switch (kind) {
      case "send": {
        const texts = this.sent.get(client) ?? [];
        const text = `${this.devices.indexOf(client)}/${texts.length}`;
        client.send(this.conversation, text);
        this.sent.set(client, [...texts, text]);
        return;
      }
      case "edit":
        if (target !== undefined) client.edit(this.conversation, target, `edited ${target}`);
        return;
      case "retract":
        if (target !== undefined) client.retract(this.conversation, target);
        return;
      case "read":
        client.markRead(this.conversation);
        return;
      default:
        kind satisfies never;
    }
  }

  /** Faults end. A lost last hint is noticed by a ping; everything else must settle without waiting for one. */
  settle(hintsWereLost: boolean): void {
    this.room.server.losesHint = () => false;
    this.room.server.refusals.length = 0;
    for (const device of this.devices) if (device.connection.kind === "waiting") device.reconnect();
    this.room.pass(hintsWereLost ? 40_000 : 3_000);
  }

  check(): void {
    const { store } = this.room.server;
    const stored = store.conversations.get(this.conversation);
    if (stored === undefined) throw new TypeError("the conversation is gone");
    const first = stored.events.filter((event) => event.kind === "message").map((event) => event.id);
    expect(new Set(first).size).toBe(first.length);
    for (const client of this.devices) {
      const { entries } = client.timeline(this.conversation);
      const confirmed = entries.filter((entry) => entry.seq !== undefined);
      expect(confirmed.map((entry) => entry.id)).toEqual(first);
      expect(entries.filter((entry) => entry.seq === undefined)).toEqual([]);
      const summary = store.summary(client.me?.id ?? "", stored);
      const view = client.conversation(this.conversation);
      expect({
        lastSeq: view?.lastSeq,
        mine: view?.mine,
        theirs: view?.theirs,
        unread: view?.unread,
      }).toEqual({
        lastSeq: summary.lastSeq,
        mine: summary.mine,
        theirs: summary.theirs,
        unread: summary.unread,
      });
    }
    const texts = textsOf(this.devices[0] as Client, this.conversation);
    for (const other of this.devices) expect(textsOf(other, this.conversation)).toEqual(texts);
    expect(stored.events.filter((event) => event.kind === "message")).toHaveLength(
      [...this.sent.values()].flat().length,
    );
  }
}

async function start(seed: number): Promise<Simulation> {
  const room = new Room(seed);
  const { alice, bob, conversation } = await joinPair(room);
  const second = room.connect({ token: alice.token ?? "" });
  room.server.flush();
  void second.openConversation(conversation);
  room.server.flush();
  return new Simulation(room, [alice, bob, second], conversation);
}

async function run(seed: number, lossPercent: number, actions: readonly Action[]): Promise<void> {
  const simulation = await start(seed);
  using room = simulation.room;
  // Only what comes over the bus may be lost; acknowledgements and answers are lost with the connection alone.
  room.server.losesHint = (frame) =>
    (frame.type === "event" || frame.type === "markers") && room.environment.random() * 100 < lossPercent;
  for (const action of actions) simulation.perform(action);
  simulation.settle(lossPercent > 0);
  simulation.check();
}

describe("simulation", () => {
  test("[SY2] whatever is lost, delayed or cut, every device ends with what the server holds, each message once", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.constantFrom(0, 10, 50), fc.array(anyAction, { maxLength: 80 }), run),
      { numRuns: 150 },
    );
  }, 30_000);

  test("[CV12] what one device sends arrives in the order it was written, cuts or not", async () => {
    const anyCalm = anyAction.filter((action) => !["refuse", "edit", "retract"].includes(action.kind));
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.array(anyCalm, { maxLength: 60 }), async (seed, actions) => {
        const simulation = await start(seed);
        using room = simulation.room;
        for (const action of actions) simulation.perform(action);
        simulation.settle(false);
        for (const [client, texts] of simulation.sent) {
          const prefix = `${simulation.devices.indexOf(client)}/`;
          const arrived = textsOf(client, simulation.conversation).filter((text) => text.startsWith(prefix));
          expect(arrived).toEqual(texts);
        }
        expect(room.server.online()).toHaveLength(2);
      }),
      { numRuns: 60 },
    );
  }, 30_000);
});

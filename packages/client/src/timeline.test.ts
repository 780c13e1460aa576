import { describe, expect, test } from "bun:test";
import type { ConversationEvent } from "@duologue/protocol";
import fc from "fast-check";
import type { OutboxEntry } from "./outbox-entry.ts";
import { PROPERTY_RUNS } from "./testing/property-runs.ts";
import {
  emptyTimeline,
  eventFromAck,
  excessOf,
  findRepair,
  hasOlder,
  reduceTimeline,
  type TimelineChange,
  viewTimeline,
} from "./timeline.ts";

const ME = "u1";
const PEER = "u2";
const context = { me: ME, theirs: { delivered: 0, read: 0 } };

function idOf(seq: number): string {
  return `00000000-0000-7000-8000-${String(seq).padStart(12, "0")}`;
}

type Part = { readonly mine: boolean; readonly kind: ConversationEvent["kind"]; readonly aim: number };

/** A conversation as a server could have stored it: changes aim at earlier standing messages of the same sender. */
function conversationOf(parts: readonly Part[]): readonly ConversationEvent[] {
  const events: ConversationEvent[] = [];
  const gone = new Set<number>();
  for (const { mine, kind, aim } of parts) {
    const seq = events.length + 1;
    const from = mine ? ME : PEER;
    const common = {
      type: "event",
      conversation: "c",
      seq,
      from,
      time: seq,
      id: idOf(seq),
      cursor: `${seq}`,
    } as const;
    const targets = events.filter(
      (event) => event.kind === "message" && event.from === from && !gone.has(event.seq),
    );
    const target = targets[aim % Math.max(1, targets.length)]?.seq;
    const body = { kind: "text", text: `text ${seq}` } as const;
    if (target === undefined || kind === "message") events.push({ ...common, kind: "message", body });
    else if (kind === "edit") events.push({ ...common, kind, target, body });
    else {
      gone.add(target);
      events.push({ ...common, kind, target });
    }
  }
  return events;
}

const anyConversation = fc
  .array(
    fc.record({
      mine: fc.boolean(),
      kind: fc.constantFrom("message" as const, "message" as const, "edit" as const, "retract" as const),
      aim: fc.nat({ max: 20 }),
    }),
    { maxLength: 30 },
  )
  .map(conversationOf);

/** What a server says of an event after all that followed it. */
function asStored(event: ConversationEvent, all: readonly ConversationEvent[]): ConversationEvent {
  const erased = (seq: number): boolean =>
    all.some((other) => other.kind === "retract" && other.target === seq);
  const isErased = erased(event.seq) || (event.kind === "edit" && erased(event.target ?? 0));
  if (!isErased) return event;
  const { body: _, ...rest } = event;
  return { ...rest, retracted: true };
}

function pendingOf(event: ConversationEvent): OutboxEntry {
  const { id, conversation, kind, target, body } = event;
  const common = { id, conversation };
  const text = { kind: "text", text: body?.text ?? "" } as const;
  const state = { kind: "sending" } as const;
  if (kind === "message") return { frame: { type: "send", ...common, body: text }, createdAt: 0, state };
  if (kind === "edit")
    return { frame: { type: "edit", ...common, target: target ?? 1, body: text }, createdAt: 0, state };
  return { frame: { type: "retract", ...common, target: target ?? 1 }, createdAt: 0, state };
}

describe("timeline", () => {
  test("[CV4] events, pages and acknowledgements in any order and repetition end in the server's order", () => {
    const scenario = anyConversation.chain((events) =>
      fc.record({
        events: fc.constant(events),
        // Each event comes at least once; how, and with what repeats and in which order, is drawn.
        ways: fc.array(fc.constantFrom("live", "page", "ack"), {
          minLength: events.length,
          maxLength: events.length,
        }),
        repeats: fc.array(fc.nat({ max: Math.max(0, events.length - 1) }), { maxLength: 10 }),
        order: fc.array(fc.integer(), { minLength: events.length + 10, maxLength: events.length + 10 }),
      }),
    );
    fc.assert(
      fc.property(scenario, ({ events, ways, repeats, order }) => {
        const changeOf = (index: number): TimelineChange | undefined => {
          const event = events[index];
          if (event === undefined) return undefined;
          if (ways[index] === "page") {
            const revisions = events.filter((other) => other.kind === "edit" && other.target === event.seq);
            const stored = (one: ConversationEvent): ConversationEvent => asStored(one, events);
            return { kind: "history", events: [stored(event)], revisions: revisions.map(stored) };
          }
          const isAck = ways[index] === "ack" && event.from === ME;
          return { kind: "events", events: [isAck ? eventFromAck(pendingOf(event), event, ME) : event] };
        };
        const indexes = [...events.keys(), ...repeats].toSorted(
          (one, other) => (order[one] ?? 0) - (order[other] ?? 0),
        );
        let timeline = emptyTimeline;
        for (const index of indexes) {
          const change = changeOf(index);
          if (change !== undefined) timeline = reduceTimeline(timeline, change);
        }
        const whole = reduceTimeline(emptyTimeline, { kind: "events", events });
        const pending = events
          .filter((event) => event.from === ME && event.kind === "message")
          .map(pendingOf);
        expect(viewTimeline(timeline, pending, context)).toEqual(viewTimeline(whole, [], context));
        expect(findRepair(timeline, events.length)).toEqual({ kind: "none" });
      }),
      { numRuns: PROPERTY_RUNS },
    );
  });

  test("[CV9] a retracted message never shows its text, whichever copy of it came last", () => {
    fc.assert(
      fc.property(anyConversation, fc.boolean(), (events, storedFirst) => {
        const stored = events.map((event) => asStored(event, events));
        const copies = storedFirst ? [stored, events] : [events, stored];
        let timeline = emptyTimeline;
        for (const copy of copies) timeline = reduceTimeline(timeline, { kind: "events", events: copy });
        for (const entry of viewTimeline(timeline, [], context)) {
          const isRetracted = events.some((event) => event.kind === "retract" && event.target === entry.seq);
          expect(entry.retracted).toBe(isRetracted);
          expect(entry.body === undefined).toBe(isRetracted);
        }
      }),
      { numRuns: PROPERTY_RUNS },
    );
  });

  test("filling holes from the top ends with everything, whatever was there before", () => {
    fc.assert(
      fc.property(
        anyConversation,
        fc.array(fc.nat({ max: 29 })),
        fc.integer({ min: 1, max: 7 }),
        (events, known, limit) => {
          const some = known.flatMap((index) => events[index] ?? []);
          let timeline = reduceTimeline(emptyTimeline, { kind: "events", events: some });
          const lowest = Math.min(events.length, ...some.map((event) => event.seq));
          for (let round = 0; ; round += 1) {
            expect(round).toBeLessThanOrEqual(events.length);
            const repair = findRepair(timeline, events.length);
            if (repair.kind === "none") break;
            if (repair.kind === "forget") throw new RangeError("no hole is that large");
            const page = events.slice(Math.max(0, repair.before - 1 - limit), repair.before - 1);
            timeline = reduceTimeline(timeline, { kind: "history", events: page, revisions: [] });
          }
          const loaded = timeline.events.map((event) => event.seq);
          const first = loaded[0] ?? 1;
          expect(first).toBeLessThanOrEqual(Math.max(1, lowest));
          expect(loaded).toEqual(Array.from({ length: loaded.length }, (_, index) => first + index));
        },
      ),
      { numRuns: PROPERTY_RUNS },
    );
  });

  test("forgetting takes the oldest only, leaves no hole, and what is loaded again is as it was", () => {
    const anyBounds = fc.record({ kept: fc.integer({ min: 1, max: 10 }), more: fc.nat({ max: 10 }) });
    fc.assert(
      fc.property(anyConversation, anyBounds, (events, { kept, more }) => {
        const stored = events.map((event) => asStored(event, events));
        const whole = reduceTimeline(emptyTimeline, { kind: "history", events: stored, revisions: stored });
        const excess = excessOf(whole, kept + more, kept);
        expect(excess === undefined).toBe(events.length <= kept + more);
        if (excess === undefined) return;
        const short = reduceTimeline(whole, excess);
        const seqs = short.events.map((event) => event.seq);
        expect(seqs).toEqual(events.slice(-kept).map((event) => event.seq));
        expect(findRepair(short, events.length)).toEqual({ kind: "none" });
        expect(hasOlder(short)).toBe(true);
        const first = seqs[0] ?? 0;
        expect(short.revisions.every((event) => (event.target ?? 0) >= first)).toBe(true);
        const shown = viewTimeline(whole, [], context).filter(({ seq }) => (seq ?? 0) >= first);
        expect(viewTimeline(short, [], context)).toEqual(shown);
        const page = stored.slice(0, first - 1);
        const revisions = stored.filter(
          ({ kind, target }) => kind === "edit" && target !== undefined && target < first,
        );
        const again = reduceTimeline(short, { kind: "history", events: page, revisions });
        expect(viewTimeline(again, [], context)).toEqual(viewTimeline(whole, [], context));
      }),
      { numRuns: PROPERTY_RUNS },
    );
  });

  test("[HS3] edits from beyond the page change the messages in it", () => {
    const [message, edit] = conversationOf([
      { mine: false, kind: "message", aim: 0 },
      { mine: false, kind: "edit", aim: 0 },
    ]);
    if (message === undefined || edit === undefined) throw new TypeError("two events were made");
    const timeline = reduceTimeline(emptyTimeline, { kind: "history", events: [message], revisions: [edit] });
    expect(viewTimeline(timeline, [], context)).toMatchObject([{ body: { text: "text 2" }, edited: true }]);
  });

  test("a hole too large to fill is cut off below, and can be loaded again from there", () => {
    const [first] = conversationOf([{ mine: false, kind: "message", aim: 0 }]);
    if (first === undefined) throw new TypeError("an event was made");
    const events = [first, { ...first, seq: 1000, id: idOf(1000) }];
    const timeline = reduceTimeline(emptyTimeline, { kind: "events", events });
    expect(findRepair(timeline, 1000)).toEqual({ kind: "forget", below: 1000 });
    const kept = reduceTimeline(timeline, { kind: "forget", below: 1000 });
    expect(kept.events.map((event) => event.seq)).toEqual([1000]);
  });
});

import { describe, expect, test } from "bun:test";
import type { TimelineEntry } from "@duologue/client";
import { itemsOf } from "./items.ts";

function entry(seq: number, time: number, part: Partial<TimelineEntry> = {}): TimelineEntry {
  return {
    id: `m${seq}`,
    seq,
    from: "u2",
    mine: false,
    time,
    body: { kind: "text", text: `${seq}` },
    replyTo: undefined,
    edited: false,
    retracted: false,
    state: "received",
    change: undefined,
    pending: undefined,
    ...part,
  };
}

const dayOf = (time: number): string => `${Math.floor(time / 10)}`;
const shapeOf = (...parameters: Parameters<typeof itemsOf>): readonly string[] =>
  itemsOf(...parameters).map((item) => (item.kind === "message" ? item.key : item.kind));

describe("what stands in a conversation", () => {
  test("each day has a heading before its first message", () => {
    expect(shapeOf([entry(1, 1), entry(2, 9), entry(3, 12)], undefined, dayOf)).toEqual([
      "day",
      "m1",
      "m2",
      "day",
      "m3",
    ]);
  });

  test("the first message of the other side that was unread has a mark before it, once", () => {
    const entries = [entry(1, 1), entry(2, 1, { mine: true }), entry(3, 1), entry(4, 1)];
    expect(shapeOf(entries, 2, dayOf)).toEqual(["day", "m1", "m2", "unread", "m3", "m4"]);
  });

  test("an answer knows the message it answers when that is loaded", () => {
    const items = itemsOf(
      [entry(5, 1), entry(6, 1, { replyTo: 5 }), entry(7, 1, { replyTo: 2 })],
      undefined,
      dayOf,
    );
    const quoted = items.map((item) => (item.kind === "message" ? item.quoted?.id : undefined));
    expect(quoted).toEqual([undefined, undefined, "m5", undefined]);
  });

  test("every item has a key of its own, also when a wrong clock makes a day come twice", () => {
    const keys = itemsOf([entry(1, 1), entry(2, 11), entry(3, 2)], 1, dayOf).map((item) => item.key);
    expect(new Set(keys).size).toBe(keys.length);
  });

  test("messages of one side stand together when each comes within ten minutes of the one before", () => {
    const minute = 60_000;
    const entries = [
      entry(1, 0),
      entry(2, 9 * minute),
      entry(3, 19 * minute),
      entry(4, 19 * minute, { mine: true }),
      entry(5, 20 * minute, { mine: true }),
    ];
    const groups = itemsOf(entries, undefined, () => "day").map((item) =>
      item.kind === "message" ? [item.isFirst, item.isLast] : item.kind,
    );
    expect(groups).toEqual(["day", [true, false], [false, true], [true, true], [true, false], [false, true]]);
  });

  test("the mark before unread messages and a new day end a group", () => {
    const marked = itemsOf([entry(1, 1), entry(2, 1)], 2, () => "day");
    expect(marked.map((item) => (item.kind === "message" ? item.isLast : item.kind))).toEqual([
      "day",
      true,
      "unread",
      true,
    ]);
    const days = itemsOf([entry(1, 9), entry(2, 11)], undefined, dayOf);
    expect(days.map((item) => (item.kind === "message" ? item.isFirst : item.kind))).toEqual([
      "day",
      true,
      "day",
      true,
    ]);
  });
});

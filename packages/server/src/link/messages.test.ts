import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { EventNote } from "../ports/bus.ts";
import type { Appended, Draft } from "../ports/store.ts";
import {
  decodeAppend,
  decodeCall,
  decodeEvent,
  decodeNote,
  decodeOutcome,
  encodeAppend,
  encodeCall,
  encodeEvent,
  encodeNote,
  encodeOutcome,
  tags,
} from "./messages.ts";

const id = fc.stringMatching(/^[A-Za-z0-9_-]{1,40}$/);
const number = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const body = fc
  .record({ kind: fc.constant("text"), text: fc.string({ unit: "binary" }) })
  .map((it) => JSON.stringify(it));

describe("lines between primary and workers", () => {
  test("an append is read as it was written, whatever the text", () => {
    const drafts: fc.Arbitrary<Draft> = fc.record({
      conversation: id,
      sender: id,
      id: fc.uuid(),
      kind: fc.constantFrom("message", "edit", "retract"),
      body: fc.option(body, { nil: undefined }),
      replyTo: fc.option(number, { nil: undefined }),
      target: fc.option(number, { nil: undefined }),
      origin: number,
      onlyRepeat: fc.boolean(),
    });
    fc.assert(
      fc.property(number, drafts, (ref, draft) => {
        const line = encodeAppend(ref, draft);
        expect(line).not.toContain("\n");
        expect(decodeAppend(line)).toEqual({ ref, draft });
      }),
    );
  });

  test("an outcome is read as it was written", () => {
    const appended: fc.Arbitrary<Appended> = fc.record({
      ok: fc.constant(true as const),
      seq: number,
      time: number,
      position: number,
      prev: number,
      duplicate: fc.boolean(),
    });
    fc.assert(
      fc.property(number, appended, (ref, outcome) => {
        expect(decodeOutcome(encodeOutcome(ref, outcome))).toEqual({ ref, outcome });
      }),
    );
    expect(decodeOutcome(encodeOutcome(7, { ok: false, refusal: "id_conflict" }))).toEqual({
      ref: 7,
      outcome: { ok: false, refusal: "id_conflict" },
    });
  });

  test("an event is read as it was written", () => {
    const notes: fc.Arbitrary<EventNote> = fc
      .record({
        conversation: id,
        sender: id,
        origin: number,
        position: number,
        one: id,
        other: id,
        json: body,
      })
      .filter(({ one, other }) => one !== other)
      .map(({ one, other, ...note }) => ({ ...note, kind: "event", prev: { [one]: 3, [other]: 0 } }));
    fc.assert(fc.property(notes, (note) => expect(decodeEvent(encodeEvent(note))).toEqual(note)));
  });

  test("notes and calls are read as they were written, with spaces and line breaks inside", () => {
    const note = { kind: "relay", from: "u", text: "a b\nc  d" } as const;
    expect(decodeNote(encodeNote(tags.publish, ["u_1", "u_2"], note))).toEqual({ to: ["u_1", "u_2"], note });
    expect(encodeNote(tags.publish, ["u_1"], note)).not.toContain("\n");
    expect(decodeCall(tags.write, encodeCall(tags.write, 12, { text: "x y\nz" }))).toEqual({
      ref: 12,
      value: { text: "x y\nz" },
    });
  });
});

test("each kind of line has a letter of its own", () => {
  const letters = Object.values(tags);
  expect(new Set(letters).size).toBe(letters.length);
  for (const letter of letters) expect(letter).toMatch(/^[A-Za-z]$/);
});

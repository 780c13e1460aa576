import { describe, expect, test } from "bun:test";
import { SeededRandom } from "@duologue/testing";
import fc from "fast-check";
import { decodeNote, decodeUserEvent, encodeNote, encodeUserEvent, tags } from "../link/messages.ts";
import type { EventNote, Note } from "../ports/bus.ts";
import { decodeNodeNote, encodeNodeNote } from "./node-notes.ts";

const id = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/);
const number = fc.nat({ max: 999_999_999_999_999 });
const json = (conversation: string, from: string, text: string): string =>
  JSON.stringify({
    type: "event",
    conversation,
    seq: 1,
    from,
    time: 2,
    id: "00000000-0000-7000-8000-000000000001",
    kind: "message",
    body: { kind: "text", text },
  });
const wellFormed = fc.string({ unit: "grapheme" });

const notes: fc.Arbitrary<Note> = fc.oneof(
  fc
    .record({ conversation: id, sender: id, position: number, prev: number, text: wellFormed })
    .map(({ conversation, sender, position, prev, text }) => ({
      kind: "event" as const,
      conversation,
      sender,
      origin: 0,
      position,
      prev: { ann: prev },
      json: json(conversation, sender, text),
    })),
  fc
    .record({
      kind: fc.constant("markers" as const),
      conversation: id,
      user: id,
      delivered: number,
      read: number,
      unread: number,
      position: number,
      prev: number,
    })
    .map((note) => ({ ...note, prev: { ann: note.prev } })),
  fc.record({ kind: fc.constant("typing" as const), conversation: id, user: id, active: fc.boolean() }),
  fc.record({ kind: fc.constant("behind" as const), position: number }),
  fc.record({ kind: fc.constant("relay" as const), from: id, text: wellFormed }),
  fc.record({
    kind: fc.constant("failure" as const),
    failure: fc.constantFrom("offline" as const, "too_long" as const, "full" as const),
  }),
  fc.record({ kind: fc.constant("session-ended" as const), session: id }),
);

describe("notes between nodes", () => {
  test("are read as they were written, whatever the text", () => {
    fc.assert(
      fc.property(id, notes, (node, note) => {
        const payload = encodeNodeNote(1, node, "ann", note);
        expect(decodeNodeNote(1, "ann", payload)).toEqual({ kind: "note", note });
      }),
      { numRuns: 200 },
    );
  });

  test("a long text arrives whole", () => {
    const note: Note = { kind: "relay", from: "ben", text: `{ "${"x y ".repeat(5_000)}` };
    const payload = encodeNodeNote(1, "n", "ann", note);
    expect(decodeNodeNote(1, "ann", payload)).toEqual({ kind: "note", note });
  });

  test.each([
    ["nothing", ""],
    ["no version", "x n typing c u 1"],
    ["a node's name that is none", "1 n.n typing c u 1"],
    ["too few words", "1 n typing c"],
    ["a word that is no number", "1 n behind 12x"],
    ["a number past those that a double holds", "1 n behind 1000000000000000"],
    ["a negative number", "1 n behind -1"],
    ["a conversation that is no name", "1 n typing ../c u 1"],
    ["a control character", "1 n typing c u 1 \u0000"],
    ["a second line", "1 n typing c u 1\ne forged"],
    ["an event without JSON", "1 n event c u 2 1"],
    [
      "an event with a second line in its JSON",
      `1 n event c u 2 1 ${json("c", "u", "x").replace("{", "{\n")}`,
    ],
    ["an event of another conversation", `1 n event c u 2 1 ${json("d", "u", "x")}`],
    ["an event of another sender", `1 n event c u 2 1 ${json("c", "v", "x")}`],
    ["an event that goes on after its end", `1 n event c u 2 1 ${json("c", "u", "x")} {}`],
    ["a frame of another type", '1 n event c u 2 1 {"type":"pong","time":1,"behind":true}'],
    [
      "an event with a field of the prototype",
      `1 n event c u 2 1 ${json("c", "u", "x").replace("{", '{"__proto__":{},')}`,
    ],
    ["a failure that is none", "1 n failure constructor"],
    ["a relay without a text", '1 n relay u {"text":7}'],
    ["a relay that is not JSON", "1 n relay u {text"],
    ["a relay above every limit", `1 n relay u {"text":"${"x".repeat(65_537)}"}`],
  ])("%s is refused", (_, payload) => {
    expect(decodeNodeNote(1, "ann", payload)).toEqual({ kind: "broken" });
  });

  test("a kind that is not known is passed over, one of Object's own names too", () => {
    for (const kind of ["poll", "constructor", "__proto__", "toString"]) {
      expect(decodeNodeNote(1, "ann", `1 n ${kind} a b {"c":1}`)).toEqual({ kind: "unknown" });
    }
  });

  test("whatever comes, nothing is thrown, and what is let through stays one line to the workers", () => {
    const random = new SeededRandom(11);
    const sound = fc
      .sample(notes, { numRuns: 100, seed: 11 })
      .map((note) => encodeNodeNote(1, "n", "ann", note));
    const pieces = [
      "{",
      "}",
      " ",
      "\n",
      '"',
      "\\",
      "\u0000",
      "1e9",
      "-1",
      "\ud800",
      "__proto__",
      "99999999999999999",
      "{}{",
    ];
    let passed = 0;
    for (let count = 0; count < 20_000; count += 1) {
      // A piece of a sound note is replaced: so it gets past the first checks.
      const payload = random.pick(sound);
      const start = random.below(payload.length);
      const piece = random.chance(0.5) ? random.pick(pieces) : String.fromCharCode(random.below(0x10000));
      const bent = payload.slice(0, start) + piece + payload.slice(start + random.below(12));
      const received = decodeNodeNote(1, "ann", bent);
      if (received.kind !== "note") continue;
      passed += 1;
      expectSound(received.note);
    }
    expect(passed).toBeGreaterThan(500);
    expect(Object.keys(Object.prototype)).toEqual([]);
  });
});

/** As a worker reads it from its line, and an event as a client gets it. */
function expectSound(note: Note): void {
  const line = note.kind === "event" ? encodeUserEvent("ann", note) : encodeNote(tags.note, ["ann"], note);
  expect(line).not.toContain("\n");
  expect(readLine(note, line)).toEqual(note);
  if (note.kind !== "event") return;
  const frame = JSON.parse(`${note.json.slice(0, -1)},"cursor":"e.1","prev":"e.0"}`) as {
    readonly type: string;
  };
  expect(frame.type).toBe("event");
}

function readLine(note: Note, line: string): Note | EventNote {
  return note.kind === "event" ? decodeUserEvent(line).note : decodeNote(line).note;
}

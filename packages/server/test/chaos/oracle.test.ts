/** The judge himself: what a true testimony is told, and what a false one. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { ConversationEvent } from "@duologue/protocol";
import { type Server, startServer } from "@duologue/testing";
import { Pair } from "../harness/peer.ts";
import type { Change } from "../harness/shown.ts";
import { Horizon, WireLog } from "../harness/wire-log.ts";
import { expectedShown, judgeChanges } from "./changes.ts";
import { type Case, judge, type Testimony, testimonyOfPeer } from "./oracle.ts";

setDefaultTimeout(60_000);

let server: Server;
let pair: Pair;
let given: Case;

beforeAll(async () => {
  server = await startServer();
  pair = await Pair.connect(server.url);
  const { ann, ben, conversation } = pair;
  await ann.say(conversation, "one");
  await ben.say(conversation, "two");
  await ann.say(conversation, "three");
  await ben.seen("event", ({ seq }) => seq === 3);
  const devices = [testimonyOfPeer(ann, ["one", "three"]), testimonyOfPeer(ben, ["two"])];
  const tokens = new Map([ann, ben].map(({ id, token }) => [id, token]));
  given = { url: server.url, conversation, tokens, devices };
});

afterAll(async () => {
  await pair[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const stranger = { id: "x", text: "hello", edited: false, retracted: false };
const unread = { mine: { delivered: 0, read: 0 }, theirs: { delivered: 0, read: 0 }, unread: 7 };

/** The first device says something else than it did. */
function lying(change: (honest: Testimony) => Partial<Testimony>): Case {
  const [first, ...others] = given.devices as [Testimony, ...Testimony[]];
  return { ...given, devices: [{ ...first, ...change(first) }, ...others] };
}

describe("the judge", () => {
  test("finds nothing wrong with what is right, and repeats what was sent", async () => {
    const verdict = await judge(given);
    expect(verdict).toEqual({ messages: 3, acknowledged: 3, repeats: 3, violations: [] });
  });

  test.each<[string, (honest: Testimony) => Partial<Testimony>, RegExp]>([
    ["a message is missing", ({ texts }) => ({ texts: [...texts, "four"] }), /sent four: not there/],
    ["nobody sent it", () => ({ texts: ["one"] }), /number 3 was never sent/],
    ["an acknowledged one is missing", () => ({ acknowledged: new Map([["x", 4]]) }), /acknowledged as 4/],
    [
      "a number was told of another message",
      ({ received }) => ({ received: new Map([...received, [1, "x"]]) }),
      /was told that 1 is x/,
    ],
    ["it is shown in another order", () => ({ shown: [stranger] }), /shows {"id":"x".* in place of/],
    ["it shows nothing", () => ({ shown: [] }), /shows nothing/],
    [
      "an edit is not there",
      () => ({ changes: [{ kind: "edit", target: 1, text: "uno" }] }),
      /wanted edit of 1/,
    ],
    ["it does not know what was read", () => ({ reading: unread }), /has .*"unread":7.*, which is/],
    ["it contradicts itself", () => ({ contradictions: ["1 was a, now b"] }), /1 was a, now b/],
  ])("says so when %s", async (_, change, says) => {
    const { violations } = await judge(lying(change));
    expect(violations.length).toBeGreaterThan(0);
    expect(violations.join("\n")).toMatch(says);
  });

  test("forgives the absence of what died unsent, and its presence", async () => {
    const mayBeAbsent = ["four"];
    expect((await judge(lying(() => ({ mayBeAbsent })))).violations).toEqual([]);
    const device = { ...(given.devices[0] as Testimony), texts: ["one"], mayBeAbsent: ["three"] };
    expect((await judge({ ...given, devices: [device, ...given.devices.slice(1)] })).violations).toEqual([]);
  });
});

describe("the judge of changes", () => {
  const event = (seq: number, more: Partial<ConversationEvent>): [number, ConversationEvent] => [
    seq,
    {
      type: "event",
      conversation: "c",
      cursor: "e.1",
      seq,
      from: "ann",
      id: `id ${seq}`,
      time: 1,
      kind: "message",
      ...more,
    },
  ];
  const text = (of: string) => ({ body: { kind: "text", text: of } }) as const;
  const changes: readonly Change[] = [
    { kind: "edit", target: 1, text: "uno" },
    { kind: "retract", target: 2 },
  ];
  /** "one" became "uno"; the second message was taken back. */
  const stored = new Map([
    event(1, text("one")),
    event(2, { retracted: true }),
    event(3, { kind: "edit", target: 1, ...text("uno") }),
    event(4, { kind: "retract", target: 2 }),
  ]);
  const judged = (events: ReadonlyMap<number, ConversationEvent>, wanted = changes): string => {
    const complaints: string[] = [];
    const device = { device: "one", user: "ann", changes: wanted, isComplete: true };
    judgeChanges(events, [device], (complaint) => complaints.push(complaint));
    return complaints.join("\n");
  };

  test("finds nothing wrong with what is right", () => {
    expect(judged(stored)).toBe("");
    expect(expectedShown(stored)).toEqual([
      { id: "id 1", text: "uno", edited: true, retracted: false },
      { id: "id 2", text: undefined, edited: false, retracted: true },
    ]);
  });

  test.each<[string, [number, ConversationEvent], RegExp]>([
    ["a change is there twice", event(5, { kind: "edit", target: 1, ...text("uno") }), /repeats a change/],
    ["nobody wanted a change", event(5, { kind: "retract", target: 3 }), /never wanted/],
    ["a change is of no message", event(5, { kind: "edit", target: 4, ...text("x") }), /is no message/],
    ["somebody else's message is changed", event(1, { from: "ben", ...text("one") }), /is no message of ann/],
    ["a retracted message is there", event(2, text("two")), /is still there/],
    ["a message is gone by itself", event(1, { retracted: true }), /nobody has taken it back/],
    ["an edit has no text", event(3, { kind: "edit", target: 1 }), /has no text/],
    ["a retraction is missing", event(4, text("four")), /wanted retract of 2: not there/],
  ])("says so when %s", (_, change, says) => {
    expect(judged(new Map([...stored, change]))).toMatch(says);
  });

  test("does not look for the text of an edit whose message was taken back", () => {
    const erased = new Map([...stored, event(5, { kind: "edit", target: 2 })]);
    expect(judged(erased, [...changes, { kind: "edit", target: 2, text: "due" }])).toBe("");
  });
});

describe("the log of a device", () => {
  const markers = (user: string, delivered: number, read: number): string =>
    JSON.stringify({ type: "markers", conversation: "c", user, delivered, read, cursor: "e.1" });
  const event = (seq: number, id: string): string =>
    JSON.stringify({
      type: "event",
      conversation: "c",
      seq,
      from: "ann",
      time: 1,
      id,
      kind: "message",
      cursor: "e.1",
    });
  const [idA, idB] = ["00000000-0000-7000-8000-00000000000a", "00000000-0000-7000-8000-00000000000b"];

  test.each<[string, readonly string[], RegExp]>([
    ["one number for two messages", [event(1, idA), event(1, idB)], /1 was/],
    ["two numbers for one message", [event(1, idA), event(2, idA)], /was 1, now 2/],
    ["a read marker ahead of the delivered one", [event(2, idA), markers("ann", 1, 2)], /ahead of delivered/],
    [
      "a marker ahead of what its user can know",
      [event(1, idA), markers("ann", 2, 1)],
      /no device of theirs/,
    ],
    ["a marker that goes back", [event(2, idA), markers("ann", 2, 2), markers("ann", 1, 1)], /went back/],
    ["a frame that is none", ["{"], /an invalid frame/],
  ])("notes %s", (_, frames, says) => {
    const log = new WireLog(new Horizon());
    for (const frame of frames) log.onText(frame);
    expect(log.contradictions.join("\n")).toMatch(says);
  });

  test("notes nothing of what may be", () => {
    const log = new WireLog(new Horizon());
    for (const frame of [
      event(1, idA),
      event(1, idA),
      event(2, idB),
      markers("ann", 2, 1),
      markers("ann", 2, 2),
    ])
      log.onText(frame);
    expect(log.contradictions).toEqual([]);
  });
});

/** The judge himself: what a true testimony is told, and what a false one. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Server, startServer } from "@duologue/testing";
import { Pair } from "../harness/peer.ts";
import { Horizon, WireLog } from "../harness/wire-log.ts";
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
    ["it is shown in another order", () => ({ shown: ["x", "y"] }), /shows x in place of/],
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

/** The witness, who judges each frame when it comes: what honest frames are told, and what others. */
import { describe, expect, test } from "bun:test";
import { SeededRandom } from "@duologue/testing";
import { drawFaults, Faults, faultNames } from "../src/faults.ts";
import { Refusals } from "../src/refusals.ts";
import { Schedule } from "../src/schedule.ts";
import { Witness } from "../src/witness.ts";
import { World } from "../src/world.ts";
import { Directed, plain } from "./directed.ts";

const random = new SeededRandom(1);
const none = drawFaults(random, new Set(faultNames));
const id = (number: number): string => `01890000-0000-7000-8000-00000000000${number}`;
const body = { kind: "text", text: "hello" } as const;
const alice = { user: "alice", name: "alice-1.1", connection: {} };

class Bench {
  readonly world: World;
  readonly witness: Witness;

  constructor(chances: Partial<typeof none.chances> = {}) {
    const plan = { ...none, chances: { ...none.chances, ...chances } };
    this.world = new World(new Schedule(), new Faults(plan, random), random);
    this.witness = new Witness(this.world);
    for (const number of [1, 2])
      this.witness.write("alice", { type: "send", id: id(number), conversation: "c", body });
  }

  hears(frame: object, to = alice, isFirst = false): void {
    this.witness.receive(to, JSON.stringify(frame), isFirst);
  }

  get said(): string {
    return this.world.violations.map(({ what }) => what).join("\n");
  }
}

const ack = (number: number, seq: number, time = 1) => ({
  type: "ack",
  id: id(number),
  conversation: "c",
  seq,
  time,
});
const event = (number: number, seq: number, more: object = {}) => ({
  type: "event",
  conversation: "c",
  cursor: "e.1",
  seq,
  from: "alice",
  id: id(number),
  time: 1,
  kind: "message",
  body,
  ...more,
});
const markers = (delivered: number, read: number) => ({
  type: "markers",
  conversation: "c",
  user: "bob",
  delivered,
  read,
  cursor: "e.1",
});
const summary = (lastSeq: number, delivered: number, read: number) => ({
  type: "conversation",
  ref: 1,
  conversation: {
    id: "c",
    peer: { id: "bob", name: "bob", kind: "guest" },
    lastSeq,
    mine: { delivered: 0, read: 0 },
    theirs: { delivered, read },
    unread: 0,
    cursor: "e.1",
  },
});

describe("the witness", () => {
  test("finds nothing wrong with what is right", () => {
    const bench = new Bench();
    for (const frame of [ack(1, 1), event(1, 1), { ...ack(1, 1), duplicate: true }, summary(1, 1, 1)])
      bench.hears(frame);
    for (const frame of [markers(1, 0), markers(1, 1), markers(1, 1)]) bench.hears(frame);
    expect(bench.said).toBe("");
    expect(bench.witness.repeats).toBe(1);
  });

  test.each<[string, readonly object[], RegExp]>([
    ["what comes is no frame", [{ type: "ack" }], /got what is no frame/],
    ["what nobody sent is acknowledged", [ack(9, 1)], /an acknowledgement of what alice never sent/],
    ["a message gets another number", [ack(1, 1), ack(1, 2)], /was 1 at 1, and now is 2 at 1/],
    ["a message gets another time", [ack(1, 1), event(1, 1, { time: 2 })], /was 1 at 1, and now is 1 at 2/],
    ["two messages have one number", [ack(1, 1), ack(2, 1)], /number 1 is .*1, and now .*2/],
    ["a text is another one", [event(1, 1, { body: { kind: "text", text: "x" } })], /reads x, not hello/],
    ["somebody is said to have read more than they got", [markers(1, 2)], /bob is said to have read 2 of 1/],
    ["a marker is beyond the last number", [summary(1, 2, 1)], /bob is said to have 2 of 1 in c/],
    ["delivered goes back", [markers(2, 1), markers(1, 1)], /the markers of bob in c went back/],
    ["read goes back", [markers(2, 2), markers(2, 1)], /the markers of bob in c went back/],
  ])("says so when %s", (_, frames, says) => {
    const bench = new Bench();
    for (const frame of frames) bench.hears(frame);
    expect(bench.said).toMatch(says);
  });

  test("says so when another frame comes before the welcome", () => {
    const bench = new Bench();
    bench.hears(markers(0, 0), alice, true);
    expect(bench.said).toMatch(/got markers before its welcome/);
  });

  test("takes older markers over another connection, and over a bus that is told to be late", () => {
    const bench = new Bench();
    bench.hears(markers(2, 2));
    bench.hears(markers(1, 1), { ...alice, connection: {} });
    const late = new Bench({ delayNote: 0.1 });
    for (const frame of [markers(2, 2), markers(1, 1)]) late.hears(frame);
    expect([bench.said, late.said]).toEqual(["", ""]);
  });

  test("remembers who is said to be farther than they were told, until it is known whose message that was", () => {
    const bench = new Bench();
    bench.hears(event(1, 1), { ...alice, user: "bob" });
    bench.hears(markers(1, 0));
    expect(bench.witness.ownClaims).toEqual([]);
    bench.hears(markers(2, 1));
    expect(bench.witness.ownClaims.map(({ user, seq }) => `${user} ${seq}`)).toEqual(["bob 2", "bob 1"]);
  });
});

describe("what the store refused", () => {
  const toldOf = (events: readonly string[]): Refusals => {
    const refusals = new Refusals();
    for (const said of events) {
      const [what = "", message = ""] = said.split(" ");
      if (what === "write") refusals.written(message);
      else if (what === "refuse") refusals.refused(message);
      else refusals.told(message);
    }
    return refusals;
  };

  test("excuses what was on its way, and nothing that was written when the refusal was known", () => {
    expect(toldOf(["write a", "write b", "refuse a", "tell a"]).excuse("a", "b")).toBe(true);
    expect(toldOf(["write a", "refuse a", "tell a", "write b"]).excuse("a", "b")).toBe(false);
    expect(toldOf(["write a", "write b"]).excuse("a", "b")).toBe(false);
    expect(toldOf(["write a", "refuse a", "write b"]).excuse("a", "b")).toBe(true);
    const again = ["write a", "refuse a", "tell a", "write a", "write b", "refuse a", "tell a"];
    expect(toldOf(again).excuse("a", "b")).toBe(true);
  });
});

describe("how long answers take", () => {
  /** The server's answers of this kind do not leave. */
  async function losing(type: string, act: (directed: Directed) => void): Promise<readonly string[]> {
    using directed = await Directed.begin(1, [[plain], [plain]]);
    for (const wire of directed.tab(0).wires) {
      const send = wire.sendText.bind(wire);
      wire.sendText = (frame) => (frame.startsWith(`{"type":"${type}"`) ? frame.length : send(frame));
    }
    act(directed);
    await directed.pass(8_000);
    return directed.stage.world.violations.map(({ what }) => what);
  }

  test.each<[string, (directed: Directed) => void]>([
    ["ack", (directed) => directed.tab(0).send(directed.conversation, "hello")],
    [
      "users",
      (directed) =>
        void directed
          .tab(0)
          .client.search("bob")
          .catch(() => undefined),
    ],
  ])("is judged: an answer of the kind %s went astray", async (type, act) => {
    expect((await losing(type, act)).join("\n")).toMatch(
      /alice-1\.1 has waited \d+ ms for the answer to (send|search) .*, and nothing was in the way/,
    );
  });

  test("is not judged while a process stands still, nor when the connection is cut", async () => {
    using directed = await Directed.begin(1, [[plain], [plain]]);
    directed.tab(0).send(directed.conversation, "waits");
    directed.pause(directed.workerOf(directed.tab(0)), 5_500);
    await directed.pass(5_400);
    directed.faults.plant("lostReply", /^\{"type":"send"/);
    directed.tab(0).send(directed.conversation, "lost");
    expect(await directed.end()).toEqual([]);
  });
});

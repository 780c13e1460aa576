/** The reducer of steps alone, with the pages and steps of a server that answers out of order. */
import { describe, expect, test } from "bun:test";
import type { ClientFrame, ConversationEvent } from "@duologue/protocol";
import fc from "fast-check";
import { CatchUp, type Step } from "./catch-up.ts";
import { STEPS_KEPT } from "./limits.ts";
import { Requests } from "./requests.ts";
import { FakeEnvironment } from "./testing/fake-environment.ts";
import { PROPERTY_RUNS } from "./testing/property-runs.ts";

type EventStep = ConversationEvent & { readonly type: "event" };

function stepTo(position: number): EventStep {
  return {
    type: "event",
    conversation: "c",
    seq: position,
    from: "u2",
    time: position,
    id: `00000000-0000-7000-8000-${String(position).padStart(12, "0")}`,
    kind: "message",
    body: { kind: "text", text: `${position}` },
    cursor: `${position}`,
    prev: `${position - 1}`,
  };
}

class Bench {
  readonly environment = new FakeEnvironment(() => {
    throw new RangeError("no socket is needed here");
  });
  readonly written: ClientFrame[] = [];
  readonly applied = new Set<number>();
  readonly acknowledged: string[] = [];
  readonly catchUp: CatchUp;
  readonly #requests: Requests;

  constructor(cursor: number) {
    this.#requests = new Requests(this.environment, (frame) => {
      this.written.push(frame);
      return true;
    });
    this.catchUp = new CatchUp(this.environment, this.#requests, {
      apply: (step: Step) => {
        if (step.type === "event") this.applied.add(step.seq);
        else if (step.type === "ack") this.acknowledged.push(step.id);
      },
      applyPage: (page) => {
        for (const event of page.events) this.applied.add(event.seq);
      },
      reset: () => this.applied.clear(),
      failed: () => {
        throw new RangeError("no sync may fail here");
      },
    });
    this.catchUp.begin(`${cursor}`, undefined);
  }

  /** The oldest sync that was not answered: its cursor is too old, and this is the one to go on from. */
  answerReset(cursor: string): void {
    const frame = this.written.shift();
    if (frame?.type !== "sync") throw new RangeError("no sync waits for an answer");
    const page = { conversations: [], events: [], cursor, more: false, reset: true } as const;
    this.#requests.receive({ type: "changes", ref: frame.ref, ...page });
  }

  /** The oldest sync that was not answered, as the server would with this many events, `limit` on a page. */
  answer(position: number, limit = 1000): boolean {
    const frame = this.written.shift();
    if (frame?.type !== "sync") return false;
    const since = Number(frame.cursor);
    const events = Array.from({ length: position - since }, (_, index) => stepTo(since + index + 1));
    const page = events.slice(0, limit);
    return this.#requests.receive({
      type: "changes",
      ref: frame.ref,
      conversations: [],
      events: page,
      cursor: page.at(-1)?.cursor ?? frame.cursor,
      more: page.length < events.length,
    });
  }
}

test("[SY3] an acknowledgement that a page without events was quicker than is taken", () => {
  const bench = new Bench(1);
  bench.catchUp.sync();
  bench.answerReset("9");
  const { id, conversation, seq, time, cursor, prev } = stepTo(9);
  bench.catchUp.receive({ type: "ack", id, conversation, seq, time, cursor, ...(prev && { prev }) });
  expect(bench.acknowledged).toEqual([id]);
});

describe("steps during a sync", () => {
  // Taken at once, they would move the cursor on, and the page that was made before them would move it back.
  test("[SY1] are kept until the last page, which may end before them, and cost no further sync", () => {
    const bench = new Bench(5);
    bench.catchUp.sync();
    for (const position of [6, 7, 8]) bench.catchUp.receive(stepTo(position));
    expect(bench.applied.size).toBe(0);
    bench.answer(7);
    expect(bench.catchUp.cursor).toBe("8");
    bench.catchUp.receive(stepTo(9));
    expect([...bench.applied]).toEqual([6, 7, 8, 9]);
    bench.environment.advance(1_000);
    expect(bench.written).toEqual([]);
  });

  test("[SY2] of which more came than are kept are looked for when it ends, though nothing follows them", () => {
    const bench = new Bench(0);
    bench.catchUp.sync();
    for (let position = 1; position <= STEPS_KEPT + 1; position += 1) bench.catchUp.receive(stepTo(position));
    // Made before any of them.
    bench.answer(0);
    bench.environment.advance(1_000);
    expect(bench.answer(STEPS_KEPT + 1)).toBe(true);
    expect(bench.applied.size).toBe(STEPS_KEPT + 1);
  });

  test("[SY2] whatever is lost, doubled or out of order, nothing up to the last cursor is missing", () => {
    const anyMove = fc.oneof(
      { weight: 4, arbitrary: fc.record({ kind: fc.constant("step" as const), back: fc.nat({ max: 3 }) }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant("lose" as const), back: fc.constant(0) }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant("answer" as const), back: fc.nat({ max: 2 }) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("pass" as const), back: fc.constant(0) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("sync" as const), back: fc.constant(0) }) },
    );
    fc.assert(
      fc.property(fc.array(anyMove, { maxLength: 40 }), fc.integer({ min: 1, max: 4 }), (moves, limit) => {
        const bench = new Bench(0);
        let position = 0;
        for (const { kind, back } of moves) {
          if (kind === "lose") position += 1;
          else if (kind === "pass") bench.environment.advance(150);
          else if (kind === "sync") bench.catchUp.sync();
          else if (kind === "answer") bench.answer(position, limit);
          else {
            position += 1;
            bench.catchUp.receive(stepTo(Math.max(1, position - back)));
          }
        }
        // The next step shows what was lost; then every wait ends and every sync is answered.
        position += 1;
        bench.catchUp.receive(stepTo(position));
        for (let round = 0; round < 200 && Number(bench.catchUp.cursor) < position; round += 1) {
          bench.environment.advance(200);
          bench.answer(position, limit);
        }
        expect(bench.catchUp.cursor).toBe(`${position}`);
        expect(bench.applied.size).toBe(position);
      }),
      { numRuns: PROPERTY_RUNS },
    );
  });
});

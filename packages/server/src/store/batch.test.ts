import { expect, test } from "bun:test";
import { BatchingWriter } from "./batch.ts";
import { message } from "./contract/fixture.ts";
import type { WriteRequest, WriteResult } from "./requests.ts";

interface Bench {
  readonly writer: BatchingWriter;
  /** Everything that happened, in order. */
  readonly log: string[];
  readonly faults: unknown[];
  submit(name: string): void;
  endTurn(): void;
}

type Results = readonly WriteResult[];

/** `delay` may make a promise of a transaction's results. */
function begin(
  limits: { maxQueued?: number; maxQueuedCharacters?: number; maxBatch?: number } = {},
  delay: (results: () => Results) => Results | Promise<Results> = (results) => results(),
): Bench {
  const log: string[] = [];
  const faults: unknown[] = [];
  const turns: (() => void)[] = [];
  const nameOf = (request: WriteRequest): string => (request.op === "end-session" ? request.id : "?");
  const answer = (request: WriteRequest): WriteResult => {
    const note = { kind: "session-ended", session: nameOf(request) } as const;
    return { outcome: { ok: true }, publish: { to: ["u_ann"], note } };
  };
  const writer = new BatchingWriter({
    committer: {
      commit(requests) {
        log.push(`commit ${requests.map(nameOf).join(" ")}`);
        return delay(() => requests.map(answer));
      },
      maintain: () => log.push("maintain"),
    },
    clock: { endOfTurn: (run) => turns.push(run) },
    publish: (_to, note) => {
      if (note.kind === "session-ended") log.push(`publish ${note.session}`);
    },
    onFault: (error) => faults.push(error),
    ...limits,
  });
  return {
    writer,
    log,
    faults,
    submit(name) {
      writer.submit({ op: "end-session", id: name }, (outcome) => {
        log.push(`${outcome.ok ? "done" : outcome.refusal} ${name}`);
        if (name === "broken") throw new RangeError("a receiver's defect");
      });
    },
    endTurn: () => turns.shift()?.(),
  };
}

test("one turn's requests are one transaction; each is published, then answered, in order; then comes the rest", () => {
  const bench = begin();
  bench.submit("a");
  bench.submit("b");
  expect(bench.log).toEqual([]);
  expect(bench.writer.queued).toBe(2);
  bench.endTurn();
  expect(bench.log).toEqual(["commit a b", "publish a", "done a", "publish b", "done b", "maintain"]);
  expect([bench.writer.queued, bench.writer.committed]).toEqual([0, 2]);
  bench.endTurn();
  expect(bench.log).toHaveLength(6);
});

test("a batch is bounded, and what is left goes first in the next turn", () => {
  const bench = begin({ maxBatch: 2 });
  for (const name of ["a", "b", "c", "d", "e"]) bench.submit(name);
  bench.endTurn();
  bench.submit("f");
  bench.endTurn();
  bench.endTurn();
  expect(bench.log.filter((entry) => entry.startsWith("commit"))).toEqual([
    "commit a b",
    "commit c d",
    "commit e f",
  ]);
});

test("the queue is bounded: one more is refused as busy, and never within the call", () => {
  const bench = begin({ maxQueued: 2 });
  for (const name of ["a", "b", "c"]) bench.submit(name);
  expect(bench.log).toEqual([]);
  bench.endTurn();
  expect(bench.log).toContain("busy c");
  expect(bench.log).toContain("commit a b");
  bench.submit("d");
  bench.endTurn();
  expect(bench.log).toContain("done d");
  expect(bench.writer.committed).toBe(3);
});

test("the queue is bounded by the length of its texts too, until they are under way", () => {
  const bench = begin({ maxQueuedCharacters: 10 });
  const outcomes: string[] = [];
  const submit = (body: string): void =>
    bench.writer.submit({ op: "append", draft: message("d_1", "u_ann", "", { body }) }, (outcome) =>
      outcomes.push(outcome.ok ? body : outcome.refusal),
    );
  submit("12345");
  submit("1234567");
  submit("54321");
  submit("");
  bench.endTurn();
  submit("1234567890");
  bench.endTurn();
  expect(outcomes).toEqual(["busy", "12345", "54321", "", "1234567890"]);
});

test("a receiver that throws is reported, and the others get their answers", () => {
  const bench = begin();
  for (const name of ["a", "broken", "c"]) bench.submit(name);
  bench.endTurn();
  expect(bench.log).toContain("done c");
  expect(bench.log.at(-1)).toBe("maintain");
  expect(bench.faults).toEqual([new RangeError("a receiver's defect")]);
});

test("closing carries out what waits, and refuses what comes after", () => {
  const bench = begin({ maxBatch: 1 });
  for (const name of ["a", "b"]) bench.submit(name);
  void bench.writer.close();
  expect(bench.log).toContain("done b");
  bench.submit("c");
  bench.endTurn();
  expect(bench.log.at(-1)).toBe("unavailable c");
});

/** A committer that answers when the test says so. */
function beginLate(): Bench & { answer(): Promise<void> } {
  const answers: (() => void)[] = [];
  const bench = begin({}, (results) => new Promise((resolve) => answers.push(() => resolve(results()))));
  return Object.assign(bench, {
    answer: async () => {
      answers.shift()?.();
      // The answer, and what follows from it.
      for (let turn = 0; turn < 4; turn += 1) await Promise.resolve();
    },
  });
}

test("while a transaction is under way elsewhere the next one fills up, and the order stays", async () => {
  const bench = beginLate();
  bench.submit("a");
  bench.endTurn();
  bench.submit("b");
  bench.endTurn();
  bench.submit("c");
  bench.endTurn();
  expect(bench.log).toEqual(["commit a"]);
  expect(bench.writer.queued).toBe(2);
  await bench.answer();
  expect(bench.log).toEqual(["commit a", "publish a", "done a", "maintain"]);
  bench.endTurn();
  expect(bench.log.at(-1)).toBe("commit b c");
  await bench.answer();
  expect(bench.log.slice(5)).toEqual(["publish b", "done b", "publish c", "done c", "maintain"]);
});

test("closing waits for the transaction that is under way, and carries out what waits behind it", async () => {
  const bench = beginLate();
  bench.submit("a");
  bench.endTurn();
  bench.submit("b");
  const closed = bench.writer.close();
  expect(bench.log).toEqual(["commit a"]);
  await bench.answer();
  await bench.answer();
  await closed;
  expect(bench.log).toContain("done b");
  bench.submit("c");
  bench.endTurn();
  expect(bench.log.at(-1)).toBe("unavailable c");
});

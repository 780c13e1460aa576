import { expect, test } from "bun:test";
import type { MessageRun } from "./cluster-costs.ts";
import { foretellEach, type NamedRun } from "./held-out.ts";

const COSTS = { message: 40, transaction: 900, hop: 30, mark: 15 };

function runOf(name: string, counts: Omit<MessageRun, "round" | "micros">, factor = 1): NamedRun {
  const { messages, transactions, hops, marks } = counts;
  const all =
    messages * COSTS.message + transactions * COSTS.transaction + hops * COSTS.hop + marks * COSTS.mark;
  const micros = { primaries: all * factor, workers: all, postgres: all, nats: hops > 0 ? all : 0 };
  return { name, round: 1, ...counts, micros };
}

const runs = [
  runOf("lonely", { messages: 1_000, transactions: 700, hops: 0, marks: 0 }),
  runOf("crowded", { messages: 50_000, transactions: 60, hops: 0, marks: 0 }),
  runOf("apart", { messages: 20_000, transactions: 80, hops: 20_000, marks: 0 }),
  runOf("apart and lonely", { messages: 1_000, transactions: 600, hops: 1_000, marks: 0 }),
  runOf("marked", { messages: 15_000, transactions: 90, hops: 30_000, marks: 15_000 }),
  runOf("marked and lonely", { messages: 1_000, transactions: 800, hops: 2_000, marks: 1_000 }),
  runOf("marked, few", { messages: 4_000, transactions: 400, hops: 8_000, marks: 4_000 }),
];

test("runs that follow one law are foretold from each other", () => {
  for (const { foretold, measured } of foretellEach(runs)) expect(foretold / measured).toBeCloseTo(1, 2);
});

test("one that does not is not", () => {
  const odd = runOf("odd", { messages: 10_000, transactions: 100, hops: 10_000, marks: 0 }, 5);
  const held = foretellEach([...runs, odd]).find(({ name }) => name === "odd");
  expect((held?.foretold ?? 0) / (held?.measured ?? 1)).toBeLessThan(0.6);
});

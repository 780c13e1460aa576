import { expect, test } from "bun:test";
import { fitCosts } from "./least-squares.ts";

test("costs that add up exactly are found", () => {
  const fit = fitCosts([
    { counts: [1, 100], cost: 100 + 600 },
    { counts: [1, 1], cost: 100 + 6 },
    { counts: [4, 64], cost: 400 + 384 },
  ]);
  expect(fit.costs[0]).toBeCloseTo(100);
  expect(fit.costs[1]).toBeCloseTo(6);
  expect(fit.error).toBeLessThan(1e-6);
});

test("what would cost less than nothing costs nothing, and the error says how far the runs are off", () => {
  const fit = fitCosts([
    { counts: [10, 10], cost: 100 },
    { counts: [10, 20], cost: 90 },
    { counts: [20, 20], cost: 210 },
  ]);
  expect(fit.costs[1]).toBe(0);
  expect(fit.costs[0]).toBeGreaterThan(9);
  expect(fit.error).toBeGreaterThan(0.02);
});

test("a thing that never happened costs nothing", () => {
  const fit = fitCosts([{ counts: [2, 0], cost: 10 }]);
  expect(fit.costs[0]).toBeCloseTo(5);
  expect(fit.costs[1]).toBe(0);
  expect(() => fitCosts([])).toThrow(RangeError);
});

import { expect, test } from "bun:test";
import { SeededRandom } from "@duologue/testing";
import { formatDifference, medianInterval } from "./interval.ts";

test("six values hold the median between the lowest and the highest, fewer say nothing", () => {
  expect(medianInterval([3, 1, 2, 6, 5, 4])).toEqual({ low: 1, high: 6 });
  expect(medianInterval([1, 2, 3, 4, 5])).toBeUndefined();
});

test("of twelve values, the third lowest and the third highest bound it", () => {
  const values = Array.from({ length: 12 }, (_, index) => index + 1);
  expect(medianInterval(values)).toEqual({ low: 3, high: 10 });
});

test("it holds the true median in at least 95 of 100 cases, also where values are skewed", () => {
  const random = new SeededRandom(3);
  let held = 0;
  const tries = 2_000;
  for (let count = 0; count < tries; count += 1) {
    // Exponential, with a median of ln 2.
    const values = Array.from({ length: 15 }, () => -Math.log(1 - random.next()));
    const { low, high } = medianInterval(values) ?? { low: 0, high: 0 };
    if (low <= Math.LN2 && Math.LN2 <= high) held += 1;
  }
  expect(held / tries).toBeGreaterThan(0.94);
});

test("what is not told from nothing is not printed as a value", () => {
  expect(formatDifference([-1, 4, 3, -2, 5, 6])).toBe("0? [-2 to 6]");
  expect(formatDifference([1, 4, 3, 2, 5, 6])).toBe("3.5 [1 to 6]");
  expect(formatDifference([7])).toBe("7 (1 only)");
});

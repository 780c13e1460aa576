import { expect, test } from "bun:test";
import { LatencyHistogram } from "./histogram.ts";

test("quantiles are within one percent", () => {
  const histogram = new LatencyHistogram();
  for (let latencyMs = 1; latencyMs <= 10_000; latencyMs += 1) histogram.record(latencyMs / 100);
  const { count, p50Ms, p99Ms, p999Ms, maxMs } = histogram.summary();
  expect(count).toBe(10_000);
  expect(Math.abs(p50Ms / 50 - 1)).toBeLessThan(0.011);
  expect(Math.abs(p99Ms / 99 - 1)).toBeLessThan(0.011);
  expect(Math.abs(p999Ms / 99.9 - 1)).toBeLessThan(0.011);
  expect(maxMs).toBe(100);
});

test("nothing recorded gives zeros, and extremes stay inside the buckets", () => {
  const histogram = new LatencyHistogram();
  expect(histogram.summary()).toEqual({ count: 0, p50Ms: 0, p99Ms: 0, p999Ms: 0, maxMs: 0 });
  histogram.record(0);
  histogram.record(1e9);
  expect(histogram.quantileMs(0.5)).toBeLessThanOrEqual(0.001);
  expect(histogram.summary().maxMs).toBe(1e9);
});

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { KeyedBuckets, TokenBucket } from "./rate.ts";

describe("a token bucket", () => {
  test("[BI3] lets the burst through at once, then tells how long to wait", () => {
    const bucket = new TokenBucket(50, 200);
    for (let taken = 0; taken < 200; taken += 1) expect(bucket.take(1000)).toBe(0);
    expect(bucket.take(1000)).toBe(20);
    expect(bucket.take(1005)).toBe(15);
    expect(bucket.take(1019.5)).toBe(1);
    expect(bucket.take(1020)).toBe(0);
    expect(bucket.take(1020)).toBe(20);
  });

  test("[BI3] a refused try takes nothing", () => {
    const bucket = new TokenBucket(1, 1);
    expect(bucket.take(0)).toBe(0);
    for (let tries = 0; tries < 1000; tries += 1) expect(bucket.take(500)).toBe(500);
    expect(bucket.take(1000)).toBe(0);
  });

  test("[BI3] after a rest it is full again, and not fuller", () => {
    const bucket = new TokenBucket(10, 3);
    for (let taken = 0; taken < 3; taken += 1) bucket.take(0);
    expect(bucket.isFull(299)).toBe(false);
    expect(bucket.isFull(300)).toBe(true);
    const later = 1_000_000;
    for (let taken = 0; taken < 3; taken += 1) expect(bucket.take(later)).toBe(0);
    expect(bucket.take(later)).toBe(100);
  });

  test("[BI3] a rate below one in a second works", () => {
    const bucket = new TokenBucket(0.5, 1);
    expect(bucket.take(0)).toBe(0);
    expect(bucket.take(1)).toBe(1999);
    expect(bucket.take(2000)).toBe(0);
  });

  test("a clock that stands still or starts below zero is no trouble", () => {
    const bucket = new TokenBucket(10, 2);
    expect(bucket.take(-5000)).toBe(0);
    expect(bucket.take(-5000)).toBe(0);
    expect(bucket.take(-5000)).toBe(100);
    expect(bucket.take(0)).toBe(0);
  });

  test("[BI3] over any span no more than burst and rate allow is granted, and whoever waits as told is granted", () => {
    const gaps = fc.array(fc.double({ min: 0, max: 100, noNaN: true }), { maxLength: 200 });
    fc.assert(
      fc.property(
        gaps,
        fc.integer({ min: 1, max: 100 }),
        fc.integer({ min: 1, max: 20 }),
        (waits, perSecond, burst) => {
          const bucket = new TokenBucket(perSecond, burst);
          const startMs = 1_000_000;
          let nowMs = startMs;
          let granted = 0;
          for (const wait of waits) {
            nowMs += wait;
            const retryAfterMs = bucket.take(nowMs);
            if (retryAfterMs > 0) {
              expect(Number.isInteger(retryAfterMs)).toBe(true);
              nowMs += retryAfterMs;
              expect(bucket.take(nowMs)).toBe(0);
            }
            granted += 1;
            expect(granted).toBeLessThanOrEqual(burst + ((nowMs - startMs) * perSecond) / 1000 + 0.001);
          }
        },
      ),
    );
  });
});

describe("buckets by key", () => {
  test("each key has its own", () => {
    const buckets = new KeyedBuckets(1, 2, 100);
    expect(buckets.take("a", 0)).toBe(0);
    expect(buckets.take("a", 0)).toBe(0);
    expect(buckets.take("a", 0)).toBe(1000);
    expect(buckets.take("b", 0)).toBe(0);
    expect(buckets.take("a", 1000)).toBe(0);
  });

  test("there are never more than allowed, and the one used least recently is forgotten", () => {
    const buckets = new KeyedBuckets(1, 1, 3);
    for (const key of ["a", "b", "c"]) expect(buckets.take(key, 0)).toBe(0);
    expect(buckets.take("a", 1)).toBe(999);
    expect(buckets.take("d", 2)).toBe(0);
    expect(buckets.size).toBe(3);
    expect(buckets.take("a", 3)).toBe(997);
    expect(buckets.take("c", 4)).toBe(996);
    expect(buckets.take("b", 5)).toBe(0);
  });

  test("those that are full again go when others come", () => {
    const buckets = new KeyedBuckets(1, 1, 1000);
    for (let index = 0; index < 500; index += 1) buckets.take(`old ${index}`, 0);
    expect(buckets.size).toBe(500);
    for (let index = 0; index < 500; index += 1) buckets.take(`new ${index}`, 1000);
    expect(buckets.size).toBe(500);
    expect(buckets.take("new 499", 1000)).toBe(1000);
  });

  test("a storm of new keys stays within the bound", () => {
    const buckets = new KeyedBuckets(1, 1, 100);
    for (let index = 0; index < 10_000; index += 1) {
      expect(buckets.take(`key ${index}`, index / 1000)).toBe(0);
      expect(buckets.size).toBeLessThanOrEqual(100);
    }
  });
});

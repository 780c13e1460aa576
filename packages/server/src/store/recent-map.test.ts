import { expect, test } from "bun:test";
import { RecentMap } from "./recent-map.ts";

test("what is used stays, what is not used goes, and the size is bounded", () => {
  const map = new RecentMap<number, string>(10);
  for (let key = 0; key < 1000; key += 1) {
    map.set(key, `value ${key}`);
    map.trim();
    expect(map.get(0)).toBe("value 0");
    expect(map.size).toBeLessThanOrEqual(20);
  }
  expect(map.get(1)).toBeUndefined();
  expect(map.get(999)).toBe("value 999");
});

test("nothing goes between two trims", () => {
  const map = new RecentMap<number, number>(2);
  for (let key = 0; key < 50; key += 1) map.set(key, key);
  expect(map.get(0)).toBe(0);
  map.trim();
  expect(map.get(0)).toBe(0);
  map.clear();
  expect(map.get(0)).toBeUndefined();
});

test("a value set anew replaces the old one wherever that was", () => {
  const map = new RecentMap<string, number>(1);
  map.set("a", 1);
  map.trim();
  map.set("a", 2);
  expect([map.get("a"), map.size]).toEqual([2, 1]);
});

test("a limit that is none is refused", () => {
  for (const limit of [0, -1, 1.5, Number.NaN]) expect(() => new RecentMap(limit)).toThrow(RangeError);
});

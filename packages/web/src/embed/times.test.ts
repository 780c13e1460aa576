import { describe, expect, test } from "bun:test";
import { timeFormat } from "./times.ts";

const NOON = new Date(2026, 4, 17, 12, 30).getTime();
const HOUR_MS = 3_600_000;

describe("times in the frame", () => {
  test("of the same day are times alone, of other days have the day", () => {
    const format = timeFormat("en", ["en-GB"]);
    expect(format(NOON, NOON + HOUR_MS)).toBe("12:30");
    expect(format(NOON, NOON + 24 * HOUR_MS)).toContain("17 May 2026");
  });

  test("are written as in the reader's region when it has the language, otherwise as the language does", () => {
    const afternoon = NOON + 3 * HOUR_MS;
    expect(timeFormat("en", ["de", "en-GB"])(afternoon, NOON)).toBe("15:30");
    expect(timeFormat("en", ["en-US"])(afternoon, NOON)).toMatch(/3:30.PM/);
    expect(timeFormat("zh-CN", ["en-GB"])(afternoon, NOON)).toBe("15:30");
  });
});

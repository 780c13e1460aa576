import { describe, expect, test } from "bun:test";
import { errorTable } from "@duologue/protocol";
import { chinese } from "./chinese.ts";
import { english } from "./english.ts";
import { TimeFormat } from "./format.ts";
import { chooseCatalogue, explain } from "./languages.ts";

describe("languages", () => {
  test("the first of the reader's languages that there is decides; English when there is none", () => {
    expect(chooseCatalogue(["zh-TW", "en"])).toBe(chinese);
    expect(chooseCatalogue(["fr", "EN-gb", "zh"])).toBe(english);
    expect(chooseCatalogue(["fr"])).toBe(english);
    expect(chooseCatalogue([])).toBe(english);
  });

  test("[BI4] every error code has a sentence in both languages, and an unknown one a general sentence", () => {
    for (const catalogue of [english, chinese]) {
      for (const code of Object.keys(errorTable)) expect(explain(catalogue, code)).not.toBe(catalogue.failed);
      expect(explain(catalogue, "timeout")).toBe(catalogue.requestFailures.timeout);
      for (const code of ["", "from_the_future", "constructor", "toString"]) {
        expect(explain(catalogue, code)).toBe(catalogue.failed);
      }
    }
  });
});

describe("times", () => {
  const noon = Date.UTC(2026, 4, 20, 12);
  const hour = 3_600_000;
  const times = new TimeFormat(english, ["en-GB"], () => noon);

  test("days near now have names, others a date", () => {
    expect(times.day(noon)).toBe("Today");
    expect(times.day(noon - 24 * hour)).toBe("Yesterday");
    expect(times.day(noon - 72 * hour)).toContain("17 May 2026");
  });

  test("lists show the time of today and the day otherwise", () => {
    expect(times.short(noon)).toMatch(/^\d\d:\d\d$/);
    expect(times.short(noon - 24 * hour)).toBe("Yesterday");
    expect(times.short(noon - 72 * hour)).toBe("17 May");
  });
});

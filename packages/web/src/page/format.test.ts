import { describe, expect, test } from "bun:test";
import { chinese } from "./chinese.ts";
import { english } from "./english.ts";
import { TimeFormat } from "./format.ts";

/** Local times: the tests hold in every zone. */
const at = (year: number, month: number, day: number, hour = 12, minute = 0, second = 0): number =>
  new Date(year, month - 1, day, hour, minute, second).getTime();

describe("how long ago", () => {
  const now = at(2026, 5, 20, 14, 30);
  const british = new TimeFormat(english, ["en-GB"], () => now);
  const chineseTimes = new TimeFormat(chinese, ["zh-CN"], () => now);

  test.each([
    [at(2026, 5, 20, 14, 30), "just now", "刚刚"],
    [at(2026, 5, 20, 14, 29, 1), "just now", "刚刚"],
    [at(2026, 5, 20, 14, 29), "1 minute ago", "1分钟前"],
    [at(2026, 5, 20, 13, 31), "59 minutes ago", "59分钟前"],
    [at(2026, 5, 20, 13, 30), "today at 13:30", "今天 13:30"],
    [at(2026, 5, 20, 0, 5), "today at 00:05", "今天 00:05"],
    [at(2026, 5, 19, 23, 59), "yesterday at 23:59", "昨天 23:59"],
    [at(2026, 5, 18, 23, 59), "18 May", "5月18日"],
    [at(2026, 1, 1), "1 Jan", "1月1日"],
    [at(2025, 12, 31), "31 Dec 2025", "2025年12月31日"],
  ])("%d is %s, %s", (time, inEnglish, inChinese) => {
    expect([british.ago(time), chineseTimes.ago(time)]).toEqual([inEnglish, inChinese]);
  });

  test("a minute before midnight is minutes ago after it, not yesterday", () => {
    const times = new TimeFormat(english, ["en-GB"], () => at(2026, 5, 20, 0, 1));
    expect(times.ago(at(2026, 5, 19, 23, 59))).toBe("2 minutes ago");
  });

  test("what is ahead of this device's clock is just now", () => {
    expect(british.ago(now + 3_600_000)).toBe("just now");
  });

  test("the reader's own form of the time of day is taken", () => {
    const american = new TimeFormat(english, ["en-US"], () => now);
    expect(american.ago(at(2026, 5, 20, 9, 3)).replaceAll(/\s/g, " ")).toBe("today at 9:03 AM");
    expect(american.ago(at(2026, 5, 3))).toBe("May 3");
  });
});

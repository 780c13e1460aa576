/** "Last seen": what the header of a conversation says of somebody who is offline. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import type { Page } from "playwright-core";
import { DESKTOP, Stage } from "./people.ts";

const MINUTE_MS = 60 * 1000;
const DAY_MS = 24 * 60 * MINUTE_MS;

setDefaultTimeout(60_000);
let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open();
});

afterAll(async () => {
  await stage?.[Symbol.asyncDispose]();
});

const presence = (page: Page, text: string | RegExp) =>
  page.locator(".pane header .preview", { hasText: text });

/** That it says when exactly: between then and now. */
async function expectTitle(page: Page, from: number): Promise<void> {
  const title = await presence(page, /^last seen/).getAttribute("title");
  const format = new Intl.DateTimeFormat("en-GB", { dateStyle: "long", timeStyle: "medium" });
  const possible: (string | null)[] = [];
  for (let time = from - 1_000; time <= Date.now() + 1_000; time += 500) possible.push(format.format(time));
  expect(possible).toContain(title);
}

/** The same conversation in another tab of this browser, which believes that it is later by so much. */
async function later(page: Page, byMs: number): Promise<Page> {
  const address = page.url();
  const opened = await page.context().newPage();
  await opened.clock.setFixedTime(Date.now() + byMs);
  await opened.goto(address);
  return opened;
}

test("who leaves is last seen just now, also after a reload, and online when they are back", async () => {
  const { anna, ben } = await stage.joinPair();
  await presence(anna, /^online$/).waitFor();
  const address = ben.url();
  const context = ben.context();
  await ben.close();
  const leftFrom = Date.now();
  await presence(anna, /^last seen just now$/).waitFor();
  await expectTitle(anna, leftFrom);
  await anna.reload();
  await presence(anna, /^last seen just now$/).waitFor();
  await expectTitle(anna, leftFrom);
  const again = await context.newPage();
  await again.goto(address);
  await presence(anna, /^online$/).waitFor();
  expect(await presence(anna, "last seen").count()).toBe(0);
});

test("the words follow the time that has passed, in minutes and days", async () => {
  const { anna, ben } = await stage.joinPair();
  await ben.close();
  await presence(anna, /^last seen just now$/).waitFor();
  for (const [byMs, words] of [
    [5 * MINUTE_MS, /^last seen [5-7] minutes ago$/],
    [DAY_MS, /^last seen yesterday at \d\d:\d\d$/],
    [9 * DAY_MS, /^last seen \d{1,2} [A-Z][a-z]{2,3}( \d{4})?$/],
  ] as const) {
    const opened = await later(anna, byMs);
    await presence(opened, words).waitFor();
    await opened.close();
  }
});

test("a page that stays open says by itself that minutes have passed", async () => {
  const { anna, ben } = await stage.joinPair();
  await ben.close();
  await presence(anna, /^last seen just now$/).waitFor();
  const opened = await anna.context().newPage();
  await opened.clock.install();
  await opened.goto(anna.url());
  await presence(opened, /^last seen just now$/).waitFor();
  await opened.clock.fastForward(3 * MINUTE_MS);
  await presence(opened, /^last seen [3-5] minutes ago$/).waitFor();
});

test("it stands there in Chinese for those who read Chinese", async () => {
  const { anna, ben } = await stage.joinPair({ ...DESKTOP, locale: "zh-CN" });
  await anna.close();
  await presence(ben, "上次在线：刚刚").waitFor();
  const opened = await later(ben, 5 * MINUTE_MS);
  await presence(opened, /^上次在线：[5-7]分钟前$/).waitFor();
});

test("pages complain about nothing", () => {
  expect(stage.complaints).toEqual([]);
});

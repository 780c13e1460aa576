/** Addresses, the browser's back button, and days. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import type { Page } from "playwright-core";
import { noteFlashes, PHONE, Stage, say } from "./people.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

setDefaultTimeout(60_000);
let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open();
});

afterAll(async () => {
  await stage?.[Symbol.asyncDispose]();
});

const addressOf = (page: Page): Promise<string> => page.evaluate(() => location.hash);

/** As from a bookmark: nothing of the page is in the browser's history. */
async function openAt(
  page: Page,
  fragment: string,
  prepare: (opened: Page) => Promise<unknown> = async () => {},
): Promise<Page> {
  const opened = await page.context().newPage();
  await prepare(opened);
  await opened.goto(`${stage.server.url}/${fragment}`);
  return opened;
}

test("on a phone a link leads to its conversation, and from there back to the list", async () => {
  const { ben, annaName } = await stage.joinPair(PHONE);
  const opened = await openAt(ben, await addressOf(ben));
  await opened.locator(".message", { hasText: "hello" }).waitFor();
  expect(await opened.locator(".sidebar").isVisible()).toBe(false);
  expect(await opened.locator(".pane header .name").textContent()).toBe(annaName);
  await opened.getByRole("button", { name: "Back" }).click();
  await opened.locator(".sidebar").waitFor();
  expect(await addressOf(opened)).toBe("#/");
  // One step to the list and no more: back does not lead into the conversation again.
  await opened.locator(".row", { hasText: annaName }).click();
  await opened.locator("#composer").waitFor();
  await opened.goBack();
  await opened.locator(".sidebar").waitFor();
});

test("on a phone a link leads to its message, however far back, and marks it", async () => {
  const { anna, ben } = await stage.joinPair(PHONE);
  for (let line = 1; line <= 120; line += 1) await say(anna, `line ${line}`);
  await ben.locator(".message", { hasText: "line 120" }).waitFor();
  let flashed = async (_text: string): Promise<void> => {};
  const opened = await openAt(ben, `${await addressOf(ben)}/m/3`, async (page) => {
    flashed = await noteFlashes(page);
  });
  await flashed("line 2");
  const { top, bottom } = await opened
    .locator(".message", { has: opened.locator(".text", { hasText: /^line 2$/ }) })
    .evaluate((message) => message.getBoundingClientRect().toJSON() as DOMRect);
  expect(top).toBeGreaterThan(0);
  expect(bottom).toBeLessThan(667);
});

test("a link to a conversation that there is not leads to the list, and says why", async () => {
  const { page } = await stage.join("Gil");
  const opened = await openAt(page, "#/c/there-is-none");
  await opened.locator(".toast", { hasText: "no such conversation" }).waitFor();
  expect(await addressOf(opened)).toBe("#/");
});

test("messages stand under their day, near ones in groups with one time", async () => {
  const { anna, ben, annaName } = await stage.joinPair();
  await say(anna, "two");
  await say(anna, "three");
  await say(ben, "four");
  await anna.locator('.message.mine[data-state="read"]', { hasText: "three" }).waitFor();
  await anna.locator(".message", { hasText: "four" }).waitFor();
  expect(await anna.locator(".separator").allTextContents()).toEqual(["Today"]);
  expect(await anna.locator(".message[data-first]").count()).toBe(2);
  expect(await anna.locator(".details:not([data-quiet])").count()).toBe(2);
  const address = await addressOf(ben);
  for (const [days, heading] of [
    [1, "Yesterday"],
    [9, new Intl.DateTimeFormat("en-GB", { dateStyle: "full" }).format(Date.now())],
  ] as const) {
    const later = await ben.context().newPage();
    await later.clock.setFixedTime(Date.now() + days * DAY_MS);
    await later.goto(`${stage.server.url}/${address}`);
    await later.locator(".message", { hasText: "four" }).waitFor();
    expect(await later.locator(".separator").allTextContents()).toEqual([heading]);
    expect(await later.locator(".row", { hasText: annaName }).locator("time").textContent()).not.toMatch(/:/);
    await later.close();
  }
});

test("pages complain about nothing", () => {
  expect(stage.complaints).toEqual([]);
});

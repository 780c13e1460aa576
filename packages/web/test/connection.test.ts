/** What people see of a connection that breaks, and what becomes of what they write meanwhile. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { until } from "@duologue/testing";
import type { Page } from "playwright-core";
import { DESKTOP, hurry, PHONE, Stage, say } from "./people.ts";

/** As `banner.tsx` has it. */
const PATIENCE_MS = 1_500;
const WAITING = "waiting for the connection…";

setDefaultTimeout(90_000);
let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open();
});

afterAll(async () => {
  await stage?.[Symbol.asyncDispose]();
});

const textsOf = (page: Page): Promise<string[]> => page.locator(".message .text").allTextContents();

/** Lets the page's time, which stands still, go on until this is so. */
async function runUntil(page: Page, isSo: () => boolean | Promise<boolean>, stepMs = 20): Promise<void> {
  await until(async () => {
    await page.clock.runFor(stepMs);
    return await isSo();
  }, "what the page's time brings");
}

test("a break is spoken of after a second and a half, with the seconds until the next try and a button", async () => {
  const { ben } = await stage.joinPair();
  await ben.clock.install();
  await ben.reload();
  await ben.locator("#composer").waitFor();
  await ben.locator(".pane header .preview", { hasText: "online" }).waitFor();
  await ben.clock.pauseAt(Date.now() + 60_000);
  const bringBack = await stage.interrupt();
  // Whether somebody is online is not known any more: that is how the page shows first that it noticed.
  const presence = ben.locator(".pane header .preview");
  await runUntil(ben, async () => (await presence.allTextContents())[0] === WAITING);
  const banner = ben.locator(".banner");
  await ben.clock.runFor(PATIENCE_MS - 100);
  expect(await banner.count()).toBe(0);
  await ben.clock.runFor(200);
  await banner.waitFor();
  // Tries fail at once here, and each wait is longer than the one before.
  const left = async (): Promise<number> => Number(/\d+/.exec((await banner.textContent()) ?? "")?.[0] ?? 0);
  await runUntil(ben, async () => (await left()) >= 5, 500);
  const before = await left();
  await ben.clock.runFor(2_000);
  expect(await left()).toBeWithin(before - 3, before);
  await bringBack();
  await ben.getByRole("button", { name: "Try now" }).click();
  await ben.clock.resume();
  await banner.waitFor({ state: "detached" });
  await ben.locator("#composer").waitFor();
});

test.each([
  ["on a desk", DESKTOP],
  ["on a phone", PHONE],
] as const)(
  "%s a break is told once, where the presence stands, and covers nothing that was written",
  async (_, options) => {
    const { ben } = await stage.joinPair(options);
    const bringBack = await stage.interrupt();
    const banner = ben.locator(".banner", { hasText: "No connection." });
    await banner.waitFor();
    expect(await ben.locator(".pane header .preview").isVisible()).toBe(false);
    const { bottom, right, end } = await banner.evaluate((element) => {
      const box = element.getBoundingClientRect();
      return {
        bottom: (document.querySelector(".middle")?.getBoundingClientRect().top ?? 0) - box.bottom,
        right:
          (document.querySelector("[aria-haspopup=menu]")?.getBoundingClientRect().left ?? 0) - box.right,
        end: box.top - (document.querySelector(".pane header .name")?.getBoundingClientRect().bottom ?? 0),
      };
    });
    expect(Math.min(bottom, right, end)).toBeGreaterThanOrEqual(-1);
    await bringBack();
    await ben.context().close();
  },
);

test("a break shorter than that is not spoken of", async () => {
  const { ben } = await stage.joinPair();
  await ben.evaluate(() => {
    const seen = new MutationObserver(() => {
      if (document.querySelector(".banner") !== null) document.body.dataset.sawBanner = "";
    });
    seen.observe(document.body, { childList: true, subtree: true });
  });
  const presence = ben.locator(".pane header .preview");
  await ben.clock.install();
  await ben.clock.pauseAt(Date.now() + 60_000);
  const bringBack = await stage.interrupt();
  await runUntil(ben, async () => (await presence.allTextContents())[0] === WAITING);
  await bringBack();
  // From here it is the page's time alone that passes, until it tries, and then hardly any.
  let isTrying = false;
  ben.on("websocket", () => {
    isTrying = true;
  });
  await runUntil(ben, () => isTrying);
  await runUntil(ben, async () => (await presence.allTextContents())[0] === "online", 1);
  expect(await ben.locator("body").getAttribute("data-saw-banner")).toBeNull();
});

test("a new name waits for the connection, and is taken when it is back", async () => {
  const { page, name } = await stage.join("Dora");
  await page.getByRole("button", { name: "Settings" }).click();
  const bringBack = await stage.interrupt();
  await page.locator(".banner").waitFor({ state: "attached" });
  await page.getByLabel("Nickname").fill("Dorothea");
  await page.getByRole("button", { name: "Save" }).click();
  expect(await page.getByRole("button", { name: "Saving…" }).isDisabled()).toBe(true);
  expect(await page.locator(".own .name").textContent()).toBe(name);
  await bringBack();
  await hurry(page);
  await page.locator(".own", { hasText: "Dorothea" }).waitFor();
  await page.getByRole("alert").filter({ hasText: "Saved." }).waitFor();
  await page.context().close();
});

test("the server dies in mid-conversation, both write on, and everything arrives once and in order", async () => {
  const { anna, ben } = await stage.joinPair();
  await say(ben, "before");
  await anna.locator(".message", { hasText: "before" }).waitFor();
  await stage.server.killPrimary();
  const bringBack = await stage.interrupt();
  for (const line of ["a one", "a two", "a three"]) await say(anna, line);
  for (const line of ["b one", "b two", "b three"]) await say(ben, line);
  for (const page of [anna, ben]) {
    await page.locator('.message.mine[data-state="queued"]').nth(2).waitFor();
    expect(await page.locator(".message.mine .state").last().textContent()).toBe("Waiting to be sent");
  }
  await bringBack();
  for (const page of [anna, ben]) {
    await page.waitForFunction(
      () =>
        document.querySelectorAll(".message").length === 8 &&
        [...document.querySelectorAll<HTMLElement>(".message.mine")].every(
          ({ dataset }) => dataset.state === "read",
        ),
      undefined,
      { timeout: 45_000 },
    );
  }
  const texts = await textsOf(anna);
  expect(texts).toEqual(await textsOf(ben));
  expect(texts.slice(0, 2)).toEqual(["hello", "before"]);
  expect(texts.filter((text) => text.startsWith("a "))).toEqual(["a one", "a two", "a three"]);
  expect(texts.filter((text) => text.startsWith("b "))).toEqual(["b one", "b two", "b three"]);
  expect(await anna.locator(".message.mine .state").last().textContent()).toBe("Read");
});

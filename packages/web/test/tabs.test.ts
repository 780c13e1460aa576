/** Several tabs of one person in one browser: they share a connection and what is unsent. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { until } from "@duologue/testing";
import type { Page } from "playwright-core";
import { hurry, kept, Stage, say } from "./people.ts";

const TEST_MS = 90_000;
let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open();
}, TEST_MS);

afterAll(async () => {
  await stage[Symbol.asyncDispose]();
}, TEST_MS);

/** Another tab of the same browser, in the same conversation; `sockets` counts its connections as they are opened. */
async function openTab(of: Page): Promise<{ page: Page; sockets: () => number }> {
  const page = await of.context().newPage();
  let count = 0;
  page.on("websocket", () => {
    count += 1;
  });
  await page.goto(of.url());
  await page.locator("#composer").waitFor();
  return { page, sockets: () => count };
}

const messages = (page: Page): Promise<string[]> => page.locator(".message .bubble").allInnerTexts();

async function waitForMessage(text: string, ...pages: readonly Page[]): Promise<void> {
  for (const page of pages) await page.locator(".message", { hasText: text }).waitFor({ timeout: 45_000 });
}

describe("two tabs of one person", () => {
  test(
    "show the same, send each message once, and have one connection",
    async () => {
      const { anna, ben } = await stage.joinPair();
      const second = await openTab(anna);
      const third = await openTab(anna);
      await say(second.page, "from the second tab");
      await waitForMessage("from the second tab", anna, second.page, third.page, ben);
      await say(anna, "from the first tab");
      await waitForMessage("from the first tab", anna, second.page, third.page, ben);
      await say(ben, "to all tabs");
      const pages = [anna, second.page, third.page, ben];
      await waitForMessage("to all tabs", ...pages);
      for (const page of pages)
        expect((await messages(page)).map((text) => text.split("\n")[0])).toEqual([
          "hello",
          "from the second tab",
          "from the first tab",
          "to all tabs",
        ]);
      expect([second.sockets(), third.sockets()]).toEqual([0, 0]);
      expect(stage.complaints).toEqual([]);
    },
    TEST_MS,
  );

  test(
    "[CV6] what the leading tab left unsent when it was closed is sent by the other one, once",
    async () => {
      const { anna, ben } = await stage.joinPair();
      const second = await openTab(anna);
      const bringBack = await stage.interrupt();
      await anna.locator(".banner").waitFor();
      await say(anna, "left by the first tab");
      await anna.locator('.message[data-state="queued"]').waitFor();
      await anna.close();
      await say(second.page, "written in the second tab");
      await bringBack();
      await hurry(second.page);
      await waitForMessage("left by the first tab", second.page, ben);
      await waitForMessage("written in the second tab", second.page, ben);
      await second.page.locator('.message[data-state="queued"]').waitFor({ state: "detached" });
      const said = (await messages(ben)).map((text) => text.split("\n")[0]);
      expect(said).toEqual(["hello", "left by the first tab", "written in the second tab"]);
      expect(second.sockets()).toBeGreaterThan(0);
    },
    TEST_MS,
  );

  test(
    "[HL10] are both signed out when one signs out, and nothing stays in the browser",
    async () => {
      const { anna } = await stage.joinPair();
      const second = await openTab(anna);
      await second.page.locator("#composer").fill("a draft");
      await second.page.getByRole("button", { name: "Settings" }).click();
      await second.page.getByRole("button", { name: "Sign out" }).click();
      await second.page.locator("dialog .danger").click();
      for (const page of [anna, second.page]) await page.locator("#nickname").waitFor();
      await until(async () => (await kept(anna)) === "", "an empty storage");
    },
    TEST_MS,
  );

  test(
    "a sign-in in one is a sign-in in the other",
    async () => {
      const first = await stage.visit();
      const second = await first.context().newPage();
      await second.goto(stage.server.url);
      await second.locator("#nickname").waitFor();
      await first.locator("#nickname").fill("Ida in two tabs");
      await first.locator("#nickname").press("Enter");
      for (const page of [first, second])
        await page.locator(".sidebar .name", { hasText: "Ida in two tabs" }).first().waitFor();
    },
    TEST_MS,
  );
});

describe("a reload", () => {
  test(
    "[CV6] with unsent messages and without a server shows them, and they are sent once when it is back",
    async () => {
      const { anna, ben } = await stage.joinPair();
      // A page that was not kept for that cannot be loaded from a server that is away; a tab that stays can be asked again.
      await anna.evaluate(() => navigator.serviceWorker?.ready);
      const bringBack = await stage.interrupt();
      await anna.locator(".banner").waitFor();
      await say(anna, "before the reload");
      await anna.locator('.message[data-state="queued"]').waitFor();
      await anna.reload();
      await anna.locator('.message[data-state="queued"]', { hasText: "before the reload" }).waitFor();
      await bringBack();
      await hurry(anna);
      await anna.locator('.message[data-state="queued"]').waitFor({ state: "detached" });
      await waitForMessage("before the reload", ben);
      expect((await messages(ben)).filter((text) => text.includes("before the reload"))).toHaveLength(1);
    },
    TEST_MS,
  );
});

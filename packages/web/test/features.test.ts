/** What the page does for those who write a lot, each thing as somebody would do it. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { DESKTOP, noteFlashes, PHONE, Stage, say, settled } from "./people.ts";

const TEST_MS = 60_000;
let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open();
}, TEST_MS);

afterAll(async () => {
  await stage[Symbol.asyncDispose]();
}, TEST_MS);

const conversationOf = (page: Page): Promise<string> => page.evaluate(() => location.hash);

/** Lines enough to scroll. */
async function fill(page: Page, count = 40): Promise<void> {
  for (let line = 1; line <= count; line += 1) await say(page, `line ${line}`);
  await page.locator(".message", { hasText: `line ${count}` }).waitFor();
}

/** Until it stays there: following a message that has just come goes on for some frames. */
async function scrollToTop(page: Page): Promise<void> {
  let framesLeft = 20;
  while (framesLeft > 0) {
    const isThere = await page.locator(".scroll").evaluate(async (scroll) => {
      await new Promise((resolve) => requestAnimationFrame(resolve));
      const stayed = scroll.scrollTop === 0;
      scroll.scrollTo(0, 0);
      return stayed;
    });
    framesLeft = isThere ? framesLeft - 1 : 20;
  }
  await page.locator(".jump").waitFor();
}

describe("writing", () => {
  test(
    "ArrowUp edits the last own message, Escape brings back what was being written",
    async () => {
      const { anna, ben } = await stage.joinPair();
      const composer = anna.locator("#composer");
      await anna.locator('.message.mine:not([data-state="queued"], [data-state="sending"])').waitFor();
      await composer.press("ArrowUp");
      expect(await composer.inputValue()).toBe("hello");
      await composer.press("Escape");
      expect(await composer.inputValue()).toBe("");
      await composer.press("ArrowUp");
      await say(anna, "hello again");
      await ben.locator(".message", { hasText: "hello again" }).locator(".edited").waitFor();
    },
    TEST_MS,
  );

  test(
    "a draft stays with its conversation, over a reload, and is named in the list",
    async () => {
      const { anna } = await stage.joinPair();
      const address = await conversationOf(anna);
      await anna.locator("#composer").fill("unfinished");
      await anna.evaluate(() => location.assign("#/"));
      await anna.locator(".row .draft").waitFor();
      await anna.goto(`${stage.server.url}/${address}`);
      await anna.reload();
      await anna.locator("#composer").waitFor();
      expect(await anna.locator("#composer").inputValue()).toBe("unfinished");
      await anna.locator("#composer").press("Enter");
      await anna.evaluate(() => location.assign("#/"));
      await anna.locator(".row .draft").waitFor({ state: "detached" });
    },
    TEST_MS,
  );
});

describe("reading", () => {
  test(
    "links open safely, code and line breaks look like it, emoji alone are large",
    async () => {
      const { anna, ben } = await stage.joinPair();
      await say(anna, "see https://example.org and `code`");
      const link = ben.locator(".message a");
      await link.waitFor();
      expect(await link.getAttribute("rel")).toBe("noopener noreferrer nofollow");
      expect(await link.getAttribute("href")).toBe("https://example.org");
      expect(await ben.locator(".message code").textContent()).toBe("code");
      await say(anna, "🎉");
      await ben.locator(".bubble[data-large]", { hasText: "🎉" }).waitFor();
    },
    TEST_MS,
  );

  test(
    "a message is copied with a button",
    async () => {
      const { anna } = await stage.joinPair();
      await anna.context().grantPermissions(["clipboard-read", "clipboard-write"]);
      await anna.locator(".message").hover();
      await anna.getByRole("button", { name: "Copy" }).click();
      await anna.locator(".toast", { hasText: "Copied" }).waitFor();
      expect(await anna.evaluate(() => navigator.clipboard.readText())).toBe("hello");
    },
    TEST_MS,
  );

  test(
    "new messages are counted on the button that leads to them while one reads earlier ones",
    async () => {
      const { anna, ben } = await stage.joinPair();
      await fill(anna);
      await ben.locator(".message", { hasText: "line 40" }).waitFor();
      await scrollToTop(ben);
      await say(anna, "news one");
      await say(anna, "news two");
      await ben.getByRole("button", { name: "2 new messages" }).click();
      await ben.locator(".message", { hasText: "news two" }).waitFor();
      await ben.locator(".jump").waitFor({ state: "detached" });
    },
    TEST_MS,
  );

  test(
    "a click on a quote leads to the original and marks it; so does a link to a message",
    async () => {
      const { anna, ben } = await stage.joinPair();
      await ben.locator(".message").hover();
      await ben.getByRole("button", { name: "Reply" }).click();
      await fill(anna, 60);
      await say(ben, "about your hello");
      const quote = ben.locator(".message", { hasText: "about your hello" }).locator(".quote");
      const flashed = await noteFlashes(ben);
      await quote.click();
      await flashed("hello");
      const original = ben.locator(".message", { hasText: /^hello/ });
      expect(await original.evaluate((message) => message.getBoundingClientRect().top)).toBeGreaterThan(0);
      const address = `${await conversationOf(ben)}/m/1`;
      await ben.goto("about:blank");
      await ben.goto(`${stage.server.url}/${address}`);
      await flashed("hello");
      await original.waitFor();
    },
    TEST_MS,
  );

  test(
    "the mark before unread messages stays while one reads",
    async () => {
      const { anna, ben, annaName } = await stage.joinPair();
      await ben.evaluate(() => location.assign("#/"));
      await say(anna, "while you were away");
      await ben.locator(".row .unread").waitFor();
      await ben.locator(".row", { hasText: annaName }).first().click();
      await ben.locator(".separator.new").waitFor();
      await say(ben, "back");
      await anna.locator(".message", { hasText: "back" }).waitFor();
      expect(await ben.locator(".separator.new").count()).toBe(1);
    },
    TEST_MS,
  );

  test(
    "what comes while one looks at an empty conversation is not marked as new",
    async () => {
      const { page: ben, name: benName } = await stage.join("Ben");
      const { page: anna, name: annaName } = await stage.join("Anna");
      for (const [page, name] of [
        [anna, benName],
        [ben, annaName],
      ] as const) {
        await page.locator(".row", { hasText: name }).click();
        await page.locator("#composer").waitFor();
      }
      await say(anna, "hello");
      await ben.locator(".message").waitFor();
      await anna.locator('.message[data-state="read"]').waitFor();
      expect(await ben.locator(".separator").allTextContents()).toEqual(["Today"]);
    },
    TEST_MS,
  );

  test(
    "on a touch screen, touching a message opens a sheet with what can be done with it, and moves nothing",
    async () => {
      const { ben } = await stage.joinPair(PHONE);
      for (const text of ["one", "two", "three"]) await say(ben, text);
      const message = ben.locator('.message[data-state="read"]', { hasText: "two" });
      await message.waitFor();
      const places = (): Promise<number[]> =>
        ben.locator(".message").evaluateAll((all) => all.map((one) => one.getBoundingClientRect().top));
      const before = await places();
      await message.locator(".text").tap();
      const sheet = ben.getByRole("dialog", { name: "two" });
      await sheet.waitFor();
      expect(await places()).toEqual(before);
      expect(await sheet.getByRole("button").allTextContents()).toEqual(["Reply", "Copy", "Edit", "Delete"]);
      // Beside it.
      await ben.touchscreen.tap(180, 80);
      await sheet.waitFor({ state: "detached" });
      expect(await places()).toEqual(before);
      await message.locator(".text").tap();
      await sheet.getByRole("button", { name: "Reply" }).tap();
      await sheet.waitFor({ state: "detached" });
      await ben.locator(".mode", { hasText: "two" }).waitFor();
      await ben.locator("#composer:focus").waitFor();
      await message.locator(".text").tap();
      await sheet.getByRole("button", { name: "Delete" }).tap();
      await ben.locator("dialog .danger").tap();
      await ben.locator(".message[data-retracted]").waitFor();
      expect(await ben.locator(".message", { hasText: "two" }).count()).toBe(0);
    },
    TEST_MS,
  );

  test(
    "in a narrow window the pointer finds one button beside a message, which lies over nothing",
    async () => {
      // High enough that nothing scrolls away under the pointer.
      const { anna, ben } = await stage.joinPair({ ...DESKTOP, viewport: { width: 320, height: 900 } });
      await say(anna, "w".repeat(200));
      await ben.locator(".message", { hasText: "www" }).waitFor();
      await say(ben, "m".repeat(200));
      await ben.locator('.message[data-state="read"]', { hasText: "mmm" }).waitFor();
      await settled(ben);
      for (const text of ["www", "mmm"]) {
        const message = ben.locator(".message", { hasText: text });
        await message.hover();
        const button = message.getByRole("button", { name: "Message options" });
        await button.waitFor();
        const overlap = await button.evaluate((element) => {
          const box = element.getBoundingClientRect();
          return [...document.querySelectorAll(".bubble")].some((bubble) => {
            const { left, right, top, bottom } = bubble.getBoundingClientRect();
            return box.left < right && box.right > left && box.top < bottom && box.bottom > top;
          });
        });
        expect(overlap).toBe(false);
        await button.focus();
        await button.and(ben.locator(":focus")).waitFor();
        await ben.keyboard.press("Enter");
        const sheet = ben.locator("dialog.sheet");
        await sheet.getByRole("button", { name: "Copy" }).waitFor();
        await ben.keyboard.press("Escape");
        await sheet.waitFor({ state: "detached" });
        await button.and(ben.locator(":focus")).waitFor();
      }
    },
    TEST_MS,
  );

  test(
    "the keyboard leads from message to message and to what can be done with them",
    async () => {
      const { anna } = await stage.joinPair();
      await say(anna, "second");
      await anna.locator('.message[data-state="read"]', { hasText: "second" }).waitFor();
      await anna.locator("#composer").press("Shift+Tab");
      const focused = anna.locator(":focus");
      expect(await focused.textContent()).toContain("second");
      for (const name of ["Reply", "Copy", "Edit", "Delete"]) {
        await anna.keyboard.press("Tab");
        expect(await focused.getAttribute("aria-label")).toBe(name);
      }
      await anna.keyboard.press("ArrowUp");
      expect(await focused.textContent()).toContain("hello");
    },
    TEST_MS,
  );

  test(
    "screen readers hear new messages, once, and nothing else of the conversation",
    async () => {
      const { anna, ben, annaName } = await stage.joinPair();
      expect(await ben.getByRole("log").getAttribute("aria-live")).toBe("off");
      await say(anna, "can you hear me");
      await ben.locator("[data-announcement]", { hasText: `${annaName}: can you hear me` }).waitFor();
      expect(await ben.locator('[aria-live="polite"]').count()).toBe(1);
      await anna.locator('.message[data-state="read"]', { hasText: "can you" }).waitFor();
      expect(await anna.locator(".message .state").last().textContent()).toBe("Read");
    },
    TEST_MS,
  );
});

describe("the page around it", () => {
  test(
    "appearance and language are chosen, take effect at once, and are remembered",
    async () => {
      const { page } = await stage.join("Eva", { ...DESKTOP, colorScheme: "light" });
      const ground = (): Promise<string> =>
        page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      const light = await ground();
      await page.getByRole("button", { name: "Settings" }).click();
      await page.getByLabel("Appearance").selectOption("dark");
      expect(await ground()).not.toBe(light);
      await page.getByLabel("Language").selectOption("zh");
      await page.getByRole("heading", { name: "设置" }).waitFor();
      await page.reload();
      await page.getByRole("button", { name: "设置" }).waitFor();
      expect(await ground()).not.toBe(light);
    },
    TEST_MS,
  );

  test(
    "notifications and sounds are off until they are allowed",
    async () => {
      const { page } = await stage.join("Fay");
      await page.getByRole("button", { name: "Settings" }).click();
      const notifications = page.getByLabel("Notifications on this device");
      expect(await notifications.isChecked()).toBe(false);
      expect(await page.getByLabel("A sound for new messages").isChecked()).toBe(false);
      await notifications.click();
      await page.locator(".toast", { hasText: "does not allow" }).waitFor();
      expect(await notifications.isChecked()).toBe(false);
      await page.context().grantPermissions(["notifications"]);
      await notifications.click();
      await page.waitForFunction(() => localStorage.getItem("duologue/preference/notifications") === "on");
    },
    TEST_MS,
  );

  test(
    "the icon in the tab has a mark while there are unread messages",
    async () => {
      const { page: ben, name: benName } = await stage.join("Ben");
      const { page: anna } = await stage.join("Anna");
      await anna.locator(".row", { hasText: benName }).click();
      await say(anna, "look here");
      await ben.locator('link[rel="icon"][href^="data:"]').waitFor({ state: "attached" });
      await ben.locator(".row .unread").click();
      await ben.locator('link[rel="icon"][href^="/"]').waitFor({ state: "attached" });
    },
    TEST_MS,
  );

  test(
    "on a phone, back leads from the conversation to the list, and the arrow does the same",
    async () => {
      const { ben } = await stage.joinPair(PHONE);
      await ben.getByRole("button", { name: "Back" }).click();
      await ben.locator(".sidebar").waitFor();
      await ben.goForward();
      await ben.locator("#composer").waitFor();
      await ben.goBack();
      await ben.locator(".sidebar").waitFor();
    },
    TEST_MS,
  );

  test.each([320, 768, 1920])(
    "nothing is wider than a window of %i pixels",
    async (width) => {
      const { anna, ben } = await stage.joinPair({ ...DESKTOP, viewport: { width, height: 640 } });
      await say(anna, `${"w".repeat(400)} \`${"c".repeat(200)}\`\n\`\`\`\n${"b".repeat(400)}\n\`\`\``);
      await ben.locator(".message", { hasText: "www" }).waitFor();
      expect(await ben.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
    },
    TEST_MS,
  );

  test("pages complain about nothing", () => {
    expect(stage.complaints).toEqual([]);
  });
});

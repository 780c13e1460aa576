/** How the page draws attention to messages when one looks elsewhere: notifications and sound, both only when wanted. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { Page } from "playwright-core";
import { Stage, say } from "./people.ts";
import { joinThree, notificationsOf, switchOn, tonesOf, type Watched } from "./watched.ts";

setDefaultTimeout(60_000);
let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open();
});

afterAll(async () => {
  await stage?.[Symbol.asyncDispose]();
});

/** Another window comes to the front. The driver keeps every page in front, so the page is told what a browser would. */
async function lookElsewhere(page: Page): Promise<void> {
  await page.evaluate(() => {
    document.hasFocus = () => false;
    window.dispatchEvent(new Event("blur"));
  });
}

async function announced(page: Page, text: string): Promise<void> {
  await page.locator("[data-announcement]", { hasText: text }).waitFor({ state: "attached" });
}

describe("notifications", () => {
  test("are not made, and nothing sounds, until somebody wants it", async () => {
    const { anna, cleo } = await joinThree(stage);
    await say(cleo, "are you there?");
    await announced(anna, "are you there?");
    await anna.locator(".row .unread").waitFor();
    expect(await notificationsOf(anna)).toEqual([]);
    expect(await tonesOf(anna)).toBe(0);
  });

  test("tell of another conversation than the one in front, and a click on one leads there", async () => {
    const { anna, ben, cleo, cleoName } = await joinThree(stage);
    await switchOn(anna, "Notifications on this device");
    await say(ben, "in sight");
    await announced(anna, "in sight");
    expect(await notificationsOf(anna)).toEqual([]);
    await say(cleo, "out of sight");
    await announced(anna, "out of sight");
    expect(await notificationsOf(anna)).toEqual([{ title: cleoName, body: "out of sight" }]);
    await anna.evaluate(() => {
      const [first] = (window as unknown as { watched: Watched }).watched.notifications;
      first?.dispatchEvent(new Event("click"));
    });
    await anna.locator(".pane header .name", { hasText: cleoName }).waitFor();
    await anna.locator(".message", { hasText: "out of sight" }).waitFor();
    await anna.locator(".row .unread").waitFor({ state: "detached" });
  });

  test("tell of the conversation in front, too, while another window is before the page", async () => {
    const { anna, ben, benName } = await joinThree(stage);
    await switchOn(anna, "Notifications on this device");
    await lookElsewhere(anna);
    await say(ben, "come back");
    await announced(anna, "come back");
    expect(await notificationsOf(anna)).toEqual([{ title: benName, body: "come back" }]);
    expect(await anna.title()).toBe("(1) Duologue");
  });
});

describe("sound", () => {
  test("is heard once it is switched on, for what is not in sight", async () => {
    const { anna, ben, cleo } = await joinThree(stage);
    await switchOn(anna, "A sound for new messages");
    // Switching it on lets one hear it.
    expect(await tonesOf(anna)).toBe(1);
    await say(ben, "in sight");
    await announced(anna, "in sight");
    expect(await tonesOf(anna)).toBe(1);
    await say(cleo, "out of sight");
    await announced(anna, "out of sight");
    expect(await tonesOf(anna)).toBe(2);
    expect(await notificationsOf(anna)).toEqual([]);
  });
});

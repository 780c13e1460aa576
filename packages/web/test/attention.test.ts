/** How the page draws attention to messages when one looks elsewhere: notifications and sound, both only when wanted. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { BrowserContextOptions, Page } from "playwright-core";
import { DESKTOP, Stage, say } from "./people.ts";

setDefaultTimeout(60_000);
let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open();
});

afterAll(async () => {
  await stage?.[Symbol.asyncDispose]();
});

interface Watched {
  readonly notifications: Notification[];
  readonly tones: AudioContext[];
}

/** Keeps the notifications and the sounds that the page really makes, for the test to look at. */
function watch(): void {
  const watched: Watched = { notifications: [], tones: [] };
  Object.assign(window, { watched });
  window.Notification = class extends Notification {
    constructor(title: string, options?: NotificationOptions) {
      super(title, options);
      watched.notifications.push(this);
    }
  };
  window.AudioContext = class extends AudioContext {
    constructor(options?: AudioContextOptions) {
      super(options);
      watched.tones.push(this);
    }
  };
}

const notificationsOf = (page: Page): Promise<{ title: string; body: string }[]> =>
  page.evaluate(() =>
    (window as unknown as { watched: Watched }).watched.notifications.map(({ title, body }) => ({
      title,
      body,
    })),
  );
const tonesOf = (page: Page): Promise<number> =>
  page.evaluate(() => (window as unknown as { watched: Watched }).watched.tones.length);

interface Three {
  /** Watched, in a conversation with Ben. */
  readonly anna: Page;
  readonly ben: Page;
  readonly benName: string;
  /** In a conversation with Anna, who has not opened it. */
  readonly cleo: Page;
  readonly cleoName: string;
}

async function joinThree(options: BrowserContextOptions = DESKTOP): Promise<Three> {
  const { anna, ben, annaName, benName } = await stage.joinPair(options);
  await anna.context().grantPermissions(["notifications"]);
  await anna.context().addInitScript(watch);
  await anna.reload();
  await anna.locator("#composer").waitFor();
  const { page: cleo, name: cleoName } = await stage.join("Cleo");
  await cleo.locator(".row", { hasText: annaName }).click();
  await cleo.locator("#composer").waitFor();
  return { anna, ben, benName, cleo, cleoName };
}

async function switchOn(page: Page, label: string): Promise<void> {
  await page.getByRole("button", { name: "Settings" }).click();
  await page.getByLabel(label).click();
  await page.getByRole("button", { name: "Close" }).click();
  await page.locator("dialog").waitFor({ state: "detached" });
}

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
    const { anna, cleo } = await joinThree();
    await say(cleo, "are you there?");
    await announced(anna, "are you there?");
    await anna.locator(".row .unread").waitFor();
    expect(await notificationsOf(anna)).toEqual([]);
    expect(await tonesOf(anna)).toBe(0);
  });

  test("tell of another conversation than the one in front, and a click on one leads there", async () => {
    const { anna, ben, cleo, cleoName } = await joinThree();
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
    const { anna, ben, benName } = await joinThree();
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
    const { anna, ben, cleo } = await joinThree();
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

/** What a page draws attention with, noted, so that it can be looked at. */
import type { BrowserContextOptions, Page } from "playwright-core";
import { DESKTOP, type Stage } from "./people.ts";

export interface Watched {
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

export const notificationsOf = (page: Page): Promise<{ title: string; body: string }[]> =>
  page.evaluate(() =>
    (window as unknown as { watched: Watched }).watched.notifications.map(({ title, body }) => ({
      title,
      body,
    })),
  );
export const tonesOf = (page: Page): Promise<number> =>
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

export async function joinThree(stage: Stage, options: BrowserContextOptions = DESKTOP): Promise<Three> {
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

export async function switchOn(page: Page, label: string): Promise<void> {
  await page.getByRole("button", { name: "Settings" }).click();
  await page.getByLabel(label).click();
  await page.getByRole("button", { name: "Close" }).click();
  await page.locator("dialog").waitFor({ state: "detached" });
}

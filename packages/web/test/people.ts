/** People with browsers of their own, on a real server. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join as joinPath } from "node:path";
import { type Server, type ServerOptions, startServer, TestBrowser } from "@duologue/testing";
import type { BrowserContextOptions, Locator, Page } from "playwright-core";

export const DESKTOP: BrowserContextOptions = { viewport: { width: 1280, height: 800 }, locale: "en-GB" };
export const PHONE: BrowserContextOptions = {
  viewport: { width: 375, height: 667 },
  hasTouch: true,
  locale: "en-GB",
};

export class Stage implements AsyncDisposable {
  readonly browser: TestBrowser;
  server: Server;
  /** What pages complain about: refused by the content security policy, thrown, or logged as an error. */
  readonly complaints: string[] = [];
  readonly #dataDirectory: string;
  readonly #options: ServerOptions;
  #people = 0;

  private constructor(browser: TestBrowser, server: Server, dataDirectory: string, options: ServerOptions) {
    this.browser = browser;
    this.server = server;
    this.#dataDirectory = dataDirectory;
    this.#options = options;
  }

  static async open(options: ServerOptions = {}): Promise<Stage> {
    const dataDirectory = mkdtempSync(joinPath(tmpdir(), "duologue-page-"));
    const server = await startServer({ workers: 2, ...options, dataDirectory });
    return new Stage(await TestBrowser.launch(), server, dataDirectory, options);
  }

  /** The server goes away; what it returns brings it back on the same port. */
  async interrupt(): Promise<() => Promise<void>> {
    const { port } = this.server;
    await this.server[Symbol.asyncDispose]();
    return async () => {
      const dataDirectory = this.#dataDirectory;
      this.server = await startServer({ workers: 2, ...this.#options, dataDirectory, port });
    };
  }

  async visit(options: BrowserContextOptions = DESKTOP): Promise<Page> {
    const context = await this.browser.person(options);
    const page = await context.newPage();
    page.on("pageerror", (error) => this.complaints.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error" && !message.text().includes("ERR_CONNECTION_REFUSED"))
        this.complaints.push(message.text());
    });
    await page.goto(this.server.url);
    return page;
  }

  async join(stem: string, options: BrowserContextOptions = DESKTOP): Promise<{ page: Page; name: string }> {
    this.#people += 1;
    const name = `${stem} ${this.#people}`;
    const page = await this.visit(options);
    await page.locator("#nickname").fill(name);
    await page.locator("#nickname").press("Enter");
    await page.locator(".sidebar").waitFor();
    return { page, name };
  }

  /** Two people in one conversation, in which Anna has said hello. */
  async joinPair(
    other: BrowserContextOptions = DESKTOP,
  ): Promise<{ anna: Page; ben: Page; annaName: string; benName: string }> {
    const { page: ben, name: benName } = await this.join("Ben", other);
    const { page: anna, name: annaName } = await this.join("Anna");
    await anna.locator(".row", { hasText: benName }).click();
    await say(anna, "hello");
    await ben.locator(".row", { hasText: annaName }).first().click();
    await ben.locator(".message").waitFor();
    return { anna, ben, annaName, benName };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.browser[Symbol.asyncDispose]();
    await this.server[Symbol.asyncDispose]();
    rmSync(this.#dataDirectory, { recursive: true, force: true });
  }
}

/** As when the network is back: the page tries to connect at once, if it has not done so by itself. */
export async function hurry(page: Page): Promise<void> {
  await page.evaluate(() => dispatchEvent(new Event("online")));
}

/**
 * Notes which messages are marked after a jump, on this page and what it loads later: the mark lasts too short a while to
 * be looked for. What it returns waits for one that holds this text.
 */
export async function noteFlashes(page: Page): Promise<(text: string) => Promise<void>> {
  const watch = (): void => {
    const observer = new MutationObserver(() => {
      const marked = document.querySelector(".message[data-flash]")?.textContent;
      if (marked !== undefined) document.documentElement.dataset.flashed = marked;
    });
    observer.observe(document, { subtree: true, childList: true, attributeFilter: ["data-flash"] });
  };
  await page.addInitScript(watch);
  await page.evaluate(watch);
  return async (text) => {
    await page.waitForFunction(
      (wanted) => document.documentElement.dataset.flashed?.includes(wanted) === true,
      text,
    );
  };
}

export async function say(page: Page, text: string): Promise<void> {
  await page.locator("#composer").fill(text);
  await page.locator("#composer").press("Enter");
}

/** Chooses what to do with a message: beside it, or where there is no room or no pointer, on the sheet of it. */
export async function choose(message: Locator, name: string): Promise<void> {
  const page = message.page();
  const canHover = await page.evaluate(() => matchMedia("(hover: hover)").matches);
  if (!canHover) await message.locator(".text").tap();
  else {
    await message.hover();
    const beside = message.getByRole("button", { name, exact: true });
    if (await beside.isVisible()) {
      await beside.click();
      return;
    }
    await message.getByRole("button", { name: /^(Message options|消息选项)$/ }).click();
  }
  await page.locator("dialog.sheet").getByRole("button", { name, exact: true }).click();
  await page.locator("dialog.sheet").waitFor({ state: "detached" });
}

/** The lists by their headings, each with the names in it. */
export function listsOf(page: Page): Promise<Record<string, string[]>> {
  return page.evaluate(() => {
    const sections = [...document.querySelectorAll(".lists section")];
    const namesIn = (section: Element): string[] =>
      [...section.querySelectorAll(".name")].map((name) => name.textContent);
    return Object.fromEntries(
      sections.map((section) => [section.querySelector("h2")?.textContent ?? "", namesIn(section)]),
    );
  });
}

/** What the browser keeps of the chat under keys that begin so, keys and values. */
export function kept(page: Page, prefix = ""): Promise<string> {
  return page.evaluate((begin) => {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const opening = indexedDB.open("duologue");
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const database = opening.result;
      const reading = database.transaction("values").objectStore("values").openCursor();
      const found: string[] = Object.entries(localStorage).flatMap(([key, value]) =>
        key.startsWith(begin) ? [`${key} ${value}`] : [],
      );
      reading.onerror = () => reject(reading.error);
      reading.onsuccess = () => {
        const cursor = reading.result;
        if (cursor === null) {
          database.close();
          resolve(found.join("\n"));
          return;
        }
        if (String(cursor.key).startsWith(begin)) found.push(`${cursor.key} ${cursor.value}`);
        cursor.continue();
      };
    };
    return promise;
  }, prefix);
}

/** What was to be drawn has been drawn and measured: nothing has moved for some frames. */
export async function settled(page: Page): Promise<void> {
  await page.locator(".scroll").evaluate(async (scroll) => {
    for (let still = 0, before = ""; still < 4; ) {
      await new Promise((resolve) => requestAnimationFrame(resolve));
      const now = `${scroll.scrollTop} ${scroll.scrollHeight}`;
      still = now === before ? still + 1 : 0;
      before = now;
    }
  });
}

/** Scrolls back from the end, until it stays so: following a message that has just come goes on for some frames. */
export async function scrollBack(page: Page, pixels: number): Promise<void> {
  for (let tries = 0; tries < 20; tries += 1) {
    await settled(page);
    await page.locator(".scroll").evaluate((scroll, offset) => scroll.scrollBy(0, -offset), pixels);
    await settled(page);
    if (await page.locator(".jump").isVisible()) return;
  }
  throw new Error("the list returned to its end again and again");
}

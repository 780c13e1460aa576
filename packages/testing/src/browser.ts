/** A real headless Chromium out of an npm package, so that nothing needs to be installed. */
import chromium from "@sparticuz/chromium";
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium as playwright,
} from "playwright-core";
import { withDeadline } from "./inbox.ts";
import { killQuietly, processesNaming } from "./server.ts";

/** Nothing but the pages under test: no sandbox (containers forbid it), no graphics, no calls home. */
const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/**
 * What the package suggests for its own surroundings, and tests are better without: one process for all pages makes one
 * page's end the end of all; and what browsers forbid between origins is part of what is tested.
 */
const NOT_TAKEN: ReadonlySet<string> = new Set([
  "--single-process",
  "--disable-web-security",
  "--disable-site-isolation-trials",
  "--allow-running-insecure-content",
]);

/** How long a page may take to show what a test waits for, ms. */
const PAGE_PATIENCE_MS = 15_000;

async function launchOptions() {
  chromium.setGraphicsMode = false;
  const executablePath = await chromium.executablePath();
  const suggested = chromium.args.filter((argument) => !NOT_TAKEN.has(argument));
  return { executablePath, args: [...suggested, ...ARGUMENTS], headless: true };
}

export class TestBrowser implements AsyncDisposable {
  readonly #browser: Browser;

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  static async launch(): Promise<TestBrowser> {
    return new TestBrowser(await playwright.launch(await launchOptions()));
  }

  /** Somebody with a browser of their own: cookies and storage are shared with nobody. */
  async person(options: BrowserContextOptions = {}): Promise<BrowserContext> {
    const context = await this.#browser.newContext({ locale: "en-GB", ...options });
    context.setDefaultTimeout(PAGE_PATIENCE_MS);
    return context;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#browser.close();
  }
}

/** A browser whose profile lies in a directory, so that it can be killed and begun again. */
export class TestProfile implements AsyncDisposable {
  readonly context: BrowserContext;
  readonly #directory: string;

  private constructor(context: BrowserContext, directory: string) {
    this.context = context;
    this.#directory = directory;
  }

  static async open(directory: string): Promise<TestProfile> {
    const context = await playwright.launchPersistentContext(directory, {
      ...(await launchOptions()),
      locale: "en-GB",
    });
    context.setDefaultTimeout(PAGE_PATIENCE_MS);
    return new TestProfile(context, directory);
  }

  /** As when the machine goes down: every process of it, without a chance to write anything. */
  async kill(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.context.once("close", () => resolve()));
    for (const pid of processesNaming(`--user-data-dir=${this.#directory}`)) killQuietly(pid);
    await withDeadline(closed, () => "the browser did not end");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.context.close();
  }
}

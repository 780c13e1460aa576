/** A real headless Chromium out of an npm package, so that nothing needs to be installed. */
import chromium from "@sparticuz/chromium";
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium as playwright,
} from "playwright-core";

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

export class TestBrowser implements AsyncDisposable {
  readonly #browser: Browser;

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  static async launch(): Promise<TestBrowser> {
    chromium.setGraphicsMode = false;
    const executablePath = await chromium.executablePath();
    const suggested = chromium.args.filter((argument) => !NOT_TAKEN.has(argument));
    return new TestBrowser(
      await playwright.launch({ executablePath, args: [...suggested, ...ARGUMENTS], headless: true }),
    );
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

/** The example sites with a real chat server beside them, and browsers that visit them. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Server, startServer, TestBrowser } from "@duologue/testing";
import type { BrowserContext, BrowserContextOptions, FrameLocator, Locator, Page } from "playwright-core";
import { serveApp } from "../examples/react-app/server.ts";
import { serveShop } from "../examples/shop/server.ts";

export const SECRET = "a secret of this test, long enough for HS256";

export interface Visit {
  readonly page: Page;
  /** The first frame of the page. */
  readonly frame: FrameLocator;
  /** Script errors, and what a content security policy forbade. */
  readonly complaints: readonly string[];
}

export interface Pair {
  readonly buyer: Visit;
  readonly seller: Visit;
}

export class WidgetStage implements AsyncDisposable {
  readonly chat: Server;
  readonly browser: TestBrowser;
  /** Another site than the chat's, for browsers: the host name counts, not the port. */
  readonly shopOrigin: string;
  readonly appOrigin: string;
  readonly #site: Site;
  readonly #close: () => Promise<void>;

  private constructor(
    chat: Server,
    browser: TestBrowser,
    origins: readonly [shop: string, app: string],
    site: Site,
    close: () => Promise<void>,
  ) {
    this.chat = chat;
    this.browser = browser;
    [this.shopOrigin, this.appOrigin] = origins;
    this.#site = site;
    this.#close = close;
  }

  static async open(): Promise<WidgetStage> {
    const directory = mkdtempSync(join(tmpdir(), "duologue-widget-"));
    const secretFile = join(directory, "secret");
    writeFileSync(secretFile, SECRET, { mode: 0o600 });
    let chat: Server | undefined;
    const sites = { port: 0, secret: SECRET, chat: () => chat?.url ?? "" };
    const shop = serveShop(sites);
    const app = await serveApp(sites);
    const site = new Site();
    const origins = [`http://localhost:${shop.port}`, `http://localhost:${app.port}`] as const;
    const options = [
      "--host-secret-file",
      secretFile,
      "--guests",
      "on",
      "--embed-origins",
      [...origins, site.origin].join(","),
    ];
    chat = await startServer({ options });
    return new WidgetStage(chat, await TestBrowser.launch(), origins, site, async () => {
      await Promise.all([shop.stop(true), app.stop(true), site.stop()]);
      rmSync(directory, { recursive: true, force: true });
    });
  }

  /** `/` is the buyer's page with the launcher, `/seller` the seller's with the element. */
  async visit(person: BrowserContext, path: string): Promise<Visit> {
    const page = await person.newPage();
    const complaints = complaintsOf(page);
    await page.addInitScript(() => {
      const heard: [string, unknown][] = [];
      Object.assign(window, { heard });
      for (const name of ["duologue:ready", "duologue:unread", "duologue:message"])
        document.addEventListener(name, (event) => heard.push([name, (event as CustomEvent).detail]));
    });
    await page.goto(`${this.shopOrigin}${path}`);
    return { page, frame: page.frameLocator("iframe"), complaints };
  }

  /** A page of a site without any policy, with this in it, in a browser of its own. */
  async show(html: string, options?: BrowserContextOptions): Promise<Visit> {
    const page = await (await this.browser.person(options)).newPage();
    const complaints = complaintsOf(page);
    await page.goto(this.#site.add(`<!doctype html><html lang="en">${html}`));
    return { page, frame: page.frameLocator("iframe"), complaints };
  }

  /** Each in a browser of their own, the buyer's window open. */
  async visitAsPair(): Promise<Pair> {
    const seller = await this.visit(await this.browser.person(), "/seller");
    const buyer = await this.visit(await this.browser.person(), "/");
    await launcher(buyer.page).click();
    await buyer.frame.locator("#composer").waitFor();
    await seller.frame.locator(".sidebar").waitFor();
    return { buyer, seller };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.browser[Symbol.asyncDispose]();
    await this.chat[Symbol.asyncDispose]();
    await this.#close();
  }
}

/** Serves pages that a test makes. */
class Site {
  readonly #pages: string[] = [];
  readonly #server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request) => {
      const page = this.#pages[Number(new URL(request.url).pathname.slice(1))];
      return new Response(page, { headers: { "Content-Type": "text/html; charset=utf-8" } });
    },
  });

  get origin(): string {
    return `http://localhost:${this.#server.port}`;
  }

  /** Returns its address. */
  add(html: string): string {
    return `${this.origin}/${this.#pages.push(html) - 1}`;
  }

  async stop(): Promise<void> {
    await this.#server.stop(true);
  }
}

export async function leave(...visits: readonly Visit[]): Promise<void> {
  await Promise.all(visits.map(({ page }) => page.context().close()));
}

export function complaintsOf(page: Page): string[] {
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  return complaints;
}

/** Everything that the page heard of this name, as soon as there is so much. */
export async function heard(page: Page, name: string, least = 1): Promise<Record<string, unknown>[]> {
  const handle = await page.waitForFunction(
    ([wanted, count]) => {
      const all = (window as unknown as { heard: [string, Record<string, unknown>][] }).heard;
      const details = all.filter(([one]) => one === wanted).map(([, detail]) => detail);
      return details.length >= count ? details : undefined;
    },
    [name, least] as const,
  );
  return (await handle.jsonValue()) as Record<string, unknown>[];
}

export function launcher(page: Page): Locator {
  return page.locator("duologue-launcher").getByRole("button", { name: /chat/ });
}

export async function write(frame: FrameLocator, text: string): Promise<void> {
  await frame.locator("#composer").fill(text);
  await frame.locator("#composer").press("Enter");
}

export function messageOf(frame: FrameLocator, text: string): Locator {
  return frame.locator(".message", { hasText: text });
}

/** With a pointer: beside the message, or where the frame is narrow, on the sheet that a button there opens. */
export async function choose(frame: FrameLocator, text: string, name: string): Promise<void> {
  const message = messageOf(frame, text).last();
  await message.hover();
  const beside = message.getByRole("button", { name, exact: true });
  if (await beside.isVisible()) {
    await beside.click();
    return;
  }
  await message.getByRole("button", { name: "Message options" }).click();
  await frame.locator("dialog.sheet").getByRole("button", { name, exact: true }).click();
}

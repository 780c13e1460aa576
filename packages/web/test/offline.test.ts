/** The page without its server: opened from what the browser keeps, and brought up to date when a new version is there. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { until } from "@duologue/testing";
import type { BrowserContext, Page } from "playwright-core";
import type { PlainFile } from "../src/files.ts";
import { buildPage } from "../src/index.ts";
import { buildServiceWorker } from "../src/shell/shell-files.ts";
import { hurry, kept, Stage, say } from "./people.ts";

const TEST_MS = 90_000;
let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open();
}, TEST_MS);

afterAll(async () => {
  await stage[Symbol.asyncDispose]();
}, TEST_MS);

/** Until the browser keeps the page, and opens it from there. */
async function waitUntilKept(page: Page): Promise<void> {
  const isKept = (): Promise<boolean> =>
    page.evaluate(async () => {
      await navigator.serviceWorker.ready;
      return navigator.serviceWorker.controller !== null;
    });
  await until(isKept, "a page that is kept");
}

describe("the server", () => {
  test("sends service worker and manifest under their types, to be asked for again, and lets the page alone use them", async () => {
    const answer = async (path: string): Promise<readonly (string | null)[]> => {
      const { headers } = await fetch(`${stage.server.url}${path}`);
      return [headers.get("content-type"), headers.get("cache-control")];
    };
    expect(await answer("/service-worker.js")).toEqual(["text/javascript; charset=utf-8", "no-cache"]);
    expect(await answer("/manifest.webmanifest")).toEqual(["application/manifest+json", "no-cache"]);
    const policy = async (path: string): Promise<readonly string[]> => {
      const { headers } = await fetch(`${stage.server.url}${path}`);
      return headers.get("content-security-policy")?.split("; ") ?? [];
    };
    const installed = ["worker-src 'self'", "manifest-src 'self'", "trusted-types service-worker"];
    expect(await policy("/")).toEqual(expect.arrayContaining(installed));
    const framed = await policy("/embed");
    expect(framed.filter((rule) => installed.includes(rule))).toEqual([]);
    expect(framed).toContain("trusted-types 'none'");
  });
});

describe("without a server", () => {
  test(
    "[CV6] the page opens, shows the list and the last messages, takes new ones, and sends them once it is back",
    async () => {
      const { anna, ben, annaName, benName } = await stage.joinPair();
      await say(ben, "see you tomorrow");
      await anna.locator(".message", { hasText: "see you tomorrow" }).waitFor();
      await waitUntilKept(anna);
      await until(async () => (await kept(anna, "snapshot")).includes("see you tomorrow"), "a snapshot");
      const context = anna.context();
      await anna.close();
      const bringBack = await stage.interrupt();
      const again = await context.newPage();
      await again.goto(stage.server.url);
      await again.locator(".sidebar .name", { hasText: annaName }).first().waitFor();
      await again.locator(".row", { hasText: benName }).first().click();
      await again.locator(".message", { hasText: "see you tomorrow" }).waitFor();
      await again.locator(".message.mine", { hasText: "hello" }).waitFor();
      await say(again, "written on the train");
      await again.locator('.message[data-state="queued"]', { hasText: "written on the train" }).waitFor();
      await again.locator(".banner").waitFor();
      await again.reload();
      await again.locator('.message[data-state="queued"]', { hasText: "written on the train" }).waitFor();
      await bringBack();
      await hurry(again);
      await again.locator('.message[data-state="queued"]').waitFor({ state: "detached" });
      const arrived = ben.locator(".message", { hasText: "written on the train" });
      await arrived.waitFor({ timeout: 45_000 });
      expect(await arrived.count()).toBe(1);
      expect(stage.complaints).toEqual([]);
    },
    TEST_MS,
  );

  test(
    "nothing of it opens for who has signed out",
    async () => {
      const { anna } = await stage.joinPair();
      await waitUntilKept(anna);
      await anna.getByRole("button", { name: "Settings" }).click();
      await anna.getByRole("button", { name: "Sign out" }).click();
      await anna.locator("dialog .danger").click();
      await anna.locator("#nickname").waitFor();
      const bringBack = await stage.interrupt();
      await anna.reload();
      await anna.locator("#nickname").waitFor();
      expect(await anna.locator(".row").count()).toBe(0);
      await bringBack();
    },
    TEST_MS,
  );
});

/** A site that sends these files, from memory; others can be put into their place. */
class Site implements Disposable {
  files: ReadonlyMap<string, PlainFile>;
  /** What was asked for, by path. */
  readonly asked: string[] = [];
  readonly #server: Bun.Server<undefined>;

  constructor(files: readonly PlainFile[]) {
    this.files = Site.byPath(files);
    this.#server = this.#serve(0);
  }

  static byPath(files: readonly PlainFile[]): ReadonlyMap<string, PlainFile> {
    return new Map(files.map((file) => [file.path, file]));
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}`;
  }

  async close(): Promise<void> {
    await this.#server.stop(true);
  }

  [Symbol.dispose](): void {
    void this.#server.stop(true);
  }

  #serve(port: number): Bun.Server<undefined> {
    return Bun.serve({
      port,
      fetch: ({ url }) => {
        const { pathname } = new URL(url);
        this.asked.push(pathname);
        const file = this.files.get(pathname);
        if (file === undefined) return new Response("nothing here", { status: 404 });
        const control = file.immutable ? "public, max-age=31536000, immutable" : "no-cache";
        return new Response(new Uint8Array(file.body), {
          headers: { "content-type": file.contentType, "cache-control": control },
        });
      },
    });
  }
}

const EMBED = /^\/embed|^\/assets\/embed\./;

/** The page with another description, its script under another name, and without its parts, as a later version would be. */
async function nextVersion(files: readonly PlainFile[]): Promise<PlainFile[]> {
  const shell = files.filter(({ path }) => !EMBED.test(path) && path !== "/service-worker.js");
  const script = shell.find(({ path }) => path.startsWith("/assets/app."))?.path ?? "";
  const changed = shell.flatMap((file) => {
    if (file.path.startsWith("/assets/part.")) return [];
    if (file.path === script) return [{ ...file, path: "/assets/app.next.js" }];
    if (file.path !== "/") return [file];
    const text = new TextDecoder().decode(file.body);
    const next = text.replace("One-to-one chat", "The next version").replace(script, "/assets/app.next.js");
    return [{ ...file, body: new TextEncoder().encode(next) }];
  });
  return [...changed, await buildServiceWorker(changed)];
}

async function openAt(context: BrowserContext, url: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(url);
  await page.locator("#nickname").waitFor();
  return page;
}

const description = (page: Page): Promise<string | null> =>
  page.locator('meta[name="description"]').getAttribute("content");

describe("a new version", () => {
  test(
    "shows at the next visit, replaces what was kept, and leaves an open tab its own parts",
    async () => {
      const files = await buildPage();
      using site = new Site(files);
      const context = await stage.browser.person();
      const old = await openAt(context, site.url);
      await waitUntilKept(old);
      site.files = Site.byPath(await nextVersion(files));
      const fresh = await openAt(context, site.url);
      expect(await description(fresh)).toBe("The next version");
      // It takes over when all of it is kept, and the open tab has it too.
      const isTakenOver = (): Promise<boolean> =>
        fresh.evaluate(async () => {
          const { installing, waiting } = await navigator.serviceWorker.ready;
          const isKept = (await caches.match("/assets/app.next.js")) !== undefined;
          return isKept && installing === null && waiting === null;
        });
      await until(isTakenOver, "the next version");
      const parts = files.filter(({ path }) => path.startsWith("/assets/part.")).map(({ path }) => path);
      expect(parts.length).toBeGreaterThan(0);
      for (const path of parts)
        expect(await old.evaluate(async (one) => (await fetch(one)).status, path)).toBe(200);
      await site.close();
      await fresh.reload();
      await fresh.locator("#nickname").waitFor();
      expect(await description(fresh)).toBe("The next version");
      await context.close();
    },
    TEST_MS,
  );

  test(
    "that is not all there yet is not kept, and the server's own answers are passed on",
    async () => {
      const files = await buildPage();
      using site = new Site(files);
      const context = await stage.browser.person();
      const page = await openAt(context, site.url);
      await waitUntilKept(page);
      const next = await nextVersion(files);
      // The document is still the old one: a server whose workers change one after the other.
      site.files = Site.byPath([...next, ...files.filter(({ path }) => path === "/")]);
      await page.evaluate(async () => {
        const registration = await navigator.serviceWorker.ready;
        const updated = await registration.update();
        const worker = updated?.installing;
        await new Promise<void>((resolve) => {
          const look = (): void => {
            if (worker?.state !== "installing") resolve();
          };
          worker?.addEventListener("statechange", look);
          look();
        });
      });
      expect(await page.evaluate(() => caches.match("/assets/app.next.js"))).toBeUndefined();
      expect(await page.evaluate(async () => (await caches.keys()).length)).toBe(1);
      for (const path of ["/embed", "/embed.js", "/healthz", "/readyz"]) {
        site.asked.length = 0;
        const status = await page.evaluate(async (one) => (await fetch(one)).status, path);
        expect([path, status]).toEqual([path, 404]);
        expect(site.asked).toEqual([path]);
      }
      await context.close();
    },
    TEST_MS,
  );
});

/** The client in real Chromium: two pages of one browser, their locks, channel and database. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { startServer, TestBrowser } from "@duologue/testing";
import type { BrowserContext, Page } from "playwright-core";

type Chat = typeof import("./page.ts").chat;
declare global {
  var chat: Chat;
}

let browser: TestBrowser;
let script = "";

beforeAll(async () => {
  browser = await TestBrowser.launch();
  const entrypoints = [join(import.meta.dir, "page.ts")];
  const { outputs } = await Bun.build({ entrypoints, target: "browser", format: "esm" });
  script = (await outputs[0]?.text()) ?? "";
}, 60_000);

afterAll(() => browser[Symbol.asyncDispose]());

/** Serves an empty page with the client in it; `localhost` is a secure context, which Web Locks need. */
function servePage() {
  return Bun.serve({
    port: 0,
    fetch: ({ url }) =>
      new URL(url).pathname === "/page.js"
        ? new Response(script, { headers: { "content-type": "text/javascript" } })
        : new Response('<!doctype html><script type="module" src="/page.js"></script>', {
            headers: { "content-type": "text/html" },
          }),
  });
}

async function openPage(context: BrowserContext, origin: string, break_?: string): Promise<Page> {
  const page = await context.newPage();
  if (break_ !== undefined) await page.addInitScript(break_);
  await page.goto(origin);
  await page.waitForFunction(() => "chat" in globalThis);
  return page;
}

function waitForTexts(page: Page, texts: readonly string[]): Promise<unknown> {
  return page.waitForFunction((wanted) => JSON.stringify(chat.texts()) === wanted, JSON.stringify(texts));
}

/** Two tabs of alice, the first of which leads, and bob's page, all in the same conversation. */
class TwoTabs implements AsyncDisposable {
  readonly one: Page;
  readonly two: Page;
  readonly peer: Page;
  readonly #disposables: AsyncDisposableStack;

  private constructor(pages: Record<"one" | "two" | "peer", Page>, disposables: AsyncDisposableStack) {
    this.one = pages.one;
    this.two = pages.two;
    this.peer = pages.peer;
    this.#disposables = disposables;
  }

  static async open(): Promise<TwoTabs> {
    const disposables = new AsyncDisposableStack();
    const origin = `http://localhost:${disposables.use(servePage()).port}`;
    const server = disposables.use(await startServer({ options: ["--origins", origin] }));
    const url = server.url.replace("http", "ws");
    const [alice, bob] = await Promise.all([browser.person(), browser.person()]);
    for (const context of [alice, bob]) disposables.defer(() => context.close());
    const guest = await openPage(alice, origin);
    const peer = await openPage(bob, origin);
    const bobId = await peer.evaluate((address) => chat.join({ url: address, nickname: "bob" }), url);
    await guest.evaluate((address) => chat.join({ url: address, nickname: "alice" }), url);
    const conversation = await guest.evaluate((id) => chat.open(id), bobId);
    await peer.evaluate((id) => chat.openConversation(id), conversation);
    const token = await guest.evaluate(() => chat.leave());
    const [one, two] = [await openPage(alice, origin), await openPage(alice, origin)];
    for (const page of [one, two]) {
      await page.evaluate(
        ([address, kept]) => chat.join({ url: address ?? "", token: kept ?? "", tabs: "alice" }),
        [url, token],
      );
      await page.evaluate((id) => chat.openConversation(id), conversation);
    }
    return new TwoTabs({ one, two, peer }, disposables);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#disposables.disposeAsync();
  }
}

describe("in Chromium", () => {
  test("two tabs share one connection, and when the leader goes, what it queued is sent by the other", async () => {
    await using scene = await TwoTabs.open();
    const { one, two, peer } = scene;
    expect(await one.evaluate(() => chat.sockets())).toBe(1);
    expect(await two.evaluate(() => chat.sockets())).toBe(0);
    await two.evaluate(() => chat.send("from the follower"));
    await waitForTexts(peer, ["from the follower"]);
    await one.evaluate(() => chat.send("from the leader"));
    const both = ["from the follower", "from the leader"];
    await Promise.all([one, two, peer].map((page) => waitForTexts(page, both)));

    await one.close();
    await two.evaluate(() => chat.send("after the leader"));
    await Promise.all([two, peer].map((page) => waitForTexts(page, [...both, "after the leader"])));
    expect(await two.evaluate(() => chat.sockets())).toBe(1);
    expect(await two.evaluate(() => chat.storageState())).toEqual({ kind: "kept", where: "indexeddb" });
  }, 60_000);

  test("a leader that is frozen loses the lead, and follows when it wakes", async () => {
    await using scene = await TwoTabs.open();
    const { one, two, peer } = scene;
    // What freezing does, and a test can have: none of its code runs until it is let go on.
    const debug = await one.context().newCDPSession(one);
    await debug.send("Debugger.enable");
    await debug.send("Debugger.pause");
    await two.evaluate(() => chat.send("while the leader sleeps"));
    await Promise.all([two, peer].map((page) => waitForTexts(page, ["while the leader sleeps"])));
    expect(await two.evaluate(() => chat.sockets())).toBe(1);

    await debug.send("Debugger.resume");
    await debug.send("Debugger.disable");
    await one.evaluate(() => chat.send("awake again"));
    const all = ["while the leader sleeps", "awake again"];
    await Promise.all([one, two, peer].map((page) => waitForTexts(page, all)));
    expect([await one.evaluate(() => chat.sockets()), await two.evaluate(() => chat.sockets())]).toEqual([
      1, 1,
    ]);
  }, 60_000);

  test("what is unsent survives a reload: in IndexedDB, and in Web Storage when that is full or denied", async () => {
    using site = servePage();
    const origin = `http://localhost:${site.port}`;
    const full = `IDBObjectStore.prototype.put = () => { throw new DOMException("full", "QuotaExceededError"); };`;
    const denied = `IDBFactory.prototype.open = () => { throw new DOMException("denied", "SecurityError"); };`;
    for (const [fault, where] of [
      [undefined, "indexeddb"],
      [full, "web-storage"],
      [denied, "web-storage"],
    ] as const) {
      const context = await browser.person();
      const page = await openPage(context, origin, fault);
      expect(await page.evaluate(() => chat.keep("a", "1"))).toEqual({ kind: "kept", where });
      await page.reload();
      await page.waitForFunction(() => "chat" in globalThis);
      expect(await page.evaluate(() => chat.kept())).toEqual([["a", "1"]]);
      await context.close();
    }
  }, 60_000);
});

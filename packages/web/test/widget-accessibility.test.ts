/** What an automatic examiner (axe-core) finds on a page with the widget, and in the widget's frame. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Server, startServer, TestBrowser } from "@duologue/testing";
import type { BrowserContext, Frame, Page } from "playwright-core";
import { findingsOf } from "./examiner.ts";
import { DESKTOP, PHONE } from "./people.ts";

setDefaultTimeout(60_000);

const host = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: (request) => {
    const { searchParams } = new URL(request.url);
    const attributes = ["theme", "language"].map((name) => `data-${name}="${searchParams.get(name)}"`);
    const accent = searchParams.get("accent") ?? "";
    return new Response(
      `<!doctype html><html lang="en"><title>A site</title><style>:root{--duologue-accent:${accent}}</style><main><h1>A site</h1></main>
      <script src="${chat.url}/embed.js" data-open ${attributes.join(" ")}></script></html>`,
      { headers: { "Content-Type": "text/html; charset=utf-8" } },
    );
  },
});
const origin = `http://127.0.0.1:${host.port}`;
let chat: Server;
let browser: TestBrowser;

beforeAll(async () => {
  const options = ["--embed-origins", origin];
  [chat, browser] = await Promise.all([startServer({ options }), TestBrowser.launch()]);
});

afterAll(async () => {
  await browser?.[Symbol.asyncDispose]();
  await chat?.[Symbol.asyncDispose]();
  await host.stop(true);
});

function frameOf(page: Page): Frame {
  const found = page.frames().find((frame) => frame.url().includes("/embed#"));
  if (found === undefined) throw new Error("the page has no frame of the chat");
  return found;
}

async function join(person: BrowserContext, address: string, name: string): Promise<Page> {
  const page = await person.newPage();
  await page.goto(address);
  const frame = page.frameLocator("iframe");
  await frame.locator("#nickname").fill(name);
  await frame.locator("#nickname").press("Enter");
  await frame.locator("#nickname").waitFor({ state: "detached" });
  return page;
}

describe("a page with the widget", () => {
  test.each([
    ["light", "en", "desktop", ""],
    ["dark", "en", "phone", "#7a3e1d"],
    ["light", "zh-CN", "phone", "#7a3e1d"],
    ["dark", "zh-CN", "desktop", ""],
  ])(
    "has no fault that an examiner finds, %s, in %s, on a %s, with the accent '%s'",
    async (theme, language, size, accent) => {
      const address = `${origin}/?${new URLSearchParams({ theme, language, accent })}`;
      const options = size === "phone" ? PHONE : DESKTOP;
      const [annPerson, benPerson] = [await browser.person(options), await browser.person(options)];
      const names = ["Ann", "Ben"].map((name) => `${name} ${theme} ${language}`);
      const fresh = await annPerson.newPage();
      await fresh.goto(address);
      await fresh.frameLocator("iframe").locator("#nickname").waitFor();
      const findings = await findingsOf(frameOf(fresh), "sign-in");
      await fresh.close();
      const ann = await join(annPerson, address, names[0] ?? "");
      const ben = await join(benPerson, address, names[1] ?? "");
      const row = ann.frameLocator("iframe").getByRole("button", { name: names[1] ?? "" });
      await row.waitFor();
      findings.push(...(await findingsOf(frameOf(ann), "list")));
      await row.click();
      await ann.frameLocator("iframe").locator("textarea").fill("hello, see https://example.org");
      await ann.frameLocator("iframe").locator("textarea").press("Enter");
      await ben
        .frameLocator("iframe")
        .getByRole("button", { name: names[0] ?? "" })
        .click();
      await ben.frameLocator("iframe").locator("textarea").fill("hello too");
      await ben.frameLocator("iframe").locator("textarea").press("Enter");
      await ann.frameLocator("iframe").getByRole("log").getByText("hello too").waitFor();
      findings.push(...(await findingsOf(frameOf(ann), "conversation")));
      findings.push(...(await findingsOf(ann.mainFrame(), "page, open")));
      await ann.keyboard.press("Escape");
      await ann.getByRole("dialog").waitFor({ state: "hidden" });
      findings.push(...(await findingsOf(ann.mainFrame(), "page, closed")));
      expect(findings).toEqual([]);
      await Promise.all([annPerson.close(), benPerson.close()]);
    },
  );
});

/** The widget in a real browser, on the pages of examples/, with a real server. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Server, startServer, TestBrowser } from "@duologue/testing";
import type { BrowserContext, FrameLocator, Page } from "playwright-core";
import { serveApp } from "../examples/react-app/server.ts";
import { serveShop, signToken } from "../examples/shop/server.ts";

setDefaultTimeout(90_000);

const SECRET = "a secret of this test, long enough for HS256";
const directory = mkdtempSync(join(tmpdir(), "duologue-widget-"));
const secretFile = join(directory, "secret");
let chat: Server;
let browser: TestBrowser;
const shop = serveShop({ port: 0, secret: SECRET, chat: () => chat.url });
/** Another site than the chat's, for browsers: the host name counts, not the port. */
const shopOrigin = `http://localhost:${shop.port}`;
const app = await serveApp({ port: 0, secret: SECRET, chat: () => chat.url });
const appOrigin = `http://localhost:${app.port}`;

beforeAll(async () => {
  writeFileSync(secretFile, SECRET, { mode: 0o600 });
  const options = ["--host-secret-file", secretFile, "--guests", "on"];
  options.push("--embed-origins", `${shopOrigin},${appOrigin}`);
  [chat, browser] = await Promise.all([startServer({ options }), TestBrowser.launch()]);
});

afterAll(async () => {
  await browser?.[Symbol.asyncDispose]();
  await chat?.[Symbol.asyncDispose]();
  await Promise.all([shop.stop(true), app.stop(true)]);
  rmSync(directory, { recursive: true, force: true });
});

/** Script errors, and what a content security policy forbade. */
function complaintsOf(page: Page): string[] {
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  return complaints;
}

interface Visit {
  readonly page: Page;
  readonly frame: FrameLocator;
  readonly complaints: readonly string[];
}

async function visit(person: BrowserContext, path: string): Promise<Visit> {
  const page = await person.newPage();
  const complaints = complaintsOf(page);
  await page.addInitScript(() => {
    const heard: [string, unknown][] = [];
    Object.assign(window, { heard, before: [] });
    Object.assign(window, { before: Object.getOwnPropertyNames(window) });
    for (const name of ["duologue:ready", "duologue:unread", "duologue:message"])
      document.addEventListener(name, (event) => heard.push([name, (event as CustomEvent).detail]));
  });
  await page.goto(`${shopOrigin}${path}`);
  return { page, frame: page.frameLocator("iframe"), complaints };
}

/** Everything that the page heard of this name, as soon as there is something. */
async function heard(page: Page, name: string, least = 1): Promise<Record<string, unknown>[]> {
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

function launcher(page: Page): ReturnType<Page["getByRole"]> {
  return page.getByRole("button", { name: /chat/ });
}

async function write(frame: FrameLocator, text: string): Promise<void> {
  await frame.getByLabel("Message", { exact: true }).fill(text);
  await frame.getByLabel("Message", { exact: true }).press("Enter");
}

describe("the shop", () => {
  test("buyer and seller write both ways, with badge and events, under the shop's strict content policy", async () => {
    const [buyerPerson, sellerPerson] = [await browser.person(), await browser.person()];
    const seller = await visit(sellerPerson, "/seller");
    const [ready] = await heard(seller.page, "duologue:ready");
    expect(ready).toEqual({ user: expect.stringMatching(/^h_/) });
    const buyer = await visit(buyerPerson, "/");
    await heard(buyer.page, "duologue:ready");
    await launcher(buyer.page).click();
    await buyer.frame.getByRole("heading", { name: "Sam Seller" }).waitFor();
    await write(buyer.frame, "Is it still there?");
    await seller.frame.getByRole("button", { name: "Bella Buyer" }).click();
    await seller.frame.getByRole("log").getByText("Is it still there?").waitFor();
    const [arrived] = await heard(seller.page, "duologue:message");
    expect(arrived).toMatchObject({ fromName: "Bella Buyer", seq: 1 });
    expect(JSON.stringify(arrived)).not.toContain("Is it still there?");
    await buyer.frame.getByText("Read").waitFor();

    await buyer.page.keyboard.press("Escape");
    await write(seller.frame, "It is.");
    await buyer.page.getByRole("button", { name: "Open chat, 1 unread message" }).waitFor();
    expect(await buyer.page.locator("#unread").textContent()).toBe("1");
    await launcher(buyer.page).click();
    await buyer.frame.getByRole("log").getByText("It is.").waitFor();
    await buyer.page.getByRole("button", { name: "Close chat", exact: true }).first().waitFor();
    await buyer.page.waitForFunction(() => document.querySelector("output")?.value === "0");
    expect([...buyer.complaints, ...seller.complaints]).toEqual([]);
    await Promise.all([buyerPerson.close(), sellerPerson.close()]);
  });

  test("by keyboard alone: Enter opens and leads into the chat, Escape closes and leads back", async () => {
    const [person, sellerPerson] = [await browser.person(), await browser.person()];
    await heard((await visit(sellerPerson, "/seller")).page, "duologue:ready");
    const { page, frame } = await visit(person, "/");
    const button = launcher(page).first();
    await button.waitFor();
    expect(await button.getAttribute("aria-expanded")).toBe("false");
    await heard(page, "duologue:unread");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog", { name: "Chat" }).waitFor();
    expect(await button.getAttribute("aria-expanded")).toBe("true");
    await frame.locator("textarea:focus").waitFor();
    await page.keyboard.type("by keyboard");
    await page.keyboard.press("Enter");
    await frame.getByRole("log").getByText("by keyboard").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "hidden" });
    await page.locator("duologue-launcher button:focus").waitFor();
    await Promise.all([person.close(), sellerPerson.close()]);
  });

  test("the page's style sheet cannot hide or move the widget, nor the widget change the page", async () => {
    const person = await browser.person();
    const { page, frame } = await visit(person, "/");
    await launcher(page).waitFor();
    const heading = page.locator("h1");
    const before = await heading.boundingBox();
    await page.evaluate(() => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(
        "body *{display:none!important;visibility:hidden!important;opacity:0!important;position:static!important;" +
          "transform:scale(0)!important;width:0!important;pointer-events:none!important;color:red!important}",
      );
      document.adoptedStyleSheets = [sheet];
    });
    await launcher(page).click();
    await frame.getByRole("heading").waitFor();
    const box = await page.locator("duologue-launcher .panel").boundingBox();
    expect(box?.width).toBeGreaterThan(300);
    await page.evaluate(() => {
      document.adoptedStyleSheets = [];
    });
    expect(await heading.boundingBox()).toEqual(before);
    await person.close();
  });

  test("the page's scripts cannot read the frame, and a message that only looks like ours does nothing", async () => {
    const person = await browser.person();
    const { page } = await visit(person, "/");
    await heard(page, "duologue:ready");
    const seen = await page.evaluate(() => {
      const inner = document.querySelector("duologue-launcher")?.shadowRoot?.querySelector("iframe");
      window.postMessage({ duologue: 1, type: "unread", count: 77 }, "*");
      const document_ = inner?.contentDocument ?? null;
      try {
        return [document_, inner?.contentWindow?.localStorage.length];
      } catch (error) {
        return [document_, (error as Error).name];
      }
    });
    expect(seen).toEqual([null, "SecurityError"]);
    const counts = (await heard(page, "duologue:unread")).map(({ count }) => count);
    expect(counts).not.toContain(77);
    await person.close();
  });

  test("the page gets one global and, however often it names the script, one launcher, until it is destroyed", async () => {
    const person = await browser.person();
    const { page } = await visit(person, "/");
    await launcher(page).waitFor();
    const before = await page.evaluate(() => (window as unknown as { before: string[] }).before);
    await page.addScriptTag({ url: `${chat.url}/embed.js` });
    expect(await page.locator("duologue-launcher").count()).toBe(1);
    const names = await page.evaluate(() => Object.getOwnPropertyNames(window));
    expect(names.filter((name) => !before.includes(name))).toEqual(["Duologue"]);
    await page.evaluate(() => window.Duologue?.launcher?.destroy());
    expect(await page.locator("duologue-launcher").count()).toBe(0);
    await person.close();
  });

  test("links and code stand in a message as such, and what looks like markup stays text", async () => {
    const [buyerPerson, sellerPerson] = [await browser.person(), await browser.person()];
    await heard((await visit(sellerPerson, "/seller")).page, "duologue:ready");
    const { page, frame, complaints } = await visit(buyerPerson, "/");
    await launcher(page).click();
    await write(frame, "see https://example.org/a and `npm start` <img src=x onerror=alert(1)>");
    const link = frame.getByRole("link", { name: "https://example.org/a" });
    await link.waitFor();
    expect(await link.getAttribute("rel")).toBe("noopener noreferrer nofollow");
    await frame.locator("code", { hasText: "npm start" }).waitFor();
    expect(await frame.locator("img").count()).toBe(0);
    // What is written and not sent is there again when another language makes the frame draw itself anew.
    await frame.getByLabel("Message", { exact: true }).fill("half a sent");
    await page.evaluate(() => window.Duologue?.launcher?.change({ language: "zh-CN" }));
    await frame.getByRole("button", { name: "发送" }).waitFor();
    expect(await frame.getByLabel("消息", { exact: true }).inputValue()).toBe("half a sent");
    expect(complaints).toEqual([]);
    await Promise.all([buyerPerson.close(), sellerPerson.close()]);
  });
});

describe("who may show the chat in a frame", () => {
  test("only the sites that the operator names; others get an empty frame", async () => {
    using stranger = serveShop({ port: 0, secret: SECRET, chat: () => chat.url });
    const person = await browser.person();
    const page = await person.newPage();
    const complaints = complaintsOf(page);
    const refused = page.waitForEvent("console", (message) => message.text().includes("frame-ancestors"));
    await page.goto(`http://localhost:${stranger.port}/`);
    await refused;
    expect(complaints.join()).toContain("frame-ancestors");
    expect(page.frames().map((frame) => frame.url())).not.toContainEqual(expect.stringContaining("/embed"));
    await person.close();
    await using closed = await startServer({});
    const { headers } = await fetch(`${closed.url}/embed`);
    expect(headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
    expect(headers.get("x-frame-options")).toBe("DENY");
  });

  test("the script is let into pages of every origin, by its tag and as a module, and is asked for anew each time", async () => {
    const { headers } = await fetch(`${chat.url}/embed.js`);
    expect(headers.get("cross-origin-resource-policy")).toBe("cross-origin");
    expect(headers.get("access-control-allow-origin")).toBe("*");
    expect(headers.get("cache-control")).toBe("no-cache");
    expect((await fetch(`${chat.url}/embed`)).headers.get("cross-origin-resource-policy")).toBe(
      "same-origin",
    );
  });
});

describe("the widget without a token", () => {
  test("asks for a nickname, and knows the guest again after a reload", async () => {
    const person = await browser.person({ locale: "zh-CN" });
    const open = async (): Promise<Visit> => {
      const visited = await visit(person, "/seller");
      await visited.page.evaluate((url) => {
        document.querySelector("duologue-chat")?.remove();
        window.Duologue?.create({ url, theme: "dark", language: "zh-CN", open: true });
      }, chat.url);
      return { ...visited, frame: visited.page.frameLocator("duologue-launcher iframe") };
    };
    // The seller's element may have been ready before it was removed.
    const guest = async ({ page }: Visit): Promise<string> => {
      const found = await page.waitForFunction(() => {
        const { heard } = window as unknown as { heard: [string, { user?: string }][] };
        return heard.map(([, { user }]) => user).find((user) => user?.startsWith("u_"));
      });
      return String(await found.jsonValue());
    };
    const first = await open();
    await first.frame.getByLabel("昵称").fill("小明");
    await first.frame.getByRole("button", { name: "开始聊天" }).click();
    await first.frame.getByLabel("昵称").waitFor({ state: "detached" });
    const root = first.frame.locator(":root");
    expect(await root.getAttribute("data-theme")).toBe("dark");
    const style = await root.evaluate((node) => getComputedStyle(node).getPropertyValue("--accent"));
    expect(style).toBe("#7a3e1d");
    const user = await guest(first);
    await first.page.close();
    expect(await guest(await open())).toBe(user);
    await person.close();
  });
});

describe("the widget's login", () => {
  test("says so when the page has no token, and asks for another one before a token ends", async () => {
    const person = await browser.person();
    const { page } = await visit(person, "/seller");
    await heard(page, "duologue:ready");
    const [short, long] = [20, 3600].map((lifetimeS) => signToken(SECRET, "buyer", "Bella Buyer", lifetimeS));
    await page.evaluate(
      ([url, tokens]) => {
        document.querySelector("duologue-chat")?.remove();
        const left = [undefined, ...tokens];
        Object.assign(window, { left });
        window.Duologue?.create({ url, open: true, getToken: async () => left.shift() });
      },
      [chat.url, [short, long]] as const,
    );
    const frame = page.frameLocator("duologue-launcher iframe");
    await frame.getByText("Log in on this site to chat.").waitFor();
    await frame.getByRole("button", { name: "Try again" }).click();
    await heard(page, "duologue:ready", 2);
    await page.waitForFunction(() => (window as unknown as { left: unknown[] }).left.length === 0);
    await frame.getByRole("heading", { name: "Chat" }).waitFor();
    await person.close();
  });

  test("a token that the chat refuses, and a peer who is not there, are told in a sentence", async () => {
    const person = await browser.person();
    const { page } = await visit(person, "/seller");
    await heard(page, "duologue:ready");
    const say = async (token: string, peer: string): Promise<FrameLocator> => {
      await page.evaluate(
        ([url, token, peer]) => {
          for (const old of document.querySelectorAll("duologue-chat, duologue-launcher")) old.remove();
          window.Duologue?.create({ url, peer, open: true, getToken: () => token });
        },
        [chat.url, token, peer] as const,
      );
      return page.frameLocator("duologue-launcher iframe");
    };
    const forged = signToken("not the secret of this test, but as long", "buyer", "Bella Buyer");
    const good = signToken(SECRET, "buyer", "Bella Buyer");
    await (await say(forged, "seller")).getByText("The chat does not accept this site's login.").waitFor();
    await (await say(good, "nobody")).getByText("This person has not been in the chat yet.").waitFor();
    await (await say(good, "buyer")).getByText("This is you.").waitFor();
    await person.close();
  });
});

describe("the React app", () => {
  test("agrees with the widget's types", async () => {
    const root = join(import.meta.dir, "..");
    const { bin } = await Bun.file(join(root, "node_modules/typescript/package.json")).json();
    const script = join(root, "node_modules/typescript", bin.tsc);
    const check = Bun.spawn([process.execPath, script, "-p", "examples/react-app"], {
      cwd: root,
      stdout: "pipe",
    });
    expect(await new Response(check.stdout).text()).toBe("");
    expect(await check.exited).toBe(0);
  });

  test("has the widget as a module: the peer changes, messages arrive, and it goes with the component", async () => {
    const [ann, ben] = [await browser.person(), await browser.person()];
    const [annPage, benPage] = [await ann.newPage(), await ben.newPage()];
    const complaints = [annPage, benPage].map(complaintsOf);
    // Somebody is known to the chat once they have been there.
    await benPage.goto(`${appOrigin}/?person=ben`);
    await benPage.getByRole("button", { name: "Messages (0)" }).click();
    const benFrame = benPage.frameLocator("iframe");
    await benFrame.getByText("This person has not been in the chat yet.").waitFor();
    await annPage.goto(`${appOrigin}/?person=ann`);
    await annPage.getByLabel("Write to").selectOption("cleo");
    await annPage.getByRole("button", { name: "Messages" }).click();
    const annFrame = annPage.frameLocator("iframe");
    await annFrame.getByText("This person has not been in the chat yet.").waitFor();
    await annPage.getByLabel("Write to").selectOption("ben");
    await write(annFrame, "hello Ben");
    await benFrame.getByRole("button", { name: "Try again" }).click();
    await benFrame.getByRole("log").getByText("hello Ben").waitFor();
    await benPage.getByRole("button", { name: "Close chat" }).first().click();
    await write(annFrame, "are you there?");
    await benPage.getByRole("button", { name: "Messages (1)" }).waitFor();
    expect(complaints).toEqual([[], []]);
    await Promise.all([ann.close(), ben.close()]);
  });
});

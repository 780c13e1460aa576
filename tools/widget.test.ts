/** The widget in a real browser, on the shop of examples/, with a real server. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { startServer } from "@duologue/testing";
import { serveShop } from "../examples/shop/server.ts";
import {
  complaintsOf,
  heard,
  launcher,
  leave,
  messageOf,
  SECRET,
  WidgetStage,
  write,
} from "./widget-stage.ts";

setDefaultTimeout(90_000);

let stage: WidgetStage;

beforeAll(async () => {
  stage = await WidgetStage.open();
});

afterAll(async () => {
  await stage?.[Symbol.asyncDispose]();
});

describe("the shop", () => {
  test("a buyer writes to a seller who was never there, who finds it on coming; then both ways, with badge and events, under the shop's strict content policy", async () => {
    const buyer = await stage.visit(await stage.browser.person(), "/");
    await heard(buyer.page, "duologue:ready");
    await launcher(buyer.page).click();
    await buyer.frame.getByRole("heading", { name: "Sam Seller" }).waitFor();
    await write(buyer.frame, "Is it still there?");
    await buyer.frame.locator('.message[data-state="sent"]').waitFor();
    const seller = await stage.visit(await stage.browser.person(), "/seller");
    const [ready] = await heard(seller.page, "duologue:ready");
    expect(ready).toEqual({ user: expect.stringMatching(/^h_/) });
    await seller.frame.locator(".row", { hasText: "Bella Buyer" }).click();
    await messageOf(seller.frame, "Is it still there?").waitFor();
    await buyer.frame.locator('.message[data-state="read"]').waitFor();
    await write(buyer.frame, "The blue one.");
    const [arrived] = await heard(seller.page, "duologue:message");
    expect(arrived).toMatchObject({ fromName: "Bella Buyer", seq: 2 });
    expect(JSON.stringify(arrived)).not.toContain("The blue one.");

    await buyer.page.keyboard.press("Escape");
    await write(seller.frame, "It is.");
    await buyer.page.getByRole("button", { name: "Open chat, 1 unread message" }).waitFor();
    expect(await buyer.page.locator("#unread").textContent()).toBe("1");
    await launcher(buyer.page).click();
    await messageOf(buyer.frame, "It is.").waitFor();
    // The chat's own header has a cross; the launcher is no second one.
    const drawing = buyer.page.getByRole("button", { name: "Close chat", exact: true }).locator("path");
    const cross = await buyer.frame.getByRole("button", { name: "Close" }).locator("path").count();
    expect([cross, (await drawing.getAttribute("d"))?.match(/m/gi)?.length]).toEqual([2, 1]);
    await buyer.page.waitForFunction(() => document.querySelector("output")?.value === "0");
    expect([...buyer.complaints, ...seller.complaints]).toEqual([]);
    await leave(buyer, seller);
  });

  test("several messages in a row are told one by one, once, in each of two tabs", async () => {
    const { buyer, seller } = await stage.visitAsPair();
    await write(buyer.frame, "first");
    await heard(seller.page, "duologue:message");
    const other = await stage.visit(seller.page.context(), "/seller");
    await heard(other.page, "duologue:unread");
    const texts = ["one", "two", "three", "four", "five"];
    for (const text of texts) await write(buyer.frame, text);
    const seqs = async (tab: typeof seller, count: number): Promise<unknown[]> =>
      (await heard(tab.page, "duologue:message", count)).map(({ seq }) => seq);
    const [atSeller, atOther] = [await seqs(seller, 6), await seqs(other, 5)];
    expect(atSeller.slice(1)).toEqual(atOther);
    expect(new Set(atOther).size).toBe(texts.length);
    await leave(buyer, seller);
  });

  test("by keyboard alone: Enter opens and leads into the chat, Escape closes and leads back", async () => {
    const person = await stage.browser.person();
    const visit = await stage.visit(person, "/");
    const { page, frame } = visit;
    const button = launcher(page);
    await button.waitFor();
    expect(await button.getAttribute("aria-expanded")).toBe("false");
    await heard(page, "duologue:unread");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog", { name: "Chat" }).waitFor();
    expect(await button.getAttribute("aria-expanded")).toBe("true");
    await frame.locator("#composer:focus").waitFor();
    await page.keyboard.type("by keyboard");
    await page.keyboard.press("Enter");
    await messageOf(frame, "by keyboard").first().waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "hidden" });
    await page.locator("duologue-launcher button:focus").waitFor();
    await leave(visit);
  });

  test("the page's style sheet cannot hide or move the widget, nor the widget change the page", async () => {
    const visit = await stage.visit(await stage.browser.person(), "/");
    const { page, frame } = visit;
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
    await leave(visit);
  });

  test("the page's scripts cannot read the frame, and a message that only looks like ours does nothing", async () => {
    const visit = await stage.visit(await stage.browser.person(), "/");
    const { page } = visit;
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
    await leave(visit);
  });

  test("the page gets one global and, however often it names the script, one launcher, until it is destroyed", async () => {
    const source = `src="${stage.chat.url}/embed.js"`;
    const visit = await stage.show(
      `<script>var before = []; before = Object.getOwnPropertyNames(window)</script>
       <body><script ${source}></script><script ${source}></script><script type="module" ${source}></script>
       <script type="module">document.body.dataset.done = ""</script>`,
    );
    const { page } = visit;
    await page.locator("body[data-done]").waitFor({ state: "attached" });
    await launcher(page).waitFor();
    expect(await page.locator("duologue-launcher").count()).toBe(1);
    const names = await page.evaluate(() => {
      const { before } = window as unknown as { before: string[] };
      return Object.getOwnPropertyNames(window).filter((name) => !before.includes(name));
    });
    expect(names).toEqual(["Duologue"]);
    await page.evaluate(() => window.Duologue?.launcher?.destroy());
    expect(await page.locator("duologue-launcher").count()).toBe(0);
    await leave(visit);
  });
});

describe("who may show the chat in a frame", () => {
  test("only the sites that the operator names; others get an empty frame", async () => {
    using stranger = serveShop({ port: 0, secret: SECRET, chat: () => stage.chat.url });
    const person = await stage.browser.person();
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
    const { headers } = await fetch(`${stage.chat.url}/embed.js`);
    expect(headers.get("cross-origin-resource-policy")).toBe("cross-origin");
    expect(headers.get("access-control-allow-origin")).toBe("*");
    expect(headers.get("cache-control")).toBe("no-cache");
    const frame = await fetch(`${stage.chat.url}/embed`);
    expect(frame.headers.get("cross-origin-resource-policy")).toBe("same-origin");
  });
});

/** What one does in the widget's frame: the same as on the chat's own page. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { choose, launcher, leave, messageOf, WidgetStage, write } from "./widget-stage.ts";

setDefaultTimeout(90_000);

let stage: WidgetStage;

beforeAll(async () => {
  stage = await WidgetStage.open();
});

afterAll(async () => {
  await stage?.[Symbol.asyncDispose]();
});

describe("in the widget", () => {
  test("messages are answered, changed and taken back, as the other side sees", async () => {
    const { buyer, seller } = await stage.visitAsPair();
    await write(buyer.frame, "Ist it still there?");
    await seller.frame.locator(".row", { hasText: "Bella Buyer" }).click();
    await messageOf(seller.frame, "Ist it still there?").waitFor();

    await choose(buyer.frame, "Ist it", "Edit");
    await write(buyer.frame, "Is it still there?");
    await messageOf(seller.frame, "Is it still there?").locator(".edited").waitFor();

    await choose(seller.frame, "Is it still there?", "Reply");
    await write(seller.frame, "It is.");
    await messageOf(buyer.frame, "It is.").locator(".quote", { hasText: "Is it still there?" }).waitFor();

    await choose(seller.frame, "It is.", "Delete");
    await seller.frame.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await messageOf(buyer.frame, "Message deleted").waitFor();
    expect([...buyer.complaints, ...seller.complaints]).toEqual([]);
    await leave(buyer, seller);
  });

  test("Escape ends first what is open inside: an edit, a question; then it closes the window", async () => {
    const { buyer, seller } = await stage.visitAsPair();
    await write(buyer.frame, "to be changed");
    await messageOf(buyer.frame, "to be changed").last().locator("time").waitFor();
    const composer = buyer.frame.locator("#composer");
    await buyer.frame.locator('.message:not([data-state="queued"], [data-state="sending"])').last().waitFor();
    await composer.press("ArrowUp");
    await buyer.frame.locator(".mode").waitFor();
    await composer.press("Escape");
    await buyer.frame.locator(".mode").waitFor({ state: "detached" });
    await choose(buyer.frame, "to be changed", "Delete");
    await buyer.frame.getByRole("dialog").getByRole("button", { name: "Cancel" }).waitFor();
    await buyer.page.keyboard.press("Escape");
    await buyer.frame.locator("dialog").waitFor({ state: "detached" });
    expect(await buyer.page.getByRole("dialog", { name: "Chat" }).isVisible()).toBe(true);
    await composer.press("Escape");
    await buyer.page.getByRole("dialog", { name: "Chat" }).waitFor({ state: "hidden" });
    await leave(buyer, seller);
  });

  test("links and code stand in a message as such, and what looks like markup stays text", async () => {
    const { buyer, seller } = await stage.visitAsPair();
    const { page, frame, complaints } = buyer;
    await write(frame, "see https://example.org/a and `npm start` <img src=x onerror=alert(1)>");
    const link = frame.getByRole("link", { name: "https://example.org/a" });
    await link.waitFor();
    expect(await link.getAttribute("rel")).toBe("noopener noreferrer nofollow");
    await frame.locator("code", { hasText: "npm start" }).waitFor();
    expect(await frame.locator("img").count()).toBe(0);
    // What is written and not sent stays when another language is drawn, and over a reload of the page.
    await frame.locator("#composer").fill("half a sent");
    await page.evaluate(() => window.Duologue?.launcher?.change({ language: "zh-CN" }));
    await frame.getByRole("button", { name: "发送" }).waitFor();
    expect(await frame.getByLabel("消息", { exact: true }).inputValue()).toBe("half a sent");
    await page.reload();
    await launcher(page).click();
    await frame.locator("#composer").waitFor();
    expect(await frame.locator("#composer").inputValue()).toBe("half a sent");
    expect(complaints).toEqual([]);
    await leave(buyer, seller);
  });

  test("the page's Back leads to where one was before the page, however many conversations were read", async () => {
    const seller = await stage.visit(await stage.browser.person(), "/seller");
    const buyer = await stage.visit(await stage.browser.person(), "/");
    await launcher(buyer.page).click();
    await write(buyer.frame, "hello");
    const before = await seller.page.evaluate(() => history.length);
    await seller.frame.locator(".row", { hasText: "Bella Buyer" }).click();
    await seller.frame.locator("#composer").waitFor();
    await seller.frame.getByRole("button", { name: "Back to the conversations" }).click();
    await seller.frame.locator(".row", { hasText: "Bella Buyer" }).waitFor();
    expect(await seller.page.evaluate(() => history.length)).toBe(before);
    await leave(buyer, seller);
  });
});

describe("on a phone", () => {
  test("the launcher opens the whole screen, and touch alone writes, answers and closes", async () => {
    const size = { width: 375, height: 667 };
    const person = await stage.browser.person({ viewport: size, hasTouch: true, isMobile: true });
    const visit = await stage.visit(person, "/");
    const { page, frame } = visit;
    await launcher(page).tap();
    await frame.locator("#composer").waitFor();
    expect(await page.locator("duologue-launcher .panel").boundingBox()).toEqual({ x: 0, y: 0, ...size });
    await frame.locator("#composer").fill("from a phone");
    await frame.getByRole("button", { name: "Send" }).tap();
    const sent = messageOf(frame, "from a phone").last();
    await frame.locator('.message[data-state="sent"]').last().waitFor();
    await sent.locator(".bubble").tap();
    await frame.getByRole("dialog").getByRole("button", { name: "Reply" }).tap();
    await frame.locator(".mode").getByRole("button", { name: "Cancel" }).tap();
    await frame.locator(".pane > header").getByRole("button", { name: "Close" }).tap();
    await page.getByRole("dialog", { name: "Chat" }).waitFor({ state: "hidden" });
    await launcher(page).waitFor();
    expect(visit.complaints).toEqual([]);
    await leave(visit);
  });

  test("a window that the chat does not come into can be closed by the launcher's own button", async () => {
    const person = await stage.browser.person({ viewport: { width: 375, height: 667 }, hasTouch: true });
    const page = await person.newPage();
    await page.route(/\/embed(#.*)?$/, (route) => route.abort());
    await page.goto(`${stage.shopOrigin}/`);
    await launcher(page).tap();
    await page.getByRole("dialog", { name: "Chat" }).waitFor();
    await page.getByRole("button", { name: "Close chat" }).tap();
    await page.getByRole("dialog", { name: "Chat" }).waitFor({ state: "hidden" });
    await person.close();
  });
});

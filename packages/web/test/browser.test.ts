/** The page in a real Chromium against a real server, as two people use it. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { DESKTOP, hurry, PHONE, Stage, say } from "./people.ts";

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open();
}, 60_000);

afterAll(async () => {
  await stage[Symbol.asyncDispose]();
}, 30_000);

describe("in a browser", () => {
  test("two people write to each other, and see what was delivered and read", async () => {
    const { anna, ben } = await stage.joinPair();
    await anna.locator('.message.mine[data-state="read"]').waitFor();
    await say(ben, "你好");
    await anna.locator(".message:not(.mine)", { hasText: "你好" }).waitFor();
    expect(stage.complaints).toEqual([]);
  }, 60_000);

  test("text is text: markup in names and messages makes no element", async () => {
    const { anna, ben } = await stage.joinPair();
    await say(anna, "<img src=x onerror=alert(1)><b>bold</b>");
    const message = ben.locator(".message", { hasText: "<b>bold</b>" });
    await message.waitFor();
    expect(await message.locator("img, b").count()).toBe(0);
    expect(stage.complaints).toEqual([]);
  }, 60_000);

  test("unread messages are counted in the list and in the title until they are looked at", async () => {
    const { page: ben, name: benName } = await stage.join("Ben", PHONE);
    const { page: anna, name: annaName } = await stage.join("Anna");
    await anna.locator(".row", { hasText: benName }).click();
    await say(anna, "one");
    await say(anna, "two");
    await ben.waitForFunction(() => document.title.startsWith("(2)"));
    await ben.locator(".row", { hasText: annaName }).first().tap();
    await ben.locator(".separator.new").waitFor();
    await ben.waitForFunction(() => document.title === "Duologue");
  }, 60_000);

  test("a return is the same person, in the same conversation, with what they had written", async () => {
    const { anna, ben } = await stage.joinPair();
    const name = await anna.locator(".sidebar .name").first().textContent();
    await anna.reload();
    await anna.locator(".message", { hasText: "hello" }).waitFor();
    expect(await anna.locator(".sidebar .name").first().textContent()).toBe(name);
    await say(anna, "back again");
    await ben.locator(".message", { hasText: "back again" }).waitFor();
  }, 60_000);

  test("a taken nickname is refused with one that is free", async () => {
    const { name } = await stage.join("Cleo");
    const page = await stage.visit(DESKTOP);
    await page.locator("#nickname").fill(name);
    await page.locator("#nickname").press("Enter");
    await page.locator(".notice[data-problem]").waitFor();
    await page.locator("form .link").click();
    await page.locator(".sidebar").waitFor();
    expect(await page.locator(".sidebar .name").first().textContent()).not.toBe(name);
  }, 60_000);

  test("Enter sends, Shift+Enter breaks the line, and an input method's Enter does neither", async () => {
    const { anna } = await stage.joinPair();
    const composer = anna.locator("#composer");
    await composer.fill("ni hao");
    const composing = { key: "Enter", bubbles: true, cancelable: true };
    await composer.dispatchEvent("keydown", { ...composing, isComposing: true });
    await composer.dispatchEvent("keydown", { ...composing, keyCode: 229 });
    expect(await composer.inputValue()).toBe("ni hao");
    await composer.press("Shift+Enter");
    expect(await composer.inputValue()).toBe("ni hao\n");
    await composer.press("Enter");
    expect(await composer.inputValue()).toBe("");
  }, 60_000);

  test("a message can be answered, edited and taken back", async () => {
    const { anna, ben } = await stage.joinPair();
    const own = anna.locator(".message.mine").first();
    await own.hover();
    await own.getByRole("button", { name: "Edit" }).click();
    await say(anna, "hello there");
    const seen = ben.locator(".message", { hasText: "hello there" });
    await seen.hover();
    await seen.getByRole("button", { name: "Reply" }).click();
    await say(ben, "well met");
    await anna
      .locator(".message", { hasText: "well met" })
      .locator(".quote", { hasText: "hello there" })
      .waitFor();
    await own.hover();
    await own.getByRole("button", { name: "Delete" }).click();
    await anna.locator("dialog .danger").click();
    await ben.locator(".message[data-retracted]").waitFor();
    expect(await ben.getByText("hello there").count()).toBe(0);
  }, 60_000);

  test("below 768 pixels there is one pane at a time, nothing is wider than the screen, and back leads to the list", async () => {
    const { anna, ben } = await stage.joinPair(PHONE);
    await say(anna, "a".repeat(300));
    await ben.locator(".message", { hasText: "aaa" }).waitFor();
    expect(await ben.locator(".sidebar").isVisible()).toBe(false);
    expect(await ben.evaluate(() => document.documentElement.scrollWidth)).toBe(375);
    await ben.goBack();
    await ben.locator(".sidebar").waitFor();
    expect(await ben.locator("#composer").isVisible()).toBe(false);
  }, 60_000);

  test("Chinese readers read Chinese", async () => {
    const { page } = await stage.join("小红", { ...DESKTOP, locale: "zh-CN", colorScheme: "dark" });
    expect(await page.getByRole("button", { name: "设置" }).isVisible()).toBe(true);
    expect(await page.locator("html").getAttribute("lang")).toBe("zh");
  }, 60_000);

  test("[HL10] logging out takes the token away and leads to the beginning", async () => {
    const { page } = await stage.join("Dora");
    await page.getByRole("button", { name: "Settings" }).click();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.locator("dialog .danger").click();
    await page.locator("#nickname").waitFor();
    expect(await page.evaluate(() => localStorage.length)).toBe(0);
  }, 60_000);

  test("what was written while the server was away arrives when it is back", async () => {
    const { anna, ben } = await stage.joinPair();
    const bringBack = await stage.interrupt();
    await anna.locator(".banner").waitFor();
    await say(anna, "into the void");
    await anna.locator('.message[data-state="queued"]').waitFor();
    await bringBack();
    await hurry(anna);
    await anna.locator('.message[data-state="queued"]').waitFor({ state: "detached" });
    await ben.locator(".message", { hasText: "into the void" }).waitFor({ timeout: 45_000 });
  }, 90_000);
});

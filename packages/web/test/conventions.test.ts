/** What people know from other chats and expect of this one. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { Page } from "playwright-core";
import { DESKTOP, Stage, say, scrollBack, settled } from "./people.ts";

/** Few lines fill it. */
const LOW = { ...DESKTOP, viewport: { width: 1000, height: 420 } };
setDefaultTimeout(60_000);
let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open();
});

afterAll(async () => {
  await stage?.[Symbol.asyncDispose]();
});

async function fill(page: Page, stem: string, count: number): Promise<void> {
  for (let number = 1; number <= count; number += 1) await say(page, `${stem} ${number}.`);
}

const message = (page: Page, text: string) => page.locator(".message", { hasText: text });
const isInSight = (page: Page, selector: string): Promise<boolean> =>
  page.evaluate((wanted) => {
    const scroll = document.querySelector(".scroll")?.getBoundingClientRect();
    const box = document.querySelector(wanted)?.getBoundingClientRect();
    if (scroll === undefined || box === undefined) return false;
    return box.bottom > scroll.top && box.top < scroll.bottom;
  }, selector);

async function chooseSendKey(page: Page, key: "enter" | "modifier"): Promise<void> {
  await page.getByRole("button", { name: "Settings" }).click();
  await page.getByLabel("Send with").selectOption(key);
  await page.keyboard.press("Escape");
  await page.locator("dialog").waitFor({ state: "detached" });
}

/** As an input method does it: the letters are composed in the field itself, and a key belongs to it. */
async function compose(page: Page, text: string, modifiers: number): Promise<void> {
  const session = await page.context().newCDPSession(page);
  await session.send("Input.imeSetComposition", {
    text,
    selectionStart: text.length,
    selectionEnd: text.length,
  });
  await session.send("Input.dispatchKeyEvent", {
    type: "rawKeyDown",
    key: "Enter",
    code: "Enter",
    windowsVirtualKeyCode: 229,
    modifiers,
  });
}

describe("writing", () => {
  test("Enter makes a line for those who send with Ctrl or Cmd, also after a reload", async () => {
    const { anna, ben } = await stage.joinPair();
    const composer = anna.locator("#composer");
    expect(await composer.getAttribute("enterkeyhint")).toBe("send");
    await chooseSendKey(anna, "modifier");
    await anna.reload();
    await composer.waitFor();
    expect(await composer.getAttribute("enterkeyhint")).toBe("enter");
    await composer.focus();
    await anna.keyboard.type("one");
    await anna.keyboard.press("Enter");
    await anna.keyboard.type("two");
    expect(await composer.inputValue()).toBe("one\ntwo");
    await anna.keyboard.press("Control+Enter");
    await message(ben, "one").waitFor();
    expect(await message(ben, "one").locator(".text").textContent()).toContain("one\ntwo");
    await anna.keyboard.type("three");
    await anna.keyboard.press("Meta+Enter");
    await message(ben, "three").waitFor();
    await chooseSendKey(anna, "enter");
    await composer.focus();
    await anna.keyboard.type("four");
    await anna.keyboard.press("Enter");
    await message(ben, "four").waitFor();
  });

  test("what sends ends the composition of an input method first, whichever key was chosen", async () => {
    const { anna } = await stage.joinPair();
    const CONTROL = 2;
    await chooseSendKey(anna, "modifier");
    const composer = anna.locator("#composer");
    await composer.focus();
    await compose(anna, "ni hao", CONTROL);
    expect(await composer.inputValue()).toBe("ni hao");
    expect(await message(anna, "ni hao").count()).toBe(0);
    const session = await anna.context().newCDPSession(anna);
    await session.send("Input.insertText", { text: "你好" });
    await composer.press("Control+Enter");
    await message(anna, "你好").waitFor();
    expect(await composer.inputValue()).toBe("");
  });

  test("the choice is there in Chinese", async () => {
    const { page } = await stage.join("Wei", { ...DESKTOP, locale: "zh-CN" });
    await page.getByRole("button", { name: "设置" }).click();
    const choice = page.getByLabel("发送消息");
    expect(await choice.locator("option").allTextContents()).toEqual(["Enter", "Ctrl 或 ⌘ + Enter"]);
  });

  test("the arrows lead from one own message to the next while nothing is changed", async () => {
    const { anna, ben } = await stage.joinPair();
    const composer = anna.locator("#composer");
    await say(anna, "second");
    await say(ben, "from Ben");
    await message(anna, "from Ben").waitFor();
    await say(anna, "third\nof two lines");
    const unsent = '.message:is([data-state="queued"], [data-state="sending"])';
    await message(anna, "third").waitFor();
    await anna.waitForFunction((selector) => document.querySelector(selector) === null, unsent);
    const press = async (key: string): Promise<string> => {
      await composer.press(key);
      return composer.inputValue();
    };
    expect(await press("ArrowUp")).toBe("third\nof two lines");
    // The caret is at the end, and goes up in the text as usual.
    expect(await press("ArrowUp")).toBe("third\nof two lines");
    expect(await press("Home")).toBe("third\nof two lines");
    expect(await press("ArrowUp")).toBe("second");
    expect(await press("ArrowUp")).toBe("hello");
    expect(await press("ArrowUp")).toBe("hello");
    // From its beginning the caret goes to its end first.
    expect(await press("ArrowDown")).toBe("hello");
    expect(await press("ArrowDown")).toBe("second");
    expect(await press("ArrowDown")).toBe("third\nof two lines");
    expect(await press("ArrowDown")).toBe("");
    await anna.locator(".mode").waitFor({ state: "detached" });
    expect(await press("ArrowUp")).toBe("third\nof two lines");
    await anna.keyboard.type("!");
    expect(await press("ArrowDown")).toBe("third\nof two lines!");
    expect(await press("Escape")).toBe("");
    await anna.locator(".mode").waitFor({ state: "detached" });
  });
});

test("a conversation's row says how far one's own last message has come", async () => {
  const { anna, ben, annaName } = await stage.joinPair();
  const state = anna.locator(".row[aria-current] .state");
  const is = (wanted: string): Promise<void> => state.filter({ hasText: wanted }).waitFor();
  await is("Read");
  await ben.evaluate(() => location.assign("#/"));
  await ben.locator(".composer").waitFor({ state: "detached" });
  await say(anna, "are you there?");
  await is("Delivered");
  const row = ben.locator(".row", { hasText: annaName });
  expect(await row.locator(".state").count()).toBe(0);
  await row.click();
  await is("Read");
  await say(ben, "yes");
  await state.waitFor({ state: "detached" });
  await ben.context().close();
  await anna.locator(".row[aria-current] .avatar:not([data-online])").waitFor();
  await say(anna, "gone?");
  await is("Sent");
});

describe("reading back", () => {
  /** Ben has read `early` lines and not yet opened the `late` ones. */
  async function joinLate(
    early: number,
    late: number,
    beforeOpening: (page: Page) => Promise<void> = async () => {},
  ): Promise<{ anna: Page; ben: Page }> {
    const { anna, ben, annaName } = await stage.joinPair(LOW);
    await fill(anna, "early", early);
    await message(ben, `early ${early}.`).waitFor();
    await ben.evaluate(() => location.assign("#/"));
    await ben.locator(".composer").waitFor({ state: "detached" });
    await fill(anna, "late", late);
    const row = ben.locator(".row", { hasText: annaName });
    await row.locator(".unread", { hasText: `${late} unread` }).waitFor();
    await beforeOpening(ben);
    await row.click();
    await ben.locator(".separator.new").waitFor();
    await settled(ben);
    return { anna, ben };
  }

  /** The number of the last "late" line of which something is in sight. */
  const lowestInSight = (page: Page): Promise<number> =>
    page.evaluate(() => {
      const bottom = document.querySelector(".scroll")?.getBoundingClientRect().bottom ?? 0;
      const inSight = [...document.querySelectorAll(".message")].filter(
        (one) => one.getBoundingClientRect().top < bottom,
      );
      return Math.max(...inSight.map((one) => Number(/late (\d+)\./.exec(one.textContent)?.[1] ?? 0)));
    });

  test("a conversation opens at the mark with no day over it, and the button to the end counts what is below", async () => {
    const noteDays = (page: Page): Promise<void> =>
      page.evaluate(() => {
        const look = new MutationObserver(() => {
          const isShown = document.querySelector(".day-in-sight[data-shown]") !== null;
          if (isShown) document.body.dataset.sawDay = "";
        });
        look.observe(document.body, { childList: true, subtree: true, attributeFilter: ["data-shown"] });
      });
    const { anna, ben } = await joinLate(12, 40, noteDays);
    const jump = ben.locator(".jump");
    const expectCount = async (late: number): Promise<void> =>
      ben
        .getByRole("button", { name: `${late - (await lowestInSight(ben))} new messages`, exact: true })
        .waitFor();
    await expectCount(40);
    expect(await ben.locator("body").getAttribute("data-saw-day")).toBeNull();
    const room = await ben.evaluate(() => {
      const top = (selector: string): number =>
        document.querySelector(selector)?.getBoundingClientRect().top ?? Number.NaN;
      return top(".separator.new") - top(".scroll");
    });
    expect(room).toBeWithin(36, 60);
    await ben.locator(".scroll").hover();
    await ben.mouse.wheel(0, 150);
    await ben.locator(".day-in-sight[data-shown]").waitFor();
    await settled(ben);
    await expectCount(40);
    await say(anna, "late 41.");
    await expectCount(41);
    await jump.click();
    await jump.waitFor({ state: "detached" });
    await scrollBack(ben, 100);
    expect(await jump.textContent()).toBe("To the latest");
  });

  /** More than the conversations here are high. */
  const WHOLE_PIXELS = 10_000;
  const unreadButton = (page: Page) =>
    page.locator(".middle").getByRole("button", { name: "20 unread messages" });

  test("a button names the unread messages while their beginning is out of sight, and leads there", async () => {
    const { ben } = await joinLate(12, 20);
    const button = unreadButton(ben);
    expect(await isInSight(ben, ".separator.new")).toBe(true);
    expect(await button.count()).toBe(0);
    await scrollBack(ben, WHOLE_PIXELS);
    await button.click();
    await button.waitFor({ state: "detached" });
    expect(await isInSight(ben, ".separator.new")).toBe(true);
    const focused = await ben.evaluate(() => document.activeElement?.className);
    expect(focused).toBe("scroll");
    // Below the mark, but not at the end: the way back is up.
    // The list may still be leading to the mark, and then takes the first tries back.
    for (let tries = 0; tries < 20 && (await isInSight(ben, ".separator.new")); tries += 1) {
      await ben.locator(".scroll").evaluate((scroll) => scroll.scrollBy(0, 150));
      await settled(ben);
    }
    await button.waitFor();
    expect(await isInSight(ben, ".separator.new")).toBe(false);
  });

  test("all is read at a touch of its ×, or with Escape, and the mark stays", async () => {
    for (const how of ["button", "Escape"] as const) {
      const { anna, ben } = await joinLate(12, 20);
      const opened = await ben.locator(".scroll").evaluate((scroll) => scroll.scrollTop);
      await scrollBack(ben, WHOLE_PIXELS);
      const button = unreadButton(ben);
      await button.waitFor();
      if (how === "button") await ben.getByRole("button", { name: "Mark all as read" }).click();
      else await ben.locator(".scroll").press("Escape");
      await button.waitFor({ state: "detached" });
      await ben.locator(".row[aria-current] .unread").waitFor({ state: "detached" });
      await anna.locator(".row[aria-current] .state", { hasText: "Read" }).waitFor();
      expect(await ben.locator(".scroll").evaluate((scroll) => scroll.scrollTop)).toBe(0);
      // What comes now does not begin at the mark.
      await say(anna, "later still");
      await ben.getByRole("button", { name: "1 new message" }).waitFor();
      expect(await ben.locator(".unread-mark").count()).toBe(0);
      await ben.locator(".scroll").evaluate((scroll, top) => scroll.scrollTo(0, top), opened);
      await settled(ben);
      expect(await isInSight(ben, ".separator.new")).toBe(true);
    }
  });

  test("Home leads the keyboard to the first loaded message, End to the last one", async () => {
    const { anna } = await stage.joinPair(LOW);
    await fill(anna, "line", 40);
    await message(anna, "line 40.").focus();
    await anna.keyboard.press("Home");
    await anna.locator(".message:focus", { hasText: "hello" }).waitFor();
    await anna.locator(".jump").waitFor();
    expect(await isInSight(anna, ".message:focus")).toBe(true);
    await anna.keyboard.press("ArrowDown");
    await anna.locator(".message:focus", { hasText: "line 1." }).waitFor();
    await anna.keyboard.press("End");
    await anna.locator(".message:focus", { hasText: "line 40." }).waitFor();
    await anna.locator(".jump").waitFor({ state: "detached" });
    expect(await isInSight(anna, ".message:focus")).toBe(true);
  });

  test("the day of the topmost message is shown while one scrolls back, and moves nothing", async () => {
    const { anna, ben } = await stage.joinPair(LOW);
    await fill(anna, "line", 30);
    await message(ben, "line 30.").waitFor();
    const pill = ben.locator(".day-in-sight");
    expect(await pill.count()).toBe(0);
    const heightOf = (): Promise<number> => ben.locator(".middle").evaluate((middle) => middle.scrollHeight);
    const before = await heightOf();
    await scrollBack(ben, 300);
    await ben.locator(".day-in-sight[data-shown]", { hasText: "Today" }).waitFor();
    expect(await pill.getAttribute("aria-hidden")).toBe("true");
    expect(await pill.evaluate((element) => getComputedStyle(element).pointerEvents)).toBe("none");
    expect(await heightOf()).toBe(before);
    // Nobody scrolls any more.
    await pill.waitFor({ state: "hidden" });
    // Where the heading itself is in sight, it is enough.
    await scrollBack(ben, WHOLE_PIXELS);
    await ben.locator(".separator", { hasText: "Today" }).waitFor();
    await ben.locator(".day-in-sight:not([data-shown])").waitFor({ state: "attached" });
    await ben.emulateMedia({ reducedMotion: "reduce" });
    expect(await pill.evaluate((element) => getComputedStyle(element).transitionProperty)).toBe("none");
  });
});

test("pages complain about nothing", () => {
  expect(stage.complaints).toEqual([]);
});

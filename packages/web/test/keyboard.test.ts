/** Everything without a mouse, and input methods. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { Page } from "playwright-core";
import { DESKTOP, noteFlashes, Stage, say } from "./people.ts";

setDefaultTimeout(60_000);
let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open();
});

afterAll(async () => {
  await stage?.[Symbol.asyncDispose]();
});

/** What has the focus, as a screen reader would name it. */
const focused = (page: Page): Promise<string> =>
  page.evaluate(() => {
    const element = document.activeElement;
    return element?.getAttribute("aria-label") || element?.id || element?.textContent || "";
  });

/** Presses Tab (or Shift+Tab) until this has the focus; a person does not count. */
async function tabTo(page: Page, name: string, key = "Tab"): Promise<void> {
  const passed: string[] = [];
  while (passed.length < 40) {
    await page.keyboard.press(key);
    const now = (await focused(page)) || "(nothing)";
    if (now.includes(name)) return;
    passed.push(now);
  }
  throw new Error(`${key} does not lead to ${name}; it led to: ${passed.join(", ")}`);
}

describe("without a mouse", () => {
  test("one signs in, finds somebody, writes, answers, edits, copies, deletes, and logs out", async () => {
    const { page: ben, name: benName } = await stage.join("Ben");
    const page = await stage.visit(DESKTOP);
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    // The form has the focus at once.
    await page.keyboard.type("Keyboard");
    await page.keyboard.press("Enter");
    await page.locator(".sidebar").waitFor();
    await tabTo(page, "Search people");
    await page.keyboard.type(benName);
    await page.getByRole("heading", { name: "Search results" }).waitFor();
    await page.locator(".lists .row", { hasText: benName }).waitFor();
    await tabTo(page, benName);
    await page.keyboard.press("Enter");
    await page.locator("#composer:focus").waitFor();
    await page.keyboard.type("first");
    await page.keyboard.press("Enter");
    await ben.locator(".row[data-unread]").click();
    await say(ben, "second");
    await page.locator(".message", { hasText: "second" }).waitFor();
    // Answering.
    await page.keyboard.press("Shift+Tab");
    expect(await focused(page)).toContain("second");
    await tabTo(page, "Reply");
    await page.keyboard.press("Enter");
    await page.locator(".mode[data-kind=reply]").waitFor();
    expect(await focused(page)).toBe("composer");
    await page.keyboard.type("third");
    await page.keyboard.press("Enter");
    await page.locator('.message.mine[data-state="read"]', { hasText: "third" }).waitFor();
    // Leading to what was answered.
    await page.keyboard.press("Shift+Tab");
    await page.locator(".quote:focus").waitFor();
    const flashed = await noteFlashes(page);
    await page.keyboard.press("Enter");
    await flashed("second");
    // Copying.
    await tabTo(page, "Copy");
    await page.keyboard.press("Enter");
    await page.locator(".toast", { hasText: "Copied" }).waitFor();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe("third");
    // Editing.
    await tabTo(page, "Edit");
    await page.keyboard.press("Enter");
    await page.keyboard.type(" (edited)");
    await page.keyboard.press("Enter");
    await ben.locator(".message", { hasText: "third (edited)" }).waitFor();
    // Deleting: not by mistake, since Cancel has the focus, and the focus returns where it was.
    await page.keyboard.press("Shift+Tab");
    await tabTo(page, "Delete");
    await page.keyboard.press("Enter");
    await page.locator("dialog").waitFor();
    expect(await focused(page)).toBe("Cancel");
    await page.keyboard.press("Escape");
    await page.locator("dialog").waitFor({ state: "detached" });
    expect(await focused(page)).toBe("Delete");
    await page.keyboard.press("Enter");
    await page.locator("dialog").waitFor();
    await tabTo(page, "Delete");
    await page.keyboard.press("Enter");
    await ben.locator(".message[data-retracted]", { hasText: "Message deleted" }).waitFor();
    // The button is gone with the message; the place is kept.
    await page.locator(".message[data-retracted]:focus").waitFor();
    // Leaving.
    await tabTo(page, "Settings", "Shift+Tab");
    await page.keyboard.press("Enter");
    await page.locator("dialog").waitFor();
    await tabTo(page, "Sign out");
    await page.keyboard.press("Enter");
    await page.locator("dialog .danger").waitFor();
    await tabTo(page, "Sign out");
    await page.keyboard.press("Enter");
    await page.locator("#nickname:focus").waitFor();
    expect(stage.complaints).toEqual([]);
  });

  test("the focus stays in a dialog, and returns to the button that opened it", async () => {
    const { anna } = await stage.joinPair();
    await tabTo(anna, "Settings", "Shift+Tab");
    await anna.keyboard.press("Enter");
    await anna.locator("dialog").waitFor();
    for (let step = 0; step < 12; step += 1) {
      await anna.keyboard.press("Tab");
      const isOutside = await anna.evaluate(
        () => document.activeElement !== document.body && document.activeElement?.closest("dialog") === null,
      );
      expect(isOutside).toBe(false);
    }
    await anna.keyboard.press("Escape");
    await anna.locator("dialog").waitFor({ state: "detached" });
    expect(await focused(anna)).toBe("Settings");
  });

  test("what has the focus can be seen", async () => {
    const { anna } = await stage.joinPair();
    const seen = new Set<string>();
    for (let step = 0; step < 14; step += 1) {
      await anna.keyboard.press("Tab");
      const { name, outline } = await anna.evaluate(() => {
        const element = document.activeElement ?? document.body;
        const { outlineStyle, outlineWidth } = getComputedStyle(element);
        return { name: element.className || element.id, outline: `${outlineStyle} ${outlineWidth}` };
      });
      if (name === "" || seen.has(name)) continue;
      seen.add(name);
      expect(`${name}: ${outline}`).toBe(`${name}: solid 2px`);
    }
    expect(seen.size).toBeGreaterThan(4);
  });
});

test("Enter ends the composition of an input method, and sends only after it", async () => {
  const { anna, ben } = await stage.joinPair();
  const composer = anna.locator("#composer");
  await composer.focus();
  const events = await anna.evaluateHandle(() => {
    const list: string[] = [];
    for (const type of ["compositionstart", "compositionend"]) {
      document.addEventListener(type, () => list.push(type));
    }
    document.addEventListener("keydown", ({ key, isComposing }) => list.push(`${key} ${isComposing}`), true);
    return list;
  });
  // As an input method does it: the letters are composed in the field itself.
  const session = await anna.context().newCDPSession(anna);
  for (const text of ["n", "ni", "ni h", "ni hao"]) {
    await session.send("Input.imeSetComposition", {
      text,
      selectionStart: text.length,
      selectionEnd: text.length,
    });
  }
  await session.send("Input.dispatchKeyEvent", {
    type: "rawKeyDown",
    key: "Enter",
    code: "Enter",
    windowsVirtualKeyCode: 229,
  });
  expect(await composer.inputValue()).toBe("ni hao");
  await session.send("Input.insertText", { text: "你好" });
  expect(await composer.inputValue()).toBe("你好");
  expect(await anna.locator(".message", { hasText: "你好" }).count()).toBe(0);
  await composer.press("Enter");
  await ben.locator(".message", { hasText: "你好" }).waitFor();
  expect(await composer.inputValue()).toBe("");
  expect(await events.jsonValue()).toEqual([
    "compositionstart",
    "Enter true",
    "compositionend",
    "Enter false",
  ]);
});

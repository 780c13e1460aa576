/** How it looks to those who asked for less motion, and to those who write from right to left. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { Locator, Page } from "playwright-core";
import { DESKTOP, Stage, say } from "./people.ts";

setDefaultTimeout(60_000);
let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open();
});

afterAll(async () => {
  await stage?.[Symbol.asyncDispose]();
});

/** Names of what moves by itself now. */
const moving = (page: Page): Promise<string[]> =>
  page.evaluate(() => document.getAnimations().map((animation) => animation.constructor.name));

/** Elements that would move if something of theirs changed, or glide when they are scrolled. */
const wouldMove = (page: Page): Promise<string[]> =>
  page.evaluate(() =>
    [...document.querySelectorAll("*")]
      .filter((element) => {
        const { transitionDuration, scrollBehavior, animationName } = getComputedStyle(element);
        return transitionDuration !== "0s" || scrollBehavior !== "auto" || animationName !== "none";
      })
      .map((element) => `${element.tagName} ${element.className}`),
  );

interface Mark {
  readonly outline: string;
  readonly moving: readonly string[];
}

/** What the message looks like that was jumped to, in the moment in which it is marked. */
async function jumpToOriginal(page: Page): Promise<Mark> {
  await page.locator(".message").first().hover();
  await page.getByRole("button", { name: "Reply" }).first().click();
  await say(page, "an answer");
  await page.locator(".quote").waitFor();
  return await page.evaluate(
    () =>
      new Promise<Mark>((resolve) => {
        const observer = new MutationObserver(() => {
          const bubble = document.querySelector(".message[data-flash] .bubble");
          if (bubble === null) return;
          observer.disconnect();
          const names = document.getAnimations().map((animation) => animation.constructor.name);
          resolve({ outline: getComputedStyle(bubble).outlineStyle, moving: names });
        });
        observer.observe(document, { subtree: true, childList: true, attributeFilter: ["data-flash"] });
        document.querySelector<HTMLElement>(".quote")?.click();
      }),
  );
}

describe("motion", () => {
  test("a message that was jumped to glows", async () => {
    const { ben } = await stage.joinPair();
    expect(await jumpToOriginal(ben)).toEqual({ outline: "solid", moving: ["CSSAnimation"] });
  });

  test("nothing moves for who asked for less of it, and what was jumped to is marked all the same", async () => {
    const { anna, ben } = await stage.joinPair({ ...DESKTOP, reducedMotion: "reduce" });
    expect(await jumpToOriginal(ben)).toEqual({ outline: "solid", moving: [] });
    expect(await wouldMove(ben)).toEqual([]);
    await ben.locator(".message[data-flash]").waitFor({ state: "detached" });
    await say(anna, "one more");
    await ben.locator(".message", { hasText: "one more" }).waitFor();
    await ben.getByRole("button", { name: "Settings" }).click();
    expect(await moving(ben)).toEqual([]);
    expect(await wouldMove(ben)).toEqual([]);
  });
});

const HEBREW_NAME = "שרה לוי";
const HEBREW = "שלום! פגישה ב-10:30 ב-Duologue?";
const ARABIC = "مرحبا Anna (12)!";

const directionOf = (text: Locator): Promise<string> =>
  text.evaluate((element) => getComputedStyle(element).direction);

interface Box {
  readonly left: number;
  readonly right: number;
}

function boxOf(element: Locator): Promise<Box> {
  return element.evaluate((node) => {
    const { left, right } = node.getBoundingClientRect();
    return { left, right };
  });
}

/** Where a character stands on the screen. */
function placeOfCharacter(element: Locator, character: string): Promise<number> {
  return element.evaluate((node, wanted) => {
    const walker = document.createTreeWalker(node, NodeFilter.SHOW_TEXT);
    for (let text = walker.nextNode(); text !== null; text = walker.nextNode()) {
      const index = text.textContent?.indexOf(wanted) ?? -1;
      if (index < 0) continue;
      const range = document.createRange();
      range.setStart(text, index);
      range.setEnd(text, index + wanted.length);
      return range.getBoundingClientRect().left;
    }
    return Number.NaN;
  }, character);
}

describe("text from right to left", () => {
  test("a name keeps its own direction and leaves its neighbours where they were", async () => {
    const { page: sara, name: saraName } = await stage.join(HEBREW_NAME);
    const { page: anna, name: annaName } = await stage.join("Anna");
    await anna.locator(".row", { hasText: saraName }).click();
    await say(anna, "shalom");
    await sara.locator(".row .unread").waitFor();
    const row = anna.locator(".row", { hasText: saraName });
    const [avatar, name, time] = await Promise.all([
      boxOf(row.locator(".avatar")),
      boxOf(row.locator(".name")),
      boxOf(row.locator("time")),
    ]);
    expect(avatar.right).toBeLessThan(name.left);
    expect(name.right).toBeLessThan(time.left);
    expect(await directionOf(anna.locator(".pane header .name"))).toBe("rtl");
    expect(await directionOf(row)).toBe("ltr");
    // "Write to …" begins with Latin letters; the name in it is set apart, so the whole stays as it was written.
    expect(await anna.locator("#composer").getAttribute("placeholder")).toContain(saraName);
    await sara.locator(".row", { hasText: annaName }).click();
    await sara.locator("#composer").fill("ש");
    await anna.locator(".typing", { hasText: /^typing…$/ }).waitFor();
  });

  test("a message keeps its own direction, its author's side, and its punctuation at its own end", async () => {
    const { anna, ben } = await stage.joinPair();
    for (const text of [HEBREW, ARABIC, "plain words."]) await say(anna, text);
    await ben.locator(".message", { hasText: "plain words." }).waitFor();
    for (const page of [anna, ben]) {
      for (const text of [HEBREW, ARABIC]) {
        const message = page.locator(".message", { hasText: text });
        expect(await directionOf(message.locator(".text"))).toBe("rtl");
        expect(await directionOf(message)).toBe("ltr");
      }
      expect(await directionOf(page.locator(".message", { hasText: "plain words." }).locator(".text"))).toBe(
        "ltr",
      );
    }
    const arabic = ben.locator(".message .text", { hasText: ARABIC });
    expect(await placeOfCharacter(arabic, "!")).toBeLessThan(await placeOfCharacter(arabic, "م"));
    const sides = async (page: Page): Promise<number[]> => {
      const lefts: number[] = [];
      for (const bubble of await page.locator(".bubble").all()) lefts.push((await boxOf(bubble)).left);
      return lefts;
    };
    expect(new Set(await sides(ben)).size).toBe(1);
    const [, hebrew] = await anna.locator(".bubble").all();
    const plain = anna.locator(".bubble", { hasText: "plain words." });
    expect((await boxOf(hebrew ?? plain)).right).toBe((await boxOf(plain)).right);
  });

  test("a time never lies over the text, whichever way that runs", async () => {
    const { anna, ben } = await stage.joinPair();
    await say(ben, "so that hers stand alone");
    for (const text of [HEBREW, "plain", `${HEBREW} ${HEBREW} ${HEBREW} ${HEBREW}`]) {
      await say(anna, text);
      const said = anna.locator(".message.mine[data-last]", { hasText: text }).last();
      await said.locator(".details:not([data-quiet])").waitFor();
      const isClear = await said.evaluate((message) => {
        const range = document.createRange();
        range.selectNodeContents(message.querySelector(".text") ?? message);
        const lines = [...range.getClientRects()];
        const details = [...message.querySelectorAll(".details > *")].map((one) =>
          one.getBoundingClientRect(),
        );
        return details.every((one) =>
          lines.every(
            ({ left, right, top, bottom }) =>
              right <= one.left || left >= one.right || bottom <= one.top || top >= one.bottom,
          ),
        );
      });
      expect(isClear).toBe(true);
    }
  });
});

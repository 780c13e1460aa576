/** What the layout withstands: hostile texts and names, small and wide windows, messages and banners that come. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { Page } from "playwright-core";
import { choose, DESKTOP, PHONE, Stage, say, scrollBack } from "./people.ts";

setDefaultTimeout(60_000);
let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open();
});

afterAll(async () => {
  await stage?.[Symbol.asyncDispose]();
});

/** Browsers call a tenth good; what is left is what lies over the page and grows with its words. */
const SHIFT_MAX = 0.02;
const ZALGO = `Z${"\u0300\u0315\u0323\u0489".repeat(40)}algo${"\u0334\u0316\u0310".repeat(40)}`;

/** Each with a piece of it that is seen on the page as it was written. */
const hostileTexts: readonly (readonly [string, string])[] = [
  ["<script>document.title = 'ran'</script>", "<script>"],
  ["<img src=x onerror=\"document.title = 'ran'\"><svg/onload=\"document.title = 'ran'\">", "<svg/onload"],
  ["javascript:document.title='ran' and [x](javascript:alert(1)) data:text/html,<b>x", "javascript:document"],
  ["&lt;b&gt;&#x202e; {{constructor.constructor('x')()}} <%= 'ran' %>", "{{constructor"],
  ["\u202eevil gnp.exe\u202c and \u2066isolated\u2067 \u202dforced", "evil gnp.exe"],
  [ZALGO, "algo"],
  ["x".repeat(8_000), "xxxxxxxx"],
  ["🏳️‍🌈".repeat(400), "🏳️‍🌈"],
  [`\`${"c".repeat(900)}\`\n\`\`\`\n${"b".repeat(900)}\n\`\`\``, "ccccc"],
  ["line\n".repeat(300), "line"],
  ["漢".repeat(2_000), "漢漢漢"],
];

/** Elements, apart from what scrolls by itself, that reach out of the window to a side. */
function tooWide(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const inScroller = (element: Element): boolean =>
      element.closest("code.block") !== null || element.closest(".hidden-text, [data-quiet]") !== null;
    return [...document.querySelectorAll("body *")]
      .filter((element) => {
        const { left, right, width } = element.getBoundingClientRect();
        return width > 0 && !inScroller(element) && (left < -0.5 || right > innerWidth + 0.5);
      })
      .map((element) => `${element.tagName} ${element.className} ${element.textContent.slice(0, 40)}`);
  });
}

/** Pairs that stand next to or above each other and yet lie over each other. */
function overlaps(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const boxes = (selector: string): DOMRect[] =>
      [...document.querySelectorAll(selector)]
        .filter((element) => element.checkVisibility())
        .map((element) => element.getBoundingClientRect());
    const found: string[] = [];
    const check = (what: string, list: readonly DOMRect[]): void => {
      for (const [index, one] of list.entries()) {
        for (const other of list.slice(index + 1)) {
          const wide = Math.min(one.right, other.right) - Math.max(one.left, other.left);
          const high = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
          if (wide > 0.5 && high > 0.5) found.push(`${what}: ${wide} by ${high}`);
        }
      }
    };
    check("messages", boxes(".message"));
    check("rows", boxes(".row"));
    check("areas", boxes(".pane > header, .pane .middle, .pane .composer, .sidebar"));
    for (const row of document.querySelectorAll(".row, .pane > header")) {
      check(
        "parts of a row",
        [...row.querySelectorAll(".avatar, .name, time, .unread")].map((part) =>
          part.getBoundingClientRect(),
        ),
      );
    }
    return found;
  });
}

async function expectSound(page: Page): Promise<void> {
  expect(await tooWide(page)).toEqual([]);
  expect(await overlaps(page)).toEqual([]);
  const size = await page.evaluate(() => {
    const { scrollWidth: width, scrollHeight: height } = document.documentElement;
    return { width, height };
  });
  expect(size).toEqual(page.viewportSize() ?? { width: 0, height: 0 });
  expect(await page.title()).toMatch(/^(\(\d+\) )?Duologue$/);
}

describe("hostile texts", () => {
  test.each([
    ["a desk", DESKTOP],
    ["a phone", PHONE],
    ["a window of 320 pixels", { ...DESKTOP, viewport: { width: 320, height: 568 } }],
  ] as const)("neither run nor break the layout on %s", async (_, options) => {
    const { anna, ben } = await stage.joinPair(options);
    for (const [text, seen] of hostileTexts) {
      await say(anna, text);
      await ben.locator(".message .text", { hasText: seen }).last().waitFor();
      await expectSound(ben);
      await ben.locator(".message .tool").last().waitFor({ state: "attached" });
    }
    await choose(ben.locator(".message").last(), "Reply");
    await say(ben, ZALGO);
    await ben.locator(".message.mine .quote").waitFor();
    await expectSound(ben);
    const made = await ben.locator(".message").locator("script, img, svg:not(.icon), b, iframe").count();
    expect(made).toBe(0);
    expect(await ben.locator('.message a:not([href^="https://"], [href^="http://"])').count()).toBe(0);
    await ben.evaluate(() => location.assign("#/"));
    await ben.locator(".row").first().waitFor();
    await expectSound(ben);
    expect(stage.complaints).toEqual([]);
    await Promise.all([anna, ben].map((page) => page.context().close()));
  });

  test("as names do neither, where the server takes them as names", async () => {
    const names = ["<script>x</script>", "W".repeat(28), "😀".repeat(26), "عبد الرحمن", '"><img src=x>'];
    const joined: { page: Page; name: string }[] = [];
    for (const name of names) joined.push(await stage.join(name));
    const { page: phone, name: phoneName } = await stage.join("Phone", {
      ...PHONE,
      viewport: { width: 320, height: 568 },
    });
    for (const { page, name } of joined) {
      await page.locator(".row", { hasText: phoneName }).click();
      await say(page, `I am ${name}`);
      await expectSound(page);
      await phone.locator(".row[data-unread]", { hasText: name }).waitFor();
      await expectSound(phone);
    }
    for (const { name } of joined) {
      await phone.locator(".row[data-unread]", { hasText: name }).click();
      await phone.locator(".message", { hasText: name }).waitFor();
      expect(await phone.locator(".pane header .name").textContent()).toBe(name);
      await expectSound(phone);
      await phone.goBack();
    }
    expect(await phone.locator(".chat").locator("script, img").count()).toBe(0);
    expect(stage.complaints).toEqual([]);
    await Promise.all([...joined, { page: phone }].map(({ page }) => page.context().close()));
  });

  test("as names are refused otherwise, with words", async () => {
    const page = await stage.visit();
    for (const name of ["a\u202eb\u202c", ZALGO, "x".repeat(40), "\u200b\u200b\u200b"]) {
      await page.locator("#nickname").fill(name);
      await page.locator("#nickname").press("Enter");
      await page.locator(".notice[data-problem]", { hasText: "cannot be used" }).waitFor();
      await page.locator("#nickname").fill("");
    }
  });
});

describe("nothing jumps", () => {
  /** Counts what the browser itself calls a layout shift, from now on. */
  async function watchShifts(page: Page): Promise<() => Promise<number>> {
    await page.evaluate(() => {
      let sum = 0;
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries() as (PerformanceEntry & { value: number })[]) sum += entry.value;
        document.body.dataset.shift = String(sum);
      }).observe({ type: "layout-shift" });
    });
    return async () => Number((await page.locator("body").getAttribute("data-shift")) ?? 0);
  }

  test("when messages come, at the end of what is read and while one reads earlier ones", async () => {
    const { anna, ben } = await stage.joinPair();
    for (let line = 1; line <= 30; line += 1) await say(anna, `line ${line}`);
    await ben.locator(".message", { hasText: "line 30" }).waitFor();
    await scrollBack(ben, 300);
    const place = (): Promise<number> =>
      ben
        .locator(".message", { hasText: "line 12" })
        .evaluate((message) => message.getBoundingClientRect().top);
    const before = await place();
    const shifts = await watchShifts(ben);
    for (const text of ["news", "more\nnews", "😀", "```\nblock\n```"]) await say(anna, text);
    await ben.getByRole("button", { name: "4 new messages" }).waitFor();
    expect(await place()).toBe(before);
    expect(await shifts()).toBeLessThan(SHIFT_MAX);
  });

  test("when the banner comes and goes", async () => {
    // With a server of their own: who else comes back after the break comes into the list, and moves what stands there.
    await using alone = await Stage.open();
    const { anna, ben } = await alone.joinPair();
    // Only now has the list taken in what was said.
    await anna.locator(".row[aria-current] .state", { hasText: "Read" }).waitFor();
    await ben.locator(".row[aria-current] .unread").waitFor({ state: "detached" });
    const shifts = await watchShifts(ben);
    const places = (): Promise<number[]> =>
      ben.evaluate(() =>
        [".sidebar header", ".pane header", ".message", "#composer"].map(
          (selector) => document.querySelector(selector)?.getBoundingClientRect().top ?? Number.NaN,
        ),
      );
    const before = await places();
    const bringBack = await alone.interrupt();
    await ben.locator(".banner").waitFor();
    expect(await places()).toEqual(before);
    await bringBack();
    await ben.locator(".banner").waitFor({ state: "detached", timeout: 45_000 });
    expect(await places()).toEqual(before);
    expect(await shifts()).toBeLessThan(SHIFT_MAX);
  });

  test("the last message stays in sight while one writes many lines, and while a reply begins and ends", async () => {
    const { anna, ben } = await stage.joinPair();
    for (let line = 1; line <= 30; line += 1) await say(anna, `line ${line}`);
    const last = ben.locator(".message", { hasText: "line 30" });
    await last.waitFor();
    const composer = ben.locator("#composer");
    const isInSight = (): Promise<boolean> =>
      last.evaluate((message) => {
        const middle = document.querySelector(".middle")?.getBoundingClientRect();
        return message.getBoundingClientRect().bottom <= (middle?.bottom ?? 0) + 1;
      });
    for (let line = 0; line < 7; line += 1) {
      await composer.press("x");
      await composer.press("Shift+Enter");
    }
    await ben.waitForFunction(() => (document.querySelector("#composer")?.clientHeight ?? 0) > 150);
    expect(await ben.locator(".jump").count()).toBe(0);
    expect(await isInSight()).toBe(true);
    await composer.fill("");
    for (let round = 0; round < 3; round += 1) {
      await last.hover();
      await last.getByRole("button", { name: "Reply" }).click();
      await composer.press("Escape");
      await last.hover();
      await last.getByRole("button", { name: "Reply" }).click();
    }
    await ben.locator(".mode").waitFor();
    expect(await isInSight()).toBe(true);
    expect(await ben.locator(".jump").count()).toBe(0);
  });
});

test("between a phone and a desk there is one pane, or two with room to read", async () => {
  const { anna, ben } = await stage.joinPair({ ...DESKTOP, viewport: { width: 700, height: 640 } });
  const widthOf = (selector: string): Promise<number> =>
    ben.locator(selector).evaluate((element) => element.clientWidth);
  expect(await ben.locator(".sidebar").isVisible()).toBe(false);
  expect(await widthOf(".pane")).toBe(700);
  await ben.setViewportSize({ width: 768, height: 640 });
  await ben.locator(".sidebar").waitFor();
  expect(await widthOf(".pane")).toBeGreaterThan(500);
  await expectSound(ben);
  await Promise.all([anna, ben].map((page) => page.context().close()));
});

test("in a wide window the lines stay short enough to read", async () => {
  const { anna, ben } = await stage.joinPair({ ...DESKTOP, viewport: { width: 1920, height: 1080 } });
  await say(anna, "word ".repeat(400));
  await ben.locator(".message", { hasText: "word" }).waitFor();
  const { column, bubble } = await ben.evaluate(() => ({
    column: document.querySelector(".scroll > ol")?.clientWidth ?? 0,
    bubble: document.querySelector(".message:last-of-type .bubble")?.clientWidth ?? 0,
  }));
  expect(column).toBeLessThan(1_000);
  expect(bubble).toBeLessThan(680);
  await expectSound(ben);
});

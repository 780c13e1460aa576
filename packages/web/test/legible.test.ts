/** What can be told without colours, and read without guessing: marks, lines that are too long, names that are. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import type { Page } from "playwright-core";
import { DESKTOP, Stage, say } from "./people.ts";

const NARROW = { ...DESKTOP, viewport: { width: 320, height: 568 } };
setDefaultTimeout(60_000);
let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open();
});

afterAll(async () => {
  await stage?.[Symbol.asyncDispose]();
});

/** The drawing of the mark that says so, in the row and beside the message. */
async function drawingsOf(page: Page, state: "Delivered" | "Read"): Promise<string[]> {
  const marks = page.locator(".row .state, .message.mine .state").filter({ hasText: state });
  await marks.nth(1).waitFor();
  return marks.evaluateAll((found) =>
    found.map((mark) => [...mark.querySelectorAll("path")].map((path) => path.getAttribute("d")).join()),
  );
}

test("delivered and read differ by shape, not by colour alone", async () => {
  const { page: ben, name: benName } = await stage.join("Ben");
  const { page: anna, name: annaName } = await stage.join("Anna");
  await anna.locator(".row", { hasText: benName }).click();
  await say(anna, "are you there?");
  const delivered = await drawingsOf(anna, "Delivered");
  await ben.locator(".row", { hasText: annaName }).click();
  const read = await drawingsOf(anna, "Read");
  expect(new Set([...delivered, ...read]).size).toBe(2);
  expect(delivered).not.toContain(read[0]);
});

test("that somebody is typing stands apart from the last message, and says it without a name to cut off", async () => {
  const { anna, ben } = await stage.joinPair(NARROW);
  await anna.locator("#composer").fill("a");
  const typing = ben.locator(".typing", { hasText: /^typing…$/ });
  await typing.waitFor();
  const gap = await typing.evaluate((row) => {
    const words = document.createRange();
    words.selectNodeContents(row);
    const bubble = [...document.querySelectorAll(".bubble")].at(-1)?.getBoundingClientRect().bottom;
    return words.getBoundingClientRect().top - (bubble ?? Number.NaN);
  });
  expect(gap).toBeGreaterThanOrEqual(4);
});

test("an empty field to write in is one line high, however long the other's name is", async () => {
  const { page: long, name } = await stage.join("Wilhelmina Alexandra Brown");
  const { page: anna } = await stage.join("Anna", NARROW);
  await anna.locator(".row", { hasText: name }).click();
  const field = anna.locator("#composer");
  const heightOf = (): Promise<number> => field.evaluate((one) => one.clientHeight);
  const empty = await heightOf();
  await field.fill("a");
  expect(empty).toBe(await heightOf());
  expect(await field.getAttribute("placeholder")).toContain(name);
  await long.context().close();
});

test("a long address goes on in the next line after a word, not within", async () => {
  const { anna, ben } = await stage.joinPair(NARROW);
  const words = "departures/stations/connections/tomorrow?platform=seven&class=second&seat=window";
  await say(anna, `https://trains.example.org/${words}`);
  const link = ben.locator(".message a");
  await link.waitFor();
  const lines = await link.evaluate((address) =>
    [...address.childNodes].map((piece) => {
      const range = document.createRange();
      range.selectNode(piece);
      return range.getClientRects().length;
    }),
  );
  expect(lines.length).toBeGreaterThan(10);
  expect(lines.filter((count) => count > 1)).toEqual([]);
  expect(await link.textContent()).toBe(`https://trains.example.org/${words}`);
});

test("a block of code that goes on beyond its edge says so there", async () => {
  const { anna, ben } = await stage.joinPair(NARROW);
  await say(anna, `\`\`\`\n${"const line = 1; ".repeat(12)}\n\`\`\``);
  const block = ben.locator("code.block");
  await block.waitFor();
  // A shade at each end, and what covers it while there is nothing beyond.
  const attachments = await block.evaluate((element) => getComputedStyle(element).backgroundAttachment);
  expect(attachments).toBe("local, local, scroll, scroll, scroll");
  expect(await block.evaluate(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth)).toBe(true);
});

test("the dot alone says to the eye that somebody is online, and words say it to screen readers", async () => {
  const { name } = await stage.join("Olga");
  const { page: anna } = await stage.join("Anna");
  const row = anna.locator(".row", { hasText: name });
  await row.locator(".avatar[data-online]").waitFor();
  expect(await row.locator(".preview").count()).toBe(0);
  expect(await row.locator(".hidden-text").textContent()).toBe("online");
});

test("in the settings what is chosen from is of one width, and what is switched on shows it without colours", async () => {
  const { page } = await stage.join("Nora", { ...NARROW, colorScheme: "dark" });
  await page.getByRole("button", { name: "Settings" }).click();
  const widths = await page
    .locator("dialog select")
    .evaluateAll((all) => all.map((one) => one.getBoundingClientRect().width));
  expect(widths).toHaveLength(3);
  expect(new Set(widths).size).toBe(1);
  const box = page.getByLabel("A sound for new messages");
  const knob = (): Promise<string> => box.evaluate((one) => getComputedStyle(one, "::before").translate);
  expect(await knob()).toBe("none");
  await box.click();
  expect(await box.isChecked()).toBe(true);
  await page.waitForFunction(() => {
    const [last] = [...document.querySelectorAll("dialog .switch")].slice(-1);
    return last !== undefined && getComputedStyle(last, "::before").translate === "20px";
  });
});

test("pages complain about nothing", () => {
  expect(stage.complaints).toEqual([]);
});

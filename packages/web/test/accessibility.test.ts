/** What an automatic examiner (axe-core, WCAG 2.2 AA and its best practices) finds on each screen. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import axe from "axe-core";
import type { BrowserContextOptions, Page } from "playwright-core";
import { DESKTOP, PHONE, Stage, say } from "./people.ts";

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open();
}, 60_000);

afterAll(async () => {
  await stage[Symbol.asyncDispose]();
}, 30_000);

/** Each finding with the elements it is about. */
async function findingsOf(page: Page, screen: string): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => (window as unknown as { axe: typeof axe }).axe.run());
  return violations.map(
    ({ id, nodes }) => `${screen}: ${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(" | ")}`,
  );
}

async function findingsOfAllScreens(options: BrowserContextOptions): Promise<string[]> {
  const findings: string[] = [];
  const look = async (page: Page, screen: string): Promise<void> => {
    findings.push(...(await findingsOf(page, screen)));
  };
  await look(await stage.visit(options), "sign-in");
  const { anna, ben } = await stage.joinPair(options);
  await say(anna, "see https://example.org, `code` and\n```\na block\n```");
  await say(anna, "😀");
  await ben.locator(".message", { hasText: "😀" }).waitFor();
  await look(ben, "conversation");
  await ben.locator(".message").first().click();
  await ben.locator(".message .tool").first().click();
  await look(ben, "reply");
  await say(ben, "an answer");
  await ben.locator(".message .quote").waitFor();
  await look(ben, "quote");
  await ben.locator("#composer").press("ArrowUp");
  await look(ben, "edit");
  await ben.locator("#composer").press("Escape");
  await ben.locator(".message.mine").first().click();
  await ben.locator(".message.mine .tool").last().click();
  await look(ben, "question");
  await ben.locator("dialog .danger").click();
  await ben.locator(".message[data-retracted]").waitFor();
  await look(ben, "retracted");
  if (options.hasTouch === true) await ben.goBack();
  await ben.locator(".sidebar header button").click();
  await look(ben, "settings");
  await anna.context().close();
  await ben.context().close();
  return findings;
}

describe("an examiner of accessibility finds nothing", () => {
  test.each([
    ["light, English", { ...DESKTOP, colorScheme: "light" }],
    ["dark, English", { ...DESKTOP, colorScheme: "dark" }],
    ["light, Chinese, on a phone", { ...PHONE, locale: "zh-CN", colorScheme: "light" }],
    ["dark, Chinese, on a phone", { ...PHONE, locale: "zh-CN", colorScheme: "dark" }],
  ] as const)(
    "%s",
    async (_, options) => {
      expect(await findingsOfAllScreens(options)).toEqual([]);
    },
    60_000,
  );
});

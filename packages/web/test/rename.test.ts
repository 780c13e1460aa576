/** Guests take another name in the settings, as they once took the first. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import type { Page } from "playwright-core";
import { PHONE, Stage } from "./people.ts";

setDefaultTimeout(60_000);
let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open();
});

afterAll(async () => {
  await stage?.[Symbol.asyncDispose]();
});

const field = (page: Page) => page.getByRole("dialog", { name: "Settings" }).getByLabel("Nickname");

async function take(page: Page, name: string): Promise<void> {
  await field(page).fill(name);
  await page.getByRole("button", { name: "Save" }).click();
}

test("[NK5] the name at the top leads to where it is changed, and everybody sees the new one", async () => {
  const { anna, ben } = await stage.joinPair(PHONE);
  await ben.goBack();
  await ben.getByRole("button", { name: "Change your name" }).tap();
  // What is written replaces the old name.
  await field(ben).and(ben.locator(":focus")).waitFor();
  expect(await ben.getByRole("button", { name: "Save" }).isDisabled()).toBe(true);
  await ben.keyboard.type("Benedict");
  await ben.keyboard.press("Enter");
  await ben.getByRole("alert").filter({ hasText: "Saved." }).waitFor();
  await ben.locator(".own", { hasText: "Benedict" }).waitFor();
  await anna.locator(".row", { hasText: "Benedict" }).waitFor();
  await anna.locator(".pane header .name", { hasText: "Benedict" }).waitFor();
  await ben.reload();
  await ben.locator(".own", { hasText: "Benedict" }).waitFor();
});

test("[NK4] a name that is taken is refused as it was at the sign-in, with one that is free", async () => {
  const { page: ada, name: adaName } = await stage.join("Ada");
  const { page: zoe, name: zoeName } = await stage.join("Zoe");
  await zoe.getByRole("button", { name: "Settings" }).click();
  await take(zoe, adaName);
  await zoe.getByRole("alert").filter({ hasText: "Somebody here has this nickname" }).waitFor();
  expect(await field(zoe).getAttribute("aria-invalid")).toBe("true");
  expect(await zoe.locator(".own .name").textContent()).toBe(zoeName);
  const suggestion = zoe.getByRole("button", { name: /^Use “/ });
  const offered = /“(.*)”/.exec((await suggestion.textContent()) ?? "")?.[1] ?? "";
  await suggestion.click();
  await zoe.locator(".own", { hasText: offered }).waitFor();
  expect(await field(zoe).inputValue()).toBe(offered);
  await ada.locator(".row", { hasText: offered }).waitFor();
});

test("[NK2] [NK3] a name that cannot be one is refused; the rule gives way to the reason", async () => {
  const { page } = await stage.join("Cleo");
  await page.getByRole("button", { name: "Settings" }).click();
  const rule = page.getByText("2 to 32 characters of any script");
  await rule.waitFor();
  await take(page, "x");
  await page.getByRole("alert").filter({ hasText: "cannot be used: 2 to 32" }).waitFor();
  expect(await rule.count()).toBe(0);
  const described = await field(page).getAttribute("aria-describedby");
  expect(await page.locator(`#${described}`).textContent()).toContain("cannot be used");
  await field(page).fill("xy");
  await rule.waitFor();
  expect(await page.getByRole("alert").count()).toBe(0);
});

test("pages complain about nothing", () => {
  expect(stage.complaints).toEqual([]);
});

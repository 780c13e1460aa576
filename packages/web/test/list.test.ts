/** The list side: whom one talks to, who else is there, and how somebody is found. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import type { Page } from "playwright-core";
import { listsOf, PHONE, Stage, say } from "./people.ts";

setDefaultTimeout(60_000);
let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open();
});

afterAll(async () => {
  await stage?.[Symbol.asyncDispose]();
});

/** Gone at once, and not after a while as by closing. */
async function signOut(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Settings" }).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.locator("dialog .danger").click();
  await page.locator("#nickname").waitFor();
}

test("who is alone is told so, and copies the address to send to somebody", async () => {
  const { page } = await stage.join("Ada", PHONE);
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.getByText("Nobody else is online").filter({ visible: true }).waitFor();
  expect(await listsOf(page)).toEqual({ Conversations: [] });
  await page.getByRole("button", { name: "Copy the address" }).click();
  await page.locator(".toast", { hasText: "Address copied" }).waitFor();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(`${stage.server.url}/`);
  await signOut(page);
});

test("on a desk the invitation stands in the large pane, once, also for who is left alone", async () => {
  const { page: ada } = await stage.join("Ada");
  const shown = ada.getByRole("button", { name: "Copy the address" }).filter({ visible: true });
  await shown.waitFor();
  expect(await ada.locator(".pane").getByRole("button", { name: "Copy the address" }).isVisible()).toBe(true);
  const { page: eve } = await stage.join("Eve");
  await ada.getByText("Select one on the left, or somebody who is online.").waitFor();
  expect(await shown.count()).toBe(0);
  await eve.context().close();
  await ada.locator(".pane").getByText("Nobody else is online").waitFor();
  await signOut(ada);
});

test("each person stands once: among the conversations, or among those online whom one has none with", async () => {
  const { anna, ben, annaName, benName } = await stage.joinPair();
  expect(await listsOf(anna)).toEqual({ Conversations: [benName] });
  expect(await anna.locator(".row .avatar[data-online]").count()).toBe(1);
  expect(await anna.locator(".row").textContent()).toContain("online");
  const { page: cleo, name: cleoName } = await stage.join("Cleo");
  await anna.locator(".row", { hasText: cleoName }).waitFor();
  expect(await listsOf(anna)).toEqual({ Conversations: [benName], "Others online (1)": [cleoName] });
  await cleo.locator(".row", { hasText: annaName }).waitFor();
  expect(await listsOf(cleo)).toEqual({ Conversations: [], "Online (2)": [benName, annaName] });
  await cleo.locator(".row", { hasText: annaName }).click();
  await say(cleo, "hello from Cleo");
  await anna.locator(".row .unread").waitFor();
  expect(await listsOf(anna)).toEqual({ Conversations: [cleoName, benName] });
  await ben.context().close();
  await anna.locator(".row", { hasText: benName }).locator(".avatar:not([data-online])").waitFor();
  expect(await listsOf(anna)).toEqual({ Conversations: [cleoName, benName] });
  await anna.context().close();
  await cleo.context().close();
});

test("a search finds those with a conversation and those without, and says when it finds nobody", async () => {
  const { anna, benName } = await stage.joinPair();
  const { name: benno } = await stage.join("Benno");
  await anna.locator("#search").fill("ben");
  await anna.getByRole("heading", { name: "Search results" }).waitFor();
  await anna.locator(".row", { hasText: benno }).waitFor();
  const { "Search results": found } = await listsOf(anna);
  expect(found).toContain(benName);
  expect(found).toContain(benno);
  await anna.locator("#search").fill("nobody of that name");
  await anna.getByText("No one found.").waitFor();
  await anna.locator("#search").press("Escape");
  await anna.locator(".row[aria-current]", { hasText: benName }).waitFor();
});

test("pages complain about nothing", () => {
  expect(stage.complaints).toEqual([]);
});

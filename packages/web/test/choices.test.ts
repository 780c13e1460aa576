/** Conversations that are muted, pinned and archived: in one tab and another, and over a reload. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { until } from "@duologue/testing";
import type { Locator, Page } from "playwright-core";
import { kept, listsOf, Stage, say } from "./people.ts";
import { joinThree, notificationsOf, switchOn, tonesOf } from "./watched.ts";

setDefaultTimeout(60_000);
let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open();
});

afterAll(async () => {
  await stage?.[Symbol.asyncDispose]();
});

const rowOf = (page: Page, name: string): Locator => page.locator(".row", { hasText: name });
const optionsOf = (page: Page): Locator => page.getByRole("button", { name: "Conversation options" });

/** In the menu of the conversation in front. */
async function choose(page: Page, choice: string): Promise<void> {
  await optionsOf(page).click();
  await page.getByRole("menuitemcheckbox", { name: choice }).click();
  await page.locator(".menu").waitFor({ state: "hidden" });
}

async function chooseFor(page: Page, name: string, choice: string): Promise<void> {
  await show(page, name);
  await choose(page, choice);
}

async function show(page: Page, name: string): Promise<void> {
  await rowOf(page, name).click();
  await page.locator(".pane header .name", { hasText: name }).waitFor();
  await page.locator("#composer").waitFor();
}

async function openTab(of: Page): Promise<Page> {
  const page = await of.context().newPage();
  await page.goto(of.url());
  await page.locator("#composer").waitFor();
  return page;
}

async function sayHello(from: Page, to: Page, text: string): Promise<void> {
  await say(from, text);
  await to.locator(".lists .preview", { hasText: text }).waitFor({ state: "attached" });
}

/** The lists of conversations, without who else is online. */
async function conversationsOf(page: Page): Promise<Record<string, string[]>> {
  const lists = Object.entries(await listsOf(page));
  return Object.fromEntries(lists.filter(([title]) => /^(Conversations|Archived)/.test(title)));
}

async function leaveAll(...pages: readonly Page[]): Promise<void> {
  await Promise.all(pages.map((page) => page.context().close()));
}

const iconOf = (page: Page): Promise<string | null> => page.locator('link[rel="icon"]').getAttribute("href");

test("a muted conversation makes no sound, no notification and no number in the title, in any tab", async () => {
  const { anna, ben, benName, cleo, cleoName } = await joinThree(stage);
  const usualIcon = await iconOf(anna);
  await sayHello(cleo, anna, "first");
  await switchOn(anna, "Notifications on this device");
  await switchOn(anna, "A sound for new messages");
  await chooseFor(anna, cleoName, "Mute");
  await show(anna, benName);
  const second = await openTab(anna);
  await sayHello(cleo, anna, "quietly");
  await rowOf(second, cleoName).locator(".unread").waitFor();
  // Switching the sound on lets one hear it.
  expect([await notificationsOf(anna), await tonesOf(anna)]).toEqual([[], 1]);
  expect([await notificationsOf(second), await tonesOf(second)]).toEqual([[], 0]);
  for (const page of [anna, second]) {
    expect([await page.title(), await iconOf(page)]).toEqual(["Duologue", usualIcon]);
    expect(await rowOf(page, cleoName).textContent()).toContain("muted");
  }
  await anna.reload();
  await rowOf(anna, cleoName).locator(".unread").waitFor();
  expect(await anna.locator(".row[data-muted] .name").allTextContents()).toEqual([cleoName]);
  expect(await anna.title()).toBe("Duologue");

  await chooseFor(second, cleoName, "Mute");
  await show(second, benName);
  await anna.locator(".row[data-muted]").waitFor({ state: "detached" });
  await sayHello(cleo, anna, "aloud");
  await until(async () => (await anna.title()) === "(1) Duologue", "a number in the title");
  expect(await notificationsOf(anna)).toEqual([{ title: cleoName, body: "aloud" }]);
  expect(await tonesOf(anna)).toBe(1);
  expect(await iconOf(anna)).not.toBe(usualIcon);
  await leaveAll(anna, ben, cleo);
});

test("a pinned conversation stands above the others, whoever writes, after a reload and in another tab", async () => {
  const { anna, ben, benName, cleo, cleoName } = await joinThree(stage);
  await sayHello(cleo, anna, "above");
  const order = async (page: Page): Promise<string[] | undefined> => (await listsOf(page)).Conversations;
  expect(await order(anna)).toEqual([cleoName, benName]);
  const second = await openTab(anna);
  await choose(anna, "Pin to the top");
  for (const page of [anna, second]) await rowOf(page, benName).locator(".mark").waitFor();
  expect(await rowOf(anna, benName).textContent()).toContain("pinned");
  await anna.reload();
  await rowOf(anna, benName).locator(".mark").waitFor();
  await sayHello(cleo, anna, "still below");
  await sayHello(cleo, second, "below there, too");
  for (const page of [anna, second]) expect(await order(page)).toEqual([benName, cleoName]);
  await choose(second, "Pin to the top");
  await anna.locator(".row .mark").waitFor({ state: "detached" });
  expect(await order(anna)).toEqual([cleoName, benName]);
  await leaveAll(anna, ben, cleo);
});

test("an archived conversation is folded away until a new message comes, which a muted one's does not do", async () => {
  const { anna, ben, benName, cleo, cleoName } = await joinThree(stage);
  await sayHello(cleo, anna, "greetings");
  await show(anna, cleoName);
  const second = await openTab(anna);
  await chooseFor(anna, benName, "Archive");
  await show(anna, cleoName);
  const apart = { Conversations: [cleoName], "Archived (1)": [benName] };
  const together = { Conversations: [benName, cleoName] };
  await rowOf(second, benName).waitFor({ state: "hidden" });
  await anna.reload();
  await anna.locator("summary").waitFor();
  for (const page of [anna, second]) expect(await conversationsOf(page)).toEqual(apart);
  expect(await rowOf(anna, benName).isVisible()).toBe(false);
  await anna.getByText("Archived (1)").click();
  await rowOf(anna, benName).waitFor();

  await sayHello(ben, anna, "back again");
  for (const page of [anna, second]) {
    await page.locator("summary").waitFor({ state: "detached" });
    expect(await conversationsOf(page)).toEqual(together);
  }
  await chooseFor(anna, benName, "Mute");
  await choose(anna, "Archive");
  await show(anna, cleoName);
  await sayHello(ben, anna, "unheard");
  await sayHello(ben, second, "unheard there, too");
  for (const page of [anna, second]) expect(await conversationsOf(page)).toEqual(apart);

  expect(await kept(anna, "duologue/standings/")).not.toBe("");
  await anna.getByRole("button", { name: "Settings" }).click();
  await anna.getByRole("button", { name: "Sign out" }).click();
  await anna.locator("dialog .danger").click();
  for (const page of [anna, second]) await page.locator("#nickname").waitFor();
  expect(await kept(anna, "duologue/standings/")).toBe("");
  await leaveAll(anna, ben, cleo);
});

test("the menu is used by keys, and gives the focus back", async () => {
  const { anna, ben, benName } = await stage.joinPair();
  const focused = (name: string): Promise<void> =>
    anna.getByRole("menuitemcheckbox", { name }).and(anna.locator(":focus")).waitFor();
  const button = optionsOf(anna);
  const isBack = (): Promise<void> => button.and(anna.locator(":focus")).waitFor();
  await button.focus();
  await anna.keyboard.press("Enter");
  await focused("Mute");
  for (const [key, name] of [
    ["ArrowDown", "Pin to the top"],
    ["End", "Archive"],
    ["ArrowDown", "Mute"],
    ["ArrowUp", "Archive"],
    ["Home", "Mute"],
  ] as const) {
    await anna.keyboard.press(key);
    await focused(name);
  }
  await anna.keyboard.press("Escape");
  await isBack();
  expect(await anna.locator(".menu").isVisible()).toBe(false);
  await anna.keyboard.press("Enter");
  await focused("Mute");
  await anna.keyboard.press("ArrowDown");
  await anna.keyboard.press("Enter");
  await isBack();
  await rowOf(anna, benName).locator(".mark").waitFor();
  await button.click();
  await anna.getByRole("menuitemcheckbox", { name: "Pin to the top", checked: true }).waitFor();
  await focused("Mute");
  await anna.keyboard.press("Tab");
  await anna.locator(".menu").waitFor({ state: "hidden" });
  await leaveAll(anna, ben);
});

test("pages complain about nothing", () => {
  expect(stage.complaints).toEqual([]);
});

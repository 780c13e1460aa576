/** Our own page in a real browser, as two people use it. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Server, startServer, TestBrowser } from "@duologue/testing";
import type { BrowserContext, Page } from "playwright-core";
import { freshName, Peer } from "./harness/peer.ts";

setDefaultTimeout(90_000);

let server: Server;
let browser: TestBrowser;

beforeAll(async () => {
  [server, browser] = await Promise.all([startServer({ workers: 2 }), TestBrowser.launch()]);
});

afterAll(async () => {
  await browser?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

/** What a page complained about: script errors, and what its content security policy forbade. */
function complaintsOf(page: Page): string[] {
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  return complaints;
}

async function signIn(person: BrowserContext, name: string): Promise<Page> {
  const page = await person.newPage();
  await page.goto(server.url);
  await page.getByLabel("Nickname").fill(name);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("navigation").getByText(name, { exact: true }).waitFor();
  return page;
}

async function write(page: Page, text: string): Promise<void> {
  await page.getByLabel("Message", { exact: true }).fill(text);
  await page.keyboard.press("Enter");
}

function messages(page: Page): ReturnType<Page["getByRole"]> {
  return page.getByRole("log");
}

describe("our page", () => {
  test("two people sign in, find each other, write both ways, and see what is unread", async () => {
    const [annName, benName] = [freshName("Ann"), freshName("Ben")];
    const [annPerson, benPerson] = [await browser.person(), await browser.person()];
    const ann = await signIn(annPerson, annName);
    const ben = await signIn(benPerson, benName);
    await ann.getByRole("button", { name: benName }).click();
    await write(ann, "hello Ben");
    await messages(ann).getByText("hello Ben").waitFor();
    // Ben has not opened the conversation: it stands in the list as unread, and in the title.
    const row = ben.getByRole("button", { name: "1 unread message" });
    await row.waitFor();
    await ben.waitForFunction(() => document.title.startsWith("(1)"));
    await row.click();
    await messages(ben).getByText("hello Ben").waitFor();
    await ben.waitForFunction(() => !document.title.startsWith("("));
    await write(ben, "hello Ann");
    await messages(ann).getByText("hello Ann").waitFor();
    await Promise.all([annPerson.close(), benPerson.close()]);
  });

  test("a reload is the same person with the same conversation", async () => {
    const name = freshName("Ann");
    const person = await browser.person();
    const ann = await signIn(person, name);
    await using ben = await Peer.connect(server.url, { nickname: freshName("Ben") });
    await ann.getByRole("button", { name: ben.name }).click();
    await write(ann, "before the reload");
    const { conversation } = await ben.next("event");
    await ann.reload();
    await ann.getByRole("navigation").getByText(name, { exact: true }).waitFor();
    await ben.say(conversation, "after the reload");
    await ann.getByRole("button", { name: "after the reload" }).click();
    await messages(ann).getByText("before the reload").waitFor();
    await messages(ann).getByText("after the reload").waitFor();
    await person.close();
  });

  test("what others write and call themselves is text, whatever it holds", async () => {
    const person = await browser.person();
    const page = await person.newPage();
    const complaints = complaintsOf(page);
    const name = freshName("Ann");
    await page.goto(server.url);
    await page.getByLabel("Nickname").fill(name);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("navigation").getByText(name, { exact: true }).waitFor();
    await using ben = await Peer.connect(server.url, { nickname: `<b>${freshName("").trim()}` });
    await page.getByRole("button", { name: ben.name }).waitFor();
    const me = (await ben.next("lobby")).users?.find((user) => user.name === name);
    const { id } = await ben.open(me?.id ?? "");
    const hostile = [
      "<img src=x onerror=document.title='broken'>",
      "<script>document.title='broken'</script>",
      "javascript:document.title='broken'",
      "\u202eright to left override",
    ];
    for (const text of hostile) await ben.say(id, text);
    await page.getByRole("button", { name: "4 unread messages" }).click();
    for (const text of hostile) await messages(page).getByText(text).waitFor();
    expect(await page.locator("img[src=x], b").count()).toBe(0);
    expect(await page.title()).not.toContain("broken");
    expect(complaints).toEqual([]);
    await person.close();
  });

  test("a name that is taken is refused with one that is free, which can be taken with a click", async () => {
    await using ann = await Peer.connect(server.url, { nickname: freshName("Ann") });
    const person = await browser.person();
    const page = await person.newPage();
    await page.goto(server.url);
    await page.getByLabel("Nickname").fill(ann.name.toUpperCase());
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("alert").waitFor();
    await page.getByRole("button", { name: "Use" }).click();
    await page.getByRole("navigation").waitFor();
    await person.close();
  });

  test("the page survives the restart of every worker: it reconnects and sends what was waiting", async () => {
    const person = await browser.person();
    const ann = await signIn(person, freshName("Ann"));
    await using ben = await Peer.connect(server.url, { nickname: freshName("Ben") });
    await ann.getByRole("button", { name: ben.name }).click();
    await write(ann, "before");
    const { conversation } = await ben.next("event");
    expect((await server.run("reload")).exitCode).toBe(0);
    await write(ann, "after");
    await messages(ann).getByText("after").waitFor();
    await using benAgain = await Peer.connect(server.url, { token: ben.token, cursor: ben.welcome.cursor });
    const isAfter = ({ body }: { body?: { text?: string } }): boolean => body?.text === "after";
    if (benAgain.welcome.changes?.events.some(isAfter) !== true) await benAgain.next("event", isAfter);
    expect(benAgain.welcome.changes?.conversations.map(({ id }) => id)).toEqual([conversation]);
    await person.close();
  });
});

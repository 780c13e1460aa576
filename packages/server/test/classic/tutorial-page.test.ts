/** The tutorial's page, unmodified but for the address in it, in a real browser and from another origin. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { SUBPROTOCOL } from "@duologue/protocol";
import { type Server, startServer, TestBrowser } from "@duologue/testing";
import type { Page } from "playwright-core";
import { ClassicClient } from "../harness/classic.ts";
import { freshName, Peer, textBody } from "../harness/peer.ts";

setDefaultTimeout(90_000);

let server: Server;
let browser: TestBrowser;
let site: Bun.Server<undefined>;

beforeAll(async () => {
  [server, browser] = await Promise.all([startServer({ workers: 4 }), TestBrowser.launch()]);
  const tutorial = await Bun.file(join(import.meta.dir, "tutorial.html")).text();
  const html = tutorial.replace("SERVER_ADDRESS", `127.0.0.1:${server.port}`);
  site = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: () => new Response(html, { headers: { "Content-Type": "text/html; charset=utf-8" } }),
  });
});

afterAll(async () => {
  await browser?.[Symbol.asyncDispose]();
  await site?.stop(true);
  await server?.[Symbol.asyncDispose]();
});

/** Opens the page and logs in; resolves when the page's list holds this user. */
async function openTab(page: Page, name: string): Promise<void> {
  await page.goto(site.url.href);
  await page.locator("#username").fill(name);
  await page.getByRole("button", { name: "连接服务器" }).click();
  await page.locator("#txtcontent p", { hasText: `welcome ${name}` }).waitFor();
  await seeInList(page, name);
}

async function seeInList(page: Page, name: string): Promise<void> {
  await page.locator("#listusers option", { hasText: name }).waitFor({ state: "attached" });
}

async function write(page: Page, to: string, text: string): Promise<void> {
  await page.locator("#listusers").selectOption({ label: to });
  await page.locator("#txtmsg").fill(text);
  await page.getByRole("button", { name: "发送消息" }).click();
}

async function seeMessage(page: Page, text: string): Promise<void> {
  await page.locator("#txtcontent p", { hasText: `收到消息:${text}` }).waitFor();
}

describe("the tutorial's page", () => {
  test("[CL1, CL3, CL4] two tabs log in, see each other, and write both ways", async () => {
    const person = await browser.person();
    const [ann, ben] = [await person.newPage(), await person.newPage()];
    await openTab(ann, "tab_ann");
    await openTab(ben, "tab_ben");
    await seeInList(ann, "tab_ben");
    await seeInList(ben, "tab_ann");
    await write(ann, "tab_ben", "你好 ben >: 👋");
    await seeMessage(ben, "你好 ben >: 👋");
    await write(ben, "tab_ann", "hello ann");
    await seeMessage(ann, "hello ann");
    await ben.close();
    await ann.locator("#listusers option", { hasText: "tab_ben" }).waitFor({ state: "detached" });
    await person.close();
  });

  test("[CL5] the page's own word to the server, nihao, is answered", async () => {
    const person = await browser.person();
    const page = await person.newPage();
    await openTab(page, "tab_nihao");
    await write(page, "tab_nihao", "nihao");
    await seeMessage(page, "nihao tab_nihao");
    await person.close();
  });

  test("[CL10] a v1 user is in the page's list, without a tag in it, and the two write to each other", async () => {
    const person = await browser.person();
    const page = await person.newPage();
    const start = freshName("").trim();
    await using ben = await Peer.connect(server.url, { nickname: `<i>${start}` });
    await openTab(page, "tab_mixed");
    const shown = `＜i＞${start}`;
    await seeInList(page, shown);
    expect(await page.locator("#listusers i").count()).toBe(0);
    await write(page, shown, "from the page");
    const event = await ben.next("event");
    expect(event.body).toEqual(textBody("from the page"));
    await ben.say(event.conversation, "from v1");
    await seeMessage(page, "from v1");
    await person.close();
  });

  test("[CL3] the page and a client without a browser are in one list, whichever workers hold them", async () => {
    const person = await browser.person();
    const page = await person.newPage();
    await using client = await ClassicClient.login(server.url, "no_browser");
    await openTab(page, "tab_list");
    await seeInList(page, "no_browser");
    client.send(`chat:<${await client.addressOf("tab_list")}>:over the wire`);
    await seeMessage(page, "over the wire");
    await person.close();
  });
});

describe("a page of another site", () => {
  test("[CN2] cannot open a v1 connection, while the server's own page can", async () => {
    const person = await browser.person();
    const page = await person.newPage();
    const tryConnecting = ([url, protocol]: [string, string]): Promise<string> =>
      new Promise((resolve) => {
        const socket = new WebSocket(url, protocol);
        socket.onopen = () => resolve("open");
        socket.onclose = (event) => resolve(`closed ${event.code}`);
      });
    const target: [string, string] = [server.url.replace("http", "ws"), SUBPROTOCOL];
    await page.goto(site.url.href);
    expect(await page.evaluate(tryConnecting, target)).toBe("closed 1006");
    await page.goto(`${server.url}/healthz`);
    expect(await page.evaluate(tryConnecting, target)).toBe("open");
    await person.close();
  });
});

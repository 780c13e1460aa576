/**
 * `npm run screenshots [DIRECTORY]`: the page as people see it, for the README and for whoever changes how it looks.
 * Chinese needs a font of the machine (Debian: fonts-noto-cjk).
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Server, startServer, TestBrowser } from "@duologue/testing";
import type { BrowserContextOptions, Page } from "playwright-core";

const target = process.argv[2] ?? join(import.meta.dir, "../docs/screenshots");

interface Scene {
  readonly name: string;
  readonly options: BrowserContextOptions;
  readonly people: readonly [string, string];
  /** In turn, the first one begins; the last two are one person's. */
  readonly talk: readonly string[];
}

const desktop = { viewport: { width: 1100, height: 700 }, deviceScaleFactor: 1 };
const phone = { viewport: { width: 390, height: 780 }, deviceScaleFactor: 2, hasTouch: true };
const english = [
  "Good morning! Did the parcel arrive?",
  "It did, this morning. Thank you!",
  "Good. The blue one is for your sister.",
  "She will love it.\nWhen are you coming over?",
  "Friday evening, if the train runs: https://example.org/trains",
  "🎉",
  "Set the alarm with `wake 7:30`, as always.",
  "See you then!",
];
const chinese = [
  "早上好！包裹到了吗？",
  "今天早上到了，谢谢！",
  "蓝色的是给你姐姐的。",
  "她一定会喜欢。\n你什么时候过来？",
  "周五晚上，如果火车不晚点的话：https://example.org/trains",
  "🎉",
  "老规矩，用 `wake 7:30` 定闹钟。",
  "到时候见！",
];

const scenes: readonly Scene[] = [
  {
    name: "conversation",
    options: { ...desktop, locale: "en-GB" },
    people: ["Alice", "Bruno"],
    talk: english,
  },
  {
    name: "conversation-dark",
    options: { ...desktop, locale: "en-GB", colorScheme: "dark" },
    people: ["Ada", "Ben"],
    talk: english,
  },
  {
    name: "conversation-zh",
    options: { ...desktop, locale: "zh-CN" },
    people: ["李雷", "韩梅梅"],
    talk: chinese,
  },
  { name: "phone", options: { ...phone, locale: "en-GB" }, people: ["Cleo", "Dan"], talk: english },
  {
    name: "phone-zh-dark",
    options: { ...phone, locale: "zh-CN", colorScheme: "dark" },
    people: ["小红", "小明"],
    talk: chinese,
  },
];

async function signIn(page: Page, name: string): Promise<void> {
  await page.locator("#nickname").fill(name);
  await page.locator("#nickname").press("Enter");
  await page.locator(".sidebar").waitFor();
}

async function write(page: Page, text: string): Promise<void> {
  const box = page.locator("#composer");
  await box.fill(text);
  await box.press("Enter");
}

/** Two people who talk; the first one's page is the one to look at. */
async function talk(page: Page, other: Page, scene: Scene): Promise<void> {
  await page.getByRole("button", { name: scene.people[1] }).first().click();
  for (const [index, text] of scene.talk.slice(0, -1).entries()) {
    if (index === 1) await other.getByRole("button", { name: scene.people[0] }).first().click();
    await write(index % 2 === 0 ? page : other, text);
    const messages = index + 1;
    for (const one of [page, ...(index === 0 ? [] : [other])]) {
      await one
        .locator(".message")
        .nth(messages - 1)
        .waitFor();
    }
  }
  await write(page, scene.talk.at(-1) ?? "");
  await page
    .getByText(scene.talk.at(-1) ?? "")
    .last()
    .waitFor();
  await page.locator('.message.mine:last-child[data-state="read"]').last().waitFor();
}

async function shoot(browser: TestBrowser, server: Server, scene: Scene): Promise<void> {
  const { options, people } = scene;
  const [one, other] = [await browser.person(options), await browser.person(options)];
  const [page, peer] = [await one.newPage(), await other.newPage()];
  const take = async (name: string): Promise<void> => {
    await page.screenshot({
      path: join(target, name === "" ? `${scene.name}.png` : `${scene.name}-${name}.png`),
    });
  };
  await page.goto(server.url);
  await take("sign-in");
  await signIn(page, people[0]);
  await take("nobody");
  await peer.goto(server.url);
  await signIn(peer, people[1]);
  await talk(page, peer, scene);
  await take("");
  const received = page.locator(".message:not(.mine)").first();
  await received.click();
  await take("tools");
  await received.locator(".tool").first().click();
  await take("reply");
  await page.locator("#composer").press("Escape");
  await page.locator("#composer").press("ArrowUp");
  await take("edit");
  await page.locator("#composer").press("Escape");
  await page.locator("#composer").fill("…");
  await page.evaluate(() => location.assign("#/"));
  await page.locator(".row .draft").waitFor();
  await take("list");
  await page.locator(".sidebar header button").click();
  await take("settings");
  await page.keyboard.press("Escape");
  await server.stop();
  await page.locator(".banner").waitFor();
  await take("offline");
  await Promise.all([one, other].map((person) => person.close()));
}

mkdirSync(target, { recursive: true });
await using browser = await TestBrowser.launch();
for (const scene of scenes) {
  console.log(scene.name);
  // A server for each scene: nobody of an earlier one is online.
  await using server = await startServer({ workers: 2 });
  await shoot(browser, server, scene);
}

/**
 * `npm run screenshots [DIRECTORY]`: the page as people see it, for the README and for whoever changes how it looks.
 * Chinese needs a font of the machine (Debian: fonts-noto-cjk).
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { startServer, TestBrowser } from "@duologue/testing";
import type { BrowserContextOptions, Page } from "playwright-core";

const target = process.argv[2] ?? join(import.meta.dir, "../docs/screenshots");

interface Scene {
  readonly name: string;
  readonly options: BrowserContextOptions;
  readonly people: readonly [string, string];
  /** In turn, the first one begins. */
  readonly talk: readonly string[];
}

const desktop = { viewport: { width: 1100, height: 700 }, deviceScaleFactor: 1 };
const phone = { viewport: { width: 390, height: 780 }, deviceScaleFactor: 2, hasTouch: true };
const english = [
  "Good morning! Did the parcel arrive?",
  "It did, this morning. Thank you!",
  "Good. The blue one is for your sister.",
  "She will love it.\nWhen are you coming over?",
  "Friday evening, if the train runs.",
];
const chinese = [
  "早上好!包裹到了吗?",
  "今天早上到了,谢谢!",
  "蓝色的是给你姐姐的。",
  "她一定会喜欢。\n你什么时候过来?",
  "周五晚上,如果火车不晚点的话。",
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
];

async function signIn(page: Page, name: string): Promise<void> {
  await page.locator("#nickname").fill(name);
  await page.locator("#nickname").press("Enter");
  await page.locator(".sidebar").waitFor();
}

async function write(page: Page, text: string): Promise<void> {
  const box = page.getByRole("textbox").last();
  await box.fill(text);
  await box.press("Enter");
  await page
    .locator(".message")
    .getByText(text.split("\n")[0] ?? text)
    .first()
    .waitFor();
}

async function shoot(browser: TestBrowser, url: string, scene: Scene): Promise<void> {
  const [one, other] = await Promise.all(
    [0, 1].map(async () => (await browser.person(scene.options)).newPage()),
  );
  if (one === undefined || other === undefined) return;
  await one.goto(url);
  await one.screenshot({ path: join(target, `${scene.name}-sign-in.png`) });
  await signIn(one, scene.people[0]);
  await other.goto(url);
  await signIn(other, scene.people[1]);
  await one.getByRole("button", { name: scene.people[1] }).first().click();
  for (const [index, text] of scene.talk.entries()) {
    if (index === 1) await other.getByRole("button", { name: scene.people[0] }).first().click();
    await write(index % 2 === 0 ? one : other, text);
  }
  await one.screenshot({ path: join(target, `${scene.name}.png`) });
  await Promise.all([one, other].map((page) => page.context().close()));
}

mkdirSync(target, { recursive: true });
await using browser = await TestBrowser.launch();
for (const scene of scenes) {
  console.log(scene.name);
  // A server for each scene: nobody of an earlier one is online.
  await using server = await startServer({ workers: 2 });
  await shoot(browser, server.url, scene);
}

/** The server's own page, from signing in to a server that is gone. */
import { type Server, startServer, type TestBrowser } from "@duologue/testing";
import type { Page } from "playwright-core";
import { Camera, type Device, devices, type FileOf } from "./camera.ts";
import { type Cast, casts, type Language } from "./talk.ts";

interface Stage {
  readonly browser: TestBrowser;
  readonly server: Server;
  readonly device: Device;
  readonly cast: Cast;
}

async function visit({ browser, server, device, cast }: Stage): Promise<Page> {
  const person = await browser.person({ ...devices[device], locale: cast.locale, timezoneId: "UTC" });
  const page = await person.newPage();
  await page.goto(server.url);
  return page;
}

async function signIn(page: Page, name: string): Promise<void> {
  await page.locator("#nickname").fill(name);
  await page.locator("#nickname").press("Enter");
  await page.locator(".sidebar").waitFor();
}

async function join(stage: Stage, name: string): Promise<Page> {
  const page = await visit(stage);
  await signIn(page, name);
  return page;
}

async function open(page: Page, name: string): Promise<void> {
  await page.locator(".row", { hasText: name }).first().click();
  await page.locator("#composer").waitFor();
}

async function write(page: Page, text: string): Promise<void> {
  await page.locator("#composer").fill(text);
  await page.locator("#composer").press("Enter");
}

async function toList(page: Page): Promise<void> {
  await page.evaluate(() => location.assign("#/"));
  await page.locator(".pane.nothing").waitFor({ state: "attached" });
}

/** The conversation that is looked at, and those around it. */
async function talk(stage: Stage, page: Page): Promise<void> {
  const { cast } = stage;
  const absent = await join(stage, cast.absent);
  await open(absent, cast.me);
  await write(absent, cast.farewell);
  await page.locator(".row .unread").waitFor();
  await open(page, cast.absent);
  await page.locator(".message").waitFor();
  await page.locator("#composer").fill(cast.draft);
  await toList(page);
  await absent.context().close();
  const peer = await join(stage, cast.peer);
  await open(peer, cast.me);
  await open(page, cast.peer);
  for (const [index, text] of cast.talk.entries()) {
    await write(index % 2 === 0 ? peer : page, text);
    for (const one of [page, peer]) await one.locator(".message").nth(index).waitFor();
  }
  await page.locator('.message.mine:last-child[data-state="read"]').last().waitFor();
  const writer = await join(stage, cast.writer);
  await open(writer, cast.me);
  for (const text of cast.unread) await write(writer, text);
  await join(stage, cast.stranger);
  await page.locator(".row", { hasText: cast.stranger }).waitFor({ state: "attached" });
  await page.locator(".row[data-unread]").waitFor({ state: "attached" });
  // Nobody leaves or comes while the pictures are taken.
  const dots = [cast.peer, cast.writer, cast.stranger].map((name) => [name, "[data-online]"] as const);
  for (const [name, dot] of [...dots, [cast.absent, ":not([data-online])"] as const]) {
    await page.locator(".row", { hasText: name }).locator(`.avatar${dot}`).waitFor({ state: "attached" });
  }
}

async function shootConversation({ cast, device }: Stage, page: Page, camera: Camera): Promise<void> {
  await page.mouse.move(0, 0);
  await camera.take(page, "conversation");
  const received = page.locator(".message:not(.mine)").nth(2);
  if (device === "phone") await received.locator(".text").tap({ position: { x: 10, y: 10 } });
  else await received.hover();
  const actions = device === "phone" ? page.locator("dialog.sheet .action") : received.locator(".tool");
  await actions.first().waitFor();
  await camera.take(page, "menu");
  await actions.first().click();
  await page.locator("#composer").fill(cast.reply);
  await camera.take(page, "reply");
  await page.locator("#composer").fill("");
  await page.locator("#composer").press("Escape");
  await page.locator("#composer").press("ArrowUp");
  await page.locator(".mode").waitFor();
  await camera.take(page, "edit");
  await page.locator("#composer").press("Escape");
}

async function shootList({ cast }: Stage, page: Page, camera: Camera): Promise<void> {
  await toList(page);
  await page.mouse.move(0, 0);
  await camera.take(page, "list");
  await page.locator("#search").fill([...cast.writer].slice(0, 2).join(""));
  await page.locator(".lists section:only-child .row").waitFor();
  await camera.take(page, "search");
  await page.locator("#search").fill("???");
  await page.locator(".lists section:only-child .hint").waitFor();
  await camera.take(page, "search-empty");
  await page.locator("#search").fill("");
  await page.locator(".row .unread").waitFor();
  await page.locator(".sidebar header .round").click();
  await page.locator("dialog").waitFor();
  await camera.take(page, "settings");
  await page.keyboard.press("Escape");
  await page.locator("dialog").waitFor({ state: "detached" });
}

export async function shootPage(
  browser: TestBrowser,
  fileOf: FileOf,
  device: Device,
  language: Language,
): Promise<void> {
  // A server for each: nobody of an earlier one is online.
  await using server = await startServer({ workers: 2 });
  const stage: Stage = { browser, server, device, cast: casts[language] };
  const camera = new Camera(fileOf, device, language);
  const page = await visit(stage);
  await camera.take(page, "sign-in");
  await page.locator("#nickname").fill("x");
  await page.locator("#nickname").press("Enter");
  await page.locator(".notice[data-problem]").waitFor();
  await camera.take(page, "sign-in-refused");
  await signIn(page, stage.cast.me);
  await page.locator(".invitation:visible").waitFor();
  await camera.take(page, "empty");
  await talk(stage, page);
  await shootConversation(stage, page, camera);
  await shootList(stage, page, camera);
  await open(page, stage.cast.peer);
  await page.locator(".message").last().waitFor();
  await server.stop();
  await page.locator(".banner button").waitFor();
  await camera.take(page, "offline");
}

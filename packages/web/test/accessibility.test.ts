/** What an automatic examiner finds: every screen, light and dark, in both languages, on a phone and on a desk. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { closeTable, SUBPROTOCOL } from "@duologue/protocol";
import type { BrowserContextOptions, Page } from "playwright-core";
import { findingsOf } from "./examiner.ts";
import { choose, DESKTOP, PHONE, Stage, say } from "./people.ts";

const COLOUR_SCHEMES = ["light", "dark"] as const;
let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open();
}, 60_000);

afterAll(async () => {
  await stage?.[Symbol.asyncDispose]();
}, 30_000);

/** Looks at screens of one page, each in every colour scheme. */
class Examiner {
  readonly findings: string[] = [];
  readonly screens: string[] = [];
  readonly #page: Page;

  constructor(page: Page) {
    this.#page = page;
  }

  async look(screen: string): Promise<void> {
    this.screens.push(screen);
    for (const colorScheme of COLOUR_SCHEMES) {
      await this.#page.emulateMedia({ colorScheme });
      this.findings.push(...(await findingsOf(this.#page, `${screen}, ${colorScheme}`)));
    }
  }
}

async function examineSignIn(page: Page, examiner: Examiner, takenName: string): Promise<void> {
  await examiner.look("sign-in");
  await page.locator("#nickname").fill(takenName);
  await page.locator("#nickname").press("Enter");
  await page.locator(".notice[data-problem]").waitFor();
  await examiner.look("sign-in refused");
  await page.locator("form .link").click();
  await page.locator(".row").first().waitFor();
}

async function examineList(page: Page, examiner: Examiner): Promise<void> {
  await page.locator("#search").fill("nobody of that name");
  await page.locator(".lists .hint").waitFor();
  await examiner.look("search without results");
  await page.locator("#search").fill("taken");
  await page.locator(".lists .row").first().waitFor();
  await examiner.look("search with results");
  await page.locator("#search").fill("");
  await page.locator(".row[data-unread], .row .draft").first().waitFor();
  await page.locator(".sidebar header .round").click();
  await page.locator("dialog[open]").waitFor();
  await examiner.look("settings");
  await page.keyboard.press("Escape");
  await page.locator("dialog").waitFor({ state: "detached" });
}

async function examineConversation(page: Page, examiner: Examiner): Promise<void> {
  const composer = page.locator("#composer");
  await page.locator(".separator.new").waitFor();
  await examiner.look("conversation");
  await page.locator(".pane header [aria-haspopup]").click();
  await page.locator(".menu [role]:focus").waitFor();
  await examiner.look("conversation menu");
  await page.keyboard.press("Escape");
  const received = page.locator(".message:not(.mine)").first();
  await received.locator(".text").click();
  const sheet = page.locator("dialog.sheet");
  const isOnSheet = await page.evaluate(() => !matchMedia("(hover: hover)").matches);
  await (isOnSheet ? sheet : received.locator(".tool").first()).waitFor();
  await examiner.look("message menu");
  await (isOnSheet ? sheet.getByRole("button") : received.locator(".tool")).first().click();
  await page.locator('.mode[data-kind="reply"]').waitFor();
  await examiner.look("reply");
  await say(page, "an answer");
  await page.locator('.message.mine:not([data-state="sending"], [data-state="queued"]) .quote').waitFor();
  await examiner.look("quote");
  await composer.press("ArrowUp");
  await page.locator('.mode[data-kind="edit"]').waitFor();
  await examiner.look("edit");
  await composer.press("Escape");
  await composer.fill("x".repeat(9_000));
  await page.locator(".counter[data-over]").waitFor();
  await examiner.look("too long");
  await composer.fill("");
  const retract = await page.evaluate(() => (document.documentElement.lang === "zh" ? "删除" : "Delete"));
  await choose(page.locator(".message.mine").first(), retract);
  await page.locator("dialog .danger").waitFor();
  await examiner.look("question");
  await page.locator("dialog .danger").click();
  await page.locator(".message[data-retracted]").waitFor();
  await examiner.look("retracted");
  await composer.fill("unfinished");
}

/** Muted, pinned, and folded away. */
async function examineArchive(page: Page, examiner: Examiner): Promise<void> {
  for (const index of [0, 1, 2]) {
    await page.locator(".pane header [aria-haspopup]").click();
    await page.locator(".menu [role]").nth(index).click();
    await page.locator(".menu").waitFor({ state: "hidden" });
  }
  await page.evaluate(() => location.assign("#/"));
  await page.locator("summary").click();
  await page.locator("details .mark").first().waitFor();
  await examiner.look("archive");
  await page.locator("details .row").click();
}

/** The server goes, and another one comes in its place that wants nothing of this page. */
async function examineBreaks(page: Page, examiner: Examiner): Promise<void> {
  const { port } = stage.server;
  const bringBack = await stage.interrupt();
  await page.locator(".banner button").waitFor();
  await examiner.look("no connection");
  const stranger = Bun.serve({
    port,
    hostname: "127.0.0.1",
    fetch: (request, server) =>
      server.upgrade(request, { headers: { "Sec-WebSocket-Protocol": SUBPROTOCOL } })
        ? undefined
        : new Response("", { status: 404 }),
    websocket: {
      open: (socket) => socket.close(closeTable.unauthenticated_limit.code),
      message: () => {},
    },
  });
  try {
    await page.locator(".banner button").click();
    await page.locator(".banner:not(:has([aria-hidden]))", { has: page.locator("button") }).waitFor();
    await examiner.look("stopped");
  } finally {
    await stranger.stop(true);
    await bringBack();
  }
}

async function examine(options: BrowserContextOptions): Promise<Examiner> {
  const { page: taken, name: takenName } = await stage.join("Taken");
  const page = await stage.visit(options);
  const examiner = new Examiner(page);
  await examineSignIn(page, examiner, takenName);
  await examiner.look("empty list");
  const name = (await page.locator(".sidebar header .name").textContent()) ?? "";
  await taken.locator(".row", { hasText: name }).click();
  await say(taken, "see https://example.org, `code` and\n```\na block\n```");
  await say(taken, "😀");
  await page.locator(".row .unread").waitFor();
  await examiner.look("list");
  await page.locator(".row[data-unread]").click();
  await examineConversation(page, examiner);
  if (options.hasTouch === true) await page.goBack();
  else await page.evaluate(() => location.assign("#/"));
  await page.locator(".row .draft").waitFor();
  await examiner.look("draft");
  await examineList(page, examiner);
  await page.locator(".row").first().click();
  await examineArchive(page, examiner);
  await page.locator("#composer").waitFor();
  await examineBreaks(page, examiner);
  await Promise.all([taken.context().close(), page.context().close()]);
  return examiner;
}

describe("an examiner of accessibility finds nothing on any screen, light or dark", () => {
  test.each([
    ["in English, on a desk", DESKTOP],
    ["in Chinese, on a desk", { ...DESKTOP, locale: "zh-CN" }],
    ["in English, on a phone", PHONE],
    ["in Chinese, on a phone", { ...PHONE, locale: "zh-CN" }],
  ] as const)(
    "%s",
    async (_, options) => {
      const { findings, screens } = await examine(options);
      expect(findings).toEqual([]);
      expect(screens).toHaveLength(20);
    },
    120_000,
  );
});

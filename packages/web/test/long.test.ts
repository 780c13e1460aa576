/** A conversation of 20,000 messages. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { Inbox, limits } from "@duologue/testing";
import type { Page } from "playwright-core";
import { Stage } from "./people.ts";

const MESSAGES = 20_000;
const BATCH = 250;
/** Nobody loses their place by less. */
const LINE_PIXELS = 23;
let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open({
    options: limits({ framesPerSecond: 100_000, framesBurst: 100_000, pageEvents: 1000 }),
  });
}, 60_000);

afterAll(async () => {
  await stage[Symbol.asyncDispose]();
}, 60_000);

interface Frame {
  readonly type: string;
  readonly users?: readonly { readonly id: string; readonly name: string }[];
  readonly conversation?: { readonly id: string };
}

/** Writes them over a bare socket, some hundred at a time. */
async function writeMany(reader: string): Promise<void> {
  const frames = new Inbox<Frame>("frames", (frame) => frame.type);
  const socket = new WebSocket(stage.server.url.replace("http", "ws"), "duologue.v1");
  socket.onmessage = ({ data }) => frames.push(JSON.parse(String(data)));
  socket.onclose = ({ code, reason }) => frames.end(`closed with ${code} ${reason}`);
  socket.onopen = () => socket.send(JSON.stringify({ type: "hello", version: 1, nickname: "Quick writer" }));
  const lobby = await frames.next(({ type }) => type === "lobby");
  const user = lobby.users?.find(({ name }) => name === reader)?.id;
  socket.send(JSON.stringify({ type: "open", ref: 1, user }));
  const { conversation } = await frames.next(({ type }) => type === "conversation");
  for (let first = 1; first <= MESSAGES; first += BATCH) {
    for (let number = first; number < first + BATCH; number += 1) {
      const text = `message ${number}.${"\nand a line more".repeat(number % 4)}`;
      const frame = { type: "send", id: Bun.randomUUIDv7(), conversation: conversation?.id };
      socket.send(JSON.stringify({ ...frame, body: { kind: "text", text } }));
    }
    for (let number = first; number < first + BATCH; number += 1) {
      await frames.next(({ type }) => type === "ack");
    }
  }
  socket.close();
}

/** How far below the list's upper edge the first message in sight, or the one with this text, begins, in pixels. */
function placeOf(page: Page, wanted?: string): Promise<{ readonly text: string; readonly top: number }> {
  return page.evaluate((text) => {
    const edge = document.querySelector(".scroll")?.getBoundingClientRect().top ?? 0;
    for (const message of document.querySelectorAll(".message")) {
      const top = message.getBoundingClientRect().top - edge;
      const own = message.querySelector(".text")?.textContent?.split("\n")[0] ?? "";
      if (text === undefined ? top >= 0 : own === text) return { text: own, top };
    }
    return { text: "", top: Number.NaN };
  }, wanted);
}

async function scrollTo(page: Page, top: number): Promise<void> {
  await page.locator(".scroll").evaluate((scroll, offset) => scroll.scrollTo(0, offset), top);
  await drawn(page);
}

/** What was to be drawn has been drawn and measured. */
async function drawn(page: Page): Promise<void> {
  for (let frame = 0; frame < 3; frame += 1)
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)));
}

/** The page of older messages has come, and what was in sight is far from the beginning now. */
async function olderLoaded(page: Page): Promise<void> {
  await page.waitForFunction(() => {
    const top = document.querySelector(".scroll")?.scrollTop ?? 0;
    return top > 1000 || document.querySelector(".older") === null;
  });
  await drawn(page);
}

test("20,000 messages are loaded page by page without a jump, and few of them are in the document", async () => {
  const { page, name } = await stage.join("Reader");
  await writeMany(name);
  await page.locator(".row .unread").click();
  await page.locator(".message").first().waitFor();
  // Opened at the first unread message, which is far back.
  await page.locator(".jump").click();
  await page.locator(".message", { hasText: `message ${MESSAGES}.` }).waitFor();
  await page.waitForFunction(() => document.title === "Duologue");
  await page.reload();
  await page.locator(".message", { hasText: `message ${MESSAGES}.` }).waitFor();
  await drawn(page);
  // Just above the point where older ones are fetched, and then past it.
  await scrollTo(page, 405);
  const before = await placeOf(page);
  // Messages that were measured for the first time have moved it.
  const offset = await page.locator(".scroll").evaluate((scroll) => scroll.scrollTop);
  await scrollTo(page, 395);
  await olderLoaded(page);
  const { top } = await placeOf(page, before.text);
  expect(Math.abs(top - before.top - (offset - 395))).toBeLessThan(LINE_PIXELS);
  for (let loads = 0; (await page.locator(".older").count()) > 0; loads += 1) {
    expect(loads).toBeLessThan(MESSAGES / 500);
    await scrollTo(page, 0);
    await olderLoaded(page);
    expect(await page.locator(".message").count()).toBeLessThan(100);
  }
  await scrollTo(page, 0);
  await page.locator(".message", { hasText: /^message 1\./ }).waitFor();
  await page.locator(".jump").click();
  await page.locator(".message", { hasText: `message ${MESSAGES}.` }).waitFor();
  expect(stage.complaints).toEqual([]);
}, 120_000);

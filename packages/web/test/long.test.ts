/** A conversation of 20,000 messages. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { Inbox, limits } from "@duologue/testing";
import type { Page } from "playwright-core";
import { Stage, settled } from "./people.ts";

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

/** Writes them over a bare socket, some hundred at a time, and stays. */
async function writeMany(reader: string): Promise<Disposable> {
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
  return { [Symbol.dispose]: () => socket.close() };
}

async function scrollTo(page: Page, top: number): Promise<void> {
  await page.locator(".scroll").evaluate((scroll, offset) => scroll.scrollTo(0, offset), top);
  await settled(page);
}

/** The page of older messages has come, and what was in sight is far from the beginning now. */
async function olderLoaded(page: Page): Promise<void> {
  await page.waitForFunction(() => {
    const top = document.querySelector(".scroll")?.scrollTop ?? 0;
    return top > 1000 || document.querySelector(".older") === null;
  });
  await settled(page);
}

/** Scrolls up until older messages are fetched, and says how far, in pixels, what was in sight moved when they came. */
function jumpOnLoading(page: Page): Promise<number> {
  return page.locator(".scroll").evaluate(async (scroll) => {
    const places = (): Map<string, number> => {
      const { top, bottom } = scroll.getBoundingClientRect();
      const found = new Map<string, number>();
      for (const message of scroll.querySelectorAll(".message")) {
        const box = message.getBoundingClientRect();
        if (box.bottom > top && box.top < bottom) found.set(message.textContent ?? "", box.top);
      }
      return found;
    };
    const { scrollHeight } = scroll;
    scroll.scrollTo(0, 300);
    let [before, jump] = [places(), 0];
    // Some frames longer than it takes: what is measured late must not move it either.
    for (let after = 0; after < 10; ) {
      await new Promise((resolve) => requestAnimationFrame(resolve));
      const now = places();
      const moves = [...now].map(([text, top]) =>
        Math.abs(top - (before.get(text) ?? Number.POSITIVE_INFINITY)),
      );
      jump = Math.max(jump, Math.min(...moves));
      before = now;
      if (scroll.scrollHeight > scrollHeight + 5000) after += 1;
    }
    return jump;
  });
}

test("20,000 messages are loaded page by page without a jump, and few of them are in the document", async () => {
  const { page, name } = await stage.join("Reader");
  // Stays there: nothing but the reader's own doing changes the page from now on.
  using _writer = await writeMany(name);
  await page.locator(".row .unread").click();
  await page.locator(".message").first().waitFor();
  // Opened at the first unread message, which is far back.
  await page.locator(".jump").click();
  await page.locator(".message", { hasText: `message ${MESSAGES}.` }).waitFor();
  await page.waitForFunction(() => document.title === "Duologue");
  await page.reload();
  await page.locator(".message", { hasText: `message ${MESSAGES}.` }).waitFor();
  await settled(page);
  await scrollTo(page, 600);
  expect(await jumpOnLoading(page)).toBeLessThan(LINE_PIXELS);
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

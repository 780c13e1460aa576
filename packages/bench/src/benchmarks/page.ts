/** How long the page takes, in a real browser, until the first message of a conversation stands there. */
import { type Client, connect } from "@duologue/client";
import { TestBrowser } from "@duologue/testing";
import type { BrowserContext, Page } from "playwright-core";
import { within } from "../clock.ts";
import { formatSpread, type Report, spreadOf, type Target, tableOf } from "../report/report.ts";
import { launchServer, type RunningServer } from "../servers/launch.ts";
import { type BenchContext, machineNote } from "./context.ts";

const MESSAGES = 200;
const CPU_RATES = [1, 4] as const;
const TARGET_MS = 1_000;
const PATIENCE_MS = 30_000;
/** Until the browser keeps the page and what stood on it: both wait for some seconds of rest. */
const SETTLE_MS = 6_000;
const MARK = "first-message";

const visits = ["first", "again"] as const;
type Visit = (typeof visits)[number];

interface Talk {
  readonly conversation: string;
  readonly token: string;
}

interface PageRun {
  readonly visit: Visit;
  /** How many times slower the processor was made. */
  readonly cpuRate: number;
  readonly run: number;
  readonly firstPaintMs: number;
  readonly firstMessageMs: number;
  /** What the page's main thread used until then: other processes hardly disturb it. */
  readonly cpuMs: number;
}

type Measured = Pick<PageRun, "firstPaintMs" | "firstMessageMs" | "cpuMs">;

export async function benchPage(context: BenchContext): Promise<Report> {
  const { clock, children, settings } = context;
  const limits = { framesPerSecond: 10_000, framesBurst: 10_000 };
  const options = { workers: settings.workers?.[0] ?? 1, limits, dataParent: settings.dataParent };
  await using server = await launchServer(clock, children, "duologue", options);
  await using browser = await TestBrowser.launch();
  const talk = await within(clock, PATIENCE_MS, "the conversation", leaveTalk(server));
  const runs: PageRun[] = [];
  for (let run = 1; run <= settings.runs; run += 1) {
    for (const cpuRate of CPU_RATES) {
      const person = await browser.person({ viewport: { width: 1280, height: 800 } });
      for (const visit of visits) {
        const measured = await open(person, server, talk, cpuRate);
        runs.push({ visit, cpuRate, run, ...measured });
        context.progress(
          `run ${run}, ${visit} visit, CPU ÷ ${cpuRate}: ${Math.round(measured.firstMessageMs)} ms`,
        );
        if (visit === "first") await settle(person, server, talk, context);
      }
      await person.close();
    }
  }
  return {
    name: "The page",
    notes: [
      machineNote(),
      `a fresh tab of headless Chromium opens the address of a conversation of ${MESSAGES} messages, the HTTP cache switched off; server and browser share all cores`,
      "first visit: the browser knows the person's token and nothing else; again: it has kept the page (service worker) and what stood on it (snapshot)",
      "CPU: slowed down by the DevTools protocol (Emulation.setCPUThrottlingRate); the time is that from the beginning of the navigation to the frame with the first message",
      "main thread: what the page's main thread used of a core until then, the slowing down included; other processes hardly disturb it",
      `runs: ${settings.runs}: median [lowest–highest]`,
    ],
    tables: [tableOf("First message", COLUMNS, rowsOf(runs))],
    targets: targetsOf(runs),
    runs,
  };
}

/** Two people whose conversation is long enough to scroll; both leave. */
async function leaveTalk(server: RunningServer): Promise<Talk> {
  const url = `ws://${server.host}:${server.port}`;
  const [alice, bob] = [connect({ url, nickname: "alice" }), connect({ url, nickname: "bob" })];
  await Promise.all([until(alice, () => alice.me !== undefined), until(bob, () => bob.me !== undefined)]);
  const conversation = await alice.open(bob.me?.id ?? "");
  await bob.openConversation(conversation);
  for (let message = 1; message <= MESSAGES; message += 1) {
    const text = `message ${message}: ${"lorem ipsum dolor sit amet ".repeat(1 + (message % 5))}`;
    (message % 3 === 0 ? bob : alice).send(conversation, text);
  }
  await until(alice, () => alice.conversation(conversation)?.lastSeq === MESSAGES);
  const token = alice.token ?? "";
  for (const client of [alice, bob]) client.close();
  return { conversation, token };
}

function until(client: Client, holds: () => boolean): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const look = (): void => {
    if (!holds()) return;
    leave();
    resolve();
  };
  const leave = client.subscribe(look);
  look();
  return promise;
}

async function open(
  person: BrowserContext,
  server: RunningServer,
  talk: Talk,
  cpuRate: number,
): Promise<Measured> {
  const page = await person.newPage();
  // The process of the site is there, as when a link is followed; nothing of the page is.
  await page.goto(`http://${server.host}:${server.port}/healthz`);
  await page.evaluate((token) => localStorage.setItem("duologue/token", token), talk.token);
  await page.addInitScript(markFirstMessage, MARK);
  const devTools = await person.newCDPSession(page);
  await devTools.send("Network.setCacheDisabled", { cacheDisabled: true });
  await devTools.send("Emulation.setCPUThrottlingRate", { rate: cpuRate });
  await devTools.send("Performance.enable", { timeDomain: "threadTicks" });
  const cpuMs = async (): Promise<number> => {
    const { metrics } = await devTools.send("Performance.getMetrics");
    return (metrics.find(({ name }) => name === "TaskDuration")?.value ?? Number.NaN) * 1000;
  };
  const before = await cpuMs();
  await goTo(page, server, talk);
  await page.waitForFunction((name) => performance.getEntriesByName(name).length > 0, MARK);
  const used = (await cpuMs()) - before;
  const [firstPaintMs, firstMessageMs] = await page.evaluate(
    (names) => names.map((name) => performance.getEntriesByName(name)[0]?.startTime ?? Number.NaN),
    ["first-contentful-paint", MARK],
  );
  await page.close();
  const unknown = Number.NaN;
  return { firstPaintMs: firstPaintMs ?? unknown, firstMessageMs: firstMessageMs ?? unknown, cpuMs: used };
}

/** A visit long enough for the browser to keep everything. */
async function settle(
  person: BrowserContext,
  server: RunningServer,
  talk: Talk,
  { clock }: BenchContext,
): Promise<void> {
  const page = await person.newPage();
  await goTo(page, server, talk);
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  await clock.pause(SETTLE_MS);
  await page.close();
}

async function goTo(page: Page, server: RunningServer, { conversation }: Talk): Promise<void> {
  await page.goto(`http://${server.host}:${server.port}/#/c/${conversation}`, { waitUntil: "commit" });
}

/** Runs in the page, before anything of it. */
function markFirstMessage(name: string): void {
  const look = (): void => {
    const message = document.querySelector(".message");
    const isVisible = message?.checkVisibility({ visibilityProperty: true, opacityProperty: true }) === true;
    if (isVisible && message.getBoundingClientRect().height > 0) performance.mark(name);
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}

const COLUMNS = ["visit", "CPU ÷", "first paint, ms", "first message, ms", "main thread, ms of CPU"];

function rowsOf(runs: readonly PageRun[]): string[][] {
  const groups = Map.groupBy(runs, ({ visit, cpuRate }) => `${visit} ${cpuRate}`);
  return [...groups.values()].flatMap((group) => {
    const first = group[0];
    if (first === undefined) return [];
    const spread = (pick: (run: PageRun) => number): string => formatSpread(group.map(pick));
    return [
      [
        first.visit,
        String(first.cpuRate),
        spread(({ firstPaintMs }) => firstPaintMs),
        spread(({ firstMessageMs }) => firstMessageMs),
        spread(({ cpuMs }) => cpuMs),
      ],
    ];
  });
}

function targetsOf(runs: readonly PageRun[]): Target[] {
  const slow = runs.filter(({ visit, cpuRate }) => visit === "first" && cpuRate === 4);
  const { median } = spreadOf(slow.map(({ firstMessageMs }) => firstMessageMs));
  return [
    {
      what: "first message visible, first visit, CPU ÷ 4",
      wanted: `≤ ${TARGET_MS} ms`,
      measured: `${Math.round(median)} ms`,
      met: median <= TARGET_MS,
    },
  ];
}

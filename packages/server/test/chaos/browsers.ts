/** Real browsers that take part: tabs that crash, a browser that is killed, storage that is denied or full. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { makeDataDirectory, type SeededRandom, TestProfile, until } from "@duologue/testing";
import type { Page } from "playwright-core";
import type { Fault, FaultKind } from "./faults.ts";
import type { Group } from "./group.ts";
import type { Guests } from "./run.ts";
import { Tab, type TabKind } from "./tab.ts";
import type { World } from "./world.ts";

const DENIED = `
  IDBFactory.prototype.open = () => { throw new DOMException("denied", "SecurityError"); };
  Storage.prototype.setItem = () => { throw new DOMException("denied", "SecurityError"); };
`;
const FULL = `
  IDBObjectStore.prototype.put = () => { throw new DOMException("full", "QuotaExceededError"); };
  Storage.prototype.setItem = () => { throw new DOMException("full", "QuotaExceededError"); };
`;
const WEEK_MS = 7 * 86_400_000;
const CLOCK_SET_BACK = `{ const now = Date.now; Date.now = () => now() - ${WEEK_MS}; }`;
const PAGE_PATIENCE_MS = 60_000;

/** The site with the page of the chaos; `localhost` is a secure context. */
export class ChaosSite implements Disposable {
  readonly #server: Bun.Server<undefined>;

  private constructor(script: string) {
    const types = { script: "text/javascript", page: "text/html" };
    this.#server = Bun.serve({
      port: 0,
      fetch: ({ url }) =>
        new URL(url).pathname === "/page.js"
          ? new Response(script, { headers: { "content-type": types.script } })
          : new Response('<!doctype html><script type="module" src="/page.js"></script>', {
              headers: { "content-type": types.page },
            }),
    });
  }

  static async build(): Promise<ChaosSite> {
    const entrypoints = [join(import.meta.dir, "page.ts")];
    const { outputs } = await Bun.build({ entrypoints, target: "browser", format: "esm" });
    return new ChaosSite((await outputs[0]?.text()) ?? "");
  }

  get origin(): string {
    return `http://localhost:${this.#server.port}`;
  }

  [Symbol.dispose](): void {
    void this.#server.stop(true);
  }
}

/** Two that share a connection, so that one of them leads and may die; and one that may store nothing. */
const KINDS: readonly TabKind[] = [
  { name: "first tab", group: 0, script: "", isShared: true },
  { name: "second tab", group: 0, script: "", isShared: true },
  { name: "tab without storage", group: 1, script: DENIED, isShared: false },
];

/** Done to the browsers, of which `guests` has the pages. */
interface BrowserFault extends FaultKind {
  inflict(guests: BrowserGuests, world: World, random: SeededRandom): Promise<void>;
}

export const browserFaults: readonly BrowserFault[] = [
  {
    name: "tab crashed",
    place: "browser",
    what: "the process of a tab in Chromium dies with something unsent; a new one begins from what the storage kept",
    weight: 2,
    wholeWithinMs: 20_000,
    async inflict(guests, world, random) {
      const tab = random.pick(await guests.keeping());
      await dieUnsent(world, [tab], () => crash(tab.page));
      await guests.reopen([tab]);
    },
  },
  {
    name: "browser killed",
    place: "browser",
    what: "kill −9 of Chromium, all tabs with something unsent; it is started again with the same profile",
    weight: 1,
    wholeWithinMs: 40_000,
    async inflict(guests, world) {
      await dieUnsent(world, guests.tabs, () => guests.kill());
      await guests.reopen(guests.tabs);
    },
  },
  {
    name: "storage full",
    place: "browser",
    what: "IndexedDB and Web Storage of a tab take nothing more",
    weight: 1,
    wholeWithinMs: 15_000,
    async inflict(guests, _, random) {
      const tab = random.pick(await guests.keeping());
      const before = await tab.storageState();
      await tab.page.evaluate(FULL);
      if (before?.kind === "kept") await tab.keepsNothing("full");
      await tab.talksOn();
    },
  },
  {
    name: "browser's clock set back",
    place: "browser",
    what: "a tab's clock goes back by a week",
    weight: 1,
    wholeWithinMs: 15_000,
    async inflict(guests, _, random) {
      const tab = random.pick(guests.tabs);
      const before = await tab.now();
      await tab.page.evaluate(CLOCK_SET_BACK);
      if ((await tab.now()) > before - WEEK_MS / 2) throw new Error("the tab's clock stands as it stood");
      await tab.talksOn();
    },
  },
];

/** The first group gets two tabs of one person, the second one a tab that may store nothing. */
export async function browserGuests(
  origin: string,
  groups: readonly Group[],
  url: string,
): Promise<BrowserGuests> {
  const tabs = KINDS.flatMap((kind) => {
    const group = groups[kind.group];
    if (group === undefined) return [];
    for (const { client } of group.talkers) group.talkers[0]?.log.horizon.ignore(client.me?.id ?? "");
    const tab = new Tab(group, url, kind);
    group.participants.push(tab);
    return [tab];
  });
  const directory = makeDataDirectory();
  const guests = new BrowserGuests(tabs, origin, directory, await TestProfile.open(directory));
  await guests.open();
  return guests;
}

export class BrowserGuests implements Guests {
  readonly tabs: readonly Tab[];
  readonly #origin: string;
  readonly #directory: string;
  #profile: TestProfile;

  constructor(tabs: readonly Tab[], origin: string, directory: string, profile: TestProfile) {
    this.tabs = tabs;
    this.#origin = origin;
    this.#directory = directory;
    this.#profile = profile;
  }

  get faults(): readonly Fault[] {
    return browserFaults.map((fault) => ({
      ...fault,
      inflict: (world, random) => fault.inflict(this, world, random),
    }));
  }

  async open(): Promise<void> {
    for (const tab of this.tabs) await tab.open(this.#profile, this.#origin);
  }

  /** With every page; the next one has the same profile. */
  async kill(): Promise<void> {
    await this.#profile.kill();
    this.#profile = await TestProfile.open(this.#directory);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#profile[Symbol.asyncDispose]();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** Those whose storage works; all, when it works in none. */
  async keeping(): Promise<readonly Tab[]> {
    const states = await Promise.all(this.tabs.map((tab) => tab.storageState()));
    const keeping = this.tabs.filter((_, index) => states[index]?.kind === "kept");
    return keeping.length > 0 ? keeping : this.tabs;
  }

  async reopen(tabs: readonly Tab[]): Promise<void> {
    for (const tab of tabs) {
      await tab.open(this.#profile, this.#origin);
      await tab.begin();
    }
    await Promise.all(tabs.map((tab) => tab.talksOn()));
  }
}

/** What these tabs write last cannot reach the server any more, but their storage, where they have one that works. */
async function dieUnsent(world: World, tabs: readonly Tab[], die: () => Promise<void>): Promise<void> {
  const release = world.proxy.hold();
  try {
    await Promise.all(tabs.map((tab) => tab.writeAhead()));
    await die();
  } finally {
    release();
  }
}

/** Resolves when the page's process is gone. */
async function crash(page: Page): Promise<void> {
  let isGone = false;
  page.on("crash", () => {
    isGone = true;
  });
  // It never answers: the process that should is dead.
  void page.goto("chrome://crash").catch(() => undefined);
  await until(() => isGone, "the tab crashed", PAGE_PATIENCE_MS);
  await page.close().catch(() => undefined);
}

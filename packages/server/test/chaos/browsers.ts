/** Real browsers that take part: tabs that crash, a browser that is killed, storage that is denied or full. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { makeDataDirectory, type SeededRandom, TestProfile, until } from "@duologue/testing";
import type { Page } from "playwright-core";
import type { Change } from "../harness/shown.ts";
import type { Fault } from "./faults.ts";
import type { Group, Participant } from "./group.ts";
import type { Testimony } from "./oracle.ts";
import type { PageOptions } from "./page.ts";
import type { Guests } from "./run.ts";

const DENIED = `
  IDBFactory.prototype.open = () => { throw new DOMException("denied", "SecurityError"); };
  Storage.prototype.setItem = () => { throw new DOMException("denied", "SecurityError"); };
`;
const FULL = `
  IDBObjectStore.prototype.put = () => { throw new DOMException("full", "QuotaExceededError"); };
  Storage.prototype.setItem = () => { throw new DOMException("full", "QuotaExceededError"); };
`;
const CLOCK_SET_BACK = "{ const now = Date.now; Date.now = () => now() - 7 * 86_400_000; }";
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

/** One life of a page: from its loading to its end, whatever ends it. */
interface Life {
  readonly texts: string[];
  /** Of these, what was taken back. */
  readonly erased: string[];
  readonly changes: Change[];
  readonly acknowledged: Map<number, string>;
}

interface TabKind {
  readonly name: string;
  /** Which conversation it takes part in. */
  readonly group: number;
  /** Done to the page before anything runs in it. */
  readonly script: string;
  /** It shares one connection with the other ones of its conversation. */
  readonly isShared: boolean;
}

/** Two that share a connection, so that one of them leads and may die; and one that may store nothing. */
const KINDS: readonly TabKind[] = [
  { name: "first tab", group: 0, script: "", isShared: true },
  { name: "second tab", group: 0, script: "", isShared: true },
  { name: "tab without storage", group: 1, script: DENIED, isShared: false },
];

/** A tab that is a further device of the first person of a conversation. */
class Tab implements Participant {
  readonly #group: Group;
  readonly #url: string;
  readonly #kind: TabKind;
  readonly #lives: Life[] = [];
  #page: Page | undefined;

  constructor(group: Group, url: string, kind: TabKind) {
    this.#group = group;
    this.#url = url;
    this.#kind = kind;
  }

  get page(): Page {
    if (this.#page === undefined) throw new TypeError("the tab is not open");
    return this.#page;
  }

  /** Anew, whether there was a life before or not. */
  async open(profile: TestProfile, origin: string): Promise<void> {
    const life: Life = { texts: [], erased: [], changes: [], acknowledged: new Map() };
    this.#lives.push(life);
    const page = await profile.context.newPage();
    this.#page = page;
    await page.exposeFunction("noteText", (text: string) => void life.texts.push(text));
    await page.exposeFunction("noteChange", (change: Change, erased: readonly string[]) => {
      life.changes.push(change);
      life.erased.push(...erased);
    });
    await page.exposeFunction("noteAck", (id: string, seq: number) => void life.acknowledged.set(seq, id));
    await page.addInitScript(this.#kind.script);
    await page.goto(origin);
    await page.waitForFunction(() => "device" in globalThis);
    const options: PageOptions = {
      url: this.#url,
      token: this.#group.talkers[0]?.token ?? "",
      conversation: this.#group.conversation,
      name: `${this.#kind.name}, life ${this.#lives.length}`,
      ...(this.#kind.isShared ? { tabs: this.#group.conversation } : {}),
    };
    await page.evaluate((given) => device.join(given), options);
  }

  async begin(): Promise<void> {
    await this.page.evaluate(() => device.begin());
  }

  async rest(): Promise<void> {
    await this.page.evaluate(() => device.rest());
  }

  async caughtUp(lastSeq: number, timeoutMs: number): Promise<void> {
    await this.page.waitForFunction((seq) => device.isCaughtUp(seq), lastSeq, {
      timeout: timeoutMs,
      polling: 100,
    });
  }

  async testimony(): Promise<Testimony> {
    const last = await this.page.evaluate(() => device.testimony());
    const earlier = this.#lives.slice(0, -1);
    const life = this.#lives.at(-1);
    return {
      device: this.#kind.name,
      user: this.#group.talkers[0]?.client.me?.id ?? "",
      texts: life?.texts.filter((text) => !life.erased.includes(text)) ?? [],
      // What died before it could be stored may be gone; what the page knew to be acknowledged may not.
      mayBeAbsent: [...earlier.flatMap(({ texts }) => texts), ...(life?.erased ?? [])],
      changes: life?.changes ?? [],
      mayBeUnchanged: earlier.flatMap(({ changes }) => changes),
      acknowledged: new Map([
        ...earlier.flatMap((one) => [...one.acknowledged].map(swap)),
        ...last.acknowledged,
      ]),
      received: new Map(last.received),
      shown: last.shown,
      contradictions: last.contradictions,
      isComplete: true,
    };
  }
}

function swap<A, B>([one, other]: readonly [A, B]): [B, A] {
  return [other, one];
}

/** The first group gets two tabs of one person, the second one a tab that may store nothing. */
export async function browserGuests(origin: string, groups: readonly Group[], url: string): Promise<Guests> {
  const directory = makeDataDirectory();
  let profile = await TestProfile.open(directory);
  const tabs = KINDS.flatMap((kind) => {
    const group = groups[kind.group];
    if (group === undefined) return [];
    for (const { client } of group.talkers) group.talkers[0]?.log.horizon.ignore(client.me?.id ?? "");
    const tab = new Tab(group, url, kind);
    group.participants.push(tab);
    return [tab];
  });
  for (const tab of tabs) await tab.open(profile, origin);
  const reopen = async (tab: Tab): Promise<void> => {
    await tab.open(profile, origin);
    await tab.begin();
  };
  const inTab = (name: string, what: string, script: string): Fault => {
    return {
      name,
      place: "browser",
      what,
      weight: 1,
      inflict: async (_, random) => void (await random.pick(tabs).page.evaluate(script)),
    };
  };
  const guestFaults: readonly Fault[] = [
    {
      name: "tab crashed",
      place: "browser",
      what: "the process of a tab in Chromium dies; a new one begins from what the storage kept",
      weight: 2,
      async inflict(_: unknown, random: SeededRandom): Promise<void> {
        const tab = random.pick(tabs);
        await crash(tab.page);
        await reopen(tab);
      },
    },
    {
      name: "browser killed",
      place: "browser",
      what: "kill −9 of Chromium; it is started again with the same profile",
      weight: 1,
      async inflict(): Promise<void> {
        await profile.kill();
        profile = await TestProfile.open(directory);
        for (const tab of tabs) await reopen(tab);
      },
    },
    inTab("storage full", "IndexedDB and Web Storage of a tab take nothing more", FULL),
    inTab("browser's clock set back", "a tab's clock goes back by a week", CLOCK_SET_BACK),
  ];
  return {
    faults: guestFaults,
    async [Symbol.asyncDispose]() {
      await profile[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true, force: true });
    },
  };
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

/** A browser's tab that takes part in a conversation, over all its lives: a crash ends one, and the next one begins. */
import type { StorageState } from "@duologue/client";
import type { TestProfile } from "@duologue/testing";
import type { Page } from "playwright-core";
import type { Change } from "../harness/shown.ts";
import { type Group, type Participant, RECOVERY_MS } from "./group.ts";
import type { Testimony } from "./oracle.ts";
import type { PageOptions, Written } from "./page.ts";

/** So many messages more, and a tab counts as talking again. */
const TALK_MESSAGES = 3;
/** Something else may be broken at the same time, for half a minute. */
const TALK_MS = 2 * RECOVERY_MS;
const POLLING_MS = 100;

/** One life of a page: from its loading to its end, whatever ends it. */
interface Life {
  readonly texts: string[];
  /** Of these, what was taken back. */
  readonly erased: string[];
  readonly changes: Change[];
  /** What was in the storage, as another page would find it there. */
  readonly kept: Written[];
  readonly acknowledged: Map<number, string>;
}

export interface TabKind {
  readonly name: string;
  /** Which conversation it takes part in. */
  readonly group: number;
  /** Done to the page before anything runs in it. */
  readonly script: string;
  /** It shares one connection with the other ones of its conversation. */
  readonly isShared: boolean;
}

/** A tab that is a further device of the first person of a conversation. */
export class Tab implements Participant {
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

  get name(): string {
    return this.#kind.name;
  }

  get page(): Page {
    if (this.#page === undefined) throw new TypeError("the tab is not open");
    return this.#page;
  }

  /** Texts that earlier lives left in the storage, and that must be there in the end. */
  get keptTexts(): readonly string[] {
    return this.#lives.slice(0, -1).flatMap((life) => textsKeptIn(life));
  }

  /** Anew, whether there was a life before or not. */
  async open(profile: TestProfile, origin: string): Promise<void> {
    const life: Life = { texts: [], erased: [], changes: [], kept: [], acknowledged: new Map() };
    this.#lives.push(life);
    const page = await profile.context.newPage();
    this.#page = page;
    await page.exposeFunction("noteText", (text: string) => void life.texts.push(text));
    await page.exposeFunction("noteChange", (change: Change, erased: readonly string[]) => {
      life.changes.push(change);
      life.erased.push(...erased);
    });
    await page.exposeFunction("noteKept", (written: Written) => void life.kept.push(written));
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

  /** Writes one message without waiting for its number; resolves to whether the storage has it. */
  writeAhead(): Promise<boolean> {
    return this.page.evaluate(() => device.writeAhead());
  }

  storageState(): Promise<StorageState | undefined> {
    return this.page.evaluate(() => device.storageState());
  }

  /** What the tab takes for the time of day, ms. */
  now(): Promise<number> {
    return this.page.evaluate(() => Date.now());
  }

  /** Resolves when a few more of its messages have been acknowledged. */
  async talksOn(): Promise<void> {
    const before = await this.page.evaluate(() => device.acknowledgedCount());
    await this.page.waitForFunction((count) => device.acknowledgedCount() >= count, before + TALK_MESSAGES, {
      timeout: TALK_MS,
      polling: POLLING_MS,
    });
  }

  /** Resolves when what is unsent lives only as long as the page, for this reason. */
  async keepsNothing(reason: "denied" | "full"): Promise<void> {
    const holds = (wanted: string): boolean => {
      const state = device.storageState();
      return state?.kind === "memory" && state.reason === wanted;
    };
    await this.page.waitForFunction(holds, reason, { timeout: TALK_MS, polling: POLLING_MS });
  }

  async caughtUp(lastSeq: number, timeoutMs: number): Promise<void> {
    await this.page.waitForFunction((seq) => device.isCaughtUp(seq), lastSeq, {
      timeout: timeoutMs,
      polling: POLLING_MS,
    });
  }

  async testimony(): Promise<Testimony> {
    const last = await this.page.evaluate(() => device.testimony());
    const earlier = this.#lives.slice(0, -1);
    const life = this.#lives.at(-1);
    const kept = this.keptTexts;
    return {
      device: this.#kind.name,
      user: this.#group.talkers[0]?.client.me?.id ?? "",
      texts: [...kept, ...(life?.texts.filter((text) => !life.erased.includes(text)) ?? [])],
      // What died before it could be stored may be gone; what was kept, or known to be acknowledged, may not.
      mayBeAbsent: [
        ...earlier.flatMap(({ texts }) => texts.filter((text) => !kept.includes(text))),
        ...(life?.erased ?? []),
      ],
      changes: [...earlier.flatMap(changesKeptIn), ...(life?.changes ?? [])],
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

function textsKeptIn({ kept, erased }: Life): readonly string[] {
  return kept.flatMap(({ text }) => (text === undefined || erased.includes(text) ? [] : [text]));
}

function changesKeptIn({ kept }: Life): readonly Change[] {
  return kept.flatMap(({ change }) => change ?? []);
}

function swap<A, B>([one, other]: readonly [A, B]): [B, A] {
  return [other, one];
}

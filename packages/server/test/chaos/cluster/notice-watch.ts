/** When a node itself notices what is wrong, seen from outside: by what it answers, or by what it logs. */
import { systemClock, type Timer } from "../../../src/clock.ts";
import type { Site, SiteNode } from "./site.ts";
import type { Effect, Notice } from "./trouble.ts";

const LOOK_MS = 50;
const BUS_GONE = "the bus is gone";

export class NoticeWatch implements Disposable {
  readonly #site: Site;
  /** Lines of each node's log, from before anything was wrong. */
  readonly #linesBefore: readonly number[];
  #beganAt = 0;
  /** ms since the beginning. */
  #times: (number | undefined)[] = [];
  #timer: Timer | undefined;

  /** To be made before anything is wrong. */
  constructor(site: Site) {
    this.#site = site;
    this.#linesBefore = site.nodes.map(({ log }) => log.length);
  }

  /** From now on something is wrong. */
  begin(notices: Effect["notices"]): void {
    this.#beganAt = systemClock.monotonic();
    if (notices === undefined) return;
    const looks = notices.nodes.map((index) => this.#makeLook(index, notices.how));
    this.#times = looks.map(() => undefined);
    this.#timer = systemClock.every(LOOK_MS, () => {
      for (const [index, look] of looks.entries()) void this.#look(index, look);
    });
  }

  /** Of each that had to notice, as far as it has; after `boundMs` one that has not is late for ever. */
  timesMs(boundMs: number): number[] {
    const lastedMs = systemClock.monotonic() - this.#beganAt;
    return this.#times.flatMap((time) => time ?? (lastedMs > boundMs ? [Number.POSITIVE_INFINITY] : []));
  }

  [Symbol.dispose](): void {
    this.#timer?.cancel();
  }

  async #look(index: number, hasNoticed: () => boolean | Promise<boolean>): Promise<void> {
    if (this.#times[index] !== undefined) return;
    if (await hasNoticed()) this.#times[index] ??= systemClock.monotonic() - this.#beganAt;
  }

  #makeLook(index: number, how: Notice): () => boolean | Promise<boolean> {
    const node: SiteNode | undefined = this.#site.nodes[index];
    if (node === undefined) throw new RangeError(`there is no node ${index}`);
    switch (how) {
      case "not ready":
        return async () => !(await node.isReady());
      case "no bus":
        return () => node.log.slice(this.#linesBefore[index]).some((line) => line.includes(BUS_GONE));
      default:
        return how satisfies never;
    }
  }
}

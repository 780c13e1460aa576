/** Two people who only want to talk while somebody attacks: the server must go on for them, in the same processes. */
import { expect } from "bun:test";
import { elapsed, type Server } from "@duologue/testing";
import { systemClock } from "../../src/clock.ts";
import { share } from "../chaos/report.ts";
import { Pair } from "../harness/peer.ts";
import { rssMegabytesOf } from "../harness/processes.ts";

/** Times are judged on a quiet machine only, by whoever asks for the full size. */
export const isFullSize: boolean = ["ATTACK_CONNECTIONS", "ATTACK_READERS"].some(
  (name) => process.env[name] !== undefined,
);

const BASELINE_SAYS = isFullSize ? 200 : 40;
const BUSY_MS = 100;
/** Below the rate that a connection may have. */
const SAY_EVERY_MS = 25;

export class Witness implements AsyncDisposable {
  readonly #server: Server;
  readonly #pair: Pair;
  readonly #workers: readonly number[];
  readonly #rssBefore: number;
  #said = 0;

  private constructor(server: Server, pair: Pair) {
    this.#server = server;
    this.#pair = pair;
    this.#workers = server.workerPids().toSorted();
    this.#rssBefore = this.rssMegabytes();
  }

  static async watch(server: Server): Promise<Witness> {
    const pair = await Pair.connect(server.url);
    await pair.ann.say(pair.conversation, "before");
    return new Witness(server, pair);
  }

  /** Says something, and has it delivered; resolves to how long that took, in ms. */
  async say(): Promise<number> {
    const { ann, ben, conversation } = this.#pair;
    this.#said += 1;
    const startedAt = systemClock.monotonic();
    const { seq } = await ann.say(conversation, `still here, ${this.#said}`);
    await ben.next("event", (event) => event.seq === seq);
    return systemClock.monotonic() - startedAt;
  }

  /** What `say` takes while nothing else happens. */
  baseline(): Promise<readonly number[]> {
    let left = BASELINE_SAYS;
    return this.sayWhile(() => left-- > 0);
  }

  /** What each took. */
  async sayWhile(goesOn: () => boolean): Promise<readonly number[]> {
    const delays: number[] = [];
    while (goesOn()) {
      delays.push(await this.say());
      await elapsed(SAY_EVERY_MS);
    }
    return delays;
  }

  /** Of the workers together. */
  rssMegabytes(): number {
    return this.#workers.reduce((sum, pid) => sum + (rssMegabytesOf(pid) ?? 0), 0);
  }

  get grownMegabytes(): number {
    return this.rssMegabytes() - this.#rssBefore;
  }

  /** The two still talk; no process has died; the log tells of no failure. */
  async isWell(): Promise<void> {
    await this.say();
    expect(this.#server.workerPids().toSorted()).toEqual([...this.#workers]);
    const failures = this.#server.output.log.filter((line) =>
      /"level":"(error|fatal)"|unhandled/i.test(line),
    );
    expect(failures).toEqual([]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pair[Symbol.asyncDispose]();
  }
}

/**
 * Prints how long others waited. In a run of full size, the 99th of a hundred may wait `factor` times as long as before; or
 * up to BUSY_MS, below which a machine that does something else too says nothing about the server.
 */
export function judgeDelays(
  what: string,
  before: readonly number[],
  during: readonly number[],
  factor: number,
): void {
  const [usual, seen] = [share(before, 0.99), share(during, 0.99)];
  process.stdout.write(
    `${what}: others waited ${share(during, 0.5).toFixed(1)} ms (median), ${seen.toFixed(1)} ms (99 %) ` +
      `instead of ${share(before, 0.5).toFixed(1)} and ${usual.toFixed(1)} ms\n`,
  );
  expect(during.length).toBeGreaterThan(0);
  if (isFullSize) expect(seen).toBeLessThanOrEqual(Math.max(factor * usual, BUSY_MS));
}

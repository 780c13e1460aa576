/** Two people who only want to talk while somebody attacks: the server must go on for them, in the same processes. */
import { expect } from "bun:test";
import type { Server } from "@duologue/testing";
import { systemClock } from "../../src/clock.ts";
import { Pair } from "../harness/peer.ts";
import { rssMegabytesOf } from "../harness/processes.ts";

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

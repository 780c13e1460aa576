/**
 * The first two people of a database. A node's writer that is made to wait for the second of them holds the first, and
 * nobody else: whoever came later is locked after them. So it is known who may have to wait for a writer that stops there,
 * and that all the others may not.
 */
import type { ClientFrameOf } from "@duologue/protocol";
import { elapsed } from "@duologue/testing";
import { systemClock } from "../../../src/clock.ts";
import { HeldRow } from "../../harness/held-row.ts";
import { freshId, freshName, Peer, textBody } from "../../harness/peer.ts";
import { combine, judge, testimonyOfPeer, type Verdict } from "../oracle.ts";

type Send = ClientFrameOf<"send">;

/** Less than a writer waits for a row. */
const WAIT_MS = 1_000;
const MAX_TRIES = 20;
const AGAIN_MS = 250;

/** A writer of a node stands in the middle of a transaction. */
export interface Engagement {
  /** The process of PostgreSQL that works for it. */
  readonly backend: number;
  /** Lets it have what it waits for, if it runs. */
  release(): Promise<void>;
}

export interface Insistence {
  /** On the clock of this process, ms. */
  takenAt: number | undefined;
}

export class Elders implements Disposable {
  readonly #store: string;
  /** User id → token. */
  readonly #tokens: ReadonlyMap<string, string>;
  readonly #conversation: string;
  readonly #devices: Peer[] = [];
  readonly #said: Send[] = [];

  private constructor(store: string, tokens: ReadonlyMap<string, string>, conversation: string) {
    this.#store = store;
    this.#tokens = tokens;
    this.#conversation = conversation;
  }

  /** `store`: the address of the database, in which there is nobody yet. */
  static async meet(url: string, store: string): Promise<Elders> {
    await using ann = await Peer.connect(url, { nickname: freshName("Elder") });
    await using ben = await Peer.connect(url, { nickname: freshName("Elder") });
    const { id } = await ann.open(ben.id);
    return new Elders(store, new Map([ann, ben].map((peer) => [peer.id, peer.token])), id);
  }

  /** Makes the writer of the node with this address stand in the middle of a transaction. */
  async engage(url: string): Promise<Engagement> {
    const device = await this.#connect(url);
    const row = await HeldRow.take(this.#store, [...this.#tokens.keys()]);
    try {
      for (let tries = 0; tries < MAX_TRIES; tries += 1) {
        // Its answer is looked at by the judge.
        device.send(this.#word());
        const backend = await row.waitingWriter(WAIT_MS).catch(() => undefined);
        if (backend !== undefined) return { backend, release: () => row[Symbol.asyncDispose]() };
      }
      throw new Error(`no writer came to wait for what was said at ${url}`);
    } catch (error) {
      await row[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Says something at this node until it is taken, after however many refusals. */
  insist(url: string): Insistence {
    const insistence: Insistence = { takenAt: undefined };
    const insist = async (): Promise<void> => {
      await take(await this.#connect(url), this.#word());
      insistence.takenAt = systemClock.monotonic();
    };
    // What is not taken is seen by its time.
    insist().catch(() => undefined);
    return insistence;
  }

  /** Everything that they ever said is there once, under one number; `url`: of a node that works. */
  async judge(url: string, complaints: readonly string[]): Promise<Verdict> {
    const last = await this.#connect(url);
    const violations = [...complaints];
    for (const send of this.#said) {
      const number = await take(last, send);
      const told = this.#devices.flatMap((peer) => peer.all("ack").filter(({ id }) => id === send.id));
      if (told.filter(({ duplicate }) => duplicate !== true).length > 1)
        violations.push(`${send.id} was acknowledged as new more than once`);
      const other = told.find(({ seq }) => seq !== number);
      if (other !== undefined) violations.push(`${send.id} was told the numbers ${number} and ${other.seq}`);
    }
    const texts = this.#said.map(({ body }) => body.text);
    const verdict = await judge({
      url,
      conversation: this.#conversation,
      tokens: this.#tokens,
      devices: this.#devices.map((peer) => testimonyOfPeer(peer, peer === last ? texts : [])),
    });
    return combine([verdict, { messages: 0, acknowledged: 0, repeats: this.#said.length, violations }]);
  }

  [Symbol.dispose](): void {
    for (const { socket } of this.#devices) socket.terminate();
  }

  async #connect(url: string): Promise<Peer> {
    const [token = ""] = this.#tokens.values();
    const device = await Peer.connect(url, { token });
    this.#devices.push(device);
    return device;
  }

  #word(): Send {
    const id = freshId();
    const send = {
      type: "send",
      id,
      conversation: this.#conversation,
      body: textBody(`elder ${id}`),
    } as const;
    this.#said.push(send);
    return send;
  }
}

/** Its number, when it has one. */
async function take(device: Peer, send: Send): Promise<number> {
  for (;;) {
    const reply = await device.write(send);
    if (reply.type === "ack") return reply.seq;
    if (!reply.retryable) throw new Error(`${send.id} was refused for good: ${reply.code}`);
    await elapsed(reply.retryAfterMs ?? AGAIN_MS);
  }
}

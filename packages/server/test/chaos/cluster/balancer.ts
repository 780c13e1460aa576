/**
 * What stands before the nodes of a deployment: leads each new connection to a node that says it is ready, in turn. A
 * connection that stands is left alone, whatever becomes of its node: the client has to notice by itself.
 */
import { systemClock, type Timer } from "../../../src/clock.ts";
import { type Address, Relay } from "../relay.ts";

const LOOK_MS = 500;
const ANSWER_MS = 1_000;

export class Balancer implements Disposable {
  /** One per node, which is the one that it prefers. */
  readonly urls: readonly string[];
  readonly #nodes: readonly Address[];
  readonly #relays: readonly Relay[];
  readonly #isReady: boolean[];
  readonly #delaysMs: number[];
  readonly #timer: Timer;

  constructor(nodes: readonly Address[]) {
    this.#nodes = nodes;
    this.#isReady = nodes.map(() => true);
    this.#delaysMs = nodes.map(() => 0);
    this.#relays = nodes.map(
      (_, index) =>
        new Relay({ route: () => this.#choose(index), delayMs: () => this.#delaysMs[index] ?? 0 }),
    );
    this.urls = this.#relays.map(({ url }) => url);
    this.#timer = systemClock.every(LOOK_MS, () => {
      for (const index of nodes.keys()) void this.#look(index);
    });
  }

  /** All of them, as they are at this moment, and are led to from now on. */
  async areReady(): Promise<boolean> {
    await Promise.all(this.#nodes.map((_, index) => this.#look(index)));
    return this.#isReady.every(Boolean);
  }

  /** Whatever goes to or comes from this node, through here, takes so long each way. */
  slowDown(index: number, delayMs: number): void {
    this.#delaysMs[index] = delayMs;
  }

  [Symbol.dispose](): void {
    this.#timer.cancel();
    for (const relay of this.#relays) relay[Symbol.dispose]();
  }

  /** Where none is ready, the client shall hear it from the one that it would go to. */
  #choose(preferred: number): Address | undefined {
    const order = this.#nodes.map((_, index) => (preferred + index) % this.#nodes.length);
    return this.#nodes[order.find((index) => this.#isReady[index]) ?? preferred];
  }

  async #look(index: number): Promise<void> {
    const node = this.#nodes[index];
    if (node !== undefined) this.#isReady[index] = await answersReady(node);
  }
}

export async function answersReady({ hostname, port }: Address): Promise<boolean> {
  try {
    const answer = await fetch(`http://${hostname}:${port}/readyz`, {
      keepalive: false,
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    return answer.ok;
  } catch {
    return false;
  }
}

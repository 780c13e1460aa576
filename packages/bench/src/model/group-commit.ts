/**
 * How many messages share one transaction. A node has one transaction under way; what comes meanwhile waits and is the
 * next one. So batches grow with the load by themselves, and the cost of a transaction is shared by more and more.
 */
import type { SeededRandom } from "@duologue/testing";

export interface CommitWorld {
  readonly nodes: number;
  /** Over all nodes, by chance over time (Poisson). */
  readonly messagesPerSecond: number;
  /** Processors of the database; a transaction runs on one of them. */
  readonly cores: number;
  /** Of PostgreSQL's processor, for each transaction and for each message in it. */
  readonly transactionMs: number;
  readonly messageMs: number;
  /** Waiting that takes no processor: the disk's flush and the network's way there and back. */
  readonly latencyMs: number;
}

export interface Commits {
  readonly batch: number;
  /** From a message's arrival at the node until its commit, on average. */
  readonly delayMs: number;
  /** Share of the database's processors that is used. */
  readonly utilisation: number;
}

/** Formula: a batch is what arrives in the time of one transaction, and never less than one message. */
export function expectedCommits(world: CommitWorld): Commits {
  const perNodeMs = world.messagesPerSecond / world.nodes / 1000;
  /** How many messages a transaction of `batch` messages leaves to the next one. */
  const nextOf = (batch: number): number => {
    const arrived = perNodeMs * cycleOf(world, batch);
    return arrived + Math.exp(-arrived);
  };
  let low = 1;
  let high = 2;
  while (nextOf(high) > high) {
    low = high;
    high *= 2;
    if (high > LARGEST_BATCH) {
      const never = Number.POSITIVE_INFINITY;
      return { batch: never, delayMs: never, utilisation: utilisationOf(world, never) };
    }
  }
  while (high - low > 1e-6 * high) {
    const middle = (low + high) / 2;
    if (nextOf(middle) > middle) low = middle;
    else high = middle;
  }
  const cycleMs = cycleOf(world, high);
  // Who comes while a transaction is under way waits for the rest of it: half of it, on average.
  const busyShare = 1 - Math.exp(-perNodeMs * cycleMs);
  return { batch: high, delayMs: cycleMs * (1 + busyShare / 2), utilisation: utilisationOf(world, high) };
}

const LARGEST_BATCH = 1e6;
/** Beyond it the formula of the queue means nothing, and the load is too much anyway. */
const HIGHEST_UTILISATION = 0.99;

function cycleOf(world: CommitWorld, batch: number): number {
  const serviceMs = world.transactionMs + batch * world.messageMs;
  const utilisation = Math.min(utilisationOf(world, batch), HIGHEST_UTILISATION);
  return serviceMs * (1 + queueing(utilisation, world)) + world.latencyMs;
}

function utilisationOf(world: CommitWorld, batch: number): number {
  const perSecond = world.messagesPerSecond * (world.messageMs + world.transactionMs / batch);
  return perSecond / 1000 / world.cores;
}

/**
 * Waiting for a processor, in service times: half of Sakasegawa's approximation of M/M/c, as the service takes the same
 * time each time; less, as each node has but one transaction under way.
 */
function queueing(utilisation: number, { cores, nodes }: CommitWorld): number {
  if (nodes <= cores) return 0;
  const open = utilisation ** (Math.sqrt(2 * (cores + 1)) - 1) / (cores * (1 - utilisation)) / 2;
  return Math.min(open, nodes / cores - 1);
}

interface Node {
  /** Arrival times of what waits for the next transaction. */
  waiting: number[];
  isBusy: boolean;
}

type Happening =
  | { readonly kind: "arrival"; readonly atMs: number; readonly node: number }
  | {
      readonly kind: "served";
      readonly atMs: number;
      readonly node: number;
      readonly batch: readonly number[];
    }
  | {
      readonly kind: "committed";
      readonly atMs: number;
      readonly node: number;
      readonly batch: readonly number[];
    };

/** The same, counted: arrivals by chance, one transaction at a time for each node, `cores` at a time in the database. */
export function simulateCommits(random: SeededRandom, world: CommitWorld, messages: number): Commits {
  const run = new CommitRun(random, world, messages);
  return run.toTheEnd();
}

class CommitRun {
  private readonly nodes: Node[];
  private readonly queue: { readonly node: number; readonly batch: readonly number[] }[] = [];
  /** Rising by time. */
  private readonly happenings: Happening[] = [];
  private freeCores: number;
  private transactions = 0;
  private committed = 0;
  private delaySumMs = 0;
  private busyMs = 0;
  private arrived = 0;
  private nowMs = 0;

  private readonly random: SeededRandom;
  private readonly world: CommitWorld;
  private readonly messages: number;

  constructor(random: SeededRandom, world: CommitWorld, messages: number) {
    this.random = random;
    this.world = world;
    this.messages = messages;
    this.freeCores = world.cores;
    this.nodes = Array.from({ length: world.nodes }, () => ({ waiting: [], isBusy: false }));
  }

  toTheEnd(): Commits {
    this.arriveNext();
    for (let next = this.happenings.shift(); next !== undefined; next = this.happenings.shift()) {
      this.nowMs = next.atMs;
      this.happen(next);
    }
    return {
      batch: this.committed / this.transactions,
      delayMs: this.delaySumMs / this.committed,
      utilisation: this.busyMs / this.nowMs / this.world.cores,
    };
  }

  private happen(happening: Happening): void {
    switch (happening.kind) {
      case "arrival":
        this.nodes[happening.node]?.waiting.push(this.nowMs);
        this.arriveNext();
        this.begin(happening.node);
        break;
      case "served":
        this.freeCores += 1;
        this.plan({ ...happening, kind: "committed", atMs: this.nowMs + this.world.latencyMs });
        this.serve();
        break;
      case "committed": {
        for (const arrivedMs of happening.batch) this.delaySumMs += this.nowMs - arrivedMs;
        this.committed += happening.batch.length;
        const node = this.nodes[happening.node];
        if (node !== undefined) node.isBusy = false;
        this.begin(happening.node);
        break;
      }
    }
  }

  private arriveNext(): void {
    if (this.arrived === this.messages) return;
    this.arrived += 1;
    const atMs = this.nowMs + this.random.exponential(1000 / this.world.messagesPerSecond);
    this.plan({ kind: "arrival", atMs, node: this.random.below(this.world.nodes) });
  }

  private begin(index: number): void {
    const node = this.nodes[index];
    if (node === undefined || node.isBusy || node.waiting.length === 0) return;
    node.isBusy = true;
    this.queue.push({ node: index, batch: node.waiting });
    node.waiting = [];
    this.transactions += 1;
    this.serve();
  }

  private serve(): void {
    while (this.freeCores > 0) {
      const next = this.queue.shift();
      if (next === undefined) return;
      this.freeCores -= 1;
      const serviceMs = this.world.transactionMs + next.batch.length * this.world.messageMs;
      this.busyMs += serviceMs;
      this.plan({ kind: "served", atMs: this.nowMs + serviceMs, ...next });
    }
  }

  /** There are few at a time: one arrival, and one for each busy node. */
  private plan(happening: Happening): void {
    const at = this.happenings.findLastIndex(({ atMs }) => atMs <= happening.atMs);
    this.happenings.splice(at + 1, 0, happening);
  }
}

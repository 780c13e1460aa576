/**
 * A node dies, and its users log in at the others. They come back at random moments of `returnWithinMs`; each node takes
 * so many logins a second, one after the other; a login not done in `helloMs` is given up, and its client waits longer
 * (0.5 s × 2^n, at most 30 s, ± 30 %), while the work that was done for it is lost.
 */
import type { SeededRandom } from "@duologue/testing";

export interface LossWorld {
  readonly nodes: number;
  readonly usersPerNode: number;
  readonly loginsPerSecond: number;
  readonly returnWithinMs: number;
  readonly helloMs: number;
}

export interface Return {
  /** Until the last user is back. */
  readonly untilAllMs: number;
  /** Attempts for each user. */
  readonly attempts: number;
}

const BACKOFF_FIRST_MS = 500;
const BACKOFF_MAX_MS = 30_000;
const JITTER = 0.3;

/** Formula: as long as they take to come, or as long as the others take to let them in; and no attempt is lost below `helloMs`. */
export function expectedReturn(world: LossWorld): Return {
  const perNode = world.usersPerNode / (world.nodes - 1);
  const serviceMs = (perNode / world.loginsPerSecond) * 1000;
  const longestWaitMs = Math.max(0, serviceMs - world.returnWithinMs);
  return {
    untilAllMs: Math.max(world.returnWithinMs, serviceMs),
    attempts: longestWaitMs <= world.helloMs ? 1 : Number.NaN,
  };
}

interface Attempt {
  readonly atMs: number;
  readonly failures: number;
}

export function simulateReturn(random: SeededRandom, world: LossWorld): Return {
  const others = world.nodes - 1;
  const freeAtMs = new Float64Array(others);
  const serviceMs = 1000 / world.loginsPerSecond;
  let round: Attempt[] = Array.from({ length: world.usersPerNode }, () => ({
    atMs: random.next() * world.returnWithinMs,
    failures: 0,
  }));
  let attempts = 0;
  let untilAllMs = 0;
  // A client's next attempt is always after its last: rounds of attempts, each in the order of time, come close enough
  // to one queue as long as the back-offs of a round are longer than the round.
  while (round.length > 0) {
    const again: Attempt[] = [];
    for (const { atMs, failures } of round.toSorted((left, right) => left.atMs - right.atMs)) {
      attempts += 1;
      const node = random.below(others);
      const beginMs = Math.max(atMs, freeAtMs[node] ?? 0);
      if (beginMs + serviceMs - atMs > world.helloMs) {
        again.push({ atMs: atMs + world.helloMs + backoffMs(random, failures), failures: failures + 1 });
        continue;
      }
      freeAtMs[node] = beginMs + serviceMs;
      untilAllMs = Math.max(untilAllMs, beginMs + serviceMs);
    }
    round = again;
  }
  return { untilAllMs, attempts: attempts / world.usersPerNode };
}

function backoffMs(random: SeededRandom, failures: number): number {
  return Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** failures) * (1 + JITTER * (2 * random.next() - 1));
}

/**
 * Whom nodes watch. Each user watches some contacts by chance; a node subscribes a contact once, however many of its users
 * watch them, and hears of it when they come or go.
 */
import type { SeededRandom } from "@duologue/testing";

export interface WatchWorld {
  readonly nodes: number;
  /** Online. */
  readonly users: number;
  /** Of all accounts. */
  readonly onlineShare: number;
  readonly watchedPeers: number;
}

export interface Watching {
  /** Different contacts that a node watches. */
  readonly perNode: number;
  /** Other nodes that hear of one who comes or goes. */
  readonly hearers: number;
}

/** How many different ones are among `draws` by chance out of `all`. */
export function different(draws: number, all: number): number {
  return all * -Math.expm1(draws * Math.log1p(-1 / all));
}

/** Formula. */
export function expectedWatching({ nodes, users, onlineShare, watchedPeers }: WatchWorld): Watching {
  const accounts = users / onlineShare;
  const perNode = different((users / nodes) * watchedPeers, accounts);
  return { perNode, hearers: ((nodes - 1) * perNode) / accounts };
}

/** The same, counted. */
export function simulateWatching(random: SeededRandom, world: WatchWorld): Watching {
  const { nodes, users, onlineShare, watchedPeers } = world;
  const accounts = Math.round(users / onlineShare);
  const watched = Array.from({ length: nodes }, () => new Set<number>());
  const homes = Array.from({ length: users }, () => random.below(nodes));
  for (const home of homes) {
    for (let peer = 0; peer < watchedPeers; peer += 1) watched[home]?.add(random.below(accounts));
  }
  let heard = 0;
  for (const [user, home] of homes.entries()) {
    for (const [node, contacts] of watched.entries()) if (node !== home && contacts.has(user)) heard += 1;
  }
  const perNode = watched.reduce((sum, { size }) => sum + size, 0) / nodes;
  return { perNode, hearers: heard / users };
}

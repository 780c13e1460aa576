/** Everybody is cut at the same moment, and comes back. */
import { browserEnvironment, type Client, connect } from "@duologue/client";
import { childrenOf, isAlive, killQuietly, until } from "@duologue/testing";
import { systemClock } from "../../src/clock.ts";
import { freshName } from "../harness/peer.ts";
import { openMany } from "../harness/raw-pool.ts";
import type { Verdict } from "./oracle.ts";
import { World } from "./world.ts";

export interface HerdReport {
  readonly clients: number;
  readonly loginMs: number;
  /** From the cut until this client was online again, each. */
  readonly backMs: readonly number[];
  /** Clients that are somebody else after the return. */
  readonly strangers: number;
  readonly verdict: Verdict;
}

/** Everybody is back within this. */
const BACK_MS = 60_000;
/** Longer than that, to see how much longer it took. */
const ALL_BACK_MS = 120_000;

/** In time, as the same people, and nothing of the others' talk was lost. */
export function isHerdBack({ backMs, strangers, verdict }: HerdReport): boolean {
  return backMs.every((took) => took <= BACK_MS) && strangers === 0 && verdict.violations.length === 0;
}

/** `clients` who only listen, and a few who talk meanwhile. Every worker is killed at once. */
export async function runHerd(clients: number, workers: number): Promise<HerdReport> {
  await using world = await World.begin({ workers, conversations: 5, devices: 2 });
  const startedAt = systemClock.monotonic();
  const herd = await openMany(clients, () => joined(world.server.url));
  const loginMs = systemClock.monotonic() - startedAt;
  const ids = herd.map(({ me }) => me?.id);
  const cutAt = systemClock.monotonic();
  const returns = Promise.all(herd.map((client) => returned(client, cutAt)));
  const killed = world.server.workerPids();
  for (const pid of killed) killQuietly(pid);
  await until(() => !killed.some(isAlive), "every worker died");
  const backMs = await returns;
  await until(() => childrenOf(world.server.pid).length >= workers, "every worker was replaced");
  const strangers = herd.filter(({ me }, index) => me?.id !== ids[index]).length;
  const verdict = await world.verdict();
  for (const client of herd) client.close();
  return { clients, loginMs, backMs, strangers, verdict };
}

async function joined(url: string): Promise<Client> {
  const client = connect({
    url: url.replace(/^http/, "ws"),
    nickname: freshName("Herd"),
    environment: browserEnvironment(),
  });
  await when(client, ({ connection }) => connection.kind === "online");
  return client;
}

/** Resolves to the time from `cutAt` until it was online again. */
async function returned(client: Client, cutAt: number): Promise<number> {
  await when(client, ({ connection }) => connection.kind !== "online");
  await when(client, ({ connection }) => connection.kind === "online");
  return systemClock.monotonic() - cutAt;
}

/** Rejects when it takes longer than anybody would wait. */
function when(client: Client, holds: (of: Client) => boolean): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const deadline = systemClock.after(ALL_BACK_MS, () =>
    reject(new Error(`a client of the herd: ${JSON.stringify(client.connection)}`)),
  );
  const look = (): void => {
    if (holds(client)) resolve();
  };
  const leave = client.subscribe(look);
  look();
  return promise.finally(() => {
    deadline.cancel();
    leave();
  });
}

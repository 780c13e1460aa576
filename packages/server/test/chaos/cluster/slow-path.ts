/**
 * A way between two hosts on which everything takes long: a relay in the clients' network, to which new connections are led.
 * Those that stand are reset at its beginning and at its end, as when a route changes. It delays bytes, not packets: the
 * kernel need not have netem, and so nothing is reordered.
 */
import type { SeededRandom } from "@duologue/testing";
import { Relay } from "../relay.ts";
import type { Change } from "./network.ts";
import { CLIENTS, type Site } from "./site.ts";

export interface SlowPath {
  readonly from: string;
  readonly to: string;
  /** Of the service at `to`. */
  readonly port: number;
  /** Each way, and up to half as much again. */
  readonly delayMs: number;
}

export function slowPath(
  { network }: Site,
  random: SeededRandom,
  { from, to, port, delayMs }: SlowPath,
): Change {
  const relay = new Relay({
    listen: { hostname: network.host(CLIENTS).address },
    route: () => ({ hostname: network.host(to).address, port }),
    delayMs: () => delayMs + random.below(delayMs / 2),
  });
  const detour = network.detour(from, to, port, { host: CLIENTS, port: relay.port });
  return {
    [Symbol.dispose]: () => {
      // First: the ends of its connections find their way back only while the detour is there.
      relay[Symbol.dispose]();
      detour[Symbol.dispose]();
    },
  };
}

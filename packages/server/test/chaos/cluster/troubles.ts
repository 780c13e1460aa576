/** Everything that can go wrong between machines, or with one of them. */
import { machineTroubles } from "./machine-troubles.ts";
import { networkTroubles } from "./network-troubles.ts";
import { Rush } from "./rush.ts";
import { serviceTroubles } from "./service-troubles.ts";
import { ALL, type Trouble } from "./trouble.ts";

export const HASTE = "haste";

const haste: Trouble = {
  name: HASTE,
  what: "nothing is broken: both sides of a conversation with three devices each on all nodes, each with 64 messages on their way",
  place: "several",
  lengthsMs: [5_000],
  async begin({ nodes, balancer }) {
    const rush = await Rush.meet(nodes.map(({ url }) => url));
    rush.begin();
    return {
      silent: [],
      working: ALL,
      end: () => rush.rest(),
      verdict: async () => {
        using _ = rush;
        return await rush.judge(balancer.urls[0] ?? "");
      },
    };
  },
};

/** After an upgrade there is no way back, so it comes last. */
const upgrade = machineTroubles.filter(({ isPossible }) => isPossible !== undefined);

export const troubles: readonly Trouble[] = [
  haste,
  ...machineTroubles.filter((trouble) => !upgrade.includes(trouble)),
  ...serviceTroubles,
  ...networkTroubles,
  ...upgrade,
];

/** What a machine that tests every change has time for. */
const SHORT: Readonly<Record<string, number>> = {
  [HASTE]: 2_000,
  "node killed": 6_500,
  "NATS paused": 5_000,
  "PostgreSQL killed": 2_000,
  "backend paused": 4_000,
  "PostgreSQL one way": 3_000,
  "rolling upgrade": 0,
};

export const shortTroubles: readonly Trouble[] = troubles.flatMap((trouble) => {
  const lengthMs = SHORT[trouble.name];
  return lengthMs === undefined ? [] : [{ ...trouble, lengthsMs: [lengthMs] }];
});

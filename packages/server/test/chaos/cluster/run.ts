/** All troubles, one after another or as a seed mixes them. */
import type { SeededRandom } from "@duologue/testing";
import { systemClock } from "../../../src/clock.ts";
import { combine } from "../oracle.ts";
import type { Site } from "./site.ts";
import { type Findings, tryTrouble } from "./trial.ts";
import type { Place, Trouble } from "./trouble.ts";
import { ClusterWorld, type ClusterWorldOptions } from "./world.ts";

export interface Row {
  readonly trouble: Pick<Trouble, "name" | "what">;
  /** How long each of them lasted, ms. */
  readonly lengthsMs: number[];
  readonly findings: Findings[];
}

export interface ClusterRunOptions extends ClusterWorldOptions {
  readonly random: SeededRandom;
  readonly progress: (line: string) => void;
}

/** Each of these, for each of its lengths, so many times. */
export async function tryAll(
  site: Site,
  chosen: readonly Trouble[],
  rounds: number,
  options: ClusterRunOptions,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const trouble of chosen) {
    const row: Row = { trouble, lengthsMs: [], findings: [] };
    rows.push(row);
    const isPossible = (): boolean => trouble.isPossible?.(site) ?? true;
    for (let round = 0; round < rounds; round += 1) {
      for (const lengthMs of trouble.lengthsMs) {
        if (!isPossible()) break;
        if (!(await tryOne(site, row, { ...trouble, lengthMs }, options))) return rows;
      }
    }
  }
  return rows;
}

/** In a mixture none lasts longer. */
const MIXED_MS = 12_000;
/** How often a second one comes while the first lasts. */
const TWO_AT_ONCE = 0.3;

/** Of these, as the seed says, for so long. */
export async function mix(
  site: Site,
  chosen: readonly Trouble[],
  durationMs: number,
  options: ClusterRunOptions,
): Promise<Row[]> {
  const { random } = options;
  const rows = new Map<string, Row>();
  const endAt = systemClock.monotonic() + durationMs;
  while (systemClock.monotonic() < endAt) {
    const possible = chosen.filter((trouble) => trouble.isPossible?.(site) ?? true);
    if (possible.length === 0) break;
    const first = random.pick(possible);
    const elsewhere = possible.filter((trouble) => canMeet(trouble, first) && canMeet(first, trouble));
    const isPair = random.chance(TWO_AT_ONCE) && elsewhere.length > 0;
    const trouble = isPair ? both(first, random.pick(elsewhere)) : first;
    const name = isPair ? "two at once" : first.name;
    const row = rows.get(name) ?? { trouble: { ...trouble, name }, lengthsMs: [], findings: [] };
    rows.set(name, row);
    const lengthMs = Math.min(MIXED_MS, random.below(2 * Math.max(...first.lengthsMs)));
    if (!(await tryOne(site, row, { ...trouble, lengthMs }, options))) break;
  }
  return [...rows.values()];
}

function canMeet(one: Trouble, { place }: Trouble): boolean {
  if (place === "several" || place === one.place) return false;
  return one.needsAllNodes !== true || place !== "node";
}

/** False when the nodes are not ready for it, after which nothing more can be tried. */
async function tryOne(
  site: Site,
  row: Row,
  trouble: Trouble & { readonly lengthMs: number },
  options: ClusterRunOptions,
): Promise<boolean> {
  const { name, lengthMs } = trouble;
  const world = new ClusterWorld(site, options);
  let isReady = false;
  const tryIt = async (): Promise<Findings> => {
    await site.whenReady();
    isReady = true;
    await world.meet();
    return await tryTrouble(world, trouble, lengthMs, options.random);
  };
  const findings = await tryIt().catch((error: unknown) => {
    for (const line of site.story()) options.progress(line);
    return unfinished(`not whole again: ${String(error)}`);
  });
  world.part();
  row.lengthsMs.push(lengthMs);
  row.findings.push(findings);
  const { missed, verdict } = findings;
  const { messages, violations } = verdict;
  options.progress(
    `${name}, ${lengthMs} ms: ${messages} messages, ${violations.length} violations, ${missed.length} bounds missed`,
  );
  for (const violation of violations) options.progress(`  VIOLATION ${violation}`);
  for (const bound of missed) options.progress(`  MISSED ${bound}`);
  return isReady;
}

/** Which begins first, and ends last: a node cannot start without its store, and who is cut off cannot begin anything. */
const ORDER: readonly Place[] = ["node", "store", "bus", "clients", "several"];

/** Only what both of them leave can be demanded. */
function both(first: Trouble, second: Trouble): Trouble {
  const [outer = first, inner = second] = [first, second].toSorted(
    (one, other) => ORDER.indexOf(one.place) - ORDER.indexOf(other.place),
  );
  return {
    name: `${outer.name} + ${inner.name}`,
    what: "two of these at the same time",
    place: "several",
    lengthsMs: [],
    async begin(site, random) {
      const one = await outer.begin(site, random);
      const other = await inner.begin(site, random).catch(async (error: unknown) => {
        await one.end();
        throw error;
      });
      const unreachable = one.unreachable ?? other.unreachable;
      return {
        silent: [...new Set([...one.silent, ...other.silent])],
        working: one.working.filter((node) => other.working.includes(node)),
        ...(one.lost === undefined ? {} : { lost: one.lost, unseen: one.lost }),
        ...(unreachable === undefined ? {} : { unreachable }),
        verdict: async () =>
          combine(await Promise.all([one, other].map((each) => each.verdict?.(false) ?? combine([])))),
        end: async () => {
          await other.end();
          await one.end();
        },
      };
    },
  };
}

/** Of a trial that nobody could bring to its end. */
function unfinished(violation: string): Findings {
  const none: readonly number[] = [];
  return {
    pausesMs: none,
    noticedMs: none,
    leftMs: none,
    absencesMs: none,
    acknowledgedMs: none,
    liveMs: none,
    caughtUpMs: none,
    wholeMs: none,
    answeredMs: none,
    missed: [],
    verdict: { messages: 0, acknowledged: 0, repeats: 0, violations: [violation] },
  };
}

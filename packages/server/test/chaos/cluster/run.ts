/** All troubles, one after another or as a seed mixes them. */
import type { SeededRandom } from "@duologue/testing";
import { systemClock } from "../../../src/clock.ts";
import { combine } from "../oracle.ts";
import type { Site } from "./site.ts";
import { type Findings, tryTrouble } from "./trial.ts";
import { type Trouble, troubles } from "./troubles.ts";
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
    for (let round = 0; round < rounds; round += 1) {
      for (const lengthMs of trouble.lengthsMs) {
        await tryOne(site, row, { ...trouble, lengthMs }, options);
      }
    }
  }
  return rows;
}

/** In a mixture none lasts longer. */
const MIXED_MS = 12_000;
/** How often a second one comes while the first lasts. */
const TWO_AT_ONCE = 0.3;

/** As the seed says, for so long. */
export async function mix(site: Site, durationMs: number, options: ClusterRunOptions): Promise<Row[]> {
  const { random } = options;
  const rows = new Map<string, Row>();
  const endAt = systemClock.monotonic() + durationMs;
  while (systemClock.monotonic() < endAt) {
    const first = random.pick(troubles);
    const elsewhere = troubles.filter(({ place }) => place !== first.place);
    const trouble = random.chance(TWO_AT_ONCE) ? both(first, random.pick(elsewhere)) : first;
    const name = trouble === first ? first.name : "two at once";
    const row = rows.get(name) ?? { trouble: { ...trouble, name }, lengthsMs: [], findings: [] };
    rows.set(name, row);
    const lengthMs = Math.min(MIXED_MS, random.below(2 * Math.max(...first.lengthsMs)));
    await tryOne(site, row, { ...trouble, lengthMs }, options);
  }
  return [...rows.values()];
}

async function tryOne(
  site: Site,
  row: Row,
  trouble: Trouble & { readonly lengthMs: number },
  options: ClusterRunOptions,
): Promise<void> {
  const { name, lengthMs } = trouble;
  const world = new ClusterWorld(site, options);
  try {
    await site.whenReady();
    await world.meet();
    const findings = await tryTrouble(world, trouble, lengthMs, options.random).catch((error: unknown) =>
      unfinished([`not whole again: ${String(error)}`, ...site.story()]),
    );
    row.lengthsMs.push(lengthMs);
    row.findings.push(findings);
    const { messages, violations } = findings.verdict;
    options.progress(`${name}, ${lengthMs} ms: ${messages} messages, ${violations.length} violations`);
    for (const violation of violations) options.progress(`  VIOLATION ${violation}`);
  } finally {
    world.part();
  }
}

/**
 * What one of them needs cannot be demanded while the other lasts. A node goes down before the other begins, and comes up
 * when the other has ended, since it cannot start without its store.
 */
function both(first: Trouble, second: Trouble): Trouble {
  const [outer, inner] = second.place === "node" ? [second, first] : [first, second];
  return {
    name: `${outer.name} + ${inner.name}`,
    what: "two of these at the same time",
    place: "several",
    lengthsMs: [],
    async begin(site, random) {
      const one = await outer.begin(site, random);
      const other = await inner.begin(site, random);
      const unreachable = one.unreachable ?? other.unreachable;
      return {
        silent: [...new Set([...one.silent, ...other.silent])],
        working: [],
        ...(one.lost === undefined ? {} : { lost: one.lost }),
        ...(unreachable === undefined ? {} : { unreachable }),
        verdict: async () =>
          combine(await Promise.all([one, other].map((each) => each.verdict?.() ?? combine([])))),
        end: async () => {
          await other.end();
          await one.end();
        },
      };
    },
  };
}

/** Of a trial that nobody could bring to its end. */
function unfinished(violations: readonly string[]): Findings {
  const none: readonly number[] = [];
  return {
    pausesMs: none,
    leftMs: none,
    absencesMs: none,
    acknowledgedMs: none,
    liveMs: none,
    caughtUpMs: none,
    wholeMs: none,
    answeredMs: none,
    verdict: { messages: 0, acknowledged: 0, repeats: 0, violations },
  };
}

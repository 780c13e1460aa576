/** What the whole of Duologue is, whatever goes wrong: 200 worlds, each from its seed. `npm run simulate` runs more. */
import { describe, expect, test } from "bun:test";
import { Coverage, things } from "../src/coverage.ts";
import { describeFailure } from "../src/report.ts";
import { type RunResult, runSeed } from "../src/run.ts";

const SEEDS = Number(process.env.DUOLOGUE_SEEDS ?? 200);
const SEEDS_OF_A_TEST = 20;
const TRACE_LINES = 40;
/** Of fewer runs, nobody expects that everything happens in them. */
const COVERING_SEEDS = 200;
const MORE_SEEDS = 50;

const coverage = new Coverage();
let runs = 0;

async function failuresOf(first: number, count: number): Promise<readonly string[]> {
  const failures: string[] = [];
  for (let seed = first; seed < first + count; seed += 1) {
    const result = await runSeed(seed);
    coverage.add(result.coverage);
    runs += 1;
    if (result.violations.length > 0) failures.push(describeFailure(result, {}, TRACE_LINES));
  }
  return failures;
}

function digestOf({ hash, steps, messages, repeats, violations }: RunResult): unknown {
  return { hash, steps, messages, repeats, violations };
}

describe("a simulated world", () => {
  const firsts = Array.from(
    { length: Math.ceil(SEEDS / SEEDS_OF_A_TEST) },
    (_, index) => 1 + index * SEEDS_OF_A_TEST,
  );
  test.each(firsts)(
    "[CV3, CV4, CV6, SY2] keeps every acknowledged message once, in one order without holes, on every device (seeds from %i)",
    async (first) => {
      expect(await failuresOf(first, Math.min(SEEDS_OF_A_TEST, SEEDS - first + 1))).toEqual([]);
    },
    60_000,
  );

  test("has met every fault, a cut before and after every kind of frame, and every repeat that a witness tries", async () => {
    const missing = (): readonly string[] => things.filter((thing) => coverage.of(thing) === 0);
    // What these seeds have missed by bad luck, a few more have not.
    for (let seed = SEEDS + 1; runs >= COVERING_SEEDS && seed <= SEEDS + MORE_SEEDS; seed += 1) {
      if (missing().length === 0) break;
      expect(await failuresOf(seed, 1)).toEqual([]);
    }
    expect(runs < COVERING_SEEDS ? [] : missing()).toEqual([]);
  }, 60_000);

  test("goes the same way again, step by step, in this process and in another one", async () => {
    for (const seed of [3, 36]) {
      const once = digestOf(await runSeed(seed));
      expect(digestOf(await runSeed(seed))).toEqual(once);
      const child = Bun.spawnSync([process.execPath, `${import.meta.dir}/run-child.ts`, String(seed)]);
      expect(JSON.parse(child.stdout.toString())).toEqual(once);
    }
  });

  test("goes another way with another seed", async () => {
    const hashes = await Promise.all([11, 12, 13].map(async (seed) => (await runSeed(seed)).hash));
    expect(new Set(hashes).size).toBe(3);
  });
});

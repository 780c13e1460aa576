/**
 * Seeds that found something, each under the name of what it found. A change of the simulator deals the seeds anew, and a
 * seed may then show something else; the tests beside the mended code stay (docs/reliability.md names them).
 */
import { describe, expect, test } from "bun:test";
import { describeFailure } from "../src/report.ts";
import { runSeed } from "../src/run.ts";

const TRACE_LINES = 40;

async function failureOf(seed: number): Promise<string | undefined> {
  const result = await runSeed(seed);
  return result.violations.length === 0 ? undefined : describeFailure(result, {}, TRACE_LINES);
}

describe("what a seed has found", () => {
  // A tab that the browser held up sent its hello after helloMs, was closed with 4505, and never came back.
  test("[CN5] seed 160: whose login comes too late, comes back", async () => {
    expect(await failureOf(160)).toBeUndefined();
  }, 60_000);

  // The store refused a mark while the disk failed; the error named nothing, and nobody tried again.
  test("[MK1] seed 171: a mark that was refused is repeated while the connection lasts", async () => {
    expect(await failureOf(171)).toBeUndefined();
  }, 60_000);
});

/**
 * `npm run simulate -- --seeds 1000`: runs the simulator with that many seeds, from `--from` (1) on, and prints each that
 * fails with its trace. `--seed N` runs one; `--shrink` looks for the smallest run of it that still fails. `--actions`,
 * `--users`, `--devices` and `--without FAULT,FAULT` make a run smaller by hand, `--trace LINES` prints more of it.
 */
import { parseArgs } from "node:util";
import {
  commandOf,
  describeFailure,
  type FaultName,
  faultNames,
  type PlanLimits,
  runSeed,
  shrink,
} from "@duologue/simulation";

const DEFAULT_SEEDS = 200;
const DEFAULT_TRACE_LINES = 60;
const PROGRESS_SEEDS = 100;

const number = { type: "string" } as const;
const { values } = parseArgs({
  options: {
    seeds: number,
    from: number,
    seed: number,
    actions: number,
    users: number,
    devices: number,
    trace: number,
    without: { type: "string" },
    shrink: { type: "boolean", default: false },
  },
});

process.exitCode = await main();

async function main(): Promise<number> {
  const limits: PlanLimits = {
    actions: numberOf(values.actions),
    users: numberOf(values.users),
    devices: numberOf(values.devices),
    without: values.without?.split(",").map(toFaultName),
  };
  const traceLines = numberOf(values.trace) ?? DEFAULT_TRACE_LINES;
  const seed = numberOf(values.seed);
  if (seed === undefined)
    return runMany(numberOf(values.from) ?? 1, numberOf(values.seeds) ?? DEFAULT_SEEDS, limits, traceLines);
  if (values.shrink) return runShrink(seed, limits, traceLines);
  const result = await runSeed(seed, limits);
  if (result.violations.length > 0) {
    print(describeFailure(result, limits, traceLines));
    return 1;
  }
  if (values.trace !== undefined) print(result.trace.slice(-traceLines).join("\n"));
  print(
    `seed ${seed}: well, ${result.steps} steps, ${result.messages} messages, ${result.repeats} repeats (${result.hash})`,
  );
  return 0;
}

async function runMany(from: number, seeds: number, limits: PlanLimits, traceLines: number): Promise<number> {
  const startedAt = performance.now();
  const total = { failed: 0, steps: 0, messages: 0, repeats: 0 };
  const seconds = (): string => ((performance.now() - startedAt) / 1000).toFixed(1);
  for (let seed = from; seed < from + seeds; seed += 1) {
    const result = await runSeed(seed, limits);
    total.steps += result.steps;
    total.messages += result.messages;
    total.repeats += result.repeats;
    if (result.violations.length > 0) {
      total.failed += 1;
      print(`${describeFailure(result, limits, traceLines)}\nsmaller: add --shrink\n`);
    }
    const done = seed - from + 1;
    if (done % PROGRESS_SEEDS === 0 && done < seeds) print(`${done} seeds, ${seconds()} s`);
  }
  print(
    `${seeds} seeds in ${seconds()} s: ${total.failed} failed; ${total.steps} steps, ${total.messages} messages, ${total.repeats} repeats`,
  );
  return total.failed === 0 ? 0 : 1;
}

async function runShrink(seed: number, limits: PlanLimits, traceLines: number): Promise<number> {
  const shrunk = await shrink(seed, limits);
  if (shrunk === undefined) {
    print(`${commandOf(seed, limits)} does not fail`);
    return 0;
  }
  print(describeFailure(shrunk.result, shrunk.limits, traceLines));
  return 1;
}

function numberOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,10}$/.test(text)) throw new RangeError(`${text} is no number`);
  return Number(text);
}

function toFaultName(text: string): FaultName {
  const found = faultNames.find((name) => name === text);
  if (found === undefined) throw new RangeError(`${text} is none of ${faultNames.join(", ")}`);
  return found;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

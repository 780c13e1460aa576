/** `npm run simulate -- --seeds 1000`: runs the simulator with that many seeds, and prints each that fails; `--help` says more. */
import { writeFileSync } from "node:fs";
import {
  Coverage,
  describeFailure,
  helpText,
  type PlanLimits,
  parseCommand,
  type RunResult,
  runSeed,
  shrink,
  things,
} from "@duologue/simulation";

/** Of the trace, for each part of it that is shown. */
const SHOWN_LINES = 40;
const PROGRESS_SEEDS = 100;
/** Of fewer runs, nobody expects that everything happens in them. */
const COVERING_SEEDS = 200;

process.exitCode = await main();

async function main(): Promise<number> {
  const command = parseCommand(process.argv.slice(2));
  switch (command.kind) {
    case "help":
      process.stdout.write(helpText);
      return 0;
    case "wrong":
      process.stderr.write(`simulate: ${command.problem} See --help.\n`);
      return 2;
    case "run":
      return await run(command);
    default:
      return command satisfies never;
  }
}

async function run({
  from,
  seeds,
  limits,
  isShrunk,
  traceFile,
}: Extract<ReturnType<typeof parseCommand>, { kind: "run" }>): Promise<number> {
  const startedAt = performance.now();
  const seconds = (): string => ((performance.now() - startedAt) / 1000).toFixed(1);
  const total = { failed: 0, steps: 0, messages: 0, repeats: 0 };
  const coverage = new Coverage();
  for (let seed = from; seed < from + seeds; seed += 1) {
    const result = await runSeed(seed, limits);
    total.steps += result.steps;
    total.messages += result.messages;
    total.repeats += result.repeats;
    coverage.add(result.coverage);
    const isFailed = result.violations.length > 0;
    const isTraced = total.failed === 0 && (isFailed || seed === from + seeds - 1);
    if (traceFile !== undefined && isTraced) writeFileSync(traceFile, `${result.trace.join("\n")}\n`);
    if (isFailed) {
      total.failed += 1;
      print(await describe(result, limits, isShrunk));
    }
    const done = seed - from + 1;
    if (done % PROGRESS_SEEDS === 0 && done < seeds) print(`${done} seeds, ${seconds()} s`);
  }
  const { failed, steps, messages, repeats } = total;
  print(
    `${count(seeds, "seed")} in ${seconds()} s: ${failed} failed; ${steps} steps, ${messages} messages, ${repeats} repeats`,
  );
  const untried = seeds < COVERING_SEEDS ? [] : things.filter((thing) => coverage.of(thing) === 0);
  if (untried.length > 0) print(`never happened: ${untried.join(", ")}`);
  return failed === 0 ? 0 : 1;
}

async function describe(result: RunResult, limits: PlanLimits, isShrunk: boolean): Promise<string> {
  const shrunk = isShrunk ? await shrink(result.seed, limits) : undefined;
  if (shrunk !== undefined) return `${describeFailure(shrunk.result, shrunk.limits, SHOWN_LINES)}\n`;
  return `${describeFailure(result, limits, SHOWN_LINES)}\nsmaller: add --shrink\n`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

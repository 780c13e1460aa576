/** Tries the costs where they were not fitted: each case of runs is foretold from all other cases. */
import { spreadOf } from "../report/report.ts";
import { fitMessageCosts, type MessageCosts, type MessageRun, messageActs } from "./cluster-costs.ts";
import { cpuParts } from "./cpu-parts.ts";

export interface NamedRun extends MessageRun {
  /** Of the case: the cluster and its load. */
  readonly name: string;
}

/** µs of CPU of all parts for each message, medians of the runs. */
export interface HeldOut {
  readonly name: string;
  readonly foretold: number;
  readonly measured: number;
}

export function foretellEach(runs: readonly NamedRun[]): HeldOut[] {
  return [...Map.groupBy(runs, ({ name }) => name)].map(([name, held]) => {
    const costs = fitMessageCosts(runs.filter((run) => run.name !== name));
    return {
      name,
      foretold: spreadOf(held.map((run) => foretell(run, costs))).median,
      measured: spreadOf(held.map(({ micros, messages }) => sum(Object.values(micros)) / messages)).median,
    };
  });
}

function foretell(
  { messages, transactions, hops, marks, micros }: MessageRun,
  { acts }: MessageCosts,
): number {
  const counts = { message: messages, transaction: transactions, hop: hops, mark: marks };
  // A part that was not there, such as the bus of a single node, costs nothing.
  const there = cpuParts.filter((part) => micros[part] > 0);
  const all = there.map((part) => sum(messageActs.map((act) => counts[act] * acts[act][part].value)));
  return sum(all) / messages;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

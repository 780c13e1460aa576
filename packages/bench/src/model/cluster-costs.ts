/** What each thing costs that happens in a cluster, fitted from the runs of the benchmarks `nodes`, `online` and `bare`. */
import { spreadOf } from "../report/report.ts";
import { type CpuPart, cpuParts } from "./cpu-parts.ts";
import { fitCosts, type Observation } from "./least-squares.ts";

/** The median of the rounds of runs, and the lowest and highest of them. */
export interface Range {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** µs of CPU, part by part. */
export type Cost = Readonly<Record<CpuPart, Range>>;

/** The measured time of one run of messages, in counts and µs. */
export interface MessageRun {
  /** Runs of one round together are fitted. */
  readonly round: number;
  readonly messages: number;
  /** How many of them crossed the bus. */
  readonly hops: number;
  readonly marks: number;
  readonly transactions: number;
  readonly micros: Readonly<Record<CpuPart, number>>;
}

export const messageActs = ["message", "transaction", "hop", "mark"] as const;
export type MessageAct = (typeof messageActs)[number];

export interface MessageCosts {
  readonly acts: Readonly<Record<MessageAct, Cost>>;
  /** The mean share by which runs differ from the fit, part by part. */
  readonly errors: Readonly<Record<CpuPart, number>>;
}

/** Throws RangeError without a run. */
export function fitMessageCosts(runs: readonly MessageRun[]): MessageCosts {
  const rounds = [...Map.groupBy(runs, ({ round }) => round).values()];
  const fits = Object.fromEntries(
    cpuParts.map((part) => [part, rounds.map((round) => fitCosts(observationsOf(round, part)))]),
  ) as Record<CpuPart, ReturnType<typeof fitCosts>[]>;
  const costOf = (act: number): Cost =>
    recordOf(cpuParts, (part) => rangeOf(fits[part].map(({ costs }) => costs[act] ?? 0)));
  return {
    acts: recordOf(messageActs, (act) => costOf(messageActs.indexOf(act))),
    errors: recordOf(cpuParts, (part) => spreadOf(fits[part].map(({ error }) => error)).median),
  };
}

/** A run in which the part was not there at all says nothing of it. */
function observationsOf(runs: readonly MessageRun[], part: CpuPart): Observation[] {
  const there = runs.filter(({ micros }) => micros[part] > 0);
  if (there.length === 0) return [{ counts: [1, 1, 1, 1], cost: Number.MIN_VALUE }];
  return there.map(({ messages, transactions, hops, marks, micros }) => ({
    counts: [messages, transactions, hops, marks],
    cost: micros[part],
  }));
}

export interface QuietRun {
  readonly round: number;
  readonly nodes: number;
  readonly users: number;
  readonly seconds: number;
  readonly micros: Readonly<Record<CpuPart, number>>;
}

/** What a quiet second costs for each node, and for each user on top; from runs with few and with many users. */
export function fitQuietCosts(runs: readonly QuietRun[]): { readonly node: Cost; readonly user: Cost } {
  const rounds = [...Map.groupBy(runs, ({ round }) => round).values()];
  const costOf = (act: 0 | 1): Cost =>
    recordOf(cpuParts, (part) =>
      rangeOf(
        rounds.map((round) => {
          // A clock that counts in hundredths of a second may have counted nothing at all.
          const observations = round.map(({ nodes, users, seconds, micros }) => ({
            counts: [nodes * seconds, users * seconds],
            cost: Math.max(micros[part], 1),
          }));
          return fitCosts(observations).costs[act] ?? 0;
        }),
      ),
    );
  return { node: costOf(0), user: costOf(1) };
}

export function rangeOf(values: readonly number[]): Range {
  const { median, lowest, highest } = spreadOf(values);
  return { value: median, low: lowest, high: highest };
}

export function recordOf<K extends string, V>(names: readonly K[], make: (name: K) => V): Record<K, V> {
  return Object.fromEntries(names.map((name) => [name, make(name)])) as Record<K, V>;
}

/** Everything the model is made of. */
export interface ClusterCosts {
  readonly messages: MessageCosts;
  /** Of one message without marks. */
  readonly walBytes: Range;
  readonly databaseBytes: Range;
  /** Of a mark. */
  readonly markWalBytes: Range;
  /** Into the bus and out of it: of a message that nobody elsewhere hears, and what a hop adds. */
  readonly busBytes: Range;
  readonly hopBusBytes: Range;
  readonly login: Cost;
  readonly returned: Cost;
  readonly ping: Cost;
  /** Of a user's going, told to whoever watches them: of all nodes together, and of the bus. */
  readonly leaving: Pick<Cost, "primaries" | "nats">;
  /** KB of a primary for each contact that one of its users watches, the user's own share included. */
  readonly watchKb: Range;
  /** Of one contact whom a node watches already, for one more user of it; µs of the primary. */
  readonly watchMicros: Range;
  /** Of a question to all nodes whether somebody is there. */
  readonly ask: Pick<Cost, "primaries" | "nats">;
  /** Of a second of a node without users, and of a user who does nothing. */
  readonly nodeSecond: Cost;
  readonly userSecond: Cost;
  /** KB for each user, part by part. */
  readonly memoryKb: Cost;
  readonly subjectsPerUser: Range;
  /** Of a subject, in each server of the bus. */
  readonly subjectBytes: Range;
  readonly subjectMicros: Range;
  /** From the sending of a statement until it is committed and flushed, alone on the machine. */
  readonly commitMs: Range;
}

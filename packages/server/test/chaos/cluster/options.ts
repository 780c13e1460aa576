/** The command line of `npm run chaos -- --cluster`: total, and a mistake is one line. */
import {
  aboveZero,
  MistakeError,
  parseWords,
  readNames,
  readNumber,
  seedRange,
  whole,
  wholeFromOne,
} from "../command-line.ts";

export interface ClusterOptions {
  /** Names of troubles; undefined: all. */
  readonly only: readonly string[] | undefined;
  /** Of each trouble, in turn; where they are mixed, it counts for nothing. */
  readonly rounds: number;
  /** Undefined: each trouble in turn. */
  readonly mixture: { readonly minutes: number } | undefined;
  /** One run each. */
  readonly seeds: readonly number[];
  /** There may be several, and the report is of them, not of the troubles. */
  readonly isBySeeds: boolean;
  readonly workers: number;
  readonly conversations: number;
  readonly pauseMs: number;
  /** Few troubles, and short. */
  readonly isShort: boolean;
  readonly isRecorded: boolean;
  readonly asksRules: boolean;
}

export type CommandLine =
  | { readonly kind: "run"; readonly options: ClusterOptions }
  | { readonly kind: "help"; readonly text: string }
  | { readonly kind: "mistake"; readonly line: string };

const MAX_SEEDS = 1_000;

const text = { type: "string" } as const;
const flag = { type: "boolean" } as const;
const words = {
  cluster: flag,
  only: text,
  rounds: text,
  minutes: text,
  seed: text,
  seeds: text,
  workers: text,
  conversations: text,
  pause: text,
  ci: flag,
  record: flag,
  wire: flag,
  help: flag,
} as const;

type Values = ReturnType<typeof parseWords<typeof words>>;

/** Never throws. `names`: of all troubles. */
export function readCommandLine(given: readonly string[], names: readonly string[]): CommandLine {
  try {
    const values = parseWords(given, words);
    return values.help === true
      ? { kind: "help", text: helpText(names) }
      : { kind: "run", options: readOptions(values, names) };
  } catch (error) {
    if (!(error instanceof MistakeError)) throw error;
    return { kind: "mistake", line: error.message };
  }
}

function readOptions(values: Values, names: readonly string[]): ClusterOptions {
  for (const [one, other] of EXCLUSIVE) {
    if (values[one] !== undefined && values[other] !== undefined)
      throw new MistakeError(`--${one} and --${other} do not go together`);
  }
  if (values.record === true && values.minutes !== undefined && values.seeds === undefined)
    throw new MistakeError("--record: what is recorded is each in turn, or --seeds");
  const isMixed = values.minutes !== undefined || values.seeds !== undefined;
  return {
    only: readNames("only", values.only, names, "trouble"),
    rounds: readNumber("rounds", values.rounds ?? "1", wholeFromOne),
    mixture: isMixed ? { minutes: readNumber("minutes", values.minutes ?? "1", aboveZero) } : undefined,
    seeds:
      values.seeds === undefined
        ? [readNumber("seed", values.seed ?? "1", seedRange)]
        : readSeeds(values.seeds),
    isBySeeds: values.seeds !== undefined,
    workers: readNumber("workers", values.workers ?? "2", wholeFromOne),
    conversations: readNumber("conversations", values.conversations ?? "6", wholeFromOne),
    pauseMs: readNumber("pause", values.pause ?? "50", whole),
    isShort: values.ci === true,
    isRecorded: values.record === true,
    asksRules: values.wire === true,
  };
}

const EXCLUSIVE = [
  ["seed", "seeds"],
  ["rounds", "minutes"],
  ["rounds", "seeds"],
  ["ci", "only"],
  ["ci", "record"],
  ["record", "only"],
  ["ci", "minutes"],
  ["ci", "seeds"],
  ["wire", "seeds"],
] as const;

function readSeeds(word: string): readonly number[] {
  const [, first = "", last = ""] = /^(\d+)-(\d+)$/.exec(word) ?? [];
  if (last === "") throw new MistakeError(`--seeds: two seeds are expected, such as 1-20, not "${word}"`);
  const [low, high] = [first, last].map((one) => readNumber("seeds", one, seedRange)) as [number, number];
  if (high < low || high - low >= MAX_SEEDS)
    throw new MistakeError(`--seeds: the second is expected above the first, at most ${MAX_SEEDS} of them`);
  return Array.from({ length: high - low + 1 }, (_, index) => low + index);
}

function helpText(names: readonly string[]): string {
  return `Usage: npm run chaos -- --cluster [options]

  --only A,B          these troubles only
  --rounds N          each of them so often (1)
  --minutes M         instead of each in turn: a mixture, as long as this
  --seed N            decides which node, and what comes in a mixture (1)
  --seeds A-B         a mixture by each of these seeds, with nodes of its own, as long as --minutes (1)
  --workers N         of each node (2)
  --conversations N   at a time, of four devices on three nodes (6)
  --pause MS          of each device that writes, from one message to the next (50)
  --ci                few of them, and short
  --record            also puts the report into docs/reliability.md
  --wire              first the rules of the protocol, asked of all nodes in turn

Troubles: ${names.join(", ")}.

Exit code: 0; 1 when the delivery contract was broken or a bound missed; 2 for what cannot be run.

Needs Linux, root, and the Debian packages iproute2, iptables, util-linux and nats-server.
`;
}

/** The command line of `npm run chaos`: total, and a mistake is one line. */
import { defaultLimits } from "@duologue/protocol";
import { browserFaults } from "./browsers.ts";
import {
  aboveZero,
  MistakeError,
  parseWords,
  type Range,
  readNames,
  readNumber,
  seedRange,
  whole,
  wholeFromOne,
} from "./command-line.ts";
import { faults } from "./faults.ts";

/** Each form of the chaos, with what it is told. */
export type Form =
  | { readonly kind: "mixture"; readonly options: MixtureOptions }
  | { readonly kind: "soak"; readonly minutes: number; readonly seed: number }
  | { readonly kind: "workers killed"; readonly seed: number }
  | { readonly kind: "writer killed"; readonly kills: number; readonly seed: number }
  | { readonly kind: "herd"; readonly clients: number; readonly workers: number }
  | { readonly kind: "storage"; readonly times: number };

export interface MixtureOptions {
  readonly durationMs: number;
  readonly warmUpMs: number | undefined;
  readonly pauseMs: number;
  readonly roundMs: number;
  readonly seed: number;
  readonly workers: number;
  readonly conversations: number;
  readonly devices: number;
  readonly only: readonly string[] | undefined;
  readonly hasBrowsers: boolean;
  /** As "duologue serve" takes them. */
  readonly limits: readonly string[];
  readonly isVerbose: boolean;
}

export type CommandLine =
  | { readonly kind: "run"; readonly form: Form; readonly isRecorded: boolean }
  | { readonly kind: "help"; readonly text: string }
  | { readonly kind: "mistake"; readonly line: string };

const text = { type: "string" } as const;
const flag = { type: "boolean" } as const;
const words = {
  minutes: text,
  seed: text,
  workers: text,
  conversations: text,
  devices: text,
  round: text,
  only: text,
  limit: { type: "string", multiple: true },
  "warm-up": text,
  pause: text,
  "no-browsers": flag,
  verbose: flag,
  record: flag,
  soak: text,
  "workers-killed": flag,
  "writer-kills": text,
  herd: text,
  storage: text,
  help: flag,
} as const;

type Values = ReturnType<typeof parseWords<typeof words>>;
type Word = keyof typeof words;

const wholeFromTwo: Range = {
  what: "a whole number from 2 on",
  holds: (value) => whole.holds(value) && value >= 2,
};

/** Beside each form, what else may be said. */
const FORMS = {
  soak: ["seed", "record"],
  "workers-killed": ["seed", "record"],
  "writer-kills": ["seed", "record"],
  herd: ["workers"],
  storage: ["record"],
} as const satisfies Partial<Record<Word, readonly Word[]>>;

/** Never throws. */
export function readCommandLine(given: readonly string[]): CommandLine {
  try {
    const values = parseWords(given, words);
    if (values.help === true) return { kind: "help", text: helpText() };
    return { kind: "run", form: readForm(values), isRecorded: values.record === true };
  } catch (error) {
    if (!(error instanceof MistakeError)) throw error;
    return { kind: "mistake", line: error.message };
  }
}

function readForm(values: Values): Form {
  const names = Object.keys(FORMS) as (keyof typeof FORMS)[];
  const form = names.find((name) => values[name] !== undefined);
  if (form === undefined) return { kind: "mixture", options: readMixture(values) };
  const allowed: readonly string[] = [form, ...FORMS[form]];
  const other = Object.keys(values).find((name) => !allowed.includes(name));
  if (other !== undefined) throw new MistakeError(`--${form} and --${other} do not go together`);
  switch (form) {
    case "soak":
      return {
        kind: "soak",
        minutes: readNumber(form, values.soak ?? "", aboveZero),
        seed: readSeed(values),
      };
    case "workers-killed":
      return { kind: "workers killed", seed: readSeed(values) };
    case "writer-kills":
      return {
        kind: "writer killed",
        kills: readNumber(form, values["writer-kills"] ?? "", wholeFromOne),
        seed: readSeed(values),
      };
    case "herd":
      return {
        kind: "herd",
        clients: readNumber(form, values.herd ?? "", wholeFromOne),
        workers: readNumber("workers", values.workers ?? "4", wholeFromOne),
      };
    case "storage":
      return { kind: "storage", times: readNumber(form, values.storage ?? "", wholeFromOne) };
    default:
      return form satisfies never;
  }
}

function readMixture(values: Values): MixtureOptions {
  const hasBrowsers = values["no-browsers"] !== true;
  return {
    durationMs: readNumber("minutes", values.minutes ?? "10", aboveZero) * 60_000,
    warmUpMs:
      values["warm-up"] === undefined
        ? undefined
        : readNumber("warm-up", values["warm-up"], aboveZero) * 60_000,
    pauseMs: readNumber("pause", values.pause ?? "0", whole),
    roundMs: readNumber("round", values.round ?? "30", aboveZero) * 1000,
    seed: readSeed(values),
    workers: readNumber("workers", values.workers ?? "4", wholeFromOne),
    conversations: readNumber("conversations", values.conversations ?? "10", wholeFromOne),
    devices: readNumber("devices", values.devices ?? "4", wholeFromTwo),
    only: readNames("only", values.only, faultNames(hasBrowsers), "fault"),
    hasBrowsers,
    limits: (values.limit ?? []).map(readLimit),
    isVerbose: values.verbose === true,
  };
}

/** As it was given; throws MistakeError when the server would not take it. */
function readLimit(word: string): string {
  const [name = "", value = ""] = word.split("=");
  if (!(name in defaultLimits)) throw new MistakeError(`--limit: there is no limit "${name}"`);
  readNumber(`limit ${name}`, value, whole);
  return word;
}

function readSeed(values: Values): number {
  return readNumber("seed", values.seed ?? "1", seedRange);
}

function faultNames(hasBrowsers: boolean): readonly string[] {
  return [...faults, ...(hasBrowsers ? browserFaults : [])].map(({ name }) => name);
}

function helpText(): string {
  return `Usage: npm run chaos -- [options]

The mixture: people talk, a seed says what breaks when, a judge speaks after each round.
  --minutes M         how long things break (10); from 10 on, everything must have been tried
  --seed N            decides what breaks when (1)
  --workers N         of the server (4)
  --conversations N   at a time (10)
  --devices N         in each of them, two people's together (4)
  --round S           seconds until the judge speaks and others take over (30)
  --only A,B          these faults only
  --no-browsers       none of the clients is in a browser
  --warm-up M         minutes in haste before, so that caches fill; what a server costs is judged after it
  --pause MS          of each device, from one message to the next (0)
  --limit NAME=VALUE  a limit of the server, as "duologue serve" takes it; may be repeated
  --verbose           says when something is broken, and what

Instead of it:
  --workers-killed    200 clients, four workers, of which one is killed every 1 to 3 s, for a minute (--seed)
  --writer-kills N    the primary killed N times under load, its files looked at before a new one begins (--seed)
  --soak M            M minutes in which nothing ends a process; fails when the server grows (--seed)
  --herd N            N clients, all cut at once, come back (each takes one open file here and one there)
  --storage N         each fault of the disk N times, with libfiu and a small file system (root, fiu-utils)
  --cluster           three nodes, and what breaks between them (its own --help)

  --record            also puts the report into docs/reliability.md (not with --herd)
  --help

Faults: ${faultNames(false).join(", ")};
in browsers: ${browserFaults.map(({ name }) => name).join(", ")}.
Of the disk only --storage; frames and payloads that attack are tests: packages/server/test/attacks.

Exit code: 0; 1 when the delivery contract was broken or a bound missed; 2 for what cannot be run.
`;
}

/** The command line of the simulator. */
import { parseArgs } from "node:util";
import { type FaultName, faultNames } from "./faults.ts";
import type { PlanLimits } from "./plan.ts";

export type Command =
  | { readonly kind: "help" }
  | { readonly kind: "wrong"; readonly problem: string }
  | {
      readonly kind: "run";
      readonly from: number;
      readonly seeds: number;
      readonly limits: PlanLimits;
      /** What fails is made smaller first. */
      readonly isShrunk: boolean;
      readonly traceFile: string | undefined;
    };

const DEFAULT_SEEDS = 200;

export const helpText = `Usage: npm run simulate -- [options]

Runs the whole of Duologue once for each seed, broken on purpose, and prints what goes wrong.

  --seeds N        so many seeds (${DEFAULT_SEEDS})
  --from N         from this one on (1)
  --seed N         this one only
  --shrink         look for the smallest run of a failing seed that still fails
  --trace FILE     write every line of the trace of the first seed that fails, or of the last one, to a file
  --users N        a smaller run: so many users at most (2 to 4),
  --devices N      so many devices of each,
  --actions N      so many things that they do,
  --without A,B    without these faults:
                   ${wrapped(faultNames)}
  --help           this text

Exit code: 0 when all is well, 1 when a seed fails, 2 when the command line is wrong.
`;

const value = { type: "string" } as const;
const options = {
  seeds: value,
  from: value,
  seed: value,
  shrink: { type: "boolean", default: false },
  trace: value,
  users: value,
  devices: value,
  actions: value,
  without: value,
  help: { type: "boolean", default: false },
} as const;

export function parseCommand(words: readonly string[]): Command {
  try {
    const { values } = parseArgs({ args: [...words], options });
    if (values.help) return { kind: "help" };
    if (values.seed !== undefined && (values.seeds !== undefined || values.from !== undefined))
      throw new RangeError("--seed is one; --seeds and --from are several: choose.");
    const seed = numberOf("--seed", values.seed, 0);
    return {
      kind: "run",
      from: seed ?? numberOf("--from", values.from, 0) ?? 1,
      seeds: seed === undefined ? (numberOf("--seeds", values.seeds, 1) ?? DEFAULT_SEEDS) : 1,
      limits: {
        users: numberOf("--users", values.users, 2),
        devices: numberOf("--devices", values.devices, 1),
        actions: numberOf("--actions", values.actions, 0),
        without: values.without?.split(",").map(toFaultName),
      },
      isShrunk: values.shrink,
      traceFile: values.trace,
    };
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    return { kind: "wrong", problem: inOneLine(error.message) };
  }
}

function numberOf(name: string, text: string | undefined, least: number): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text) || Number(text) < least)
    throw new RangeError(`${name} wants a whole number from ${least} on, not "${text}".`);
  return Number(text);
}

/** What Node says of a command line that it cannot read takes several, and not all of them end. */
function inOneLine(message: string): string {
  const ambiguous = /^Option '(--[a-z]+)[^']*' argument is ambiguous/.exec(message)?.[1];
  if (ambiguous !== undefined) return `${ambiguous} wants a value, and what begins with a dash is none.`;
  const [first = ""] = message.split("\n");
  return first.endsWith(".") ? first : `${first}.`;
}

function toFaultName(text: string): FaultName {
  const found = faultNames.find((name) => name === text);
  if (found === undefined) throw new RangeError(`--without knows no fault "${text}"; --help lists them.`);
  return found;
}

function wrapped(names: readonly string[]): string {
  const lines: string[] = [];
  for (const name of names) {
    const last = lines.at(-1);
    if (last === undefined || last.length + name.length > 70) lines.push(name);
    else lines[lines.length - 1] = `${last}, ${name}`;
  }
  return lines.join(",\n                   ");
}

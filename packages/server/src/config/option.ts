/** What one option is, and how its text becomes a value; the table of them is options.ts. */
import { resolve } from "node:path";

/** One word of an option as it was written somewhere. */
export interface Entry {
  readonly text: string;
  /** Where it was written, as people call it: `--port`, `DUOLOGUE_PORT`, `duologue.toml: port`. */
  readonly place: string;
  /** What relative paths are relative to: the working directory, or the folder of the configuration file. */
  readonly directory: string;
}

/** What the defaults depend on. */
export interface Machine {
  readonly platform: string;
  readonly cores: number;
  readonly workingDirectory: string;
}

/** One fault, as one line: the place, what was expected there, and what came. */
export type Report = (problem: string) => void;

export interface Option<T> {
  /** Long flag with its argument, as the help shows it; undefined for a secret, which no list of processes may show. */
  readonly flag: `--${string} <${string}>` | undefined;
  readonly environment: `DUOLOGUE_${string}`;
  /** Key in the configuration file; undefined when it makes no sense there. */
  readonly key: string | undefined;
  readonly fileType: "string" | "integer" | "strings" | "table";
  /** `list`: the flag may be repeated, and commas separate. `layers`: a list to which every source adds. */
  readonly takes: "one" | "list" | "layers";
  /** Reports what is wrong and returns undefined, or returns the value. With takes "one", there is one entry. */
  readonly read: (entries: readonly Entry[], report: Report, machine: Machine) => T | undefined;
  readonly defaultValue: (machine: Machine) => T;
  /** The default as people read it. */
  readonly defaultText: string;
  readonly description: string;
}

/** The name alone: `--port`. */
export function flagName(option: Pick<Option<unknown>, "flag">): string {
  return option.flag?.split(" ")[0] ?? "";
}

export function expected(entry: Entry, what: string, hint = ""): string {
  return `${entry.place}: expected ${what}, got ${quote(entry.text)}${hint}`;
}

const MAX_QUOTED_CHARACTERS = 80;

/** Escaped and cut, so that a line of a report stays one line. */
export function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= MAX_QUOTED_CHARACTERS ? text : `${text.slice(0, MAX_QUOTED_CHARACTERS)}…`;
}

/** An option of one value. `parse` returns undefined for what is not one. */
export function readOne<T>(
  what: string | ((machine: Machine) => string),
  parse: (text: string, entry: Entry, machine: Machine) => T | undefined,
): Option<T>["read"] {
  return (entries, report, machine) => {
    const entry = entries.at(-1);
    if (entry === undefined) return undefined;
    const value = parse(entry.text, entry, machine);
    if (value === undefined) report(expected(entry, typeof what === "string" ? what : what(machine)));
    return value;
  };
}

/** An option of any number of values. `findProblem` returns what was expected, or undefined. */
export function readMany(
  findProblem: (text: string) => string | undefined,
): Option<readonly string[]>["read"] {
  return (entries, report) => {
    const values = new Set<string>();
    let isSound = true;
    for (const entry of entries) {
      const problem = findProblem(entry.text);
      if (problem === undefined) values.add(entry.text);
      else {
        isSound = false;
        report(expected(entry, problem));
      }
    }
    return isSound ? Object.freeze([...values]) : undefined;
  };
}

export function readChoice<const T extends string>(...choices: readonly T[]): Option<T>["read"] {
  return readOne(`one of ${choices.join(", ")}`, (text) => choices.find((choice) => choice === text));
}

/** An absolute path; a relative one is relative to where it was written. */
export const readPath: Option<string>["read"] = readOne("a path", (text, entry) =>
  text === "" || text.includes("\0") ? undefined : resolve(entry.directory, text),
);

export function parseInteger(text: string, min: number, max: number): number | undefined {
  if (!/^\d{1,15}$/.test(text)) return undefined;
  const value = Number(text);
  return value >= min && value <= max ? value : undefined;
}

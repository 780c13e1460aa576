/** The configuration file's text, as entries of options. */
import { basename, dirname } from "node:path";
import { type Entry, type Option, quote, type Report } from "./option.ts";
import { type OptionName, optionNames, options } from "./options.ts";
import { suggestion } from "./suggest.ts";

export interface ConfigFile {
  /** Absolute. */
  readonly path: string;
  readonly text: string;
}

export type FileEntries = Partial<Record<OptionName, readonly Entry[]>>;

const expectedTypes: Readonly<Record<Option<unknown>["fileType"], string>> = {
  string: "a string",
  integer: "a whole number",
  strings: "an array of strings",
  table: "a table of whole numbers",
};

/**
 * Reports syntax errors, keys it does not know and values of a wrong type; returns the entries that are left. With `only`
 * one option matters: what is wrong with others is passed over.
 */
export function readFileEntries(file: ConfigFile, report: Report, only?: OptionName): FileEntries {
  const name = basename(file.path);
  const table = parseToml(file.text, name, report);
  const known = new Map(optionNames.map((option) => [options[option].key, option]));
  const entries: FileEntries = {};
  for (const [key, value] of Object.entries(table)) {
    const option = known.get(key);
    if (only !== undefined && option !== only) continue;
    const place = `${name}: ${key}`;
    if (option === undefined) {
      const keys = [...known.keys()].filter((text) => text !== undefined);
      report(`${place}: expected the name of an option${suggestion(key, keys)}`);
      continue;
    }
    const found = toEntries(value, options[option].fileType, place, dirname(file.path));
    if (found === undefined)
      report(`${place}: expected ${expectedTypes[options[option].fileType]}, got ${quote(value)}`);
    else entries[option] = found;
  }
  return entries;
}

function parseToml(written: string, name: string, report: Report): Readonly<Record<string, unknown>> {
  // A byte-order mark, which some editors write, is no TOML.
  const text = written.replace(/^\uFEFF/, "");
  try {
    return Bun.TOML.parse(text) as Record<string, unknown>;
  } catch (error) {
    const message = (error as Error).message.replace(/^TOML Parse error: /, "");
    report(`${name}, line ${findFaultyLine(text)}: expected TOML: ${message}`);
    return {};
  }
}

/** No configuration is longer, and each line costs a parse. */
const MAX_LINES = 1000;

/** The parser does not say where it stopped: the fault begins on the line after the longest beginning that parses. */
function findFaultyLine(text: string): number {
  const lines = text.split("\n").slice(0, MAX_LINES);
  const isSound = (count: number): boolean => {
    try {
      Bun.TOML.parse(lines.slice(0, count).join("\n"));
      return true;
    } catch {
      return false;
    }
  };
  return lines.findLastIndex((_, index) => isSound(index)) + 1;
}

/** Undefined when the value is of another type. */
function toEntries(
  value: unknown,
  type: Option<unknown>["fileType"],
  place: string,
  directory: string,
): readonly Entry[] | undefined {
  switch (type) {
    case "string":
      return typeof value === "string" ? [{ text: value, place, directory }] : undefined;
    case "integer":
      return typeof value === "number" ? [{ text: String(value), place, directory }] : undefined;
    case "strings":
      if (!Array.isArray(value) || !value.every((item) => typeof item === "string")) return undefined;
      return value.map((text) => ({ text, place, directory }));
    case "table":
      if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
      return Object.entries(value).map(([name, item]) => {
        return {
          text: `${name}=${typeof item === "number" ? item : quote(item)}`,
          place: `${place}.${name}`,
          directory,
        };
      });
  }
}

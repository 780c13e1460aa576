/** What the command lines of the chaos have in common: each mistake is one line. */
import { parseArgs } from "node:util";

export class MistakeError extends Error {
  override readonly name = "MistakeError";
}

export interface Range {
  readonly what: string;
  readonly holds: (value: number) => boolean;
}

/** Of a generator that takes no more. */
const MAX_SEED = 2 ** 32 - 1;

export const whole: Range = {
  what: "a whole number",
  holds: (value) => Number.isSafeInteger(value) && value >= 0,
};
export const wholeFromOne: Range = {
  what: "a whole number from 1 on",
  holds: (value) => whole.holds(value) && value >= 1,
};
export const aboveZero: Range = {
  what: "a number above 0",
  holds: (value) => Number.isFinite(value) && value > 0,
};
export const seedRange: Range = {
  what: `a whole number up to ${MAX_SEED}`,
  holds: (value) => whole.holds(value) && value <= MAX_SEED,
};

type Words = NonNullable<NonNullable<Parameters<typeof parseArgs>[0]>["options"]>;

/** Throws MistakeError for a word that is not known, or that lacks its value. */
export function parseWords<W extends Words>(given: readonly string[], words: W) {
  try {
    return parseArgs({ args: [...given], options: words }).values;
  } catch (error) {
    // In one sentence and some advice.
    throw new MistakeError((error as Error).message.split(/\.?\n|\. /)[0] ?? "");
  }
}

/** Throws MistakeError. */
export function readNumber(name: string, word: string, range: Range): number {
  const value = word.trim() === "" ? Number.NaN : Number(word);
  if (!range.holds(value)) throw new MistakeError(`--${name}: ${range.what} is expected, not "${word}"`);
  return value;
}

/** Names with commas between them; throws MistakeError for one that is none of these. `kind`: what they are names of. */
export function readNames(
  name: string,
  word: string | undefined,
  known: readonly string[],
  kind: string,
): readonly string[] | undefined {
  const wanted = word?.split(",").map((one) => one.trim());
  const unknown = wanted?.filter((one) => !known.includes(one)) ?? [];
  if (unknown.length === 0) return wanted;
  const quoted = unknown.map((one) => `"${one}"`).join(", ");
  throw new MistakeError(`--${name}: there is no ${kind} ${quoted}; there are: ${known.join(", ")}`);
}

/** Nicknames as people may choose them: SPEC.md, rules NK1–NK3, after the nickname profile of RFC 8266. */
import type { Limits } from "./limits.ts";

export type NicknameLimits = Pick<Limits, "nicknameMinCharacters" | "nicknameMaxCharacters">;

export type NicknameOutcome =
  | { readonly ok: true; readonly name: string }
  /** The problem is for developers: which character, as U+XXXX, and why. */
  | { readonly ok: false; readonly problem: string };

const VARIATION_SELECTORS = /\p{Variation_Selector}/gu;
const SPACES = /\p{Zs}+/gu;
const MAX_MARKS_IN_A_ROW = 3;

/**
 * What a nickname must not hold, the most telling reason first. Default-ignorable ones are those that a renderer shows
 * as nothing (joiners, Hangul fillers, tags); the blank ones have a glyph, and there is nothing on it.
 */
const REFUSED: readonly (readonly [pattern: RegExp, reason: string])[] = [
  [/\p{Cs}/u, "a lone surrogate"],
  [/\p{Cc}/u, "a control character"],
  [/[\p{Zl}\p{Zp}]/u, "a line separator"],
  [/\p{Bidi_Control}/u, "a character that turns the direction of text"],
  [/\p{Cf}/u, "an invisible format character"],
  [/\p{Co}/u, "a private-use character"],
  [/\p{Cn}/u, "an unassigned character"],
  [/\p{Default_Ignorable_Code_Point}/u, "an invisible character"],
  [/[\u2800\ufffc\u{13441}\u{13442}\u{1d159}]/u, "a blank character"],
];
const ANY_REFUSED =
  /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800\ufffc\u{13441}\u{13442}\u{1d159}]/u;
const BASELESS_MARK = /(?:^| )(\p{M})/u;
const MARKS = /\p{M}{4,}/u;

/**
 * The name as others see it: variation selectors dropped, NFC, every run of spaces of any kind one plain space, none at
 * the ends. Giving a result back in changes nothing. Lengths are counted in code points, after that.
 *
 * What gets through shows something: it is not empty, and begins neither with a space nor with a mark, so with a letter,
 * number, symbol or punctuation character that has a glyph.
 */
export function normalizeNickname(input: string, limits: NicknameLimits): NicknameOutcome {
  const name = input
    .replace(VARIATION_SELECTORS, "")
    .normalize("NFC")
    .replace(SPACES, " ")
    .replace(/^ | $/g, "");
  const problem = findBadCharacter(name) ?? findBadLength(name, limits);
  return problem === undefined ? { ok: true, name } : { ok: false, problem };
}

function findBadCharacter(name: string): string | undefined {
  const refused = ANY_REFUSED.exec(name)?.[0];
  if (refused !== undefined) {
    const reason = REFUSED.find(([pattern]) => pattern.test(refused))?.[1] ?? "a character";
    return `${toCode(refused)} is ${reason}, which nicknames must not hold`;
  }
  const mark = BASELESS_MARK.exec(name)?.[1];
  if (mark !== undefined) return `${toCode(mark)} is a combining mark with nothing to stand on`;
  const marks = MARKS.exec(name)?.[0];
  if (marks !== undefined) {
    const count = Array.from(marks).length;
    return `${count} combining marks in a row, from ${toCode(marks)} on; ${MAX_MARKS_IN_A_ROW} are the most`;
  }
  return undefined;
}

function findBadLength(name: string, limits: NicknameLimits): string | undefined {
  const count = Array.from(name).length;
  const { nicknameMinCharacters: min, nicknameMaxCharacters: max } = limits;
  if (count >= min && count <= max) return undefined;
  return `a nickname has ${min} to ${max} characters, not ${count}`;
}

function toCode(text: string): string {
  return `U+${(text.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
}

/** Which nicknames look alike (UTS #39, confusable detection), and names to offer in place of a taken one. */
import type { Limits } from "@duologue/protocol";
import { confusablesData } from "./confusables-data.ts";

/** What people are not relied on to notice: "anna", "an na" and "an_na" are the same name to them. */
const SEPARATORS = /[\p{Zs}_.-]/gu;
const IGNORABLE = /\p{Default_Ignorable_Code_Point}/gu;
const SUGGESTED_NUMBERS = [
  2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 20, 50, 100, 200, 500, 1_000, 10_000, 100_000, 1_000_000,
];

let looks: ReadonlyMap<string, string> | undefined;

/**
 * The keys of a name: two names look alike when they have one in common. Most names have one or two, never more than
 * four: letters that look alike as written and those that do in small letters are different ones ("ALICE" is "alice",
 * and with a small L in the middle "ALlCE" is "ALICE"), and compatibility forms (RFC 8266 §2.4: full-width, ligatures,
 * circled digits) are taken both as they look and as what they stand for. Keys are never shown.
 */
export function nameKeys(name: string): readonly string[] {
  const keys = new Set<string>();
  for (const form of new Set([name, name.normalize("NFKC")])) {
    keys.add(toKey(form));
    keys.add(toKey(foldCase(form)));
  }
  return Array.from(keys);
}

/**
 * Names to offer in place of a taken one, best first: "name 2", "name 3", …, cut so that none is too long. After a
 * row of numbers come steps that grow, so that a server with a hundred people of one name still has something to offer.
 */
export function suggestions(name: string, limits: Pick<Limits, "nicknameMaxCharacters">): readonly string[] {
  return SUGGESTED_NUMBERS.map((number) => withNumber(name, number, limits.nicknameMaxCharacters));
}

function toKey(name: string): string {
  const key = foldCase(skeleton(name));
  const withoutSeparators = key.replace(SEPARATORS, "");
  // A name of nothing but separators would otherwise look like every other such name.
  return withoutSeparators === "" ? key : withoutSeparators;
}

/** UTS #39 §4: decomposed, every character replaced by the one it is taken for, decomposed again. */
function skeleton(name: string): string {
  looks ??= readLooks();
  let mapped = "";
  for (const character of name.normalize("NFD").replace(IGNORABLE, "")) {
    mapped += looks.get(character) ?? character;
  }
  return mapped.normalize("NFD");
}

/** By way of capitals, so that ß meets SS and a final sigma meets the other one. */
function foldCase(text: string): string {
  return text.toUpperCase().toLowerCase();
}

function readLooks(): ReadonlyMap<string, string> {
  const read = new Map<string, string>();
  for (const group of confusablesData.split(/\s/)) {
    const end = group.indexOf("<");
    let look = "";
    for (const code of group.slice(0, end).split("+"))
      look += String.fromCodePoint(Number.parseInt(code, 16));
    for (const code of group.slice(end + 1).split(",")) {
      read.set(String.fromCodePoint(Number.parseInt(code, 16)), look);
    }
  }
  return read;
}

function withNumber(name: string, number: number, maxCharacters: number): string {
  const suffix = ` ${number}`;
  let base = "";
  let count = suffix.length;
  // Whole graphemes: half of one would be another character, or a mark alone.
  for (const { segment } of new Intl.Segmenter().segment(name)) {
    count += Array.from(segment).length;
    if (count > maxCharacters) break;
    base += segment;
  }
  return base.trimEnd() + suffix;
}

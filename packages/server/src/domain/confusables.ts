/** Which nicknames look alike (UTS #39, confusable detection), and a free one in place of one that is taken. */
import { confusablesData } from "./confusables-data.ts";

/** What people are not relied on to notice: "anna", "an na" and "an_na" are the same name to them. */
const SEPARATORS = /[\p{Zs}_.-]/gu;
const IGNORABLE = /\p{Default_Ignorable_Code_Point}/gu;
const SEQUENTIAL_SUGGESTIONS = 50;

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
 * "name 2", "name 3", …: the first that is not taken, cut so that it has at most `maxCharacters` code points. Past 50
 * the numbers double, so that somebody who holds a row of names cannot make this slow; when all of those are taken too,
 * the last one is returned all the same, and is refused when it is asked for.
 */
export function suggestName(name: string, isTaken: (name: string) => boolean, maxCharacters = 32): string {
  let suggestion = withNumber(name, 2, maxCharacters);
  for (let number = 3; isTaken(suggestion) && number <= Number.MAX_SAFE_INTEGER; ) {
    suggestion = withNumber(name, number, maxCharacters);
    number += number < SEQUENTIAL_SUGGESTIONS ? 1 : number;
  }
  return suggestion;
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

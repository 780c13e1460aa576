/** How names are compared in a search: by every adapter alike. */

/** Words of a name that are indexed; a nickname of 32 characters has at most 16. */
const MAX_WORDS = 16;
const WORD_START = /(?<![\p{L}\p{N}\p{M}])[\p{L}\p{N}]/gu;

/** Unicode NFKC and lower case, spaces made one: "Ａnna  K" and "anna k" become the same. */
export function foldName(name: string): string {
  return name.normalize("NFKC").toLowerCase().normalize("NFKC").replace(/\s+/gu, " ").trim();
}

/**
 * The folded name from its beginning and from each later word on, so that a prefix of one of them is a prefix of the
 * name or of a word in it.
 */
export function searchKeys(name: string): readonly string[] {
  const folded = foldName(name);
  const keys = new Set<string>([folded]);
  for (const match of folded.matchAll(WORD_START)) {
    if (keys.size === MAX_WORDS) break;
    keys.add(folded.slice(match.index));
  }
  return [...keys];
}

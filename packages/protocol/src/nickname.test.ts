import { describe, expect, test } from "bun:test";

import fc from "fast-check";
import { defaultLimits } from "./limits.ts";
import { normalizeNickname } from "./nickname.ts";

function nameOf(input: string): string | undefined {
  const outcome = normalizeNickname(input, defaultLimits);
  return outcome.ok ? outcome.name : undefined;
}

function problemOf(input: string): string | undefined {
  const outcome = normalizeNickname(input, defaultLimits);
  return outcome.ok ? undefined : outcome.problem;
}

const changed: readonly (readonly [string, string, string])[] = [
  ["a decomposed accent is composed", "Zoe\u0308", "Zo\u00eb"],
  ["conjoining Hangul becomes syllables", "\u1112\u1161\u11ab\u1100\u116e\u11a8", "한국"],
  ["an Ångström sign becomes the letter", "\u212bsa", "\u00c5sa"],
  ["a run of spaces becomes one", "Anna   Lena", "Anna Lena"],
  ["spaces at the ends go", "  anna  ", "anna"],
  ["a no-break space is a space", "an\u00a0na", "an na"],
  ["an ideographic space is a space", "\u3000佐藤\u3000健\u3000", "佐藤 健"],
  ["mixed kinds of space become one", "a\u2003\u2009\u202f\u205fb", "a b"],
  ["an en quad, which NFC turns into an en space, is a space", "a\u2000\u2001b", "a b"],
  ["the Ogham space mark is a space", "a\u1680b", "a b"],
  ["an emoji's variation selector is dropped", "\u2764\ufe0f\u2764\ufe0e", "\u2764\u2764"],
  ["an ideographic variation selector is dropped", "葛\u{e0100}城", "葛城"],
  ["a Mongolian variation selector is dropped", "\u182d\u180b\u1820", "\u182d\u1820"],
  ["a selector between a letter and its accent is dropped first", "Zoe\ufe0f\u0308", "Zo\u00eb"],
  ["a selector between two spaces is dropped first", "a \ufe0f b", "a b"],
];

const accepted: readonly string[] = [
  "alice",
  "Al",
  "O'Neil",
  "d'Artagnan",
  "jean-luc",
  "user_1",
  "99",
  "<b>",
  "a&b",
  ":)",
  "王伟",
  "さくら",
  "サクラ",
  "김민준",
  "محمد",
  "מֹשֶׁה",
  "श्रीमती",
  "ঋতুপর্ণা",
  "தமிழ்",
  "น้ำผึ้ง",
  "Nguyễn",
  "Дмитрий",
  "Ελένη",
  "ქეთევან",
  "አበበ",
  "😀😀",
  "👍🏽 ok",
  "🇩🇪",
  "1\u20e3!",
  "𝐚𝐥",
  "a\u0323\u0308\u0301",
];

const refused: readonly (readonly [string, string, string])[] = [
  ["NUL", "al\u0000ice", "U+0000"],
  ["a tab", "al\tice", "U+0009"],
  ["a line break at the end", "alice\n", "U+000A"],
  ["an escape", "al\u001bice", "U+001B"],
  ["DEL", "al\u007fice", "U+007F"],
  ["a C1 control", "al\u0085ice", "U+0085"],
  ["a soft hyphen", "al\u00adice", "U+00AD"],
  ["a zero-width space", "al\u200bice", "U+200B"],
  ["a zero-width non-joiner", "al\u200cice", "U+200C"],
  ["a zero-width joiner", "👨\u200d👩", "U+200D"],
  ["a left-to-right mark", "al\u200eice", "U+200E"],
  ["an Arabic letter mark", "al\u061cice", "U+061C"],
  ["a right-to-left override", "al\u202eecila", "U+202E"],
  ["an embedding", "al\u202aice", "U+202A"],
  ["an isolate", "al\u2067ice", "U+2067"],
  ["a word joiner", "al\u2060ice", "U+2060"],
  ["an invisible times", "al\u2062ice", "U+2062"],
  ["a byte-order mark", "\ufeffalice", "U+FEFF"],
  ["an interlinear annotation", "al\ufff9ice", "U+FFF9"],
  ["an object replacement", "al\ufffcice", "U+FFFC"],
  ["a tag character", "alice\u{e0041}", "U+E0041"],
  ["a line separator", "al\u2028ice", "U+2028"],
  ["a paragraph separator", "al\u2029ice", "U+2029"],
  ["a Mongolian vowel separator", "al\u180eice", "U+180E"],
  ["a combining grapheme joiner", "al\u034fice", "U+034F"],
  ["a Hangul filler", "al\u3164ice", "U+3164"],
  ["a half-width Hangul filler", "al\uffa0ice", "U+FFA0"],
  ["a Hangul choseong filler", "al\u115fice", "U+115F"],
  ["a Khmer inherent vowel", "al\u17b4ice", "U+17B4"],
  ["a braille blank", "\u2800\u2800", "U+2800"],
  ["a null note head", "al\u{1d159}ice", "U+1D159"],
  ["a blank hieroglyph", "al\u{13441}ice", "U+13441"],
  ["a private-use character", "al\ue000ice", "U+E000"],
  ["a private-use character of a high plane", "al\u{10fffd}ice", "U+10FFFD"],
  ["an unassigned character", "al\u0378ice", "U+0378"],
  ["a noncharacter", "al\uffffice", "U+FFFF"],
  ["a lone high surrogate", "al\ud800ice", "U+D800"],
  ["a lone low surrogate", "al\udc00ice", "U+DC00"],
  ["surrogates in the wrong order", "\udc00\ud800", "U+DC00"],
  ["a combining mark at the start", "\u0301alice", "U+0301"],
  ["a combining mark after a space", "al \u0301ice", "U+0301"],
  ["four combining marks in a row", "b\u0301\u0302\u0303\u0308b", "U+0301"],
  ["a tower of marks", `Z${"\u030d\u0317".repeat(10)}algo`, "U+0317"],
];

describe("nicknames", () => {
  for (const [what, input, name] of changed) {
    test(`[NK1] ${what}`, () => expect(nameOf(input)).toBe(name));
  }

  for (const name of accepted) {
    test(`[NK2] ${name} is a nickname, unchanged`, () => expect(nameOf(name)).toBe(name.normalize("NFC")));
  }

  for (const [what, input, code] of refused) {
    test(`[NK3] ${what} is refused, and named`, () => expect(problemOf(input)).toContain(code));
  }

  test("[NK2] 2 and 32 characters are the limits, counted in code points", () => {
    expect(nameOf("ab")).toBe("ab");
    expect(nameOf("😀".repeat(32))).toBe("😀".repeat(32));
    expect(problemOf("a")).toBe("a nickname has 2 to 32 characters, not 1");
    expect(problemOf("a".repeat(33))).toBe("a nickname has 2 to 32 characters, not 33");
    expect(problemOf("")).toContain("not 0");
    expect(problemOf("   ")).toContain("not 0");
    expect(problemOf("\ufe0f\ufe0f")).toContain("not 0");
  });

  test("[NK2] the length is counted after normalization", () => {
    expect(nameOf(`  ${"e\u0308".repeat(32)}  `)).toBe("\u00eb".repeat(32));
    expect(problemOf("e\u0308")).toContain("not 1");
  });

  test("[NK2] the limits are the operator's", () => {
    const limits = { nicknameMinCharacters: 4, nicknameMaxCharacters: 5 };
    expect(normalizeNickname("abc", limits).ok).toBe(false);
    expect(normalizeNickname("abcd", limits).ok).toBe(true);
    expect(normalizeNickname("abcdef", limits).ok).toBe(false);
  });

  test("[NK3] a spacing vowel sign with nothing to stand on is refused", () => {
    expect(problemOf("\u093f\u0930")).toContain("U+093F");
  });

  test("[NK3] the problem says why", () => {
    expect(problemOf("al\u202eice")).toContain("direction");
    expect(problemOf("al\u200bice")).toContain("invisible");
    expect(problemOf("al\ud800ice")).toContain("surrogate");
  });

  test("[NK1] a result given back in is unchanged", () => {
    const anything = fc.string({
      unit: fc.oneof(
        fc.constantFrom(" ", "\u00a0", "\ufe0f", "e", "\u0308", "\u0323"),
        fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
      ),
      maxLength: 40,
    });
    fc.assert(
      fc.property(anything, (input) => {
        const name = nameOf(input);
        if (name !== undefined) expect(nameOf(name)).toBe(name);
      }),
      { numRuns: 500 },
    );
  });

  test("[NK3] every single code point is either refused as a name's end or shown", () => {
    const shown = /[\p{L}\p{N}\p{S}\p{P}\p{M}\p{Zs}]|\p{Variation_Selector}/u;
    const wrong: string[] = [];
    for (let code = 0; code <= 0x10ffff; code += code < 0x3000 ? 1 : 37) {
      const character = String.fromCodePoint(code);
      const isGood = nameOf(`ab${character}`) !== undefined;
      if (isGood && !shown.test(character)) wrong.push(code.toString(16));
    }
    expect(wrong).toEqual([]);
  });
});

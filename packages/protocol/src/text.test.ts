import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { checkText, type TextProblem } from "./text.ts";

const MAX = 100;

const cases: readonly (readonly [string, string, TextProblem | undefined])[] = [
  ["a word is fine", "hello", undefined],
  ["one character is fine", "x", undefined],
  ["tabs and line breaks are fine", "\ta\r\nb\n\n", undefined],
  ["markup is text like any other", "<script>alert(1)</script>", undefined],
  ["emoji with joiners are fine", "👨‍👩‍👧‍👦 ❤️", undefined],
  ["right-to-left text with marks is fine", "\u200fשלום\u200e", undefined],
  ["a line separator is fine", "a\u2028b", undefined],
  ["a noncharacter is fine", "a\uffff", undefined],
  ["no text at all is empty", "", "text_empty"],
  ["spaces are empty", "   ", "text_empty"],
  ["line breaks and tabs are empty", "\n\r\n\t", "text_empty"],
  ["other scripts' spaces are empty", "\u3000\u00a0\u2003\u1680\u2028\ufeff", "text_empty"],
  ["NUL is invalid", "a\u0000b", "text_invalid"],
  ["NUL alone is invalid", "\u0000", "text_invalid"],
  ["a vertical tab is invalid", "a\u000bb", "text_invalid"],
  ["a form feed is invalid", "a\fb", "text_invalid"],
  ["an escape sequence is invalid", "\u001b[31mred", "text_invalid"],
  ["DEL is invalid", "a\u007f", "text_invalid"],
  ["a C1 control is invalid", "a\u009bb", "text_invalid"],
  ["a lone high surrogate is invalid", "a\ud83d", "text_invalid"],
  ["a lone low surrogate is invalid", "\ude00a", "text_invalid"],
  ["surrogates in the wrong order are invalid", "\ude00\ud83d", "text_invalid"],
  ["as many characters as allowed are fine", "x".repeat(MAX), undefined],
  ["one more is too long", "x".repeat(MAX + 1), "text_too_long"],
  ["an emoji counts once", "😀".repeat(MAX), undefined],
  ["one emoji more is too long", "😀".repeat(MAX + 1), "text_too_long"],
  ["letters and emoji are counted together", `${"😀".repeat(MAX - 1)}xx`, "text_too_long"],
  ["white space counts", `x${" ".repeat(MAX)}`, "text_too_long"],
  ["far too long is too long", "x".repeat(MAX * 1000), "text_too_long"],
  ["long and empty is empty", " ".repeat(MAX * 1000), "text_empty"],
  ["long and invalid is too long", "\u0000".repeat(MAX + 1), "text_too_long"],
];

describe("the text of a message", () => {
  for (const [title, text, problem] of cases) {
    test(`[CV11] ${title}`, () => expect(checkText(text, MAX)).toBe(problem));
  }

  test("[CV11] every control character but tab and line breaks is invalid", () => {
    for (let code = 0; code < 0x100; code += 1) {
      const text = `a${String.fromCharCode(code)}b`;
      const isControl = /\p{Cc}/u.test(text.charAt(1)) && !"\t\n\r".includes(text.charAt(1));
      expect(checkText(text, MAX)).toBe(isControl ? "text_invalid" : undefined);
    }
  });

  test("[CV11] any string agrees with the rule spelled out", () => {
    const anything = fc.string({
      unit: fc.oneof(
        fc.string({ unit: "binary", maxLength: 1 }),
        fc.constantFrom("\ud83d", "\ude00", "\n", " "),
      ),
      maxLength: 30,
    });
    fc.assert(
      fc.property(anything, (text) => {
        const characters = Array.from(text);
        const isInvalid = characters.some(
          (one) => /\p{Cs}/u.test(one) || (/\p{Cc}/u.test(one) && !"\t\n\r".includes(one)),
        );
        const expected =
          text.trim() === ""
            ? "text_empty"
            : characters.length > 20
              ? "text_too_long"
              : isInvalid
                ? "text_invalid"
                : undefined;
        expect(checkText(text, 20)).toBe(expected);
      }),
      { numRuns: 1000 },
    );
  });
});

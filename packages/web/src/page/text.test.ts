import { describe, expect, test } from "bun:test";
import { find } from "linkifyjs";
import { isEmojiOnly, mayHoldLinks, partsOf, piecesOf } from "./text.ts";

const linksOf = (text: string): readonly string[] =>
  partsOf(text, find).flatMap((part) => (part.kind === "link" ? [part.href] : []));

describe("a message's text", () => {
  test("addresses of the web and of mail are links, and nothing else is", () => {
    expect(linksOf("see https://example.org/a?b=1. or mail me@example.org")).toEqual([
      "https://example.org/a?b=1",
      "mailto:me@example.org",
    ]);
    expect(linksOf("example.org")).toEqual(["https://example.org"]);
    for (const text of [
      "javascript:alert(1)",
      "data:text/html,<b>",
      "ftp://example.org/",
      "file:///etc/hosts",
      "vbscript:x",
    ])
      expect(linksOf(text)).toEqual([]);
  });

  test("addresses go on in a new line between their words", () => {
    expect(piecesOf("https://example.org/soon?a=1&b=2#there")).toEqual([
      "https://example.org/",
      "soon?",
      "a=",
      "1&",
      "b=",
      "2#there",
    ]);
    expect(piecesOf("me@example.org")).toEqual(["me@example.org"]);
  });

  test("without what finds links an address is text, and no text with one is passed over", () => {
    const texts = ["example.org", "me@example.org", "https://example.org", "see www.example.org!", "例え.jp"];
    for (const text of texts) {
      expect(partsOf(text, undefined)).toEqual([{ kind: "text", text }]);
      expect(linksOf(text)).toHaveLength(1);
      expect(mayHoldLinks(text)).toBe(true);
    }
    for (const text of ["", "hello", "Well. That was it.", "at 5 :-)"])
      expect(mayHoldLinks(text)).toBe(false);
  });

  test("what stands in backticks is code, and holds no links", () => {
    expect(partsOf("run `a && b` at\n```\nhttps://example.org\n```\nnow", find)).toEqual([
      { kind: "text", text: "run " },
      { kind: "code", text: "a && b" },
      { kind: "text", text: " at\n" },
      { kind: "block", text: "https://example.org" },
      { kind: "text", text: "\nnow" },
    ]);
    expect(partsOf("one ` alone", find)).toEqual([{ kind: "text", text: "one ` alone" }]);
  });

  test("the parts together are the text, whatever it holds", () => {
    const text = "a https://example.org b\n\nc me@example.org";
    for (const findLinks of [find, undefined]) {
      const parts = partsOf(text, findLinks);
      expect(parts.map((part) => part.text).join("")).toBe(text);
    }
  });

  test("up to six emoji alone are large, however many code points they are made of", () => {
    for (const text of ["😀", "👨‍👩‍👧‍👦 👍🏽", "🇨🇳", "1️⃣", "❤️"]) expect(isEmojiOnly(text)).toBe(true);
    for (const text of ["", " ", "1", "#", "😀 a", "😀😀😀😀😀😀😀"]) expect(isEmojiOnly(text)).toBe(false);
  });
});

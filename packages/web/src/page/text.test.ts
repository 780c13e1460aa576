import { describe, expect, test } from "bun:test";
import { isEmojiOnly, partsOf } from "./text.ts";

const linksOf = (text: string): readonly string[] =>
  partsOf(text).flatMap((part) => (part.kind === "link" ? [part.href] : []));

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

  test("what stands in backticks is code, and holds no links", () => {
    expect(partsOf("run `a && b` at\n```\nhttps://example.org\n```\nnow")).toEqual([
      { kind: "text", text: "run " },
      { kind: "code", text: "a && b" },
      { kind: "text", text: " at\n" },
      { kind: "block", text: "https://example.org" },
      { kind: "text", text: "\nnow" },
    ]);
    expect(partsOf("one ` alone")).toEqual([{ kind: "text", text: "one ` alone" }]);
  });

  test("the parts together are the text, whatever it holds", () => {
    const text = "a https://example.org b\n\nc me@example.org";
    expect(
      partsOf(text)
        .map((part) => part.text)
        .join(""),
    ).toBe(text);
  });

  test("up to six emoji alone are large, however many code points they are made of", () => {
    for (const text of ["😀", "👨‍👩‍👧‍👦 👍🏽", "🇨🇳", "1️⃣", "❤️"]) expect(isEmojiOnly(text)).toBe(true);
    for (const text of ["", " ", "1", "#", "😀 a", "😀😀😀😀😀😀😀"]) expect(isEmojiOnly(text)).toBe(false);
  });
});

import { expect, test } from "bun:test";
import { foldName, searchKeys } from "./fold.ts";

test("case, width and spaces make no difference", () => {
  expect(foldName("  Ａnna \t K ")).toBe("anna k");
  expect(foldName("STRASSE ﬁ Å")).toBe("strasse fi å");
});

test("a name is found from its beginning and from each word on", () => {
  expect(searchKeys("Ana Maria-Luisa")).toEqual(["ana maria-luisa", "maria-luisa", "luisa"]);
  expect(searchKeys("李 小龍")).toEqual(["李 小龍", "小龍"]);
  // Combining marks belong to the word before them.
  expect(searchKeys("हिन्दी")).toEqual(["हिन्दी"]);
  expect(searchKeys("☕ bar")).toEqual(["☕ bar", "bar"]);
});

test("a name of many words has a bounded number of keys", () => {
  expect(searchKeys(Array.from({ length: 100 }, (_, index) => `w${index}`).join(" "))).toHaveLength(16);
});

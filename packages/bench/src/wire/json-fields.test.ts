import { expect, test } from "bun:test";
import { countValues, fieldPattern, findValue, readNumber, readText } from "./json-fields.ts";

const frame = JSON.stringify({
  type: "event",
  kind: "text",
  seq: 1207,
  body: { text: "hi" },
  users: [{ id: "a" }, { id: "b-c" }],
});
const bytes = new TextEncoder().encode(`??${frame}??`);
const end = bytes.length - 2;

test("finds a field by its whole name, inside the frame only", () => {
  expect(readText(bytes, findValue(bytes, 2, end, fieldPattern("type", "text")), end)).toBe("event");
  expect(readText(bytes, findValue(bytes, 2, end, fieldPattern("text", "text")), end)).toBe("hi");
  expect(readNumber(bytes, findValue(bytes, 2, end, fieldPattern("seq", "number")))).toBe(1207);
  expect(findValue(bytes, 2, end, fieldPattern("eq", "number"))).toBe(-1);
  expect(findValue(bytes, 2, 10, fieldPattern("seq", "number"))).toBe(-1);
});

test("counts how often a field stands there", () => {
  expect(countValues(bytes, 2, end, fieldPattern("id", "text"))).toBe(2);
});

import { describe, expect, expectTypeOf, test } from "bun:test";
import fc from "fast-check";
import type { Body, ClientFrame, ClientFrameOf, ConversationEvent, ServerFrameOf } from "./frames.ts";
import {
  array,
  boolean,
  type Infer,
  integer,
  literal,
  object,
  oneOf,
  optional,
  tagged,
  text,
} from "./schema.ts";

const point = object("point", { x: integer(0, 9), note: optional(text({ max: 3 })) });

/** An object in an object in … : `levels` objects around `core`. */
function nest(levels: number, core: unknown): unknown {
  let value = core;
  for (let level = 0; level < levels; level += 1) value = { inner: value };
  return value;
}

describe("single values", () => {
  test("text has its length in UTF-16 units", () => {
    const schema = text({ min: 2, max: 3 });
    expect(schema.check("ab", "name")).toBeUndefined();
    expect(schema.check("abc", "name")).toBeUndefined();
    expect(schema.check("😀", "name")).toBeUndefined();
    expect(schema.check("a", "name")).toBe("name must have 2 to 3 characters");
    expect(schema.check("😀😀", "name")).toBe("name must have 2 to 3 characters");
    expect(schema.check("", "name")).toBe("name must have 2 to 3 characters");
  });

  test("text has its form from start to end", () => {
    const schema = text({ max: 9, pattern: /^[a-z]+$/ });
    expect(schema.check("abc", "name")).toBeUndefined();
    for (const wrong of ["abc\n", " abc", "aBc", "abc1", ""]) {
      expect(schema.check(wrong, "name")).toBe("name has a form that is not allowed");
    }
    // The same answer every time: a pattern with memory would say yes and no in turn.
    expect(schema.check("abc", "name")).toBeUndefined();
  });

  test("an integer is a whole number within its bounds", () => {
    const schema = integer(1, 10);
    for (const right of [1, 10, 5, 5.0]) expect(schema.check(right, "n")).toBeUndefined();
    for (const wrong of [
      0,
      11,
      1.5,
      -1,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      1e21,
      "5",
      null,
      true,
      [5],
      5n,
    ]) {
      expect(schema.check(wrong, "n")).toBe("n must be a whole number from 1 to 10");
    }
    expect(integer(0, Number.MAX_SAFE_INTEGER).check(2 ** 53, "n")).toBeString();
    expect(integer(0, Number.MAX_SAFE_INTEGER).check(2 ** 53 - 1, "n")).toBeUndefined();
  });

  test("booleans, literals and choices take nothing that merely resembles them", () => {
    expect(boolean().check(false, "b")).toBeUndefined();
    for (const wrong of [0, 1, "true", null, undefined, {}]) expect(boolean().check(wrong, "b")).toBeString();
    expect(literal("a").check("a", "l")).toBeUndefined();
    for (const wrong of ["A", "", ["a"], null, undefined])
      expect(literal("a").check(wrong, "l")).toBe('l must be "a"');
    expect(oneOf("a", "b").check("b", "c")).toBeUndefined();
    for (const wrong of ["c", "toString", "", ["a"], 0]) {
      expect(oneOf("a", "b").check(wrong, "c")).toBe('c must be one of "a" | "b"');
    }
  });

  test("an array has a bound, and a problem inside is told with its place", () => {
    const schema = array(point, 2);
    expect(schema.check([], "list")).toBeUndefined();
    expect(schema.check([{ x: 1 }, { x: 2 }], "list")).toBeUndefined();
    expect(schema.check([{ x: 1 }, { x: 99 }], "list")).toBe("list[1].x must be a whole number from 0 to 9");
    expect(schema.check([{ x: 1 }, { x: 2 }, { x: 3 }], "list")).toBe("list must have at most 2 items");
    for (const wrong of [{ length: 0 }, "ab", null, undefined])
      expect(schema.check(wrong, "list")).toBe("list must be an array");
  });
});

describe("objects", () => {
  test("[BI1] a missing field is told, an optional one may be missing", () => {
    expect(point.check({ x: 1 }, "")).toBeUndefined();
    expect(point.check({ x: 1, note: "ok" }, "")).toBeUndefined();
    expect(point.check({ note: "ok" }, "")).toBe("x must be a whole number from 0 to 9");
    expect(point.check({ x: 1, note: "long" }, "at")).toBe("at.note must have 0 to 3 characters");
    expect(point.check({ x: 1, note: null }, "")).toBe("note must be a string");
  });

  test("[BI1] what is not an object is told", () => {
    for (const wrong of [null, undefined, 1, "x", true, [], [{ x: 1 }], () => 1]) {
      expect(point.check(wrong, "at")).toBe("at must be an object");
    }
  });

  test("[BI2] unknown fields are let through, as many as there are", () => {
    expect(point.check({ x: 1, y: 2, z: { a: [1, { b: null }] } }, "")).toBeUndefined();
    const many = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`field${index}`, index]));
    expect(point.check({ ...many, x: 1 }, "")).toBeUndefined();
    expect(point.check({ x: 1, toString: 1, hasOwnProperty: 2, valueOf: 3 }, "")).toBeUndefined();
  });

  test("[BI1] unknown fields may be 8 levels deep, not 9", () => {
    expect(point.check({ x: 1, deep: nest(8, "core") }, "")).toBeUndefined();
    expect(point.check({ x: 1, deep: nest(9, "core") }, "")).toBe("frame is nested too deep");
    expect(point.check({ x: 1, deep: nest(5000, "core") }, "at")).toBe("at is nested too deep");
    expect(point.check({ x: 1, deep: JSON.parse(`${"[".repeat(8)}${"]".repeat(8)}`) }, "")).toBeUndefined();
    expect(point.check({ x: 1, deep: JSON.parse(`${"[".repeat(9)}${"]".repeat(9)}`) }, "")).toBe(
      "frame is nested too deep",
    );
  });

  for (const name of ["__proto__", "constructor", "prototype"]) {
    test(`[BI1] a field named ${name} is refused at any depth`, () => {
      const problem = `must not have a field ${name}`;
      expect(point.check(JSON.parse(`{"x":1,"${name}":1}`), "")).toBe(`frame ${problem}`);
      expect(point.check(JSON.parse(`{"x":1,"${name}":{"y":1}}`), "at")).toBe(`at ${problem}`);
      expect(point.check(JSON.parse(`{"x":1,"y":{"${name}":1}}`), "at")).toBe(`at ${problem}`);
      expect(point.check(JSON.parse(`{"x":1,"y":[[{"z":{"${name}":null}}]]}`), "")).toBe(`frame ${problem}`);
      const pair = object("pair", { point });
      expect(pair.check(JSON.parse(`{"point":{"x":1,"${name}":1}}`), "")).toBe(`point ${problem}`);
    });
  }

  test("[BI1] a field that an object only inherits is missing", () => {
    const schema = object("odd", { toString: text({ max: 9 }) });
    expect(schema.check({}, "")).toBe("toString must be a string");
  });
});

describe("unions by tag", () => {
  const shape = tagged("kind", {
    circle: object("circle", { kind: literal("circle"), radius: integer(0, 9) }),
    dot: object("dot", { kind: literal("dot") }),
  });

  test("[BI1] the tag chooses the member", () => {
    expect(shape.check({ kind: "dot" }, "")).toBeUndefined();
    expect(shape.check({ kind: "circle", radius: 3 }, "")).toBeUndefined();
    expect(shape.check({ kind: "circle" }, "at")).toBe("at.radius must be a whole number from 0 to 9");
  });

  test("[BI1] an unknown tag, none, or an inherited one is told with what is known", () => {
    for (const wrong of [
      { kind: "square" },
      { kind: "toString" },
      { kind: "__proto__" },
      { kind: 1 },
      { kind: ["dot"] },
      {},
      [],
    ]) {
      expect(shape.check(wrong, "")).toBe("kind must be one of circle | dot");
    }
    expect(shape.check({ kind: "square" }, "at")).toBe("at.kind must be one of circle | dot");
    for (const wrong of [null, 1, "dot", undefined])
      expect(shape.check(wrong, "")).toBe("frame must be an object");
  });
});

test("checks are total: whatever value they are given, they answer and change nothing", () => {
  const before = Object.getOwnPropertyNames(Object.prototype);
  const schema = object("all", { a: array(point, 5), b: optional(boolean()), c: optional(oneOf("x", "y")) });
  fc.assert(
    fc.property(
      fc.anything({
        withBigInt: true,
        withDate: true,
        withMap: true,
        withNullPrototype: true,
        withSparseArray: true,
      }),
      (value) => {
        const answer = schema.check(value, "");
        expect(answer === undefined || typeof answer === "string").toBe(true);
      },
    ),
  );
  expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before);
});

describe("types read from schemas", () => {
  test("fields are required or optional, and read-only", () => {
    expectTypeOf<Infer<typeof point>>().toEqualTypeOf<{ readonly x: number; readonly note?: string }>();
    const list = array(oneOf("a", "b"), 3);
    expectTypeOf<Infer<typeof list>>().toEqualTypeOf<readonly ("a" | "b")[]>();
    const answer = literal(42);
    expectTypeOf<Infer<typeof answer>>().toEqualTypeOf<42>();
  });

  test("a tagged schema is a union that its tag narrows", () => {
    const shape = tagged("kind", {
      circle: object("circle", { kind: literal("circle"), radius: integer(0, 9) }),
      dot: object("dot", { kind: literal("dot") }),
    });
    type Shape = Infer<typeof shape>;
    expectTypeOf<Shape>().toEqualTypeOf<
      { readonly kind: "circle"; readonly radius: number } | { readonly kind: "dot" }
    >();
    const radiusOf = (value: Shape): number => (value.kind === "circle" ? value.radius : 0);
    expect(radiusOf({ kind: "circle", radius: 3 } satisfies Shape)).toBe(3);
  });

  test("frames have the types that SPEC.md names", () => {
    expectTypeOf<ClientFrame["type"]>().toEqualTypeOf<
      | "hello"
      | "search"
      | "open"
      | "send"
      | "edit"
      | "retract"
      | "typing"
      | "watch"
      | "mark"
      | "conversations"
      | "history"
      | "sync"
      | "rename"
      | "token"
      | "logout"
      | "ping"
    >();
    expectTypeOf<ClientFrameOf<"send">>().toEqualTypeOf<{
      readonly type: "send";
      readonly id: string;
      readonly conversation: string;
      readonly body: Body;
      readonly replyTo?: number;
    }>();
    expectTypeOf<ServerFrameOf<"event">>().toEqualTypeOf<ConversationEvent>();
    expectTypeOf<ConversationEvent["kind"]>().toEqualTypeOf<string>();
    expectTypeOf<ServerFrameOf<"lobby-change">["left"]>().toEqualTypeOf<readonly string[]>();
    const frame = { type: "mark", conversation: "c", read: 3 } satisfies ClientFrame;
    expect(frame.type).toBe("mark");
  });
});

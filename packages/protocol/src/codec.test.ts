import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { anyClientFrame, anyServerFrame } from "../test/arbitraries.ts";
import { decodeClientFrame, decodeServerFrame, encodeFrame } from "./codec.ts";
import { clientFrameSchema, serverFrameSchema } from "./frames.ts";

const ID = "01890a5d-ac96-774b-bcce-b302099a8057";
const SEND = `{"type":"send","id":"${ID}","conversation":"c_1","body":{"kind":"text","text":"hello"}}`;

function problemOf(text: string): string | undefined {
  const decoded = decodeClientFrame(text);
  return decoded.ok ? undefined : decoded.problem;
}

/** The send frame above with some of its fields replaced; undefined takes one away. */
function send(fields: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ ...(JSON.parse(SEND) as object), ...fields });
}

function nested(levels: number): unknown {
  return JSON.parse(`${"[".repeat(levels)}${"]".repeat(levels)}`);
}

const notJson: readonly string[] = [
  "",
  " ",
  "hello",
  "login:alice",
  "{",
  '{"type":"ping"',
  '{"type":"ping"}}',
  '{"type":"ping"}{"type":"ping"}',
  "{'type':'ping'}",
  '{type:"ping"}',
  '{"type":"ping",}',
  '{"type":"ping"} // comment',
  '{"type":"ping","ref":NaN}',
  '{"type":"ping","ref":0x10}',
  '{"type":"ping","ref":01}',
  '{"type":"ping","ref":+1}',
  '{"type":"pi\nng"}',
  '{"type":"ping","x":"\u0000"}',
  '\ufeff{"type":"ping"}',
  "undefined",
  "[".repeat(60_000),
  '{"a":'.repeat(12_000),
];

const invalid: readonly (readonly [what: string, text: string, problem: string])[] = [
  ["null", "null", "frame must be an object"],
  ["a number", "1", "frame must be an object"],
  ["a string", '"ping"', "frame must be an object"],
  ["an array", '[{"type":"ping"}]', "type must be one of"],
  ["no type", "{}", "type must be one of"],
  ["an unknown type", '{"type":"teleport"}', "type must be one of"],
  ["a server's type", '{"type":"pong","time":1,"behind":false}', "type must be one of"],
  ["a type in capitals", '{"type":"PING"}', "type must be one of"],
  ["an inherited type", '{"type":"toString"}', "type must be one of"],
  ["the prototype as type", '{"type":"__proto__"}', "type must be one of"],
  ["a type that is no string", '{"type":["ping"]}', "type must be one of"],
  ["two types, the last of them unknown", '{"type":"ping","type":"x"}', "type must be one of"],
  ["a missing id", send({ id: undefined }), "id must be a string"],
  ["an id that is no UUID", send({ id: "x".repeat(36) }), "id has a form"],
  ["an id in capitals", send({ id: ID.toUpperCase() }), "id has a form"],
  ["an id that is too long", send({ id: `${ID}0` }), "id must have 36 to 36 characters"],
  ["an id with a line break", send({ id: `${ID.slice(1)}\n` }), "id has a form"],
  ["a missing conversation", send({ conversation: undefined }), "conversation must be a string"],
  ["an empty conversation", send({ conversation: "" }), "conversation must have 1 to 64 characters"],
  ["a conversation with a path", send({ conversation: "../c" }), "conversation has a form"],
  ["a conversation with wild cards", send({ conversation: "c.*" }), "conversation has a form"],
  ["a conversation that is an object", send({ conversation: {} }), "conversation must be a string"],
  ["a missing body", send({ body: undefined }), "body must be an object"],
  ["a body that is text", send({ body: "hello" }), "body must be an object"],
  ["a body that is null", send({ body: null }), "body must be an object"],
  ["an unknown kind of body", send({ body: { kind: "file" } }), "body.kind must be one of text"],
  ["a body without text", send({ body: { kind: "text" } }), "body.text must be a string"],
  ["a text that is a number", send({ body: { kind: "text", text: 1 } }), "body.text must be a string"],
  [
    "a text beyond any limit",
    send({ body: { kind: "text", text: "x".repeat(65_537) } }),
    "body.text must have 0 to 65536",
  ],
  ["null for an optional field", send({ replyTo: null }), "replyTo must be a whole number"],
  ["a number as a string", send({ replyTo: "1" }), "replyTo must be a whole number"],
  ["zero where numbers begin at 1", send({ replyTo: 0 }), "replyTo must be a whole number"],
  ["a negative number", send({ replyTo: -1 }), "replyTo must be a whole number"],
  ["a fraction", send({ replyTo: 1.5 }), "replyTo must be a whole number"],
  [
    "a number above 2^53",
    SEND.replace("{", '{"replyTo":9007199254740993,'),
    "replyTo must be a whole number",
  ],
  ["a number that is infinite", SEND.replace("{", '{"replyTo":1e999,'), "replyTo must be a whole number"],
  ["a missing ref", '{"type":"logout"}', "ref must be a whole number"],
  [
    "a version that is no number",
    '{"type":"hello","version":"1","nickname":"a"}',
    "version must be a whole number",
  ],
  ["a version of 0", '{"type":"hello","version":0,"nickname":"a"}', "version must be a whole number"],
  ["an empty token", '{"type":"hello","version":1,"token":""}', "token must have 1 to 3000"],
  [
    "a nickname beyond any limit",
    `{"type":"rename","ref":1,"nickname":"${"x".repeat(129)}"}`,
    "nickname must have 0 to 128",
  ],
  ["a cursor that is a number", '{"type":"sync","ref":1,"cursor":5}', "cursor must be a string"],
  ["a cursor with spaces", '{"type":"sync","ref":1,"cursor":"a 1"}', "cursor has a form"],
  [
    "a boolean as a number",
    '{"type":"typing","conversation":"c","active":1}',
    "active must be true or false",
  ],
  ["an unknown field 9 levels deep", send({ extra: nested(9) }), "frame is nested too deep"],
  [
    "an unknown field 30,000 levels deep",
    SEND.replace("{", `{"extra":${"[".repeat(30_000)}${"]".repeat(30_000)},`),
    "",
  ],
  [
    "an unknown field 9 levels deep inside the body",
    send({ body: { kind: "text", text: "x", extra: nested(9) } }),
    "body is nested too deep",
  ],
  ["__proto__", SEND.replace("{", '{"__proto__":{"admin":true},'), "frame must not have a field __proto__"],
  [
    "__proto__ as an escape",
    SEND.replace("{", '{"\\u005f_proto__":1,'),
    "frame must not have a field __proto__",
  ],
  [
    "constructor",
    send({ constructor: { prototype: { admin: true } } }),
    "frame must not have a field constructor",
  ],
  ["prototype", send({ prototype: 1 }), "frame must not have a field prototype"],
  [
    "__proto__ in the body",
    SEND.replace('"kind"', '"__proto__":1,"kind"'),
    "body must not have a field __proto__",
  ],
  [
    "__proto__ in an unknown field",
    SEND.replace("{", '{"extra":[{"__proto__":1}],'),
    "frame must not have a field __proto__",
  ],
];

describe("frames from clients", () => {
  for (const text of notJson) {
    const shown = text.length > 40 ? `${text.slice(0, 40)}…` : text;
    test(`[BI1] ${JSON.stringify(shown)} is not JSON`, () => expect(problemOf(text)).toBe("not JSON"));
  }

  for (const [what, text, problem] of invalid) {
    test(`[BI1] invalid: ${what}`, () => {
      expect(problemOf(text)).toBeString();
      expect(problemOf(text)).toContain(problem);
    });
  }

  test("[BI1] a problem is short, whatever was sent", () => {
    const long = "x".repeat(60_000);
    for (const text of [
      `{"type":"${long}"}`,
      `{"type":"ping","${long}":${JSON.stringify(nested(9))}}`,
      send({ id: long }),
    ]) {
      expect(problemOf(text)?.length).toBeLessThan(300);
      expect(problemOf(text)).not.toContain("xxx");
    }
  });

  test("[BI2] unknown fields are ignored", () => {
    expect(problemOf('{"type":"ping","extra":1}')).toBeUndefined();
    expect(problemOf(send({ extra: nested(8), toString: 1, type2: "send" }))).toBeUndefined();
    expect(problemOf(send({ body: { kind: "text", text: "x", format: "bold" } }))).toBeUndefined();
    const decoded = decodeClientFrame(SEND.replace("{", '{"extra":{"a":[1,2]},'));
    expect(decoded.ok && decoded.frame.type === "send" ? decoded.frame.body.text : undefined).toBe("hello");
  });

  test("[BI1] white space around and in the JSON is no fault", () => {
    expect(problemOf(' \n{ "type" : "ping" }\r\n')).toBeUndefined();
  });

  test("[BI1] the text's edge cases are the domain's to judge, not the codec's", () => {
    for (const text of ["", "   ", "\u0000", "\ud800", "😀".repeat(8001)]) {
      expect(problemOf(send({ body: { kind: "text", text } }))).toBeUndefined();
    }
  });

  test("[BI1] any string is decoded without throwing, and Object.prototype stays as it is", () => {
    const before = Reflect.ownKeys(Object.prototype);
    const mutated = fc
      .tuple(anyClientFrame, fc.nat(), fc.string({ unit: "binary", maxLength: 3 }))
      .map(([frame, at, piece]) => {
        const text = encodeFrame(frame);
        const position = at % (text.length + 1);
        return text.slice(0, position) + piece + text.slice(position + 1);
      });
    const unusual = fc.json().map((value) => `{"type":"send","constructor":${value},"__proto__":${value}}`);
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.json(), mutated, unusual), (text) => {
        for (const decoded of [decodeClientFrame(text), decodeServerFrame(text)]) {
          expect(decoded.ok ? typeof decoded.frame : typeof decoded.problem).toBe(
            decoded.ok ? "object" : "string",
          );
        }
      }),
      { numRuns: 2000 },
    );
    expect(Reflect.ownKeys(Object.prototype)).toEqual(before);
    expect(({} as Record<string, unknown>).admin).toBeUndefined();
  });

  test("[BI2] a valid frame with any shallow unknown field is valid", () => {
    // The names that BI1 refuses are among those that fast-check likes best.
    const values = fc
      .jsonValue({ maxDepth: 3 })
      .filter((value) => !/"(__proto__|constructor|prototype)"/.test(JSON.stringify(value)));
    fc.assert(
      fc.property(anyClientFrame, fc.string(), values, (frame, name, value) => {
        const text = encodeFrame({ [`unknown ${name}`]: value, ...frame });
        expect(decodeClientFrame(text).ok).toBe(true);
      }),
    );
  });
});

describe("there and back", () => {
  test("every valid client frame decodes to itself", () => {
    fc.assert(
      fc.property(anyClientFrame, (frame) => {
        expect(decodeClientFrame(encodeFrame(frame))).toEqual({ ok: true, frame });
      }),
      { numRuns: 500 },
    );
  });

  test("every valid server frame decodes to itself", () => {
    fc.assert(
      fc.property(anyServerFrame, (frame) => {
        expect(decodeServerFrame(encodeFrame(frame))).toEqual({ ok: true, frame });
      }),
      { numRuns: 500 },
    );
  });

  test("the generated frames are of every type", () => {
    const typesOf = (frames: readonly { type: string }[]): string[] =>
      [...new Set(frames.map(({ type }) => type))].sort();
    expect(typesOf(fc.sample(anyClientFrame, { numRuns: 1000, seed: 1 }))).toEqual(
      Object.keys(clientFrameSchema.members).sort(),
    );
    expect(typesOf(fc.sample(anyServerFrame, { numRuns: 1000, seed: 1 }))).toEqual(
      Object.keys(serverFrameSchema.members).sort(),
    );
  });

  test("a client's frame is not a server's, but for the types that both have", () => {
    expect(decodeServerFrame(SEND).ok).toBe(false);
    expect(decodeServerFrame('{"type":"later","x":1}').ok).toBe(false);
  });

  test("a frame is encoded without line breaks, so that it can stand on a line", () => {
    fc.assert(fc.property(anyServerFrame, (frame) => expect(encodeFrame(frame)).not.toMatch(/[\n\r]/)));
  });
});

describe("a newer server", () => {
  const event = {
    type: "event",
    conversation: "d_1",
    seq: 1,
    from: "u_1",
    time: 1,
    id: "01a20a01-fe04-77ec-bdc5-1d3600c2163c",
    cursor: "e.1",
  };

  test("[BI2] a body, an event or a user of an unknown kind is read, so that its number is not lost", () => {
    for (const frame of [
      { ...event, kind: "message", body: { kind: "file", name: "a.png", size: 3 } },
      { ...event, kind: "reaction", target: 1, body: { kind: "text", text: "👍" } },
      { type: "lobby", count: 1, users: [{ id: "u_1", name: "Ann", kind: "account" }] },
    ]) {
      expect(decodeServerFrame(JSON.stringify(frame))).toEqual({ ok: true, frame: frame as never });
    }
  });
});

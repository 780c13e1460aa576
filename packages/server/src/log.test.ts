import { expect, test } from "bun:test";
import { createLogger, type LogFields, scrubFields } from "./log.ts";

function logged(fields: LogFields, message = "happened"): string[] {
  const lines: string[] = [];
  const destination = { write: (line: string) => lines.push(line) };
  createLogger({ level: "info", format: "json", name: "test", destination }).info(fields, message);
  return lines;
}

test("a line is one JSON object with level, time, name and message", () => {
  const [line = ""] = logged({ worker: 3 });
  const { time, ...rest } = JSON.parse(line);
  expect(rest).toEqual({ level: "info", name: "test", worker: 3, msg: "happened" });
  expect(new Date(time).toISOString()).toBe(time);
});

test("texts of messages, tokens and passwords are left out, however deep they lie", () => {
  const secret = "s3cret";
  const fields = {
    token: secret,
    body: { kind: "text", text: secret },
    request: { headers: { Authorization: secret, cookie: secret }, frames: [{ text: secret }] },
    tokenSecret: secret,
    sessionToken: secret,
    json: secret,
  };
  expect(logged(fields).join("")).not.toContain(secret);
});

test("an error is told by name, message, code, stack and cause, without what else hangs on it", () => {
  const cause = new Error("inner");
  const error = Object.assign(new TypeError("outer", { cause }), {
    code: "E_CODE",
    request: { payload: "s3cret" },
  });
  const scrubbed = scrubFields({ error });
  expect(scrubbed).toMatchObject({
    error: {
      type: "TypeError",
      message: "outer",
      code: "E_CODE",
      cause: { type: "Error", message: "inner" },
    },
  });
  expect(JSON.stringify(scrubbed)).not.toContain("s3cret");
});

test("control characters cannot begin a line of their own", () => {
  const lines = logged({ address: 'x\n{"level":"error"}\u001b[31m' }, "a\nb");
  expect(lines).toHaveLength(1);
  expect(lines[0]?.indexOf("\n")).toBe((lines[0]?.length ?? 0) - 1);
  expect(lines[0]).not.toContain("\u001b");
});

test("long, deep and endless values are cut", () => {
  const ring: Record<string, unknown> = {};
  ring.ring = ring;
  const fields = {
    long: "x".repeat(100_000),
    many: Array.from({ length: 1000 }, () => 1),
    ring,
    big: 1n,
    bytes: new Uint8Array(9),
  };
  expect(logged(fields).join("").length).toBeLessThan(5000);
});

test("below the level nothing is written", () => {
  const lines: string[] = [];
  const destination = { write: (line: string) => lines.push(line) };
  const log = createLogger({ level: "warn", format: "json", name: "test", destination });
  log.info("no");
  log.warn("yes");
  expect(lines).toHaveLength(1);
});

test("the pretty form is for people", () => {
  const lines: string[] = [];
  const destination = { write: (line: string) => lines.push(line) };
  createLogger({ level: "info", format: "pretty", name: "test", destination }).warn(
    { worker: 3 },
    "happened",
  );
  const text = lines.join("");
  expect(text).toContain("WARN");
  expect(text).toContain("happened");
  expect(text).toContain("worker");
  expect(text).not.toStartWith("{");
});

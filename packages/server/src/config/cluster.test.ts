import { expect, test } from "bun:test";
import { parseConfig } from "./parse.ts";

function parse(environment: Record<string, string>): ReturnType<typeof parseConfig> {
  const machine = { platform: "linux", cores: 2, workingDirectory: "/srv" };
  return parseConfig({ flags: {}, environment, file: undefined, machine });
}

function problemsOf(environment: Record<string, string>): readonly string[] {
  const parsed = parse(environment);
  if (parsed.ok) throw new Error("expected problems");
  return parsed.problems;
}

const STORE = "postgres://ann:s3cret@db.example:5433/chat?sslmode=verify-full";

test("one machine needs neither a database nor a bus", () => {
  const parsed = parse({});
  expect(parsed).toMatchObject({ ok: true, config: { store: { kind: "embedded" }, bus: { kind: "local" } } });
});

test("a database and several ways to the bus", () => {
  const parsed = parse({
    DUOLOGUE_STORE: STORE,
    DUOLOGUE_BUS: "nats://one:4222, tls://two:4222",
    DUOLOGUE_BUS_CREDENTIALS: "node.creds",
  });
  expect(parsed).toMatchObject({
    ok: true,
    config: {
      store: { kind: "postgres", url: STORE },
      bus: { kind: "nats", urls: ["nats://one:4222", "tls://two:4222"] },
      busCredentials: "/srv/node.creds",
    },
  });
});

test("a bus between machines needs a store that they share", () => {
  expect(problemsOf({ DUOLOGUE_BUS: "nats://one:4222" })).toEqual([
    "bus: expected --store postgres://… beside --bus nats://…, got the embedded store, which is one machine's",
  ]);
});

test("what goes with a database or a bus is refused without it", () => {
  expect(problemsOf({ DUOLOGUE_STORE_CA: "ca.pem", DUOLOGUE_BUS_CA: "ca.pem" })).toHaveLength(2);
});

test("no report repeats a password, nor what may be one", () => {
  const wrong = [
    { DUOLOGUE_STORE: "mysql://ann:s3cret@db/chat" },
    { DUOLOGUE_STORE: "postgres://ann:s3cret@db" },
    { DUOLOGUE_STORE: "s3cret" },
    { DUOLOGUE_STORE: STORE, DUOLOGUE_BUS: "http://s3cret@bus:4222" },
    { DUOLOGUE_STORE: STORE, DUOLOGUE_BUS: "local,nats://s3cret@bus:4222" },
  ];
  for (const environment of wrong) {
    const problems = problemsOf(environment);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/^DUOLOGUE_(STORE|BUS): expected /);
    expect(problems[0]).not.toContain("s3cret");
  }
});

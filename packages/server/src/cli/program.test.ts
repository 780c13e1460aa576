import { describe, expect, test } from "bun:test";
import type { Config } from "../config/index.ts";
import type { ControlReply, ControlRequest } from "../link/control-types.ts";
import { NoServerError } from "../link/no-server-error.ts";
import { version } from "../version.ts";
import { exitCodes } from "./console.ts";
import { listCommands, runProgram } from "./program.ts";

interface Run {
  readonly exitCode: number;
  readonly out: string;
  readonly error: string;
  readonly served: readonly Config[];
  readonly asked: readonly { readonly dataDirectory: string; readonly request: ControlRequest }[];
}

/** `replies` undefined: no server is running. */
async function run(
  words: readonly string[],
  replies?: readonly ControlReply[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Run> {
  let out = "";
  let error = "";
  const served: Config[] = [];
  const asked: { dataDirectory: string; request: ControlRequest }[] = [];
  const exitCode = await runProgram(words, {
    console: {
      out: (text) => {
        out += text;
      },
      error: (text) => {
        error += text;
      },
    },
    environment,
    machine: { platform: "linux", cores: 2, workingDirectory: "/nowhere" },
    serve: (config) => {
      served.push(config);
      return Promise.resolve(exitCodes.done);
    },
    async *ask(dataDirectory, request) {
      asked.push({ dataDirectory, request });
      if (replies === undefined) throw new NoServerError(dataDirectory);
      yield* replies;
    },
  });
  return { exitCode, out, error, served, asked };
}

const status: ControlReply = {
  type: "status",
  primary: {
    pid: 10,
    uptimeMs: 65_000,
    memoryBytes: 50_000_000,
    version: "1.2.3",
    address: "http://localhost:9090",
    dataDirectory: "/nowhere/data",
  },
  workers: [
    {
      number: 1,
      pid: 11,
      uptimeMs: 65_000,
      memoryBytes: 60_000_000,
      connections: 5,
      users: 4,
      messagesIn: 3,
      messagesOut: 2,
    },
  ],
  store: { bytes: 4096, walBytes: 0, queued: 0, committed: 3, health: { kind: "well" } },
};

describe("serve", () => {
  test("is the command when none is given", async () => {
    const { served, exitCode } = await run([
      "--port",
      "1234",
      "--limit",
      "helloMs=1",
      "--limit",
      "pageEvents=2",
    ]);
    expect(exitCode).toBe(0);
    expect(served[0]).toMatchObject({ port: 1234, limits: { helloMs: 1, pageEvents: 2 } });
  });

  test("takes every option by its flag", async () => {
    const words = [
      "serve",
      "--host",
      "::1",
      "--workers",
      "3",
      "--data",
      "d",
      "--log-level",
      "debug",
      "--log-format",
      "json",
    ];
    words.push("--classic", "off", "--origins", "https://a.example", "--trusted-proxies", "10.0.0.0/8,::1");
    const { served } = await run(words);
    expect(served[0]).toMatchObject({
      host: "::1",
      workers: 3,
      data: "/nowhere/d",
      logLevel: "debug",
      logFormat: "json",
      classic: "off",
      origins: ["https://a.example"],
      trustedProxies: ["10.0.0.0/8", "::1"],
    });
  });

  test("does not begin with a wrong configuration, and tells every fault", async () => {
    const { served, error, exitCode } = await run(["--port", "x", "--workers", "y"]);
    expect(served).toEqual([]);
    expect(exitCode).toBe(2);
    expect(error).toContain("2 faults");
    expect(error).toContain("--port:");
    expect(error).toContain("--workers:");
  });

  test("does not begin without the certificate that it was told to believe", async () => {
    const words = ["--store", "postgres://host/x", "--store-ca", "/there/is/none.pem"];
    const { served, exitCode, error } = await run(words);
    expect([served, exitCode]).toEqual([[], exitCodes.misused]);
    expect(error).toMatch(/^duologue: store-ca: expected a certificate .*none\.pem.*\n$/);
  });

  test("takes a word that is no command for a slip, and says which there are", async () => {
    const near = await run(["statsu"]);
    expect([near.served, near.exitCode]).toEqual([[], exitCodes.misused]);
    expect(near.error).toBe('error: there is no command "statsu"; did you mean status?\n');
    const far = await run(["frobnicate", "--port", "1"]);
    expect([far.served, far.exitCode]).toEqual([[], exitCodes.misused]);
    expect(far.error).toMatch(/^error: there is no command "frobnicate"; there are: serve, .*doctor.*\n$/);
  });

  test("refuses an unknown flag and an unknown word", async () => {
    expect(await run(["--prot", "1"])).toMatchObject({
      exitCode: 2,
      served: [],
      error: expect.stringContaining("--port"),
    });
    expect(await run(["serv"])).toMatchObject({ exitCode: 2, served: [] });
  });
});

describe("help and version", () => {
  test("the general help lists commands, and the options with their defaults, in 80 columns", async () => {
    const { out, exitCode } = await run(["--help"]);
    expect(exitCode).toBe(0);
    for (const word of ["serve", "status", "reload", "stop", "--port <number>", "9090", "DUOLOGUE_PORT"])
      expect(out).toContain(word);
    expect(Math.max(...out.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  test("the version is the package's", async () => {
    expect(await run(["--version"])).toMatchObject({ exitCode: 0, out: `${version}\n` });
  });
});

describe("token", () => {
  const secret = { DUOLOGUE_HOST_SECRET: "a secret of this test, long enough for HS256" };

  test("prints a token for trying out and nothing else", async () => {
    const words = ["token", "--sub", "u1", "--name", "Alice", "--expires", "30m", "--peer", "s7=Sam"];
    const { exitCode, out, error } = await run(words, undefined, secret);
    expect({ exitCode, error }).toEqual({ exitCode: 0, error: "" });
    const payload: unknown = JSON.parse(Buffer.from(out.split(".")[1] ?? "", "base64url").toString());
    expect(payload).toMatchObject({ sub: "u1", name: "Alice", peers: [{ sub: "s7", name: "Sam" }] });
    const { iat, exp } = payload as { iat: number; exp: number };
    expect(exp - iat).toBe(1_800);
  });

  test("says everything that is missing", async () => {
    const { exitCode, error, out } = await run(
      ["token", "--expires", "25h", "--peer", "s7"],
      undefined,
      secret,
    );
    expect({ exitCode, out }).toEqual({ exitCode: 2, out: "" });
    for (const flag of ["--sub", "--name", "--expires", "--peer"]) expect(error).toContain(flag);
  });

  test("needs the secret, and says where it may come from", async () => {
    const words = ["token", "--sub", "u1", "--name", "Alice"];
    const none = await run(words);
    expect(none.exitCode).toBe(1);
    expect(none.error).toContain("--host-secret-file");
    const file = await run([...words, "--host-secret-file", "/nowhere/secret"]);
    expect(file.exitCode).toBe(1);
    expect(file.error).toContain("/nowhere/secret");
    const keys = await run([...words, "--host-jwks", "https://site.example/jwks.json"]);
    expect(keys.exitCode).toBe(1);
    expect(keys.error).toContain("private key");
  });
});

describe("asking a running server", () => {
  test("status shows a table, or JSON for programs", async () => {
    const { out, exitCode } = await run(["status"], [status]);
    expect(exitCode).toBe(0);
    expect(out).toContain("http://localhost:9090");
    expect(JSON.parse((await run(["status", "--json"], [status])).out)).toEqual(status);
  });

  test("each command asks on the data directory of the configuration, whatever else is wrong there", async () => {
    const environment = { DUOLOGUE_DATA: "elsewhere", DUOLOGUE_PORT: "x" };
    expect((await run(["stop"], [], environment)).asked).toEqual([
      { dataDirectory: "/nowhere/elsewhere", request: { type: "stop" } },
    ]);
  });

  test("reload prints its progress, and fails when the server refuses", async () => {
    const progress: ControlReply = { type: "progress", text: "worker 1 of 1: replaced" };
    expect(await run(["reload"], [progress, { type: "done" }])).toMatchObject({
      exitCode: 0,
      out: "worker 1 of 1: replaced\nDone.\n",
    });
    expect(await run(["reload"], [{ type: "refused", reason: "not now" }])).toMatchObject({
      exitCode: 1,
      error: "duologue: not now\n",
    });
  });

  test("stop is done when the answers end", async () => {
    expect(await run(["stop"], [])).toMatchObject({ exitCode: 0, out: "Stopped.\n" });
  });

  test.each(["status", "reload", "stop"])(
    "%s without a server says in one line where it looked and what to do",
    async (command) => {
      const { exitCode, error, out } = await run([command, "--data", "/nowhere/else"]);
      expect({ exitCode, out }).toEqual({ exitCode: 1, out: "" });
      expect(error).toMatch(/^duologue: no server is running on \/nowhere\/else\. .*--data.*\n$/);
    },
  );
});

describe("migrate", () => {
  test("says in one line what was expected where, under the names it was given", async () => {
    const secret = "postgres://me:secret@host";
    const expectations = [
      [["migrate"], {}, /^duologue: --to: expected where to copy.*DUOLOGUE_STORE/],
      [
        ["migrate", "--to", "mysql://host/x"],
        {},
        /^duologue: --to: expected an address such as postgres:.*got mysql:\/\/host\/x/,
      ],
      [["migrate", "--to", secret], {}, /^duologue: --to: expected the name of a database at the end/],
      [["migrate"], { DUOLOGUE_STORE: secret }, /^duologue: DUOLOGUE_STORE: expected the name of a database/],
      [
        ["migrate", "--to", `${secret}/x`, "--store-ca", "/there/is/none.pem"],
        {},
        /^duologue: store-ca: expected a certificate \(PEM\), got \/there\/is\/none\.pem.*ENOENT/,
      ],
      [["migrate", "--from", ""], { DUOLOGUE_STORE: `${secret}/x` }, /^duologue: --from: expected a path/],
    ] as const;
    for (const [words, environment, says] of expectations) {
      const { exitCode, out, error } = await run(words, undefined, environment);
      expect([exitCode, out]).toEqual([exitCodes.misused, ""]);
      expect(error).toMatch(says);
      expect(error).not.toContain("secret");
    }
  });

  test("takes the data directory of the configuration, and the address of the environment", async () => {
    const environment = { DUOLOGUE_STORE: "postgres://me:secret@host/x", DUOLOGUE_DATA: "elsewhere" };
    const { exitCode, error } = await run(["migrate"], undefined, environment);
    expect([exitCode, error]).toEqual([
      exitCodes.failed,
      "duologue: There is no duologue.db in /nowhere/elsewhere. Name the data directory with --from.\n",
    ]);
  });
});

test("every command that the help names is listed for the documentation, with what it takes", async () => {
  const { out } = await run(["--help"]);
  const commands = listCommands();
  expect(commands.map(({ usage }) => usage)).toContain("duologue backup [options] <file>");
  for (const { usage, description } of commands) {
    expect(out).toContain(usage.replace("duologue ", ""));
    expect(out.replace(/\s+/g, " ")).toContain(description);
  }
});

import { describe, expect, test } from "bun:test";
import { defaultLimits } from "@duologue/protocol";
import { parseTrustedProxies } from "../gateway/address.ts";
import { parseOrigin } from "../gateway/origin.ts";
import {
  type Config,
  type ConfigSources,
  type Machine,
  optionNames,
  options,
  parseConfig,
  parseOption,
} from "./index.ts";

const machine: Machine = { platform: "linux", cores: 4, workingDirectory: "/srv/chat" };

interface Given {
  readonly flags?: ConfigSources["flags"];
  readonly environment?: ConfigSources["environment"];
  readonly toml?: string;
  readonly machine?: Partial<Machine>;
}

function sources(given: Given): ConfigSources {
  return {
    flags: given.flags ?? {},
    environment: given.environment ?? {},
    file: given.toml === undefined ? undefined : { path: "/etc/duologue/duologue.toml", text: given.toml },
    machine: { ...machine, ...given.machine },
  };
}

function config(given: Given): Config {
  const parsed = parseConfig(sources(given));
  if (!parsed.ok) throw new Error(parsed.problems.join("\n"));
  return parsed.config;
}

function problems(given: Given): readonly string[] {
  const parsed = parseConfig(sources(given));
  return parsed.ok ? [] : parsed.problems;
}

describe("defaults", () => {
  test("are complete without any source", () => {
    expect(config({})).toEqual({
      host: "0.0.0.0",
      port: 9090,
      workers: 4,
      data: "/srv/chat/data",
      config: undefined,
      logLevel: "info",
      logFormat: "auto",
      classic: "on",
      origins: [],
      trustedProxies: [],
      store: { kind: "embedded" },
      storeCa: undefined,
      bus: { kind: "local" },
      busCredentials: undefined,
      busCa: undefined,
      hostSecret: undefined,
      hostSecretFile: undefined,
      hostJwks: undefined,
      hostIssuer: undefined,
      hostAudience: undefined,
      guests: "auto",
      embedOrigins: [],
      limits: defaultLimits,
    });
  });

  test("run one worker where processes cannot share a port, and refuse more", () => {
    expect(config({ machine: { platform: "darwin" } }).workers).toBe(1);
    expect(problems({ machine: { platform: "win32" }, flags: { workers: ["2"] } })).toEqual([
      '--workers: expected 1 (only Linux shares a port between processes), got "2"',
    ]);
  });

  test("cannot be changed afterwards", () => {
    const parsed = config({ flags: { origins: ["https://a.example"] } });
    expect([parsed, parsed.limits, parsed.origins, parsed.trustedProxies].every(Object.isFrozen)).toBe(true);
  });
});

describe("sources", () => {
  const toml =
    'port = 1\nhost = "file.example"\nclassic = "off"\n[limits]\nhelloMs = 1\nsilenceMs = 1\nsyncEvents = 1';
  const environment = {
    DUOLOGUE_PORT: "2",
    DUOLOGUE_HOST: "env.example",
    DUOLOGUE_LIMITS: "helloMs=2, silenceMs=2",
  };

  test("a flag wins over the environment, the environment over the file, the file over the default", () => {
    const { port, host, classic, logLevel } = config({ toml, environment, flags: { port: ["3"] } });
    expect({ port, host, classic, logLevel }).toEqual({
      port: 3,
      host: "env.example",
      classic: "off",
      logLevel: "info",
    });
  });

  test("limits are combined one by one", () => {
    const { limits } = config({ toml, environment, flags: { limits: ["helloMs=3", "pageEvents=3"] } });
    expect(limits).toEqual({ ...defaultLimits, helloMs: 3, silenceMs: 2, syncEvents: 1, pageEvents: 3 });
  });

  test("a later flag of the same name wins", () => {
    const flags = { port: ["1", "2"], limits: ["helloMs=1", "helloMs=2"] };
    expect(config({ flags }).port).toBe(2);
    expect(config({ flags }).limits.helloMs).toBe(2);
  });

  test("lists are repeated flags, words between commas, or arrays; a higher source replaces a lower one's", () => {
    const flags = { origins: ["https://a.example,https://b.example", "https://a.example"] };
    expect(config({ flags, toml: 'origins = ["https://c.example"]' }).origins).toEqual([
      "https://a.example",
      "https://b.example",
    ]);
    expect(config({ toml: 'origins = ["https://c.example"]' }).origins).toEqual(["https://c.example"]);
    expect(config({ toml: 'origins = ["https://c.example"]', flags: { origins: [""] } }).origins).toEqual([]);
  });

  test("paths in the file are relative to its folder, others to the working directory", () => {
    expect(config({ toml: 'data = "store"' }).data).toBe("/etc/duologue/store");
    expect(config({ flags: { data: ["store"] } }).data).toBe("/srv/chat/store");
    expect(config({ environment: { DUOLOGUE_DATA: "/var/lib/x" } }).data).toBe("/var/lib/x");
  });

  test("an empty variable counts as not set", () => {
    expect(config({ environment: { DUOLOGUE_PORT: "" } }).port).toBe(9090);
  });

  test("the file may begin with a byte-order mark and end its lines the Windows way", () => {
    expect(config({ toml: '\uFEFFport = 1\r\nhost = "::1"\r\n' })).toMatchObject({ port: 1, host: "::1" });
  });

  test("every option has a variable of its own, and a flag and a key unless it is a secret", () => {
    const all = optionNames.map((name) => options[name]);
    const named = (names: readonly (string | undefined)[]): number => new Set(names).size;
    expect(named(all.map(({ environment }) => environment))).toBe(all.length);
    expect(named(all.map(({ flag }) => flag))).toBe(all.length);
    const keys = all.map(({ key }) => key).filter((key) => key !== undefined);
    expect(named(keys)).toBe(all.length - 2);
  });
});

describe("faults", () => {
  test("are reported together, each with its place, what was expected and what came", () => {
    const given = {
      flags: { port: ["abc"], origins: ["*"] },
      environment: { DUOLOGUE_WORKERS: "0" },
      toml: 'log-level = "loud"\nport = 70000\n[limits]\nhelloMs = 0',
    };
    expect(problems(given)).toEqual([
      'duologue.toml: port: expected a whole number from 0 to 65535, got "70000"',
      '--port: expected a whole number from 0 to 65535, got "abc"',
      'DUOLOGUE_WORKERS: expected a whole number from 1 to 256, got "0"',
      'duologue.toml: log-level: expected one of debug, info, warn, error, silent, got "loud"',
      '--origins: expected an origin such as https://example.com or https://example.com:8443, got "*"',
      'duologue.toml: limits.helloMs: expected a whole number from 1 to 2147483647 for helloMs (ms), got "helloMs=0"',
    ]);
  });

  test("are found in a source that another one overrides", () => {
    expect(problems({ flags: { port: ["1"] }, environment: { DUOLOGUE_PORT: "x" } })).toHaveLength(1);
  });

  test("name a key that is near to an unknown one", () => {
    expect(problems({ toml: "prot = 1" })).toEqual([
      "duologue.toml: prot: expected the name of an option; did you mean port?",
    ]);
    expect(problems({ toml: "weather = 1" })).toEqual([
      "duologue.toml: weather: expected the name of an option",
    ]);
    expect(problems({ flags: { limits: ["heloMs=1"] } })).toEqual([
      '--limit: expected the name of a limit, got "heloMs=1"; did you mean helloMs?',
    ]);
    expect(problems({ environment: { DUOLOGUE_PROT: "1" } })).toEqual([
      "DUOLOGUE_PROT: expected the name of an option; did you mean DUOLOGUE_PORT?",
    ]);
  });

  test("leave alone the variables that Kubernetes makes for a service of our name", () => {
    expect(
      problems({
        environment: { DUOLOGUE_SERVICE_HOST: "10.0.0.1", DUOLOGUE_PORT_9090_TCP: "tcp://10.0.0.1:9090" },
      }),
    ).toEqual([]);
  });

  test.each([
    ['port = "9090"', 'duologue.toml: port: expected a whole number, got "9090"'],
    ["port = 1.5", 'duologue.toml: port: expected a whole number from 0 to 65535, got "1.5"'],
    ["port = -1", 'duologue.toml: port: expected a whole number from 0 to 65535, got "-1"'],
    ["host = 1", "duologue.toml: host: expected a string, got 1"],
    [
      'origins = "https://a.example"',
      'duologue.toml: origins: expected an array of strings, got "https://a.example"',
    ],
    ["limits = 1", "duologue.toml: limits: expected a table of whole numbers, got 1"],
    ["[limits]\nhelloMs = true", 'for helloMs (ms), got "helloMs=true"'],
    ["__proto__ = 1", "duologue.toml: __proto__: expected the name of an option"],
    ["a = 1\n# why\nb =\nc = 1", "duologue.toml, line 3: expected TOML: "],
    ["a = [\n1,\n2,\n]\na = 2", "duologue.toml, line 5: expected TOML: "],
  ])("in the file: %j", (toml, message) => {
    expect(problems({ toml }).join("\n")).toContain(message);
  });

  test("stay on one line, whatever came", () => {
    const [problem = ""] = problems({ flags: { host: [`a\nb${"x".repeat(1000)}`] } });
    expect(problem).not.toContain("\n");
    expect(problem.length).toBeLessThan(200);
  });
});

describe("limits", () => {
  test.each([
    [
      "nicknameMinCharacters=40",
      "expected nicknameMinCharacters (40) to be at most nicknameMaxCharacters (32)",
    ],
    ["frameBytes=1000000", "expected frameBytes (1000000) to be at most outboxBytes (524288)"],
    ["idleSeconds=1000", "from 8 to 960"],
    ["pageEvents=5000", "from 1 to 1000"],
    ["helloMs", "name=value"],
    ["helloMs=1e3", "whole number"],
    ["__proto__=1", "the name of a limit"],
    [
      "editsPerMessage=5",
      '--limit: expected a limit that can be changed; editsPerMessage is fixed at 500 edits, got "editsPerMessage=5"',
    ],
    ["unreadCount=99", "unreadCount is fixed at 1000 messages"],
  ])("refuse %s", (limit, message) => {
    expect(problems({ flags: { limits: [limit] } }).join("\n")).toContain(message);
  });
});

describe("host login", () => {
  const secret = "a secret of this test, long enough for HS256";

  test("takes the secret from the environment only, and a file's path from anywhere", () => {
    expect(config({ environment: { DUOLOGUE_HOST_SECRET: secret } }).hostSecret).toBe(secret);
    expect(config({ toml: 'host-secret-file = "secret"' }).hostSecretFile).toBe("/etc/duologue/secret");
    expect(problems({ toml: `host-secret = "${secret}"` }).join()).toContain(
      "host-secret: expected the name",
    );
  });

  test("does not repeat a secret that is too short", () => {
    expect(problems({ environment: { DUOLOGUE_HOST_SECRET: "hunter2" } })).toEqual([
      "DUOLOGUE_HOST_SECRET: expected at least 32 bytes, got 7",
    ]);
  });

  test("has one way of proof", () => {
    const environment = { DUOLOGUE_HOST_SECRET: secret };
    const flags = { hostJwks: ["https://site.example/jwks"] };
    expect(problems({ environment, flags }).join()).toContain("expected one of");
    expect(problems({ flags: { hostIssuer: ["site"] } }).join()).toContain(
      "expected a secret or --host-jwks",
    );
  });

  test.each([
    ["https://site.example/jwks.json", true],
    ["http://127.0.0.1:8080/jwks", true],
    ["http://localhost/jwks", true],
    ["http://[::1]:1/jwks", true],
    ["http://site.example/jwks", false],
    ["http://127.0.0.1.site.example/jwks", false],
    ["http://localhost.site.example/jwks", false],
    ["https://user:word@site.example/jwks", false],
    ["file:///etc/passwd", false],
    ["jwks", false],
  ])("takes a key set from where nobody on the way can change it: %s", (address, isTaken) => {
    expect(problems({ flags: { hostJwks: [address] } }).length === 0).toBe(isTaken);
  });
});

describe("origins and proxies", () => {
  const origins = [
    "https://example.com",
    "http://example.com:8080",
    "https://[2001:db8::1]:8443",
    "capacitor://localhost",
    "https://xn--bcher-kva.example",
    "https://example.com/",
    "https://Example.com",
    "https://example.com:443",
    "https://*.example.com",
    "null",
    "*",
    "example.com",
    "https://a@example.com",
    "https://example.com:99999",
    "https://127.1",
    "https://bücher.example",
    "https://example.com.",
    "https:// example.com",
    "",
  ];

  test.each(origins)("the origin %j is taken exactly when the gateway takes it as it stands", (origin) => {
    if (origin === "") return expect(config({ flags: { origins: [origin] } }).origins).toEqual([]);
    expect(problems({ flags: { origins: [origin] } }).length === 0).toBe(parseOrigin(origin) === origin);
  });

  const proxies = [
    "10.0.0.0/8",
    "127.0.0.1",
    "::1",
    "fd00::/8",
    "::ffff:10.0.0.1",
    "::ffff:10.0.0.0/104",
    "10.0.0.0/33",
    "fd00::/129",
    "::ffff:10.0.0.0/8",
    "10.0.0.0/",
    "10.0.0",
    "010.0.0.1",
    "localhost",
    "10.0.0.0/8/8",
  ];

  test.each(proxies)("the proxy %j is taken exactly when the gateway takes it", (proxy) => {
    const isTaken = parseTrustedProxies([proxy]).problems.length === 0;
    expect(problems({ flags: { trustedProxies: [proxy] } }).length === 0).toBe(isTaken);
  });

  test.each(["a b", "-a", "1.2.3", "999.1.1.1", "a..b", `${"a".repeat(64)}.example`])(
    "the host %j is refused",
    (host) => {
      expect(problems({ flags: { host: [host] } })).toHaveLength(1);
    },
  );
});

describe("one option alone", () => {
  test("is read although others are wrong", () => {
    const given = sources({ toml: 'port = "x"\ndata = "store"\nweather = 1' });
    expect(parseOption("data", given)).toEqual({ ok: true, value: "/etc/duologue/store" });
  });

  test("is not guessed where the file that may hold it cannot be read, unless it is set elsewhere", () => {
    const broken = 'data = "store"\nport = = 1\n';
    const parsed = parseOption("data", sources({ toml: broken }));
    expect(parsed.ok ? [] : parsed.problems).toEqual([
      expect.stringMatching(/^duologue\.toml, line 2: expected TOML/),
    ]);
    expect(parseOption("data", sources({ toml: broken, flags: { data: ["/srv/x"] } }))).toEqual({
      ok: true,
      value: "/srv/x",
    });
  });

  test("reports its own faults", () => {
    expect(parseOption("data", sources({ flags: { data: [""] } }))).toEqual({
      ok: false,
      problems: ['--data: expected a path, got ""'],
    });
  });
});

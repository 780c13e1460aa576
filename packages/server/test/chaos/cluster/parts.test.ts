import { describe, expect, test } from "bun:test";
import { until } from "@duologue/testing";
import { systemClock } from "../../../src/clock.ts";
import { Relay } from "../relay.ts";
import { Balancer } from "./balancer.ts";
import { type ClusterOptions, readCommandLine } from "./options.ts";
import { isKept, renderRows, renderSeeds, type SeedOutcome } from "./report.ts";
import type { Findings } from "./trial.ts";
import { shortTroubles, troubles } from "./troubles.ts";

/** A node that says its name, and whether it is ready. */
function node(name: string) {
  const state = { isReady: true };
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: ({ url }) =>
      new URL(url).pathname === "/readyz"
        ? new Response("", { status: state.isReady ? 200 : 503 })
        : new Response(name),
  });
  return {
    state,
    address: { hostname: "127.0.0.1", port: server.port ?? 0 },
    [Symbol.dispose]: () => void server.stop(true),
  };
}

const ask = async (url: string): Promise<string> => (await fetch(url, { keepalive: false })).text();

describe("the balancer", () => {
  test("leads each to the node that it prefers, and past one that is not ready", async () => {
    using one = node("one");
    using two = node("two");
    using balancer = new Balancer([one.address, two.address]);
    const [first = "", second = ""] = balancer.urls;
    expect([await ask(first), await ask(second)]).toEqual(["one", "two"]);
    one.state.isReady = false;
    await until(async () => (await ask(first)) === "two", "the other one is asked");
    one.state.isReady = true;
    await until(async () => (await ask(first)) === "one", "the first one is asked again");
  });

  test("leads to the preferred one when none is ready, which can say so", async () => {
    using one = node("one");
    using balancer = new Balancer([one.address]);
    one.state.isReady = false;
    await until(async () => !(await balancer.areReady()), "it is not ready");
    expect(await ask(balancer.urls[0] ?? "")).toBe("one");
  });
});

describe("a slow relay", () => {
  test("brings everything late, and in order, also when it becomes fast again", async () => {
    const words = Array.from({ length: 20 }, (_, count) => `${count} `);
    const text = words.join("");
    const received = Promise.withResolvers<void>();
    let got = "";
    const sink = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        data: (_, bytes) => {
          got += bytes.toString();
          if (got.length >= text.length) received.resolve();
        },
      },
    });
    let carried = 0;
    using relay = new Relay({
      route: () => ({ hostname: "127.0.0.1", port: sink.port }),
      delayMs: () => {
        carried += 1;
        return carried <= 10 ? 300 - 10 * carried : 0;
      },
    });
    const startedAt = systemClock.monotonic();
    const client = await Bun.connect({
      hostname: "127.0.0.1",
      port: relay.port,
      socket: { data: () => undefined },
    });
    for (const [index, word] of words.entries()) {
      client.write(word);
      await until(() => carried > index, "the word is on its way");
    }
    await received.promise;
    expect(got).toBe(text);
    expect(systemClock.monotonic() - startedAt).toBeGreaterThanOrEqual(290);
    client.terminate();
    sink.stop(true);
  });
});

describe("the troubles", () => {
  test("have names of their own, and the short ones are among them", () => {
    const names = troubles.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(shortTroubles.length).toBeGreaterThan(3);
    for (const { name } of shortTroubles) expect(names).toContain(name);
  });
});

const findings = (
  longest: number,
  violations: readonly string[],
  missed: readonly string[] = [],
): Findings => ({
  pausesMs: [1, longest],
  noticedMs: [],
  leftMs: [],
  absencesMs: [5, longest, 7],
  acknowledgedMs: [longest],
  liveMs: [longest],
  caughtUpMs: [longest],
  wholeMs: [longest],
  answeredMs: [],
  missed,
  verdict: { messages: 10, acknowledged: 9, repeats: 3, violations },
});

const outcome = (seed: number, ...all: Findings[]): SeedOutcome => ({
  seed,
  areRulesKept: true,
  rows: [{ trouble: { name: "X", what: "is broken" }, lengthsMs: [2000, 4000], findings: all }],
  doctor: { isSound: true, said: ["all is right"] },
});

describe("the report of three nodes", () => {
  test("shows the worst of each time, every violation, and every bound that was missed", () => {
    const text = renderRows("Seed 1", outcome(1, findings(11, []), findings(22, ["lost one"], ["late"])));
    expect(text).toContain(
      "2 troubles, 20 messages, 18 acknowledgements, 6 repeats by the judge, **1 violations**, 1 bounds missed",
    );
    expect(text).toContain(
      "| X | is broken | 2 × 2 s, 4 s | 20 | 22 ms | – | – | 22 ms | 22 ms | 22 ms | 6: 7, 22 ms | 22 ms | 1 | 1 |",
    );
    expect(text).toContain("VIOLATION X: lost one");
    expect(text).toContain("MISSED X: late");
    expect(text).toContain("all is right");
  });

  test("shows a line for each seed, and what was missed by which", () => {
    const text = renderSeeds(1, [outcome(4, findings(11, [])), outcome(5, findings(22, [], ["late"]))]);
    expect(text).toContain("2 seeds, 1 min of a mixture each: 2 troubles, 20 messages");
    expect(text).toContain("| 4 | 1 | 10 | 9 | 3 | 0 | 0 | ✓ |\n| 5 | 1 | 10 | 9 | 3 | 0 | 1 | ✓ |");
    expect(text).toContain("Seed 5: MISSED X: late");
  });

  test("passes only when nothing is wrong", () => {
    const fine = outcome(1, findings(11, []));
    const { doctor } = fine;
    expect(isKept(fine)).toBe(true);
    expect(isKept(outcome(1, findings(11, ["lost one"])))).toBe(false);
    expect(isKept(outcome(1, findings(11, [], ["late"])))).toBe(false);
    expect(isKept({ ...fine, areRulesKept: false })).toBe(false);
    expect(isKept({ ...fine, doctor: { ...doctor, isSound: false } })).toBe(false);
  });
});

describe("the command line", () => {
  const read = (...words: string[]) => readCommandLine(words, ["node killed", "NATS late"]);
  const optionsOf = (...words: string[]): ClusterOptions => {
    const line = read("--cluster", ...words);
    return line.kind === "run" ? line.options : expect.unreachable();
  };

  test("has usual values, and takes others", () => {
    expect(optionsOf()).toEqual({
      only: undefined,
      rounds: 1,
      mixture: undefined,
      seeds: [1],
      isBySeeds: false,
      workers: 2,
      conversations: 6,
      pauseMs: 50,
      isShort: false,
      isRecorded: false,
      asksRules: false,
    });
    expect(optionsOf("--only", "NATS late, node killed", "--rounds", "3").only).toEqual([
      "NATS late",
      "node killed",
    ]);
    expect(optionsOf("--minutes", "0.5", "--seed", "7")).toMatchObject({
      mixture: { minutes: 0.5 },
      seeds: [7],
    });
    expect(optionsOf("--seeds", "3-5")).toMatchObject({ mixture: { minutes: 1 }, seeds: [3, 4, 5] });
  });

  test("names every trouble in its help", () => {
    const line = read("--help");
    expect(line.kind === "help" ? line.text : "").toContain("Troubles: node killed, NATS late.");
  });

  test.each([
    [["--only", "foo"], '--only: there is no trouble "foo"; there are: node killed, NATS late'],
    [["--rounds", "x"], '--rounds: a whole number from 1 on is expected, not "x"'],
    [["--rounds", "0"], '--rounds: a whole number from 1 on is expected, not "0"'],
    [["--seed", "1.5"], '--seed: a whole number up to 4294967295 is expected, not "1.5"'],
    [["--seed", ""], '--seed: a whole number up to 4294967295 is expected, not ""'],
    [["--minutes", "0"], '--minutes: a number above 0 is expected, not "0"'],
    [["--seeds", "7"], '--seeds: two seeds are expected, such as 1-20, not "7"'],
    [["--seeds", "7-3"], "--seeds: the second is expected above the first, at most 1000 of them"],
    [["--seed", "1", "--seeds", "1-2"], "--seed and --seeds do not go together"],
    [["--rounds", "2", "--minutes", "1"], "--rounds and --minutes do not go together"],
    [["--ci", "--only", "NATS late"], "--ci and --only do not go together"],
    [["--minutes", "1", "--record"], "--record: what is recorded is each in turn, or --seeds"],
    [["--fast"], "Unknown option '--fast'"],
    [["--seed"], "Option '--seed <value>' argument missing"],
  ])("says in one line what is wrong with %p", (words, line) => {
    expect(read(...words)).toEqual({ kind: "mistake", line });
  });

  test("ends with exit code 2 before anything is begun", async () => {
    const main = new URL("main.ts", import.meta.url).pathname;
    const child = Bun.spawn([process.execPath, main, "--cluster", "--only", "foo"], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const said = await new Response(child.stderr).text();
    expect([await child.exited, said.trimEnd().split("\n").length]).toEqual([2, 1]);
  });
});

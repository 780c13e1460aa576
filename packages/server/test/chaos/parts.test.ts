import { describe, expect, test } from "bun:test";
import { SeededRandom } from "@duologue/testing";
import { SocketTrail } from "../harness/trail.ts";
import { Deck } from "./deck.ts";
import { type FaultKind, faults } from "./faults.ts";
import { FaultyProxy } from "./proxy.ts";
import { missedBounds, renderReport } from "./report.ts";
import { type ChaosReport, type FaultTally, showBroken } from "./run.ts";
import { lineThrough, meansOf } from "./samples.ts";
import { judgeTrend } from "./soak.ts";
import { StallWatch } from "./stalls.ts";
import { replacementsOf } from "./workers-killed.ts";
import type { World } from "./world.ts";

describe("the mixture", () => {
  const deal = (seed: number, count: number): string[] => {
    const deck = new Deck(faults, new SeededRandom(seed));
    return Array.from({ length: count }, () => deck.deal()?.name ?? "");
  };
  const cards = faults.reduce((sum, { weight }) => sum + weight, 0);

  test("deals the same faults for the same seed, and others for another", () => {
    expect(deal(1, 50)).toEqual(deal(1, 50));
    expect(deal(1, 50)).not.toEqual(deal(2, 50));
    expect(() => new Deck([], new SeededRandom(1))).toThrow(RangeError);
  });

  test("deals each fault as often as its weight says before it begins anew", () => {
    const twice = deal(3, 2 * cards);
    for (const round of [twice.slice(0, cards), twice.slice(cards)])
      for (const { name, weight } of faults)
        expect([name, round.filter((one) => one === name).length]).toEqual([name, weight]);
  });

  test("deals the next one that is wanted, and leaves the others where they are", () => {
    const [first, second] = [new Deck(faults, new SeededRandom(4)), new Deck(faults, new SeededRandom(4))];
    const isClient = ({ place }: FaultKind): boolean => place === "client";
    const wanted = first.deal(isClient);
    expect(wanted?.place).toBe("client");
    const rest = Array.from({ length: cards - 1 }, () => first.deal()?.name);
    const all = Array.from({ length: cards }, () => second.deal());
    all.splice(
      all.findIndex((card) => card !== undefined && isClient(card)),
      1,
    );
    expect(rest).toEqual(all.map((card) => card?.name));
    expect(first.deal(() => false)).toBeUndefined();
  });

  test("has no two faults of one name, and tells people what each is", () => {
    expect(new Set(faults.map(({ name }) => name)).size).toBe(faults.length);
    for (const { what, weight } of faults) {
      expect(what.length).toBeGreaterThan(10);
      expect(weight).toBeGreaterThan(0);
    }
  });
});

describe("the report", () => {
  const report: ChaosReport = {
    seed: 3,
    rounds: 1,
    durationMs: 60_000,
    tallies: [
      {
        name: "worker killed",
        what: "kill",
        times: 2,
        absencesMs: [100, 300, 200],
        wholeMs: [400],
        wholeWithinMs: 1000,
        backWithinMs: 250,
      },
    ],
    messages: 12_345,
    acknowledged: 12_000,
    repeats: 6,
    violations: ["number 7 is missing"],
    delaysMs: [1, 2, 3],
    broken: [{ atMs: 1234, names: ["worker killed", "page lost"] }],
    untried: ["writer killed"],
    stalls: [],
    trends: [
      {
        name: "memory",
        first: 1,
        last: 2,
        highest: 3,
        percentPerTenMinutes: 50,
        errorPercent: Number.POSITIVE_INFINITY,
      },
    ],
  };

  test("says how long connections were away, whether that was short enough, and every violation", () => {
    const text = renderReport(report);
    expect(text).toContain("Seed 3, 1.0 minutes, 1 rounds: 12,345 messages");
    expect(text).toContain(
      "| worker killed | kill | 2 | 3 | 200 ms | 200 ms | 300 ms | 400 ms | 99 % back ≤ 0.25 s: met; whole ≤ 1 s: met |",
    );
    expect(text).toContain("(too short to say)");
    expect(text).toContain("VIOLATION number 7 is missing");
    expect(missedBounds(report)).toEqual([]);
    expect(report.broken.map(showBroken)).toEqual(["1.2 s: worker killed + page lost"]);
  });

  test("says what was missed: a time, a fault that a long run did not try, a message that went astray", () => {
    const [tally] = report.tallies as [FaultTally];
    const late: ChaosReport = {
      ...report,
      tallies: [{ ...tally, absencesMs: [251, 251], wholeMs: [5, 1001] }],
      durationMs: 600_000,
      stalls: [["Ann: m1 is not answered", "more of it"]],
    };
    expect(missedBounds(late)).toEqual([
      "worker killed: not 99 % back ≤ 0.25 s",
      "worker killed: not whole ≤ 1 s",
      "writer killed: never tried",
      "a message went astray: Ann: m1 is not answered",
    ]);
    expect(renderReport(late)).toContain("99 % back ≤ 0.25 s: **missed**; whole ≤ 1 s: **missed**");
  });
});

describe("what grows", () => {
  test("is a slope with its standard error, which is unknown of fewer than three means", () => {
    expect(lineThrough([]).slope).toBe(0);
    expect(lineThrough([[5, 7]])).toEqual({ slope: 0, error: Number.POSITIVE_INFINITY });
    expect(
      lineThrough([
        [0, 1],
        [1, 3],
      ]),
    ).toEqual({ slope: 2, error: Number.POSITIVE_INFINITY });
    // Of these four, worked out by hand: y = 1.6 + 1.4 x, residues 0.4, −1, 0.8, −0.2.
    const { slope, error } = lineThrough([
      [0, 2],
      [1, 2],
      [2, 5.2],
      [3, 5.6],
    ]);
    expect(slope).toBeCloseTo(1.4);
    expect(error).toBeCloseTo(Math.sqrt(1.84 / 2 / 5));
    expect(
      meansOf(
        [
          [0, 1],
          [2, 3],
          [4, 9],
        ],
        2,
      ),
    ).toEqual([
      [1, 2],
      [4, 9],
    ]);
  });

  test("is judged by the bound, unless its error is larger than the distance; the log by its size", () => {
    const judge = (percentPerTenMinutes: number, errorPercent: number): string =>
      judgeTrend({ name: "memory", first: 0, last: 0, highest: 0, percentPerTenMinutes, errorPercent });
    expect([judge(0.5, 0.2), judge(1.3, 0.2), judge(1.3, 0.4), judge(-9, Number.POSITIVE_INFINITY)]).toEqual([
      "met",
      "missed",
      "untold",
      "untold",
    ]);
    const log = { name: "write-ahead log, MB", first: 0, last: 0, percentPerTenMinutes: 90, errorPercent: 0 };
    expect([280, 300].map((highest) => judgeTrend({ ...log, highest }))).toEqual(["met", "missed"]);
  });
});

describe("killed workers", () => {
  test("are counted from each death to the next readiness in their place", () => {
    const line = (atMs: number, worker: number, msg: string): string =>
      JSON.stringify({ level: "info", time: new Date(atMs).toISOString(), name: "primary", worker, msg });
    const log = [
      line(1000, 1, "worker ready"),
      line(2000, 1, "worker died"),
      line(2100, 2, "worker died"),
      "no JSON at all",
      line(2300, 1, "worker ready"),
      // Before it was ready.
      line(2400, 2, "worker died"),
      line(2900, 2, "worker ready"),
    ];
    expect(replacementsOf(log)).toEqual([300, 500]);
  });
});

describe("the watch for stalls", () => {
  /** One talker on one connection, a server of which nothing is asked, and a clock that a test moves. */
  function setUp() {
    const trail = new SocketTrail();
    const world = { stoodStillMs: 0, talkers: [{ name: "Ann", trail }] };
    const server = {
      pid: process.pid,
      port: 1,
      workerPids: () => [],
      output: { log: ["a line of the log"] },
    };
    const proxy = { port: 2, trail: () => undefined };
    let nowMs = 0;
    const all = { ...world, server, proxy } as unknown as World;
    const watch = new StallWatch(
      all,
      () => ["1.0 s: worker paused"],
      () => nowMs,
    );
    const pass = (durationMs: number): void => {
      nowMs += durationMs;
      watch.look();
    };
    watch.look();
    const ack = '{"type":"ack","id":"m1","conversation":"c","seq":1,"time":1,"cursor":"x.1","prev":"x.0"}';
    return { world: all as { stoodStillMs: number }, trail, watch, pass, ack };
  }
  const message = '{"type":"send","id":"m1","conversation":"c","body":{"kind":"text","text":"hello"}}';

  test("tells of a message that a standing connection did not answer, and what went over it", () => {
    const { trail, watch, pass, ack } = setUp();
    trail.onSent(message);
    pass(500);
    pass(8000);
    expect(watch.stalls).toEqual([]);
    trail.onSent(message);
    trail.onReceived(ack);
    pass(500);
    const story = watch.stalls[0]?.join("\n") ?? "";
    expect(story).toContain("Ann: m1 is not answered on connection");
    expect(story).toContain("1.0 s: worker paused");
    expect(story).toContain("it was answered, written 2 times, after");
    expect(story.match(/→ \{"type":"send","id":"m1"/g)).toHaveLength(2);
    expect(story).toContain('← {"type":"ack","id":"m1"');
    expect(story).toContain("a line of the log");
    watch[Symbol.dispose]();
  });

  test("does not count the time in which something was stopped, nor connections that ended", () => {
    const { world, trail, watch, pass } = setUp();
    trail.onSent(message);
    pass(500);
    world.stoodStillMs = 30_000;
    pass(30_000);
    pass(7900);
    trail.onEnd("closed with 1006");
    pass(60_000);
    pass(500);
    expect(watch.stalls).toEqual([]);
    watch[Symbol.dispose]();
  });
});

describe("the proxy", () => {
  /** A server that sends everything back, and a client before it through the proxy. */
  async function setUp() {
    const echo = Bun.serve({
      port: 0,
      fetch: (request, server) => (server.upgrade(request) ? undefined : new Response("no")),
      websocket: { message: (socket, data) => void socket.send(data), maxPayloadLength: 2 ** 26 },
    });
    const proxy = new FaultyProxy(echo.port ?? 0);
    const socket = new WebSocket(proxy.url.replace("http", "ws"));
    await new Promise((resolve) => socket.addEventListener("open", resolve, { once: true }));
    const answer = (): Promise<unknown> =>
      new Promise((resolve) =>
        socket.addEventListener("message", ({ data }: MessageEvent<unknown>) => resolve(data), {
          once: true,
        }),
      );
    const closed = new Promise<void>((resolve) =>
      socket.addEventListener("close", () => resolve(), { once: true }),
    );
    return { echo, proxy, socket, answer, closed };
  }

  test("passes everything on as it is, however much", async () => {
    const { echo, proxy, socket, answer } = await setUp();
    const text = Array.from({ length: 400_000 }, (_, index) => `${index},`).join("");
    const came = answer();
    socket.send(text);
    expect((await came) === text).toBe(true);
    expect(proxy.cuts).toBe(0);
    proxy[Symbol.dispose]();
    await echo.stop(true);
  });

  test("loses exactly the answer to what comes next, and the connection with it", async () => {
    const { echo, proxy, socket, answer, closed } = await setUp();
    const first = answer();
    socket.send("kept");
    expect(await first).toBe("kept");
    proxy.loseNextReplies();
    expect(proxy.doomed).toBe(1);
    socket.addEventListener("message", () => expect.unreachable());
    socket.send("lost");
    await closed;
    expect([proxy.lostReplies, proxy.cuts, proxy.doomed]).toEqual([1, 1, 0]);
    proxy[Symbol.dispose]();
    await echo.stop(true);
  });

  test("lets nobody through while it is held, and afterwards again", async () => {
    const { echo, proxy, closed } = await setUp();
    const release = proxy.hold();
    await closed;
    const open = (): Promise<boolean> =>
      new Promise((resolve) => {
        const again = new WebSocket(proxy.url.replace("http", "ws"));
        again.addEventListener("open", () => resolve(true), { once: true });
        again.addEventListener("error", () => resolve(false), { once: true });
      });
    expect(await open()).toBe(false);
    release();
    expect(await open()).toBe(true);
    proxy[Symbol.dispose]();
    await echo.stop(true);
  });

  test("knows what went over a connection, both ways, by the number in its address", async () => {
    const { echo, proxy } = await setUp();
    const trail = new SocketTrail();
    const socket = new WebSocket(trail.mark(proxy.url.replace("http", "ws")));
    await new Promise((resolve) => socket.addEventListener("open", resolve, { once: true }));
    const answered = new Promise((resolve) => socket.addEventListener("message", resolve, { once: true }));
    socket.send("a message");
    await answered;
    const lines =
      proxy
        .trail(trail.number)
        ?.excerpt(0)
        .map((line) => line.replace(/^\S+ s /, "")) ?? [];
    expect(lines[0]).toStartWith(`→ GET /?trail=${trail.number} HTTP/1.1`);
    expect(lines[1]).toStartWith("← HTTP/1.1 101");
    expect(lines.slice(2)).toEqual(["→ a message", "← a message"]);
    expect(proxy.trail(trail.number + 1)).toBeUndefined();
    proxy[Symbol.dispose]();
    await echo.stop(true);
  });
});

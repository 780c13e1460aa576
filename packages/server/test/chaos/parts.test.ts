import { describe, expect, test } from "bun:test";
import { SeededRandom } from "@duologue/testing";
import { faults } from "./faults.ts";
import { FaultyProxy } from "./proxy.ts";
import { renderReport } from "./report.ts";
import type { ChaosReport } from "./run.ts";
import { slopeOf } from "./samples.ts";

describe("the mixture", () => {
  test("picks the same faults for the same seed, and others for another", () => {
    const pick = (seed: number): string[] => {
      const random = new SeededRandom(seed);
      return Array.from({ length: 50 }, () => random.pick(faults).name);
    };
    expect(pick(1)).toEqual(pick(1));
    expect(pick(1)).not.toEqual(pick(2));
    expect(new Set(pick(3)).size).toBeGreaterThan(faults.length / 2);
    expect(() => new SeededRandom(1).pick([])).toThrow(RangeError);
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
  test("has the slope of what grows, and none of what does not", () => {
    expect(slopeOf([])).toBe(0);
    expect(slopeOf([[5, 7]])).toBe(0);
    expect(
      slopeOf([
        [0, 1],
        [1, 3],
        [2, 5],
      ]),
    ).toBeCloseTo(2);
    expect(
      slopeOf([
        [0, 4],
        [1, 4],
      ]),
    ).toBe(0);
  });

  test("says how long connections were away, and every violation", () => {
    const report: ChaosReport = {
      seed: 3,
      rounds: 1,
      durationMs: 60_000,
      tallies: [
        { name: "worker killed", what: "kill", times: 2, absencesMs: [100, 300, 200], wholeMs: [400] },
      ],
      messages: 12_345,
      acknowledged: 12_000,
      repeats: 6,
      violations: ["number 7 is missing"],
      delaysMs: [1, 2, 3],
      trends: [{ name: "memory", first: 1, last: 2, highest: 3, percentPerTenMinutes: 50 }],
    };
    const text = renderReport(report);
    expect(text).toContain("Seed 3, 1.0 minutes, 1 rounds: 12,345 messages");
    expect(text).toContain("| worker killed | kill | 2 | 3 | 200 ms | 200 ms | 300 ms | 400 ms |");
    expect(text).toContain("(too short to say)");
    expect(text).toContain("VIOLATION number 7 is missing");
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
});

import { describe, expect, test } from "bun:test";
import { until } from "@duologue/testing";
import { systemClock } from "../../../src/clock.ts";
import { Relay } from "../relay.ts";
import { Balancer } from "./balancer.ts";
import { renderRows } from "./report.ts";
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

test("the table of three nodes shows the worst of each time, and every violation", () => {
  const findings = (longest: number, violations: readonly string[]): Findings => ({
    pausesMs: [1, longest],
    leftMs: [],
    absencesMs: [5, longest, 7],
    acknowledgedMs: [longest],
    liveMs: [longest],
    caughtUpMs: [longest],
    wholeMs: [longest],
    answeredMs: [],
    verdict: { messages: 10, acknowledged: 9, repeats: 3, violations },
  });
  const text = renderRows("Seed 1", [
    {
      trouble: { name: "X", what: "is broken" },
      lengthsMs: [2000, 4000],
      findings: [findings(11, []), findings(22, ["lost one"])],
    },
  ]);
  expect(text).toContain(
    "2 troubles, 20 messages, 18 acknowledgements, 6 repeats by the judge, **1 violations**",
  );
  expect(text).toContain(
    "| X | is broken | 2 × 2 s, 4 s | 22 ms | – | 22 ms | 22 ms | 22 ms | 6: 7, 22 ms | 22 ms | 1 |",
  );
  expect(text).toContain("VIOLATION lost one");
});

import { describe, expect, test } from "bun:test";
import { type Fault, startFakeServer } from "../testing/fake-server.ts";
import { quickClock } from "../testing/quick-clock.ts";
import { runDurable } from "./durable-load.ts";
import type { DurableJob, Offer, RelayJob } from "./job.ts";
import { runRelay } from "./relay-load.ts";
import { runStorm } from "./storm-load.ts";

/** Twenty-second limits take less than a second. */
const clock = quickClock(40);
const closed: Offer = { kind: "closed", window: 4 };

function jobFor(port: number, offer: Offer): Omit<RelayJob, "kind"> & Omit<DurableJob, "kind"> {
  return {
    host: "127.0.0.1",
    port,
    serverPid: process.pid,
    connections: 8,
    everybodyNamed: true,
    offer,
    warmupMs: 400,
    measureMs: 4000,
  };
}

const relayFaults: readonly [Fault["kind"], string][] = [
  ["lose", "expected message"],
  ["repeat", "expected message"],
  ["change", "expected message"],
];

describe("relay load", () => {
  test("counts what was delivered in the measured time", async () => {
    await using server = startFakeServer();
    const result = await runRelay(clock, { kind: "relay", ...jobFor(server.port, closed) });
    expect(result.delivered).toBeGreaterThan(100);
    expect(result.delivered).toBeLessThan(server.messages);
    expect(result.delivery.count).toBe(result.delivered);
    expect(result.delivery.p50Ms).toBeGreaterThan(0);
    expect(result.serverCpu[0]?.pid).toBe(process.pid);
  });

  test("offers a fixed rate in an open loop", async () => {
    await using server = startFakeServer();
    const offer: Offer = { kind: "open", messagesPerSecond: 200 };
    // Slower than the others: what a busy machine holds up for a moment must be short beside the measured time.
    const result = await runRelay(quickClock(10), { kind: "relay", ...jobFor(server.port, offer) });
    expect(result.perSecond).toBeGreaterThan(100);
    expect(result.perSecond).toBeLessThan(400);
  });

  test.each(relayFaults)("fails when a server does this to one message: %s", async (kind, complaint) => {
    await using server = startFakeServer({ kind, atMessage: 50 });
    const run = runRelay(clock, { kind: "relay", ...jobFor(server.port, closed) });
    await expect(run).rejects.toThrow(complaint);
  });

  test("fails when the last messages never arrive", async () => {
    await using server = startFakeServer({ kind: "lose", atMessage: 10 });
    const offer: Offer = { kind: "open", messagesPerSecond: 2.4 };
    const run = runRelay(clock, { kind: "relay", ...jobFor(server.port, offer) });
    await expect(run).rejects.toThrow("1 messages never arrived");
  });
});

const durableFaults: readonly [Fault["kind"], string][] = [
  ["lose", "expected message"],
  ["repeat", "expected message"],
  ["skip-seq", "with holes"],
  ["refuse", "busy"],
];

describe("durable load", () => {
  test("counts a message when it was acknowledged and delivered", async () => {
    await using server = startFakeServer();
    const result = await runDurable(clock, { kind: "durable", ...jobFor(server.port, closed) });
    expect(result.delivered).toBeGreaterThan(100);
    expect(result.acknowledgement?.count).toBeGreaterThan(100);
    expect(result.outOfTurn).toBe(0);
  });

  test.each(durableFaults)("fails when a server does this to one message: %s", async (kind, complaint) => {
    await using server = startFakeServer({ kind, atMessage: 50 });
    const run = runDurable(clock, { kind: "durable", ...jobFor(server.port, closed) });
    await expect(run).rejects.toThrow(complaint);
  });
});

describe("login storm", () => {
  test.each(["classic", "v1"] as const)("ends when everybody knows everybody over %s", async (protocol) => {
    await using server = startFakeServer();
    const { port } = server;
    const base = { host: "127.0.0.1", port, serverPid: process.pid, connections: 50, everybodyNamed: true };
    const result = await runStorm(clock, { kind: "storm", protocol, ...base });
    expect(result.untilCompleteMs).toBeGreaterThan(0);
    // The last list alone names all fifty to all fifty.
    expect(result.receivedBytes).toBeGreaterThan(50 * 50 * 20);
  });
});

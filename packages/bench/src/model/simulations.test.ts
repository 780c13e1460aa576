import { describe, expect, test } from "bun:test";
import { SeededRandom } from "@duologue/testing";
import { expectedDeliveries, expectedSubscriptions, otherNodes, simulateFanOut } from "./fan-out.ts";
import { expectedCommits, simulateCommits } from "./group-commit.ts";
import { expectedReturn, simulateReturn } from "./node-loss.ts";
import { expectedWatching, simulateWatching } from "./watching.ts";

describe("fan-out over the bus", () => {
  test("with one node nothing goes over it, with many each device is on a node of its own", () => {
    expect(otherNodes(1, 5)).toBe(0);
    expect(otherNodes(2, 1)).toBeCloseTo(0.5);
    expect(otherNodes(1_000_000, 3)).toBeCloseTo(3, 3);
  });

  test.each([2, 3, 10, 100])("the formula is what is counted with %i nodes", (nodes) => {
    const world = { nodes, users: 2000, deviceShares: [0.7, 0.25, 0.05] };
    const counted = simulateFanOut(new SeededRandom(7), world, 20_000);
    expect(counted.deliveries / expectedDeliveries(world)).toBeCloseTo(1, 1);
    expect(counted.subscriptions / expectedSubscriptions(world)).toBeCloseTo(1, 1);
  });
});

describe("watching", () => {
  test.each([3, 30])("the formula is what is counted with %i nodes", (nodes) => {
    const world = { nodes, users: 3000, onlineShare: 0.3, watchedPeers: 20 };
    const expected = expectedWatching(world);
    const counted = simulateWatching(new SeededRandom(9), world);
    expect(counted.perNode / expected.perNode).toBeCloseTo(1, 1);
    expect(counted.hearers / expected.hearers).toBeCloseTo(1, 1);
  });

  test("where all are watched everywhere, everybody else hears of one who comes", () => {
    const { hearers } = expectedWatching({ nodes: 3, users: 1000, onlineShare: 0.5, watchedPeers: 100 });
    expect(hearers).toBeCloseTo(2, 3);
  });
});

describe("group commit", () => {
  const world = {
    nodes: 3,
    messagesPerSecond: 100,
    cores: 4,
    transactionMs: 0.2,
    messageMs: 0.02,
    latencyMs: 2,
  };

  test("a rare message is alone in its transaction, and waits for nothing but it", () => {
    const quiet = { ...world, messagesPerSecond: 1 };
    const counted = simulateCommits(new SeededRandom(1), quiet, 500);
    expect(counted.batch).toBeCloseTo(1, 1);
    expect(counted.delayMs).toBeCloseTo(2.22, 1);
    expect(expectedCommits(quiet).batch).toBeCloseTo(1, 1);
  });

  test.each([1000, 10_000, 50_000])(
    "formula and count agree at %i messages a second",
    (messagesPerSecond) => {
      const busy = { ...world, messagesPerSecond };
      const counted = simulateCommits(new SeededRandom(3), busy, 30_000);
      const expected = expectedCommits(busy);
      expect(Math.abs(counted.batch / expected.batch - 1)).toBeLessThan(0.15);
      expect(Math.abs(counted.delayMs / expected.delayMs - 1)).toBeLessThan(0.2);
      expect(Math.abs(counted.utilisation / expected.utilisation - 1)).toBeLessThan(0.15);
    },
  );

  test("nodes that wait for the database's processors are counted as waiting", () => {
    const crowd = { ...world, nodes: 20, cores: 2, messagesPerSecond: 20_000 };
    const counted = simulateCommits(new SeededRandom(3), crowd, 30_000);
    expect(Math.abs(counted.batch / expectedCommits(crowd).batch - 1)).toBeLessThan(0.25);
  });

  test("more than the database can do is never said to be done", () => {
    expect(expectedCommits({ ...world, messagesPerSecond: 300_000 }).batch).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("the loss of a node", () => {
  const world = { nodes: 3, usersPerNode: 1000, loginsPerSecond: 1000, returnWithinMs: 1000, helloMs: 5000 };

  test("few users are back as soon as they come", () => {
    const counted = simulateReturn(new SeededRandom(5), world);
    expect(counted.attempts).toBe(1);
    expect(counted.untilAllMs / expectedReturn(world).untilAllMs).toBeCloseTo(1, 1);
  });

  test("many users queue, and are back when the last was let in", () => {
    const many = { ...world, usersPerNode: 8000 };
    const counted = simulateReturn(new SeededRandom(5), many);
    expect(counted.attempts).toBe(1);
    expect(counted.untilAllMs / expectedReturn(many).untilAllMs).toBeCloseTo(1, 1);
  });

  test("too many give up and come again, and all are back in the end", () => {
    const counted = simulateReturn(new SeededRandom(5), { ...world, usersPerNode: 40_000 });
    expect(counted.attempts).toBeGreaterThan(1.5);
    expect(counted.untilAllMs).toBeGreaterThan(20_000);
  });
});

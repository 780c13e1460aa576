import { describe, expect, test } from "bun:test";
import {
  type ClusterCosts,
  type Cost,
  fitMessageCosts,
  type MessageRun,
  type Range,
} from "./cluster-costs.ts";
import { needsOf } from "./needs.ts";
import { BEHAVIOUR, MACHINES } from "./scenarios.ts";

function exactly(value: number): Range {
  return { value, low: value, high: value };
}

function cost(primaries: number, workers: number, postgres: number, nats: number): Cost {
  return {
    primaries: exactly(primaries),
    workers: exactly(workers),
    postgres: exactly(postgres),
    nats: exactly(nats),
  };
}

const costs: ClusterCosts = {
  messages: {
    acts: {
      message: cost(10, 15, 12, 1),
      transaction: cost(100, 20, 200, 0),
      hop: cost(8, 5, 0, 2),
      mark: cost(8, 8, 6, 1),
    },
    errors: { primaries: 0, workers: 0, postgres: 0, nats: 0 },
  },
  walBytes: exactly(500),
  databaseBytes: exactly(300),
  markWalBytes: exactly(150),
  busBytes: exactly(700),
  hopBusBytes: exactly(350),
  login: cost(300, 400, 200, 50),
  returned: cost(250, 450, 200, 60),
  ping: cost(0, 50, 10, 0),
  leaving: { primaries: exactly(400), nats: exactly(100) },
  ask: { primaries: exactly(30), nats: exactly(5) },
  watchKb: exactly(0.3),
  watchMicros: exactly(5),
  nodeSecond: cost(5000, 5000, 100, 500),
  userSecond: cost(2, 2, 0, 0.5),
  memoryKb: cost(5, 4, 0, 2),
  subjectsPerUser: exactly(3),
  subjectBytes: exactly(1000),
  subjectMicros: exactly(7),
  commitMs: exactly(0.6),
};

describe("the fit of runs", () => {
  test("finds what each act costs in each part, and by how much rounds differ", () => {
    const run = (
      round: number,
      messages: number,
      transactions: number,
      hops: number,
      marks: number,
    ): MessageRun => {
      const dearer = round === 2 ? 1.2 : 1;
      const sum = (part: "primaries" | "workers" | "postgres" | "nats"): number =>
        dearer *
        (messages * costs.messages.acts.message[part].value +
          transactions * costs.messages.acts.transaction[part].value +
          hops * costs.messages.acts.hop[part].value +
          marks * costs.messages.acts.mark[part].value);
      const micros = {
        primaries: sum("primaries"),
        workers: sum("workers"),
        postgres: sum("postgres"),
        nats: sum("nats"),
      };
      return { round, messages, transactions, hops, marks, micros };
    };
    const rounds = [1, 2].flatMap((round) => [
      run(round, 10_000, 50, 0, 0),
      run(round, 1000, 900, 0, 0),
      run(round, 9000, 60, 9000, 0),
      run(round, 8000, 90, 16_000, 8000),
      run(round, 900, 700, 900, 0),
    ]);
    const { acts, errors } = fitMessageCosts(rounds);
    expect(acts.message.primaries.low).toBeCloseTo(10);
    expect(acts.message.primaries.high).toBeCloseTo(12);
    expect(acts.transaction.postgres.value).toBeCloseTo(220);
    expect(acts.hop.nats.low).toBeCloseTo(2);
    expect(acts.mark.workers.low).toBeCloseTo(8);
    expect(errors.workers).toBeCloseTo(0);
  });
});

describe("what a cluster needs", () => {
  const needs = (users: number) => needsOf(users, costs, BEHAVIOUR, MACHINES);

  test("a small one has two nodes, so that one may be lost", () => {
    expect(needs(1000)).toMatchObject({ nodes: 2, nodesBy: "the spare one" });
  });

  test("rates follow from what people do", () => {
    const million = needs(1_000_000);
    expect(million.connections).toBeCloseTo(1_300_000);
    expect(million.messagesPerSecond).toBeCloseTo((1_000_000 * BEHAVIOUR.messagesPerHour) / 3600);
    expect(million.pingsPerSecond).toBeCloseTo(1_300_000 / BEHAVIOUR.pingSeconds);
  });

  test("ten times as many users need about ten times as much, and share transactions no worse", () => {
    const [million, ten] = [needs(1_000_000), needs(10_000_000)];
    for (const name of ["nodes", "nodeCores", "walMbPerSecond", "userSubjects"] as const) {
      expect(ten[name] / million[name]).toBeGreaterThan(7);
      expect(ten[name] / million[name]).toBeLessThan(13);
    }
  });

  test("nodes hold what they are given: no part of them is used more than it may be", () => {
    for (const users of [10_000, 300_000, 5_000_000, 100_000_000]) {
      const { nodes, nodeCores, nodeMemoryGb } = needs(users);
      expect(nodeCores).toBeLessThanOrEqual(nodes * MACHINES.nodeCores);
      expect(nodeMemoryGb).toBeLessThanOrEqual(nodes * MACHINES.nodeMemoryGb);
    }
  });

  test("signs of life grow with the square of the nodes", () => {
    const { nodes, aliveMessagesPerSecond } = needs(100_000_000);
    expect(aliveMessagesPerSecond).toBe(nodes * (nodes - 1));
  });
});

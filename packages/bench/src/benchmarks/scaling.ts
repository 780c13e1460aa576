/** The cost model: from measured runs to what clusters of any size need, and its formulas against simulations. */
import { SeededRandom } from "@duologue/testing";
import { type ClusterCosts, type Cost, messageActs, type Range } from "../model/cluster-costs.ts";
import { cpuParts } from "../model/cpu-parts.ts";
import { expectedDeliveries, expectedSubscriptions, simulateFanOut } from "../model/fan-out.ts";
import { type CommitWorld, expectedCommits, simulateCommits } from "../model/group-commit.ts";
import { costsOf, heldOutOf } from "../model/measured.ts";
import { type Needs, needsOf } from "../model/needs.ts";
import { expectedReturn, simulateReturn } from "../model/node-loss.ts";
import { BEHAVIOUR, MACHINES, SCENARIO_NOTES, USERS } from "../model/scenarios.ts";
import { expectedWatching, simulateWatching } from "../model/watching.ts";
import type { Chart } from "../report/chart.ts";
import { formatNumber, type Report, type Table, tableOf } from "../report/report.ts";
import type { BenchContext } from "./context.ts";

const SEED = 5;
const keptFile = new URL("../../measured/cluster.json", import.meta.url).pathname;

export async function benchScaling({ settings }: BenchContext): Promise<Report> {
  // Written by this package's own command, so its shape is known.
  const measured = (await Bun.file(settings.measuredFile ?? keptFile).json()) as Report[];
  const costs = costsOf(measured);
  const needs = USERS.map((users) => needsOf(users, costs, BEHAVIOUR, MACHINES));
  return {
    name: "The cost model",
    notes: [
      "costs: fitted to each round of runs of `nodes` by least squares, and read off `online` and `bare`; median of the rounds [lowest–highest]",
      ...SCENARIO_NOTES,
    ],
    tables: [
      tableOf("µs of CPU", ["for each", "primary", "worker", "PostgreSQL", "NATS"], cpuRows(costs)),
      tableOf("Other costs", ["what", "value"], otherRows(costs)),
      tableOf(
        "What clusters need",
        ["", ...USERS.map((users) => `${formatNumber(users)} online`)],
        needRows(needs),
      ),
      tableOf(
        "What is full first",
        ["what", "online users with one", "ones for 100 million"],
        limitRows(costs),
      ),
      tableOf(
        "Each case of messages, foretold from the others: µs of CPU for each, all parts",
        ["case", "foretold", "measured", "apart by, %"],
        heldOutOf(measured).map(({ name, foretold, measured: was }) => comparison(name, foretold, was)),
      ),
      simulationTable(costs),
    ],
    charts: [chartOf(needs)],
    targets: [],
    runs: [],
  };
}

function range({ value, low, high }: Range): string {
  return low === high
    ? formatNumber(value)
    : `${formatNumber(value)} [${formatNumber(low)}–${formatNumber(high)}]`;
}

function cpuRows(costs: ClusterCosts): string[][] {
  const cells = (cost: Cost): string[] => cpuParts.map((part) => range(cost[part]));
  const names = {
    message: "message, in a transaction with others",
    transaction: "transaction",
    hop: "note that crosses the bus",
    mark: "mark, in a transaction with others",
  } as const;
  return [
    ...messageActs.map((act) => [names[act], ...cells(costs.messages.acts[act])]),
    ["return of a user", ...cells(costs.returned)],
    ["login of a new guest", ...cells(costs.login)],
    [
      "going of a user, told to watchers",
      range(costs.leaving.primaries),
      "–",
      "–",
      range(costs.leaving.nats),
    ],
    ["question whether a contact is there", range(costs.ask.primaries), "–", "–", range(costs.ask.nats)],
    ["contact watched already, one more watcher", range(costs.watchMicros), "–", "–", "–"],
    ["ping", ...cells(costs.ping)],
    ["second of a user who does nothing", ...cells(costs.userSecond)],
    ["second of a node without users", ...cells(costs.nodeSecond)],
    [
      "the fit of the first four is off by, %",
      ...cpuParts.map((part) => formatNumber(costs.messages.errors[part] * 100)),
    ],
  ];
}

function otherRows(costs: ClusterCosts): string[][] {
  return [
    ["WAL bytes, message", range(costs.walBytes)],
    ["WAL bytes, mark", range(costs.markWalBytes)],
    ["database bytes, message", range(costs.databaseBytes)],
    ["bus bytes, message heard by no other node", range(costs.busBytes)],
    ["bus bytes, hop", range(costs.hopBusBytes)],
    ["KB in the primary, connection", range(costs.memoryKb.primaries)],
    ["KB in the worker, connection", range(costs.memoryKb.workers)],
    ["KB in the primary, contact watched", range(costs.watchKb)],
    ["subjects, user", range(costs.subjectsPerUser)],
    ["bytes in each server of the bus, subject", range(costs.subjectBytes)],
    ["CPU µs in each server of the bus, subject", range(costs.subjectMicros)],
    ["commit alone, ms", range(costs.commitMs)],
  ];
}

const needNames: readonly (readonly [string, (needs: Needs) => number | string])[] = [
  ["connections", ({ connections }) => connections],
  ["messages/s", ({ messagesPerSecond }) => messagesPerSecond],
  ["marks/s", ({ marksPerSecond }) => marksPerSecond],
  ["pings/s", ({ pingsPerSecond }) => pingsPerSecond],
  ["returns/s", ({ returnsPerSecond }) => returnsPerSecond],
  ["nodes", ({ nodes }) => nodes],
  ["… decided by", ({ nodesBy }) => nodesBy],
  ["cores of nodes", ({ nodeCores }) => nodeCores],
  ["memory of nodes, GB", ({ nodeMemoryGb }) => nodeMemoryGb],
  ["changes in a transaction", ({ messagesPerTransaction }) => messagesPerTransaction],
  ["transactions/s", ({ transactionsPerSecond }) => transactionsPerSecond],
  ["cores of PostgreSQL", ({ databaseCores }) => databaseCores],
  ["connections to PostgreSQL", ({ databaseConnections }) => databaseConnections],
  ["WAL, MB/s", ({ walMbPerSecond }) => walMbPerSecond],
  ["stored, GB a day", ({ storedGbPerDay }) => storedGbPerDay],
  ["hops, for each message", ({ hopsPerMessage }) => hopsPerMessage],
  ["cores of the bus", ({ busCores }) => busCores],
  ["bus, MB/s", ({ busMbPerSecond }) => busMbPerSecond],
  ["subjects of users on the bus", ({ userSubjects }) => userSubjects],
  ["subjects of watched contacts", ({ watchSubjects }) => watchSubjects],
  ["questions for contacts/s", ({ asksPerSecond }) => asksPerSecond],
  ["memory in each server of one bus, GB", ({ busMemoryGb }) => busMemoryGb],
  ["signs of life on the bus/s", ({ aliveMessagesPerSecond }) => aliveMessagesPerSecond],
];

function needRows(needs: readonly Needs[]): string[][] {
  return needNames.map(([name, read]) => [
    name,
    ...needs.map((one) => {
      const value = read(one);
      return typeof value === "string" ? value : formatNumber(value);
    }),
  ]);
}

/** Each by itself: the number of users at which it takes more than it may of one machine. */
function limitRows(costs: ClusterCosts): string[][] {
  const limits: readonly (readonly [string, (needs: Needs) => number])[] = [
    [
      `one bus: ${MACHINES.busMemoryGb * MACHINES.utilisation} GB of subjects in each of its servers`,
      (needs) => needs.busMemoryGb / (MACHINES.busMemoryGb * MACHINES.utilisation),
    ],
    [
      `one database of ${MACHINES.databaseCores} cores`,
      (needs) => needs.databaseCores / MACHINES.databaseCores,
    ],
    [
      `one database of ${formatNumber(MACHINES.databaseConnections)} connections`,
      (needs) => needs.databaseConnections / MACHINES.databaseConnections,
    ],
    [
      `one database's WAL, ${MACHINES.databaseWalMbPerSecond * MACHINES.utilisation} MB/s`,
      (needs) => needs.walMbPerSecond / (MACHINES.databaseWalMbPerSecond * MACHINES.utilisation),
    ],
    [
      `one bus: ${MACHINES.busServers} servers of ${MACHINES.busCores} cores`,
      (needs) => needs.busCores / (MACHINES.busServers * MACHINES.busCores),
    ],
  ];
  return limits
    .map(([name, load]) => ({ name, load, full: usersAt(costs, load) }))
    .toSorted((left, right) => left.full - right.full)
    .map(({ name, load, full }) => [
      name,
      formatNumber(Number(full.toPrecision(2))),
      formatNumber(Math.ceil(load(needsOf(100_000_000, costs, BEHAVIOUR, MACHINES)))),
    ]);
}

function usersAt(costs: ClusterCosts, load: (needs: Needs) => number): number {
  let [low, high] = [1000, 1e10];
  while (high / low > 1.02) {
    const middle = Math.sqrt(low * high);
    if (load(needsOf(middle, costs, BEHAVIOUR, MACHINES)) < 1) low = middle;
    else high = middle;
  }
  return low;
}

function simulationTable(costs: ClusterCosts): Table {
  const random = new SeededRandom(SEED);
  const rows: (readonly [string, number, number])[] = [];
  for (const nodes of [3, 30, 300]) {
    const world = { nodes, users: 20_000, deviceShares: BEHAVIOUR.deviceShares };
    const counted = simulateFanOut(random.fork(`fan-out ${nodes}`), world, 60_000);
    rows.push([`deliveries of a message, ${nodes} nodes`, expectedDeliveries(world), counted.deliveries]);
    rows.push([`subjects of a user, ${nodes} nodes`, expectedSubscriptions(world), counted.subscriptions]);
  }
  for (const nodes of [3, 30]) {
    const { onlineShare, watchedPeers } = BEHAVIOUR;
    const world = { nodes, users: 10_000, onlineShare, watchedPeers };
    const expected = expectedWatching(world);
    const counted = simulateWatching(random.fork(`watching ${nodes}`), world);
    rows.push([
      `contacts that a node watches, ${nodes} nodes, 10,000 users`,
      expected.perNode,
      counted.perNode,
    ]);
    rows.push([`nodes that hear of one who comes, ${nodes} nodes`, expected.hearers, counted.hearers]);
  }
  const { message, transaction } = costs.messages.acts;
  for (const [nodes, messagesPerSecond] of [
    [3, 300],
    [3, 3000],
    [40, 20_000],
  ] as const) {
    const world: CommitWorld = {
      ...{ nodes, messagesPerSecond, cores: MACHINES.databaseCores, latencyMs: MACHINES.commitLatencyMs },
      transactionMs: transaction.postgres.value / 1000,
      messageMs: message.postgres.value / 1000,
    };
    const name = `${nodes} nodes, ${formatNumber(messagesPerSecond)} changes/s`;
    const expected = expectedCommits(world);
    const counted = simulateCommits(random.fork(name), world, 40_000);
    rows.push([`changes in a transaction, ${name}`, expected.batch, counted.batch]);
    rows.push([`delay of a commit, ms, ${name}`, expected.delayMs, counted.delayMs]);
  }
  const loginMs = costs.returned.workers.value / 1000 / (MACHINES.nodeCores - 1);
  for (const [nodes, usersPerNode] of [
    [3, 10_000],
    [50, 25_000],
  ] as const) {
    const world = {
      nodes,
      usersPerNode,
      loginsPerSecond: 1000 / loginMs,
      returnWithinMs: 1000,
      helloMs: 5000,
    };
    const name = `${formatNumber(usersPerNode)} users of one of ${nodes} nodes`;
    rows.push([
      `return of ${name}, s`,
      expectedReturn(world).untilAllMs / 1000,
      simulateReturn(random.fork(name), world).untilAllMs / 1000,
    ]);
  }
  return tableOf(
    `Formulas against simulations (seed ${SEED})`,
    ["what", "formula", "simulation", "apart by, %"],
    rows.map(([name, formula, counted]) => comparison(name, formula, counted)),
  );
}

function comparison(name: string, expected: number, found: number): string[] {
  const apart = Math.abs(found / expected - 1) * 100;
  return [name, formatNumber(expected), formatNumber(found), formatNumber(apart)];
}

function chartOf(needs: readonly Needs[]): Chart {
  const perUser = (cores: (one: Needs) => number): number[] =>
    needs.map((one) => (cores(one) / one.users) * 1e6);
  return {
    kind: "bars",
    name: "scaling-cores",
    title: "Cores for a million users online",
    valueLabel: `cores, used to ${MACHINES.utilisation * 100} %, by the size of the cluster`,
    labels: needs.map(({ users }) => `${formatNumber(users)} online`),
    parts: [
      { name: "nodes", values: perUser(({ nodeCores }) => nodeCores) },
      { name: "PostgreSQL", values: perUser(({ databaseCores }) => databaseCores) },
      { name: "bus", values: perUser(({ busCores }) => busCores) },
    ],
  };
}

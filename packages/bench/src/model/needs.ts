/** What a cluster for so many users needs, from what each thing costs and what people do. */
import type { ClusterCosts, Cost } from "./cluster-costs.ts";
import { type CpuPart, cpuParts } from "./cpu-parts.ts";
import { expectedDeliveries, expectedSubscriptions } from "./fan-out.ts";
import { expectedCommits } from "./group-commit.ts";
import { different, expectedWatching } from "./watching.ts";

/** What an online user does in the busiest hour. */
export interface Behaviour {
  readonly messagesPerHour: number;
  /** Changes of markers that each message leads to: delivered and read, together or apart. */
  readonly marksPerMessage: number;
  /** Share of messages whose recipient is online. */
  readonly recipientOnline: number;
  readonly returnsPerHour: number;
  readonly newGuestsPerHour: number;
  readonly pingSeconds: number;
  /** Contacts whom a client watches. */
  readonly watchedPeers: number;
  /** Of all accounts that may be somebody's contact. */
  readonly onlineShare: number;
  /** Share of online users with one device, with two, … */
  readonly deviceShares: readonly number[];
}

/** What machines are there, and how much of them may be used: the rest is for the loss of others, and for waves. */
export interface Machines {
  readonly utilisation: number;
  /** Of a node: one is the primary's, the others are workers'. */
  readonly nodeCores: number;
  readonly nodeMemoryGb: number;
  readonly databaseCores: number;
  /** The network's way to the database and back, and the flush of its disk. */
  readonly commitLatencyMs: number;
  readonly databaseWalMbPerSecond: number;
  /** What one server of PostgreSQL bears without a pooler before it. */
  readonly databaseConnections: number;
  /** Of one bus; each of them keeps what is subscribed at the others, too. */
  readonly busServers: number;
  readonly busCores: number;
  readonly busMemoryGb: number;
}

export interface Needs {
  readonly users: number;
  readonly connections: number;
  readonly messagesPerSecond: number;
  readonly marksPerSecond: number;
  readonly pingsPerSecond: number;
  readonly returnsPerSecond: number;
  readonly nodes: number;
  /** Which of a node's parts decides how many there must be. */
  readonly nodesBy: "primary" | "workers" | "memory" | "the spare one";
  readonly nodeCores: number;
  readonly nodeMemoryGb: number;
  readonly messagesPerTransaction: number;
  readonly transactionsPerSecond: number;
  readonly databaseCores: number;
  /** All nodes' together. */
  readonly databaseConnections: number;
  readonly walMbPerSecond: number;
  readonly storedGbPerDay: number;
  readonly hopsPerMessage: number;
  readonly busCores: number;
  readonly busMbPerSecond: number;
  /** Of users who are online, and of contacts who are watched. */
  readonly userSubjects: number;
  readonly watchSubjects: number;
  /** Questions of nodes where a contact is, the regular ones that make good what was lost included. */
  readonly asksPerSecond: number;
  readonly busMemoryGb: number;
  readonly aliveMessagesPerSecond: number;
}

/** Connections of a worker that read; a node writes over one (store/postgres). */
const READERS_PER_WORKER = 4;
/** Linux, Bun and the program itself, before the first user. */
const PROCESS_MB = 60;
const MICROS_PER_SECOND = 1e6;

export function needsOf(users: number, costs: ClusterCosts, behaviour: Behaviour, machines: Machines): Needs {
  const rates = ratesOf(users, behaviour);
  let nodes = 2;
  // How many nodes there are decides how much crosses the bus and how messages share transactions, and the other way round.
  for (let round = 0; round < 60; round += 1) {
    const wanted = nodesFor(nodes, users, costs, behaviour, machines).nodes;
    if (Math.abs(wanted - nodes) <= Math.max(0, 0.002 * nodes)) break;
    nodes = round < 30 ? wanted : Math.max(wanted, nodes);
  }
  const { busy, by } = nodesFor(nodes, users, costs, behaviour, machines);
  const { commits, hopsPerMessage, micros } = busy;
  const { acts } = costs.messages;
  const alive = nodes * (nodes - 1);
  const busMicros = micros.nats + alive * acts.hop.nats.value;
  const userSubjects = users * costs.subjectsPerUser.value * expectedSubscriptions(worldOf(nodes, behaviour));
  const watched = watchesOf(nodes, users, behaviour);
  return {
    ...rates,
    users,
    nodes,
    nodesBy: by,
    nodeCores: (micros.primaries + micros.workers) / MICROS_PER_SECOND / machines.utilisation,
    nodeMemoryGb: memoryGb(users, costs, behaviour) + (nodes * machines.nodeCores * PROCESS_MB) / 1024,
    messagesPerTransaction: commits.batch,
    transactionsPerSecond: (rates.messagesPerSecond + rates.marksPerSecond) / commits.batch,
    databaseCores: micros.postgres / MICROS_PER_SECOND / machines.utilisation,
    databaseConnections: nodes * (1 + READERS_PER_WORKER * (machines.nodeCores - 1)),
    walMbPerSecond:
      (rates.messagesPerSecond * costs.walBytes.value + rates.marksPerSecond * costs.markWalBytes.value) /
      1e6,
    storedGbPerDay: (rates.messagesPerSecond * costs.databaseBytes.value * PEAK_HOURS_PER_DAY * 3600) / 1e9,
    hopsPerMessage,
    busCores: busMicros / MICROS_PER_SECOND / machines.utilisation,
    busMbPerSecond:
      ((rates.messagesPerSecond + rates.marksPerSecond) *
        (costs.busBytes.value + hopsPerMessage * costs.hopBusBytes.value) +
        alive * ALIVE_BYTES) /
      1e6,
    userSubjects,
    watchSubjects: nodes * watched.perNode,
    asksPerSecond: watched.asksPerSecond,
    busMemoryGb:
      (subjectsInServer(userSubjects, users, nodes, behaviour, machines) * costs.subjectBytes.value) / 1e9,
    aliveMessagesPerSecond: alive,
  };
}

/** A day holds as many messages as so many of its busiest hours. */
export const PEAK_HOURS_PER_DAY = 10;
/** Of a node's sign of life, with its subject and what NATS adds. */
const ALIVE_BYTES = 150;

type Rates = Pick<
  Needs,
  "connections" | "messagesPerSecond" | "marksPerSecond" | "pingsPerSecond" | "returnsPerSecond"
>;

function ratesOf(users: number, behaviour: Behaviour): Rates {
  const devices = behaviour.deviceShares.reduce((sum, share, index) => sum + share * (index + 1), 0);
  const messagesPerSecond = (users * behaviour.messagesPerHour) / 3600;
  return {
    connections: users * devices,
    messagesPerSecond,
    marksPerSecond: messagesPerSecond * behaviour.marksPerMessage,
    pingsPerSecond: (users * devices) / behaviour.pingSeconds,
    returnsPerSecond: (users * behaviour.returnsPerHour) / 3600,
  };
}

/** A node asks for everybody whom it watches again after so long, and for so many a second at most (primary/peer-watch.ts). */
const ASK_AGAIN_SECONDS = 300;
const MOST_ASKS_PER_SECOND = 2000;

interface Watches {
  /** Contacts whom a node watches for any of its users. */
  readonly perNode: number;
  readonly asksPerSecond: number;
}

function watchesOf(nodes: number, users: number, behaviour: Behaviour): Watches {
  const { watchedPeers, onlineShare, returnsPerHour } = behaviour;
  const accounts = users / onlineShare;
  const { perNode } = expectedWatching({ nodes, users, onlineShare, watchedPeers });
  const knownShare = perNode / accounts;
  const anew = ((users * returnsPerHour) / 3600) * watchedPeers * (1 - knownShare);
  const again = nodes * Math.min(perNode / ASK_AGAIN_SECONDS, MOST_ASKS_PER_SECOND);
  return { perNode, asksPerSecond: anew + again };
}

/** What its own nodes have subscribed, and each other server's different subjects once. */
function subjectsInServer(
  userSubjects: number,
  users: number,
  nodes: number,
  behaviour: Behaviour,
  { busServers }: Machines,
): number {
  const nodesOfServer = nodes / busServers;
  const accounts = users / behaviour.onlineShare;
  const drawn = (users / busServers) * behaviour.watchedPeers;
  const own = userSubjects / busServers + nodesOfServer * watchesOf(nodes, users, behaviour).perNode;
  const others = (busServers - 1) * (userSubjects / busServers + different(drawn, accounts));
  return own + others;
}

interface Busy {
  readonly commits: { readonly batch: number };
  readonly hopsPerMessage: number;
  /** µs of CPU a second over all nodes, all databases and all of the bus. */
  readonly micros: Record<CpuPart, number>;
}

function worldOf(nodes: number, { deviceShares }: Behaviour): Parameters<typeof expectedDeliveries>[0] {
  return { nodes, users: 0, deviceShares };
}

function busyWith(
  nodes: number,
  users: number,
  costs: ClusterCosts,
  behaviour: Behaviour,
  machines: Machines,
): Busy {
  const rates = ratesOf(users, behaviour);
  const { acts } = costs.messages;
  const writes = rates.messagesPerSecond + rates.marksPerSecond;
  const commits = expectedCommits({
    nodes,
    messagesPerSecond: writes,
    // As many databases as there must be share the load: a node's transaction finds a processor.
    cores: nodes,
    transactionMs: acts.transaction.postgres.value / 1000,
    messageMs: acts.message.postgres.value / 1000,
    latencyMs: machines.commitLatencyMs,
  });
  const hopsPerMessage = expectedDeliveries(worldOf(nodes, behaviour)) * behaviour.recipientOnline;
  const transactions = writes / commits.batch;
  const newGuests = (users * behaviour.newGuestsPerHour) / 3600;
  const watched = watchesOf(nodes, users, behaviour);
  const presenceMicros = (part: CpuPart): number => {
    if (part !== "primaries" && part !== "nats") return 0;
    const watching = part === "nats" ? 0 : behaviour.watchedPeers * costs.watchMicros.value;
    return (
      rates.returnsPerSecond * (costs.leaving[part].value + watching) +
      watched.asksPerSecond * costs.ask[part].value
    );
  };
  const total = (part: CpuPart): number => {
    const of = (cost: Cost): number => cost[part].value;
    return (
      rates.messagesPerSecond * of(acts.message) +
      rates.marksPerSecond * of(acts.mark) +
      writes * hopsPerMessage * of(acts.hop) +
      transactions * of(acts.transaction) +
      rates.pingsPerSecond * of(costs.ping) +
      rates.returnsPerSecond * of(costs.returned) +
      presenceMicros(part) +
      newGuests * of(costs.login) +
      nodes * of(costs.nodeSecond) +
      users * of(costs.userSecond)
    );
  };
  const micros = Object.fromEntries(cpuParts.map((part) => [part, total(part)])) as Record<CpuPart, number>;
  return { commits, hopsPerMessage, micros };
}

/** How many nodes it takes when things are spread over `nodes` of them, and why. */
function nodesFor(
  nodes: number,
  users: number,
  costs: ClusterCosts,
  behaviour: Behaviour,
  machines: Machines,
): { readonly nodes: number; readonly by: Needs["nodesBy"]; readonly busy: Busy } {
  const busy = busyWith(nodes, users, costs, behaviour, machines);
  const available = machines.utilisation * MICROS_PER_SECOND;
  const memoryPerNode =
    machines.utilisation * machines.nodeMemoryGb - (machines.nodeCores * PROCESS_MB) / 1024;
  const wanted = {
    primary: busy.micros.primaries / available,
    workers: busy.micros.workers / available / (machines.nodeCores - 1),
    memory: memoryGb(users, costs, behaviour) / memoryPerNode,
  };
  const most = Math.max(...Object.values(wanted));
  const by = (["primary", "workers", "memory"] as const).find((name) => wanted[name] === most) ?? "primary";
  // One more than it takes, so that one may be lost; and never fewer than two.
  const needed = Math.ceil(most) + 1;
  return { nodes: Math.max(2, needed), by: most <= 1 ? "the spare one" : by, busy };
}

function memoryGb(users: number, { memoryKb, watchKb }: ClusterCosts, behaviour: Behaviour): number {
  const { connections } = ratesOf(users, behaviour);
  const connected = connections * (memoryKb.primaries.value + memoryKb.workers.value);
  return (connected + users * behaviour.watchedPeers * watchKb.value) / 1024 ** 2;
}

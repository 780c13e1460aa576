/** What the benchmark asks of a generator process, and what it answers: both cross a pipe as JSON. */
import type { MeterReading } from "../system/meters.ts";
import type { GroupCpu, ProcessCpu, ProcessGroup, ProcessMemory } from "../system/processes.ts";
import type { LatencySummary } from "./histogram.ts";

export interface NodeAddress {
  readonly host: string;
  readonly port: number;
  readonly pid: number;
}

/** Several servers over one store, and what is measured beside them. */
export interface Cluster {
  readonly nodes: readonly NodeAddress[];
  /** Whether the two of a pair are on the same node, or on neighbouring ones. */
  readonly placement: "together" | "apart";
  /** Each process is looked at with its descendants. */
  readonly beside: readonly ProcessGroup[];
  readonly postgresUrl: string;
  /** Where nats-server answers questions about itself; absent: no bus. */
  readonly natsMonitorUrl: string | undefined;
}

interface JobBase {
  readonly host: string;
  readonly port: number;
  /** The server whose CPU time and memory are read; its descendants belong to it. */
  readonly serverPid: number;
  readonly connections: number;
  /** v1: whether the server names everybody to everybody, or is past `lobbyUsers` and sends counts only. */
  readonly everybodyNamed: boolean;
}

export interface PhaseTimes {
  /** Before the measured time; does not count. */
  readonly warmupMs: number;
  readonly measureMs: number;
}

/** How the load is offered: a window of messages in flight for each connection, or a fixed rate over all of them. */
export type Offer =
  | { readonly kind: "closed"; readonly window: number }
  | { readonly kind: "open"; readonly messagesPerSecond: number };

export interface RelayJob extends JobBase, PhaseTimes {
  readonly kind: "relay";
  readonly offer: Offer;
}

export interface DurableJob extends JobBase, PhaseTimes {
  readonly kind: "durable";
  /** Of the nicknames, where several loads follow each other on one server. */
  readonly prefix?: string;
  /** Whether the recipient marks every message as delivered and read, as a client does whose window is open. */
  readonly marks?: boolean;
  /** Present: connections go to its nodes instead of `host` and `port`. */
  readonly cluster?: Cluster;
  readonly offer: Offer;
}

export interface IdleJob extends JobBase {
  readonly kind: "idle";
  readonly protocol: Protocol;
  /** Connections that are opened and closed again before the first reading. */
  readonly warmupConnections: number;
  /** Quiet time before each reading of memory. */
  readonly calmMs: number;
}

export interface StormJob extends JobBase {
  readonly kind: "storm";
  readonly protocol: Protocol;
}

/** Users who are there and write nothing. */
export interface OnlineJob extends PhaseTimes {
  readonly kind: "online";
  readonly cluster: Cluster;
  readonly connections: number;
  /** Connections that are opened and closed again before the first reading. */
  readonly warmupConnections: number;
  /** Quiet time before memory is read. */
  readonly calmMs: number;
  readonly pingsPerSecond: number;
}

/** Users who are only simulated, on nodes in the generator's own process. */
export interface PresenceJob {
  readonly kind: "presence";
  readonly seed: number;
  /** Absent: nodes speak to each other in memory. */
  readonly nats: { readonly url: string; readonly pid: number } | undefined;
  readonly nodes: number;
  readonly users: number;
  readonly lobbyUsers: number;
  readonly contacts: number;
  /** Of all who may be somebody's contact. */
  readonly onlineShare: number;
  /** Who comes, watches and goes again while it is measured. */
  readonly arrivals: number;
  readonly arrivalsPerSecond: number;
  readonly quietMs: number;
}

/** Yardstick of the store. */
export interface RowsJob extends PhaseTimes {
  readonly kind: "rows";
  readonly postgresUrl: string;
  readonly postgresPid: number;
  /** Rows of one statement, which is one transaction. */
  readonly batch: number;
  readonly connections: number;
}

/** Yardstick of the bus. */
export interface HopsJob extends PhaseTimes {
  readonly kind: "hops";
  readonly natsUrl: string;
  readonly natsPid: number;
  readonly payloadBytes: number;
}

/** Yardstick of what the bus keeps. */
export interface InterestJob {
  readonly kind: "interest";
  /** Where the subscriber is connected to. */
  readonly natsUrl: string;
  readonly servers: readonly (ProcessGroup & { readonly monitorUrl: string })[];
  readonly warmupSubjects: number;
  readonly subjects: number;
}

export type Protocol = "classic" | "v1";
/** Jobs for a server that the runner starts for them. */
export type ServerJob = RelayJob | DurableJob | IdleJob | StormJob;
export type Job = ServerJob | OnlineJob | PresenceJob | RowsJob | HopsJob | InterestJob;

/** What was looked at in the measured time. */
export interface PhaseResult {
  readonly measuredMs: number;
  /** CPU time of each of the server's processes inside the measured time; the root first, of each node. */
  readonly serverCpu: readonly ProcessCpu[];
  /** Of a cluster: what stands beside the nodes. */
  readonly besideCpu: readonly GroupCpu[];
  /** Of a cluster: what the store and the bus counted in the measured time. */
  readonly meters?: MeterReading;
  readonly generatorCpuMs: number;
  /** Share of the machine (0 to 1) that none of those above used: above a few percent, delays mislead. */
  readonly othersShare: number;
}

export interface LoadResult extends PhaseResult {
  readonly kind: "load";
  readonly delivered: number;
  /** The same, over the whole load. */
  readonly finished: number;
  readonly perSecond: number;
  readonly delivery: LatencySummary;
  /** From sending to the acknowledgement; only where there is one. */
  readonly acknowledgement?: LatencySummary;
  /** Numbers of a conversation that reached a connection before a lower one: each would make a client sync. */
  readonly outOfTurn?: number;
  /** Open loop: messages whose time had come but that were sent late because the generator was busy. */
  readonly sentLate?: number;
}

export interface IdleResult {
  readonly kind: "idle";
  readonly connections: number;
  readonly before: readonly ProcessMemory[];
  readonly after: readonly ProcessMemory[];
}

export interface StormResult {
  readonly kind: "storm";
  readonly connections: number;
  /** From the first connection attempt until every client has everybody. */
  readonly untilCompleteMs: number;
  readonly receivedBytes: number;
  readonly serverCpu: readonly ProcessCpu[];
}

export interface GroupMemory {
  readonly name: string;
  readonly pssKb: number;
}

export interface OnlineResult {
  readonly kind: "online";
  readonly connections: number;
  readonly memoryBefore: readonly GroupMemory[];
  readonly memoryAfter: readonly GroupMemory[];
  /** Of new guests. */
  readonly logins: PhaseResult;
  /** Nobody does anything. */
  readonly quiet: PhaseResult;
  readonly pings: PhaseResult & { readonly pings: number; readonly delay: LatencySummary };
  /** Of the same guests, by their tokens and cursors. */
  readonly returns: PhaseResult;
}

/** Whom one user asks for of whom nobody knows anything. */
export const STRANGERS = 10;

/** Over all nodes together. */
export interface PresenceAct {
  readonly count: number;
  readonly measuredMs: number;
  readonly nodesCpuMs: number;
  readonly busCpuMs: number;
  readonly sentMessages: number;
  readonly sentBytes: number;
  readonly receivedMessages: number;
  readonly receivedBytes: number;
}

export interface PresenceResult {
  readonly kind: "presence";
  readonly users: number;
  readonly setUpMs: number;
  /** Growth of the process. */
  readonly rssKb: number;
  /** Nobody comes or goes. */
  readonly quiet: PresenceAct;
  readonly joins: PresenceAct;
  /** Of one user's contacts, all at once. */
  readonly watches: PresenceAct;
  /** Of as many users whom no node watches yet, and who are not there: each is a question to the bus. */
  readonly strangers: PresenceAct;
  readonly leaves: PresenceAct;
}

export interface RowsResult extends PhaseResult {
  readonly kind: "rows";
  readonly rows: number;
  /** From the statement's sending until it was committed. */
  readonly commit: LatencySummary;
}

export interface HopsResult extends PhaseResult {
  readonly kind: "hops";
  readonly hops: number;
  readonly delay: LatencySummary;
}

export interface InterestResult {
  readonly kind: "interest";
  readonly subjects: number;
  /** What each took for all of them. */
  readonly servers: readonly (GroupCpu & { readonly rssKb: number })[];
}

export type JobResult =
  | LoadResult
  | IdleResult
  | StormResult
  | OnlineResult
  | PresenceResult
  | RowsResult
  | HopsResult
  | InterestResult;

/** The node of a connection: pairs go round, and so do their second halves when they are apart. */
export function nodeOf({ nodes, placement }: Cluster, connection: number): NodeAddress {
  const pair = connection >> 1;
  const step = placement === "apart" ? connection & 1 : 0;
  const node = nodes[(pair + step) % nodes.length];
  if (node === undefined) throw new LoadError("a cluster without nodes");
  return node;
}

/** What was measured does not count: a message was lost, repeated, changed or out of order. */
export class LoadError extends Error {
  override readonly name = "LoadError";
}

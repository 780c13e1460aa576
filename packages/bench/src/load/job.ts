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

/** How the load is offered: a window of messages in flight for each connection, or a fixed rate over all of them. */
export type Offer =
  | { readonly kind: "closed"; readonly window: number }
  | { readonly kind: "open"; readonly messagesPerSecond: number };

export interface RelayJob extends JobBase {
  readonly kind: "relay";
  readonly offer: Offer;
  readonly warmupMs: number;
  readonly measureMs: number;
}

export interface DurableJob extends JobBase {
  readonly kind: "durable";
  /** Present: connections go to its nodes instead of `host` and `port`. */
  readonly cluster?: Cluster;
  readonly offer: Offer;
  readonly warmupMs: number;
  readonly measureMs: number;
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

export type Protocol = "classic" | "v1";
export type Job = RelayJob | DurableJob | IdleJob | StormJob;

export interface LoadResult {
  readonly kind: "load";
  readonly delivered: number;
  readonly measuredMs: number;
  readonly perSecond: number;
  /** CPU time of each of the server's processes inside the measured time; the root first, of each node. */
  readonly serverCpu: readonly ProcessCpu[];
  /** Of a cluster: what stands beside the nodes. */
  readonly besideCpu: readonly GroupCpu[];
  /** Of a cluster: what the store and the bus counted in the measured time. */
  readonly meters?: MeterReading;
  readonly generatorCpuMs: number;
  readonly othersShare: number;
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

export type JobResult = LoadResult | IdleResult | StormResult;

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

/** Users of a cluster who write nothing: what it takes to come, to be there, to ping and to come back. */
import type { GroupMemory, OnlineResult, PhaseResult } from "../load/job.ts";
import { type CpuPart, cpuParts } from "../model/cpu-parts.ts";
import type { Chart } from "../report/chart.ts";
import { formatNumber, formatSpread, type Report, spreadOf, tableOf } from "../report/report.ts";
import { ClusterHost, POSTGRES_NOTE } from "../servers/cluster.ts";
import { generate } from "../servers/generator.ts";
import {
  type BenchContext,
  type Limits,
  limitsNote,
  machineNote,
  OTHERS_NOTE,
  sharedCores,
} from "./context.ts";

/** More than `lobbyUsers`. */
const CONNECTIONS = [2000, 6000];
const NODES = 2;
/** So many logins that what they run is compiled. */
const WARMUP_CONNECTIONS = 1500;
const CALM_MS = 6000;
const PINGS_PER_SECOND = 1000;
const LOBBY_USERS = 1000;
/** The generator's users ping when it is measured, and not otherwise. */
const LIMITS: Limits = { silenceMs: 600_000, helloMs: 60_000, lobbyUsers: LOBBY_USERS };

export interface OnlineRun {
  readonly connections: number;
  readonly nodes: number;
  readonly run: number;
  readonly nodePids: readonly number[];
  readonly result: OnlineResult;
}

export const ONLINE_REPORT = "Users online in a cluster";

export async function benchOnline(context: BenchContext): Promise<Report> {
  const { settings } = context;
  await using host = await ClusterHost.start(context.clock, context.children);
  const nodes = settings.nodes?.at(-1) ?? NODES;
  const runs: OnlineRun[] = [];
  for (let run = 1; run <= settings.runs; run += 1) {
    for (const connections of settings.connections === undefined ? CONNECTIONS : [settings.connections]) {
      runs.push(await runUsers(context, host, nodes, connections, run));
    }
  }
  return {
    name: ONLINE_REPORT,
    notes: [
      machineNote(),
      `${nodes} nodes with one worker each, PostgreSQL, nats-server and generator: ${sharedCores.description}; more users than ` +
        "`lobbyUsers`, so that counts go round and no lists",
      "logins: of new guests, 64 at a time, until everybody was let in; returns: the same guests by token and cursor",
      `quiet: nobody does anything; pings: ${formatNumber(PINGS_PER_SECOND)} a second with a cursor, as a client sends one every 25 s`,
      `memory: growth of PSS from no connections (after ${WARMUP_CONNECTIONS} were opened and closed again), read after ${CALM_MS / 1000} s of quiet`,
      `${POSTGRES_NOTE}; runs: ${settings.runs}: median [lowest–highest]`,
      OTHERS_NOTE,
      limitsNote(LIMITS),
    ],
    tables: [
      tableOf("CPU", CPU_COLUMNS, rowsOf(runs, cpuRows)),
      tableOf("Store and bus, for each login, return or ping", COUNT_COLUMNS, rowsOf(runs, countRows)),
      tableOf("Memory, KB for each user", MEMORY_COLUMNS, rowsOf(runs, memoryRows)),
    ],
    charts: chartsOf(runs),
    targets: [],
    runs,
  };
}

async function runUsers(
  context: BenchContext,
  host: ClusterHost,
  nodes: number,
  connections: number,
  run: number,
): Promise<OnlineRun> {
  const { clock, children, settings } = context;
  const { warmupMs, measureMs, dataParent } = settings;
  const workers = settings.workers?.[0] ?? 1;
  const bus = nodes === 1 ? "local" : "nats";
  await using cluster = await host.startCluster({ nodes, workers, bus, limits: LIMITS, dataParent });
  const { beside, postgresUrl, natsMonitorUrl } = cluster;
  const result = await generate<"online">(
    clock,
    children,
    {
      kind: "online",
      cluster: { nodes: cluster.nodes, beside, postgresUrl, natsMonitorUrl, placement: "together" },
      connections,
      warmupConnections: Math.min(WARMUP_CONNECTIONS, connections),
      calmMs: CALM_MS,
      ...{ warmupMs, measureMs, pingsPerSecond: PINGS_PER_SECOND },
    },
    undefined,
  );
  const measured = { connections, nodes, run, nodePids: cluster.nodes.map(({ pid }) => pid), result };
  context.progress(
    `run ${run} ${formatNumber(connections)} users: ${formatNumber(costOf(measured, "logins", "all"))} µs a login, ` +
      `${formatNumber(costOf(measured, "pings", "all"))} µs a ping, ${formatNumber(memoryOf(measured, "workers"))} KB in workers`,
  );
  return measured;
}

export const activities = ["logins", "returns", "pings", "quiet"] as const;
export type Activity = (typeof activities)[number];

/** How often it was done; of quiet, the seconds that a user was there. */
export function countOf({ result }: OnlineRun, activity: Activity): number {
  switch (activity) {
    case "logins":
    case "returns":
      return result.connections;
    case "pings":
      return result.pings.pings;
    case "quiet":
      return (result.connections * result.quiet.measuredMs) / 1000;
  }
}

/** µs of CPU for each. What quiet takes is part of all of them, and is taken off pings only, which last as long. */
export function costOf(run: OnlineRun, activity: Activity, part: CpuPart | "all"): number {
  const parts: readonly CpuPart[] = part === "all" ? cpuParts : [part];
  const used = (phase: PhaseResult): number => parts.reduce((sum, one) => sum + partMs(run, phase, one), 0);
  const { quiet } = run.result;
  const phase = run.result[activity];
  const base = activity === "pings" ? (used(quiet) * phase.measuredMs) / quiet.measuredMs : 0;
  return (Math.max(0, used(phase) - base) * 1000) / countOf(run, activity);
}

function partMs({ nodePids }: OnlineRun, { serverCpu, besideCpu }: PhaseResult, part: CpuPart): number {
  const servers = (isPrimary: boolean): number =>
    serverCpu
      .filter(({ pid }) => nodePids.includes(pid) === isPrimary)
      .reduce((sum, { cpuMs }) => sum + cpuMs, 0);
  switch (part) {
    case "primaries":
      return servers(true);
    case "workers":
      return servers(false);
    case "postgres":
    case "nats":
      return besideCpu.find(({ name }) => name === part)?.cpuMs ?? 0;
  }
}

/** KB of growth for each user. */
export function memoryOf({ result }: OnlineRun, part: CpuPart): number {
  const kb = (memory: readonly GroupMemory[]): number => memory.find(({ name }) => name === part)?.pssKb ?? 0;
  return (kb(result.memoryAfter) - kb(result.memoryBefore)) / result.connections;
}

function rowsOf(
  runs: readonly OnlineRun[],
  rows: (group: readonly OnlineRun[]) => readonly string[][],
): string[][] {
  const groups = Map.groupBy(runs, ({ connections }) => connections);
  return [...groups].flatMap(([connections, group]) =>
    rows(group).map((cells) => [formatNumber(connections), ...cells]),
  );
}

const CPU_COLUMNS = [
  ...[
    "users",
    "what",
    "primaries, µs",
    "workers, µs",
    "PostgreSQL, µs",
    "NATS, µs",
    "in all, µs",
    "others %",
  ],
];
const activityNames: Readonly<Record<Activity, string>> = {
  logins: "login of a new guest",
  returns: "return",
  pings: "ping",
  quiet: "a second of being there",
};

function cpuRows(group: readonly OnlineRun[]): string[][] {
  return activities.map((activity) => [
    activityNames[activity],
    ...[...cpuParts, "all" as const].map((part) =>
      formatSpread(group.map((run) => costOf(run, activity, part))),
    ),
    formatSpread(group.map(({ result }) => result[activity].othersShare * 100)),
  ]);
}

const COUNT_COLUMNS = [
  ...["users", "what", "transactions that write", "all transactions", "WAL bytes"],
  ...["bus messages in", "out", "bus bytes in", "out", "subscriptions"],
];

function countRows(group: readonly OnlineRun[]): string[][] {
  return (["logins", "returns", "pings"] as const).map((activity) => [
    activityNames[activity],
    ...(
      [
        "writeTransactions",
        "transactions",
        "walBytes",
        "busInMessages",
        "busOutMessages",
        "busInBytes",
        "busOutBytes",
        "busSubscriptions",
      ] as const
    ).map((name) =>
      formatSpread(
        group.map((run) => (run.result[activity].meters?.[name] ?? Number.NaN) / countOf(run, activity)),
      ),
    ),
  ]);
}

const MEMORY_COLUMNS = ["users", "primaries", "workers", "PostgreSQL", "NATS"];

function memoryRows(group: readonly OnlineRun[]): string[][] {
  return [cpuParts.map((part) => formatSpread(group.map((run) => memoryOf(run, part))))];
}

function chartsOf(runs: readonly OnlineRun[]): Chart[] {
  const largest = Math.max(...runs.map(({ connections }) => connections));
  const group = runs.filter(({ connections }) => connections === largest);
  const shown = ["logins", "returns", "pings"] as const;
  return [
    {
      kind: "bars",
      name: "cluster-cpu-online",
      title: `What ${formatNumber(largest)} users cost without a message`,
      valueLabel: "µs of CPU for each login, return and ping",
      labels: shown.map((activity) => activityNames[activity]),
      parts: cpuParts.map((part) => ({
        name: part,
        values: shown.map((activity) => spreadOf(group.map((run) => costOf(run, activity, part))).median),
      })),
    },
  ];
}

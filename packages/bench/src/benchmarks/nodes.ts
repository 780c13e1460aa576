/** Durable messages through PostgreSQL over one node and several: what a message costs where, and what a hop adds. */
import type { LoadResult, Offer } from "../load/job.ts";
import { type CpuPart, cpuParts } from "../model/cpu-parts.ts";
import type { Chart } from "../report/chart.ts";
import { formatNumber, formatSpread, type Report, spreadOf, type Target, tableOf } from "../report/report.ts";
import { ClusterHost, POSTGRES_NOTE } from "../servers/cluster.ts";
import { generate } from "../servers/generator.ts";
import { fileSystemOf } from "../system/file-system.ts";
import {
  type BenchContext,
  type Limits,
  limitsNote,
  machineNote,
  OTHERS_NOTE,
  othersPercent,
  sharedCores,
} from "./context.ts";

const CONNECTIONS = 200;
const WINDOW = 8;
const NODES = [1, 2, 3];
const OPEN_PER_SECOND = 2000;
/** Full load before anything is measured: code that has just begun to run is compiled while it runs, which costs more than it. */
const HEAT_MS = 8000;
const LIMITS: Limits = { framesPerSecond: 1_000_000, framesBurst: 1_000_000, silenceMs: 600_000 };
const TARGET_PER_SECOND = 10_000;

export interface ClusterCase {
  readonly nodes: number;
  readonly placement: "together" | "apart";
  readonly bus: "nats" | "local";
  /** Whether every message is marked as delivered and read by its recipient. */
  readonly marks: boolean;
}

export interface NodesRun extends ClusterCase {
  readonly offer: Offer;
  readonly run: number;
  readonly nodePids: readonly number[];
  readonly result: LoadResult;
}

export const NODES_REPORT = "Messages over a cluster";

export async function benchNodes(context: BenchContext): Promise<Report> {
  const { clock, children, settings } = context;
  await using host = await ClusterHost.start(clock, children);
  const runs: NodesRun[] = [];
  for (let run = 1; run <= settings.runs; run += 1) {
    for (const what of casesOf(settings.nodes ?? NODES)) {
      runs.push(...(await runCase(context, host, what, run)));
    }
  }
  return {
    name: NODES_REPORT,
    notes: [
      machineNote(),
      `${settings.connections ?? CONNECTIONS} v1 connections in pairs, 64-byte texts; a message counts when it was committed, ` +
        `acknowledged and delivered; nodes (${workersOf(context)} worker each), PostgreSQL, nats-server and generator: ` +
        `${sharedCores.description}; data on ${fileSystemOf(settings.dataParent)}`,
      POSTGRES_NOTE,
      "together: both of a pair on the same node; apart: on two, so that every message crosses the bus",
      `runs: ${settings.runs}, of ${settings.measureMs / 1000} s each, the cases in turn: median [lowest–highest]`,
      "marked: the recipient marks each message as delivered and read, which is a change of its own that is stored and told",
      `each cluster is under full load for ${HEAT_MS / 1000} s before it is measured`,
      "CPU in µs for each message, user and system time of all processes of that kind; in all: without the generator",
      OTHERS_NOTE,
      limitsNote(LIMITS),
    ],
    tables: [
      tableOf("CPU", CPU_COLUMNS, rowsOf(runs, cpuCells)),
      tableOf("Store and bus, for each message", COUNT_COLUMNS, rowsOf(runs, countCells)),
      tableOf("Delays, ms", DELAY_COLUMNS, rowsOf(runs, delayCells)),
      tableOf("A hop: apart less together, for each message", HOP_COLUMNS, hopRows(runs)),
    ],
    charts: chartsOf(runs),
    targets: targetsOf(runs),
    runs,
  };
}

/** The last one is tried with marks too. */
function casesOf(nodes: readonly number[]): ClusterCase[] {
  const cases = nodes.flatMap((count): ClusterCase[] => {
    const plain = { nodes: count, placement: "together", bus: "nats", marks: false } as const;
    return count === 1 ? [{ ...plain, bus: "local" }, plain] : [plain, { ...plain, placement: "apart" }];
  });
  const last = cases.at(-1);
  return last === undefined ? [] : [...cases, { ...last, marks: true }];
}

function offersOf({ settings }: BenchContext): Offer[] {
  const windows = settings.windows ?? [WINDOW];
  const rates = settings.rates ?? [OPEN_PER_SECOND];
  return [
    ...windows.map((window): Offer => ({ kind: "closed", window })),
    ...rates.map((messagesPerSecond): Offer => ({ kind: "open", messagesPerSecond })),
  ];
}

function workersOf({ settings }: BenchContext): number {
  return settings.workers?.[0] ?? 1;
}

/** A cluster of its own, heated, and then all offers one after the other. */
async function runCase(
  context: BenchContext,
  host: ClusterHost,
  what: ClusterCase,
  run: number,
): Promise<NodesRun[]> {
  const { clock, children, settings } = context;
  const { warmupMs, measureMs, dataParent } = settings;
  const workers = workersOf(context);
  await using cluster = await host.startCluster({ ...what, workers, limits: LIMITS, dataParent });
  const { nodes, beside, postgresUrl, natsMonitorUrl } = cluster;
  const [first] = nodes;
  const job = {
    kind: "durable",
    host: first?.host ?? "",
    port: first?.port ?? 0,
    serverPid: first?.pid ?? 0,
    connections: settings.connections ?? CONNECTIONS,
    everybodyNamed: true,
    marks: what.marks,
    cluster: { nodes, beside, postgresUrl, natsMonitorUrl, placement: what.placement },
  } as const;
  const heating = { kind: "closed", window: WINDOW } as const;
  const heat = { ...job, prefix: "heat", offer: heating, warmupMs: 1, measureMs: HEAT_MS };
  await generate<"durable">(clock, children, heat, undefined);
  const runs: NodesRun[] = [];
  for (const [index, offer] of offersOf(context).entries()) {
    const load = { ...job, prefix: `u${index}-`, offer, warmupMs, measureMs };
    const result = await generate<"durable">(clock, children, load, undefined);
    const measured = { ...what, offer, run, nodePids: nodes.map(({ pid }) => pid), result };
    runs.push(measured);
    context.progress(
      `run ${run} ${caseName(what)}, ${offerName(offer)}: ${formatNumber(result.perSecond)}/s, ` +
        `${formatNumber(cpuOf(measured).all)} µs, delivery p50 ${formatNumber(result.delivery.p50Ms)} ms, ` +
        `others ${formatNumber(othersPercent(result))} %`,
    );
  }
  return runs;
}

function caseName({ nodes, placement, bus, marks }: ClusterCase): string {
  const end = marks ? ", marked" : "";
  if (nodes === 1) return bus === "local" ? `1 node, no bus${end}` : `1 node${end}`;
  return `${nodes} nodes, ${placement}${end}`;
}

export function offerName(offer: Offer): string {
  return offer.kind === "closed" ? `window ${offer.window}` : `${formatNumber(offer.messagesPerSecond)}/s`;
}

/** µs for each message. */
export function cpuOf({ result, nodePids }: NodesRun): Record<CpuPart | "all" | "generator", number> {
  const micros = (cpuMs: number): number => (cpuMs * 1000) / result.delivered;
  const server = (isPrimary: boolean): number =>
    micros(
      result.serverCpu
        .filter(({ pid }) => nodePids.includes(pid) === isPrimary)
        .reduce((sum, { cpuMs }) => sum + cpuMs, 0),
    );
  const beside = (name: string): number =>
    micros(result.besideCpu.find((group) => group.name === name)?.cpuMs ?? 0);
  const parts = {
    primaries: server(true),
    workers: server(false),
    postgres: beside("postgres"),
    nats: beside("nats"),
  };
  const all = cpuParts.reduce((sum, part) => sum + parts[part], 0);
  return { ...parts, all, generator: micros(result.generatorCpuMs) };
}

function groupsOf(runs: readonly NodesRun[]): NodesRun[][] {
  return [...Map.groupBy(runs, (run) => `${offerName(run.offer)} ${caseName(run)}`).values()];
}

function rowsOf(runs: readonly NodesRun[], cells: (group: readonly NodesRun[]) => string[]): string[][] {
  return groupsOf(runs).flatMap((group) => {
    const [first] = group;
    return first === undefined ? [] : [[caseName(first), offerName(first.offer), ...cells(group)]];
  });
}

const CPU_COLUMNS = [
  ...["cluster", "load", "messages/s", "primaries", "workers", "PostgreSQL", "NATS", "in all"],
  ...["messages per CPU second", "generator", "others %"],
];

function cpuCells(group: readonly NodesRun[]): string[] {
  const costs = group.map(cpuOf);
  return [
    formatSpread(group.map(({ result }) => result.perSecond)),
    ...[...cpuParts, "all" as const].map((part) => formatSpread(costs.map((cost) => cost[part]))),
    formatSpread(costs.map(({ all }) => 1e6 / all)),
    formatSpread(costs.map(({ generator }) => generator)),
    formatSpread(group.map(({ result }) => othersPercent(result))),
  ];
}

const COUNT_COLUMNS = [
  ...["cluster", "load", "messages/transaction", "transactions, reading too", "WAL bytes", "database bytes"],
  ...["bus messages in", "out", "bus bytes in", "out"],
];

function countCells(group: readonly NodesRun[]): string[] {
  const each = (count: (run: NodesRun) => number): string => formatSpread(group.map(count));
  const perMessage = (name: keyof NonNullable<LoadResult["meters"]>): string =>
    each(({ result }) => (result.meters?.[name] ?? Number.NaN) / result.delivered);
  return [
    each(({ result }) => result.delivered / (result.meters?.writeTransactions ?? Number.NaN)),
    ...(["transactions", "walBytes", "databaseBytes"] as const).map(perMessage),
    ...(["busInMessages", "busOutMessages", "busInBytes", "busOutBytes"] as const).map(perMessage),
  ];
}

const DELAY_COLUMNS = [
  ...["cluster", "load", "ack p50", "ack p99", "delivery p50", "delivery p99", "delivery p99.9"],
  "out of turn %",
];

function delayCells(group: readonly NodesRun[]): string[] {
  const each = (value: (result: LoadResult) => number): string =>
    formatSpread(group.map(({ result }) => value(result)));
  return [
    each((result) => result.acknowledgement?.p50Ms ?? Number.NaN),
    each((result) => result.acknowledgement?.p99Ms ?? Number.NaN),
    each((result) => result.delivery.p50Ms),
    each((result) => result.delivery.p99Ms),
    each((result) => result.delivery.p999Ms),
    // Counted from the first message on, the warm-up included.
    each((result) => ((result.outOfTurn ?? 0) / (2 * result.finished)) * 100),
  ];
}

const HOP_COLUMNS = [
  ...["nodes", "load", "primaries, µs", "workers, µs", "PostgreSQL, µs", "NATS, µs", "in all, µs"],
  "delivery p50, ms",
];

function hopRows(runs: readonly NodesRun[]): string[][] {
  return groupsOf(runs).flatMap((apart) => {
    const [first] = apart;
    if (first?.placement !== "apart" || first.marks) return [];
    const together = runs.filter(
      (run) =>
        run.placement === "together" &&
        run.nodes === first.nodes &&
        !run.marks &&
        offerName(run.offer) === offerName(first.offer),
    );
    if (together.length === 0) return [];
    const difference = (value: (run: NodesRun) => number): string =>
      formatNumber(spreadOf(apart.map(value)).median - spreadOf(together.map(value)).median);
    return [
      [
        String(first.nodes),
        offerName(first.offer),
        ...[...cpuParts, "all" as const].map((part) => difference((run) => cpuOf(run)[part])),
        difference(({ result }) => result.delivery.p50Ms),
      ],
    ];
  });
}

function chartsOf(runs: readonly NodesRun[]): Chart[] {
  const byOffer = Map.groupBy(runs, ({ offer }) => offerName(offer));
  return [...byOffer].map(([load, group]) => {
    const cases = groupsOf(group);
    const fileName = load.replaceAll(/[^a-z0-9]+/g, "-").replace(/-s$/, "-a-second");
    return {
      kind: "bars",
      name: `cluster-cpu-${fileName}`,
      title: `What a durable message costs, ${load}`,
      valueLabel: "µs of CPU for each message (median of the runs)",
      labels: cases.map(([first]) => (first === undefined ? "" : caseName(first))),
      parts: cpuParts.map((part) => ({
        name: part,
        values: cases.map((same) => spreadOf(same.map((run) => cpuOf(run)[part])).median),
      })),
    };
  });
}

function targetsOf(runs: readonly NodesRun[]): Target[] {
  const closed = groupsOf(runs.filter(({ offer, marks }) => offer.kind === "closed" && !marks));
  const rates = closed.map((group) => ({
    name: group[0] === undefined ? "" : caseName(group[0]),
    perSecond: spreadOf(group.map(({ result }) => result.perSecond)).median,
  }));
  return rates.map(({ name, perSecond }) => ({
    what: `durable messages a second through PostgreSQL, everything on this machine (${name})`,
    wanted: `≥ ${formatNumber(TARGET_PER_SECOND)}`,
    measured: formatNumber(perSecond),
    met: perSecond >= TARGET_PER_SECOND,
  }));
}

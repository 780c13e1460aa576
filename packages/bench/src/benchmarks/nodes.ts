/** Durable messages through PostgreSQL over one node and several: what a message costs where, and what a hop adds. */
import type { LoadResult, Offer } from "../load/job.ts";
import { type CpuPart, cpuParts } from "../model/cpu-parts.ts";
import type { Chart } from "../report/chart.ts";
import { formatDifference } from "../report/interval.ts";
import { formatNumber, formatSpread, type Report, spreadOf, type Target, tableOf } from "../report/report.ts";
import { ClusterHost, POSTGRES_NOTE, type RunningCluster } from "../servers/cluster.ts";
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
/** Few messages, each in a transaction of its own, and more. */
const RATES = [300, 2000];
/** Of each cluster in which people are placed in either way: what a hop costs is the difference of two runs, one after the other. */
const PAIRS = 4;
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

type Placement = ClusterCase["placement"];

/** A cluster, and how people are placed in it in turn. */
interface ClusterPlan extends Omit<ClusterCase, "placement"> {
  readonly placements: readonly [Placement] | readonly [Placement, Placement];
}

export interface NodesRun extends ClusterCase {
  readonly offer: Offer;
  readonly run: number;
  /** Runs of one cluster and offer with the same number follow each other. */
  readonly pair: number;
  readonly nodePids: readonly number[];
  readonly result: LoadResult;
}

export const NODES_REPORT = "Messages over a cluster";

export async function benchNodes(context: BenchContext): Promise<Report> {
  const { clock, children, settings } = context;
  await using host = await ClusterHost.start(clock, children);
  const runs: NodesRun[] = [];
  for (let run = 1; run <= settings.runs; run += 1) {
    for (const plan of plansOf(settings.nodes ?? NODES)) {
      runs.push(...(await runPlan(context, host, plan, run)));
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
      `rounds: ${settings.runs}, the clusters in turn; of each, and each load, one run of ${settings.measureMs / 1000} s, or ${PAIRS} in either placement, now ` +
        "the one first, now the other: median [lowest–highest]",
      "a hop: the median of the differences of two runs that follow each other, and where it lies with a confidence of 95 %; 0? is not told from nothing",
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
function plansOf(nodes: readonly number[]): ClusterPlan[] {
  const plans = nodes.flatMap((count): ClusterPlan[] => {
    const plain = { nodes: count, bus: "nats", marks: false } as const;
    if (count > 1) return [{ ...plain, placements: ["together", "apart"] }];
    const alone = { ...plain, placements: ["together"] } as const;
    return [{ ...alone, bus: "local" }, alone];
  });
  const last = plans.at(-1);
  if (last === undefined) return [];
  return [...plans, { ...last, placements: [last.placements.at(-1) ?? "together"], marks: true }];
}

function offersOf({ settings }: BenchContext): Offer[] {
  const windows = settings.windows ?? [WINDOW];
  const rates = settings.rates ?? RATES;
  return [
    ...windows.map((window): Offer => ({ kind: "closed", window })),
    ...rates.map((messagesPerSecond): Offer => ({ kind: "open", messagesPerSecond })),
  ];
}

function workersOf({ settings }: BenchContext): number {
  return settings.workers?.[0] ?? 1;
}

/** A cluster of its own, heated, and then all offers one after the other. */
async function runPlan(
  context: BenchContext,
  host: ClusterHost,
  { placements, ...plan }: ClusterPlan,
  run: number,
): Promise<NodesRun[]> {
  const { settings } = context;
  const workers = workersOf(context);
  const options = { ...plan, workers, limits: LIMITS, dataParent: settings.dataParent };
  await using cluster = await host.startCluster(options);
  const heating = { kind: "closed", window: WINDOW } as const;
  const heat = { placement: placements[0], marks: plan.marks, offer: heating };
  await load(context, cluster, heat, { prefix: "heat", warmupMs: 1, measureMs: HEAT_MS });
  const nodePids = cluster.nodes.map(({ pid }) => pid);
  const runs: NodesRun[] = [];
  for (const [index, offer] of offersOf(context).entries()) {
    for (let pair = 1; pair <= (placements.length === 1 ? 1 : PAIRS); pair += 1) {
      // Now the one first, now the other: what drifts with time is in neither.
      for (const placement of pair % 2 === 1 ? placements : placements.toReversed()) {
        const times = { prefix: `u${index}-${pair}${placement.charAt(0)}-`, ...settings };
        const result = await load(context, cluster, { placement, marks: plan.marks, offer }, times);
        const measured = { ...plan, placement, offer, run, pair, nodePids, result };
        runs.push(measured);
        context.progress(
          `run ${run} ${caseName(measured)}, ${offerName(offer)}: ${formatNumber(result.perSecond)}/s, ` +
            `${formatNumber(cpuOf(measured).all)} µs, delivery p50 ${formatNumber(result.delivery.p50Ms)} ms, ` +
            `others ${formatNumber(othersPercent(result))} %`,
        );
      }
    }
  }
  return runs;
}

function load(
  { clock, children, settings }: BenchContext,
  { nodes, beside, postgresUrl, natsMonitorUrl }: RunningCluster,
  { placement, marks, offer }: Pick<NodesRun, "placement" | "marks" | "offer">,
  { prefix, warmupMs, measureMs }: { prefix: string; warmupMs: number; measureMs: number },
): Promise<LoadResult> {
  const [first] = nodes;
  const job = {
    kind: "durable",
    host: first?.host ?? "",
    port: first?.port ?? 0,
    serverPid: first?.pid ?? 0,
    connections: settings.connections ?? CONNECTIONS,
    everybodyNamed: true,
    cluster: { nodes, beside, postgresUrl, natsMonitorUrl, placement },
    ...{ marks, offer, prefix, warmupMs, measureMs },
  } as const;
  return generate<"durable">(clock, children, job, undefined);
}

export function caseName({ nodes, placement, bus, marks }: ClusterCase): string {
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
    const pairs = apart.flatMap((one) => {
      const beside = runs.find((other) => other.placement === "together" && isSameBut(one, other));
      return beside === undefined ? [] : [[one, beside] as const];
    });
    if (pairs.length === 0) return [];
    const difference = (value: (run: NodesRun) => number): string =>
      formatDifference(pairs.map(([one, beside]) => value(one) - value(beside)));
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

/** But for the placement. */
function isSameBut(one: NodesRun, other: NodesRun): boolean {
  const key = ({ run, pair, nodes, marks, offer }: NodesRun): string =>
    [run, pair, nodes, marks, offerName(offer)].join();
  return key(one) === key(other);
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

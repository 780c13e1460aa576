/** v1 messages, committed, acknowledged and delivered: how many a second, at what delay, and where the CPU time goes. */
import type { LoadResult, Offer } from "../load/job.ts";
import { formatNumber, formatSpread, type Report, spreadOf, type Target, tableOf } from "../report/report.ts";
import { fileSystemOf } from "../system/file-system.ts";
import {
  type BenchContext,
  type Limits,
  limitsNote,
  machineNote,
  OTHERS_NOTE,
  othersPercent,
  runOnce,
  type Settings,
  serverCpuMicrosPerMessage,
  sharedCores,
} from "./context.ts";

const CONNECTIONS = 200;
const WINDOWS = [1, 4];
const WORKERS = [2];
const LIMITS: Limits = { framesPerSecond: 1_000_000, framesBurst: 1_000_000, silenceMs: 600_000 };
const TARGET_PER_SECOND = 25_000;
const TARGET_P99_MS = 50;
/** The open loop offers this share of what the closed one reached. */
const OPEN_SHARE = 0.5;

interface DurableRun {
  readonly workers: number;
  readonly offer: Offer;
  readonly run: number;
  readonly result: LoadResult;
}

export async function benchDurable(context: BenchContext): Promise<Report> {
  const { settings } = context;
  const connections = settings.connections ?? CONNECTIONS;
  const windows = settings.windows ?? WINDOWS;
  const runs: DurableRun[] = [];
  for (let run = 1; run <= settings.runs; run += 1) {
    for (const workers of settings.workers ?? WORKERS) {
      let reachedPerSecond = 0;
      for (const window of windows) {
        const measured = await runOffer(context, workers, connections, { kind: "closed", window }, run);
        runs.push(measured);
        reachedPerSecond = measured.result.perSecond;
      }
      const messagesPerSecond = settings.rates?.[0] ?? Math.round(reachedPerSecond * OPEN_SHARE);
      runs.push(await runOffer(context, workers, connections, { kind: "open", messagesPerSecond }, run));
    }
  }
  return {
    name: "Durable messages",
    notes: [
      machineNote(),
      `${connections} v1 connections in pairs, 64-byte texts; a message counts when it was committed, acknowledged and ` +
        `delivered; ${sharedCores.description}; data on ${fileSystemOf(settings.dataParent)}`,
      `runs: ${settings.runs}, of ${settings.measureMs / 1000} s each: median [lowest–highest]; CPU in µs for each message`,
      `open loop: ${openLoopRate(settings, windows)}; its delays count from the time a message was due`,
      OTHERS_NOTE,
      limitsNote(LIMITS),
    ],
    tables: [
      tableOf("Throughput", THROUGHPUT_COLUMNS, rowsOf(runs, throughputCells)),
      tableOf("Delays", DELAY_COLUMNS, rowsOf(runs, delayCells)),
    ],
    targets: targetsOf(runs),
    runs,
  };
}

function openLoopRate(settings: Settings, windows: readonly number[]): string {
  const messagesPerSecond = settings.rates?.[0];
  if (messagesPerSecond !== undefined) return `${formatNumber(messagesPerSecond)} messages a second`;
  return `half of the rate that window ${windows.at(-1)} reached`;
}

async function runOffer(
  context: BenchContext,
  workers: number,
  connections: number,
  offer: Offer,
  run: number,
): Promise<DurableRun> {
  const { warmupMs, measureMs } = context.settings;
  const plan = { server: "duologue", workers, limits: LIMITS, placement: sharedCores } as const;
  const result = await runOnce<"durable">(context, plan, {
    kind: "durable",
    connections,
    everybodyNamed: true,
    offer,
    warmupMs,
    measureMs,
  });
  context.progress(
    `run ${run} workers ${workers} ${offerName(offer)}: ${formatNumber(result.perSecond)}/s, ` +
      `${formatNumber(serverCpuMicrosPerMessage(result))} µs, delivery p99 ${formatNumber(result.delivery.p99Ms)} ms`,
  );
  return { workers, offer, run, result };
}

function offerName(offer: Offer): string {
  switch (offer.kind) {
    case "closed":
      return `window ${offer.window}`;
    case "open":
      return "open loop";
  }
}

const THROUGHPUT_COLUMNS = [
  "workers",
  "load",
  "messages/s",
  "CPU primary",
  "CPU workers",
  "CPU generator",
  "out of turn",
  "others %",
];
const DELAY_COLUMNS = [
  "workers",
  "load",
  ...["ack p50 ms", "ack p99", "ack p99.9"],
  ...["delivery p50 ms", "delivery p99", "delivery p99.9"],
];

function rowsOf(
  runs: readonly DurableRun[],
  cells: (results: readonly LoadResult[]) => string[],
): string[][] {
  const groups = Map.groupBy(runs, (run) => `${run.workers} ${offerName(run.offer)}`);
  return [...groups.values()].flatMap((group) => {
    const first = group[0];
    if (first === undefined) return [];
    return [[String(first.workers), offerName(first.offer), ...cells(group.map((run) => run.result))]];
  });
}

function throughputCells(results: readonly LoadResult[]): string[] {
  const micros = (cpuMs: number, result: LoadResult): number => (cpuMs * 1000) / result.delivered;
  return [
    formatSpread(results.map((result) => result.perSecond)),
    formatSpread(results.map((result) => micros(result.serverCpu[0]?.cpuMs ?? 0, result))),
    formatSpread(
      results.map((result) =>
        micros(
          result.serverCpu.slice(1).reduce((sum, cpu) => sum + cpu.cpuMs, 0),
          result,
        ),
      ),
    ),
    formatSpread(results.map((result) => micros(result.generatorCpuMs, result))),
    formatSpread(results.map((result) => result.outOfTurn ?? 0)),
    formatSpread(results.map(othersPercent)),
  ];
}

function delayCells(results: readonly LoadResult[]): string[] {
  const quantiles = ["p50Ms", "p99Ms", "p999Ms"] as const;
  return [
    ...quantiles.map((quantile) =>
      formatSpread(results.map((result) => result.acknowledgement?.[quantile] ?? Number.NaN)),
    ),
    ...quantiles.map((quantile) => formatSpread(results.map((result) => result.delivery[quantile]))),
  ];
}

/** The best number of workers counts: it is the operator's choice. */
function targetsOf(runs: readonly DurableRun[]): Target[] {
  const byWorkers = [...Map.groupBy(runs, (run) => run.workers).values()];
  const rates = byWorkers.flatMap((group) => {
    const window4 = group.filter((run) => run.offer.kind === "closed" && run.offer.window === 4);
    if (window4.length === 0) return [];
    const open = group.filter((run) => run.offer.kind === "open");
    return [
      {
        workers: window4[0]?.workers ?? 0,
        perSecond: spreadOf(window4.map((run) => run.result.perSecond)).median,
        p99Ms: spreadOf(open.map((run) => run.result.delivery.p99Ms)).median,
      },
    ];
  });
  const best = rates.toSorted((left, right) => right.perSecond - left.perSecond)[0];
  if (best === undefined) return [];
  return [
    {
      what: `durable messages a second at window 4 (${best.workers} workers)`,
      wanted: `≥ ${formatNumber(TARGET_PER_SECOND)}`,
      measured: formatNumber(best.perSecond),
      met: best.perSecond >= TARGET_PER_SECOND,
    },
    {
      what: "p99 of the delivery at half that rate",
      wanted: `≤ ${TARGET_P99_MS} ms`,
      measured: `${formatNumber(best.p99Ms)} ms`,
      met: best.p99Ms <= TARGET_P99_MS,
    },
  ];
}

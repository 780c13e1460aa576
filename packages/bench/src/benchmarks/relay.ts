/** The classic protocol's relay, against the yardsticks: CPU time for each delivered message. */
import type { LoadResult } from "../load/job.ts";
import { formatNumber, formatSpread, type Report, spreadOf, type Target, tableOf } from "../report/report.ts";
import type { ServerName } from "../servers/launch.ts";
import {
  type BenchContext,
  type Limits,
  limitsNote,
  machineNote,
  OTHERS_NOTE,
  othersPercent,
  runOnce,
  separateCores,
  serverCpuMicrosPerMessage,
} from "./context.ts";

const CONNECTIONS = 200;
const WINDOWS = [1, 8];
const SERVERS: readonly ServerName[] = ["duologue", "ws", "bun-relay"];
const LIMITS: Limits = { framesPerSecond: 1_000_000, framesBurst: 1_000_000 };
/** How many times the CPU time of `ws` is wanted, by window. */
const WANTED_RATIOS: Readonly<Record<number, number>> = { 1: 3, 8: 8 };

interface RelayRun {
  readonly server: ServerName;
  readonly window: number;
  readonly run: number;
  readonly result: LoadResult;
}

export async function benchRelay(context: BenchContext): Promise<Report> {
  const { settings } = context;
  const connections = settings.connections ?? CONNECTIONS;
  const placement = separateCores();
  const runs: RelayRun[] = [];
  for (let run = 1; run <= settings.runs; run += 1) {
    for (const window of settings.windows ?? WINDOWS) {
      for (const server of settings.servers ?? SERVERS) {
        const plan = { server, workers: 1, limits: LIMITS, placement };
        const result = await runOnce<"relay">(context, plan, {
          kind: "relay",
          connections,
          everybodyNamed: true,
          offer: { kind: "closed", window },
          warmupMs: settings.warmupMs,
          measureMs: settings.measureMs,
        });
        runs.push({ server, window, run, result });
        context.progress(
          `run ${run} window ${window} ${server}: ${formatNumber(serverCpuMicrosPerMessage(result))} µs, ` +
            `${formatNumber(result.perSecond)}/s, p99 ${formatNumber(result.delivery.p99Ms)} ms`,
        );
      }
    }
  }
  return {
    name: "Relay of the classic protocol",
    notes: [
      machineNote(),
      `${connections} connections in pairs, 64-byte texts, closed loop, 1 worker; ${placement.description}`,
      `runs: ${settings.runs}, of ${settings.measureMs / 1000} s each, the servers in turn: median [lowest–highest]`,
      "CPU: user and system time of all the server's processes for each delivered message",
      OTHERS_NOTE,
      limitsNote(LIMITS),
    ],
    tables: [tableOf("Relay", COLUMNS, rowsOf(runs))],
    targets: targetsOf(runs),
    runs,
  };
}

const COLUMNS = [
  "server",
  "window",
  "CPU µs/message",
  "messages/s",
  "p50 ms",
  "p99 ms",
  "p99.9 ms",
  "ws ÷ this",
  "others %",
];

function rowsOf(runs: readonly RelayRun[]): string[][] {
  const groups = Map.groupBy(runs, (run) => `${run.window} ${run.server}`);
  return [...groups.values()].flatMap((group) => {
    const first = group[0];
    if (first === undefined) return [];
    const results = group.map((run) => run.result);
    const ratio = ratioToWs(runs, first.server, first.window);
    return [
      [
        first.server,
        String(first.window),
        formatSpread(results.map(serverCpuMicrosPerMessage)),
        formatSpread(results.map((result) => result.perSecond)),
        formatSpread(results.map((result) => result.delivery.p50Ms)),
        formatSpread(results.map((result) => result.delivery.p99Ms)),
        formatSpread(results.map((result) => result.delivery.p999Ms)),
        ratio === undefined ? "–" : formatNumber(ratio),
        formatSpread(results.map(othersPercent)),
      ],
    ];
  });
}

function ratioToWs(runs: readonly RelayRun[], server: ServerName, window: number): number | undefined {
  const costs = (name: ServerName): number[] =>
    runs
      .filter((run) => run.server === name && run.window === window)
      .map((run) => serverCpuMicrosPerMessage(run.result));
  const ws = costs("ws");
  const own = costs(server);
  if (ws.length === 0 || own.length === 0) return undefined;
  return spreadOf(ws).median / spreadOf(own).median;
}

function targetsOf(runs: readonly RelayRun[]): Target[] {
  return Object.entries(WANTED_RATIOS).flatMap(([window, wanted]) => {
    const ratio = ratioToWs(runs, "duologue", Number(window));
    if (ratio === undefined) return [];
    const what = `CPU time of ws over ours, window ${window}`;
    return [{ what, wanted: `≥ ${wanted}`, measured: formatNumber(ratio), met: ratio >= wanted }];
  });
}

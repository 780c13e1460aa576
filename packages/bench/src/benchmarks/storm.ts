/** Everybody joins at once over several workers. */
import type { Protocol, StormResult } from "../load/job.ts";
import { formatNumber, formatSpread, type Report, tableOf } from "../report/report.ts";
import type { ServerName } from "../servers/launch.ts";
import { type BenchContext, type Limits, limitsNote, machineNote, runOnce, sharedCores } from "./context.ts";

const USERS = 2000;
const WORKERS = 4;

interface StormRun {
  readonly server: ServerName;
  readonly protocol: Protocol;
  readonly workers: number;
  readonly run: number;
  readonly result: StormResult;
}

export async function benchStorm(context: BenchContext): Promise<Report> {
  const { settings } = context;
  const connections = settings.connections ?? USERS;
  // Everybody is named to everybody over v1 too, so that the two protocols do the same.
  const limits: Limits = { helloMs: 60_000, lobbyUsers: Math.max(connections, 1000) };
  const runs: StormRun[] = [];
  for (let run = 1; run <= settings.runs; run += 1) {
    for (const workers of settings.workers ?? [WORKERS]) {
      for (const protocol of settings.protocols ?? ["classic", "v1"]) {
        for (const server of settings.servers ?? ["duologue"]) {
          if (protocol === "v1" && server !== "duologue") continue;
          const plan = { server, workers, limits, placement: sharedCores };
          const job = { kind: "storm", protocol, connections, everybodyNamed: true } as const;
          const result = await runOnce<"storm">(context, plan, job);
          runs.push({ server, protocol, workers, run, result });
          context.progress(
            `run ${run} ${protocol} ${server}: ${formatNumber(result.untilCompleteMs)} ms, ` +
              `${formatNumber(result.receivedBytes / 1e6)} MB`,
          );
        }
      }
    }
  }
  return {
    name: "Login storm",
    notes: [
      machineNote(),
      `${formatNumber(connections)} users connect and log in as fast as they can (64 at a time); the clock stops when ` +
        "every one of them knows everybody; the generator shares the cores",
      limitsNote(limits),
    ],
    tables: [tableOf("Storm", COLUMNS, rowsOf(runs))],
    targets: [],
    runs,
  };
}

const COLUMNS = [
  "server",
  "protocol",
  "workers",
  "until complete, ms",
  "MB sent to clients",
  "server CPU ms",
];

function rowsOf(runs: readonly StormRun[]): string[][] {
  const groups = Map.groupBy(runs, (run) => `${run.protocol} ${run.server} ${run.workers}`);
  return [...groups.values()].flatMap((group) => {
    const first = group[0];
    if (first === undefined) return [];
    return [
      [
        first.server,
        first.protocol,
        first.server === "duologue" ? String(first.workers) : "1",
        formatSpread(group.map((run) => run.result.untilCompleteMs)),
        formatSpread(group.map((run) => run.result.receivedBytes / 1e6)),
        formatSpread(group.map((run) => run.result.serverCpu.reduce((sum, cpu) => sum + cpu.cpuMs, 0))),
      ],
    ];
  });
}

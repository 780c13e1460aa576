/** Memory for each connection that is logged in and does nothing. */
import type { IdleResult, Protocol } from "../load/job.ts";
import { formatNumber, formatSpread, type Report, spreadOf, type Target, tableOf } from "../report/report.ts";
import type { ServerName } from "../servers/launch.ts";
import { type BenchContext, type Limits, limitsNote, machineNote, runOnce, sharedCores } from "./context.ts";

const GUESTS = 5000;
/** Fewer, because every classic login sends the whole list to everybody. */
const CLASSIC_USERS = 2000;
const WARMUP_CONNECTIONS = 300;
const CALM_MS = 6000;
const LOBBY_USERS = 1000;
const TARGET_KB = 4;
/** The generator sends no v1 pings, and thousands of logins take longer than one. */
const LIMITS: Limits = { silenceMs: 600_000, helloMs: 60_000 };

interface IdleRun {
  readonly server: ServerName;
  readonly protocol: Protocol;
  readonly run: number;
  readonly result: IdleResult;
}

export async function benchIdle(context: BenchContext): Promise<Report> {
  const { settings } = context;
  const protocols = settings.protocols ?? ["v1", "classic"];
  const runs: IdleRun[] = [];
  for (let run = 1; run <= settings.runs; run += 1) {
    for (const protocol of protocols) {
      for (const server of settings.servers ?? ["duologue", "ws"]) {
        if (protocol === "v1" && server !== "duologue") continue;
        const connections = settings.connections ?? (protocol === "v1" ? GUESTS : CLASSIC_USERS);
        const plan = { server, workers: settings.workers?.[0] ?? 1, limits: LIMITS, placement: sharedCores };
        const result = await runOnce<"idle">(context, plan, {
          kind: "idle",
          protocol,
          connections,
          everybodyNamed: connections <= LOBBY_USERS,
          warmupConnections: Math.min(WARMUP_CONNECTIONS, connections),
          calmMs: CALM_MS,
        });
        runs.push({ server, protocol, run, result });
        context.progress(
          `run ${run} ${protocol} ${server}: ${formatNumber(kbPerConnection(result))} KB per connection`,
        );
      }
    }
  }
  return {
    name: "Memory per idle connection",
    notes: [
      machineNote(),
      `growth of PSS over all the server's processes, from no connections (after ${WARMUP_CONNECTIONS} were opened and ` +
        `closed again) to all of them logged in, read after ${CALM_MS / 1000} s of quiet`,
      limitsNote(LIMITS),
    ],
    tables: [tableOf("Idle", COLUMNS, rowsOf(runs))],
    targets: targetsOf(runs),
    runs,
  };
}

const COLUMNS = [
  "server",
  "protocol",
  "connections",
  "KB/connection",
  "first process, KB",
  "PSS before, MB",
  "PSS after, MB",
  "processes",
];

function kbPerConnection(result: IdleResult): number {
  return (pssKb(result.after) - pssKb(result.before)) / result.connections;
}

/** The first process is duologue's primary, or a yardstick's only one. */
function firstKbPerConnection(result: IdleResult): number {
  return (pssKb(result.after.slice(0, 1)) - pssKb(result.before.slice(0, 1))) / result.connections;
}

function pssKb(memory: IdleResult["after"]): number {
  return memory.reduce((sum, process) => sum + process.pssKb, 0);
}

function rowsOf(runs: readonly IdleRun[]): string[][] {
  const groups = Map.groupBy(runs, (run) => `${run.protocol} ${run.server}`);
  return [...groups.values()].flatMap((group) => {
    const first = group[0];
    if (first === undefined) return [];
    return [
      [
        first.server,
        first.protocol,
        formatNumber(first.result.connections),
        formatSpread(group.map((run) => kbPerConnection(run.result))),
        formatSpread(group.map((run) => firstKbPerConnection(run.result))),
        formatSpread(group.map((run) => pssKb(run.result.before) / 1024)),
        formatSpread(group.map((run) => pssKb(run.result.after) / 1024)),
        String(first.result.after.length),
      ],
    ];
  });
}

function targetsOf(runs: readonly IdleRun[]): Target[] {
  const groups = Map.groupBy(
    runs.filter((run) => run.server === "duologue"),
    (run) => run.protocol,
  );
  return [...groups].map(([protocol, group]) => {
    const { median } = spreadOf(group.map((run) => kbPerConnection(run.result)));
    return {
      what: `memory per idle ${protocol} connection`,
      wanted: `≤ ${TARGET_KB} KB`,
      measured: `${formatNumber(median)} KB`,
      met: median <= TARGET_KB,
    };
  });
}

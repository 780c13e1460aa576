/** The yardsticks of a cluster: PostgreSQL and NATS as bare as they can be used from Bun. */
import type { HopsResult, InterestResult, RowsResult } from "../load/job.ts";
import { formatNumber, formatSpread, type Report, tableOf } from "../report/report.ts";
import { ClusterHost, NatsPair, POSTGRES_NOTE } from "../servers/cluster.ts";
import { generate } from "../servers/generator.ts";
import { type BenchContext, machineNote, OTHERS_NOTE, sharedCores } from "./context.ts";

const BATCHES = [1, 16, 64, 256];
const CONNECTIONS = [1, 3];
/** About what a note of a 64-byte text takes, and twice and more of it. */
const PAYLOAD_BYTES = [300, 1000];

const SUBJECTS = 100_000;
const WARMUP_SUBJECTS = 10_000;

export interface RowsRun {
  readonly kind: "rows";
  readonly batch: number;
  readonly connections: number;
  readonly run: number;
  readonly result: RowsResult;
}

export interface HopsRun {
  readonly kind: "hops";
  readonly payloadBytes: number;
  readonly run: number;
  readonly result: HopsResult;
}

export interface InterestRun {
  readonly kind: "interest";
  readonly run: number;
  readonly result: InterestResult;
}

export const BARE_REPORT = "PostgreSQL and NATS alone";

export async function benchBare(context: BenchContext): Promise<Report> {
  const { clock, children, settings } = context;
  await using host = await ClusterHost.start(clock, children);
  const { warmupMs, measureMs } = settings;
  const rows: RowsRun[] = [];
  const hops: HopsRun[] = [];
  const interests: InterestRun[] = [];
  for (let run = 1; run <= settings.runs; run += 1) {
    for (const connections of CONNECTIONS) {
      for (const batch of BATCHES) {
        const postgresUrl = host.postgres.url();
        const { postgresPid } = host;
        const job = {
          kind: "rows",
          postgresUrl,
          postgresPid,
          batch,
          connections,
          warmupMs,
          measureMs,
        } as const;
        const result = await generate<"rows">(clock, children, job, undefined);
        rows.push({ kind: "rows", batch, connections, run, result });
        context.progress(
          `run ${run} ${connections} × ${batch} rows: ${Math.round(perSecond(result, result.rows))}/s`,
        );
      }
    }
    for (const payloadBytes of PAYLOAD_BYTES) {
      const { url: natsUrl, pid: natsPid } = host.nats;
      const job = { kind: "hops", natsUrl, natsPid, payloadBytes, warmupMs, measureMs } as const;
      const result = await generate<"hops">(clock, children, job, undefined);
      hops.push({ kind: "hops", payloadBytes, run, result });
      context.progress(
        `run ${run} ${payloadBytes} bytes: ${Math.round(perSecond(result, result.hops))} hops/s`,
      );
    }
    const result = await subscribeMany(context);
    interests.push({ kind: "interest", run, result });
    context.progress(
      `run ${run} ${result.subjects} subjects: ${result.servers.map((one) => Math.round(one.rssKb))} KB`,
    );
  }
  return {
    name: BARE_REPORT,
    notes: [
      machineNote(),
      "rows: one table with the two unique indexes that numbers and repeats need, `unnest`, nothing read, nobody told; " +
        "a connection's statements one after the other",
      "hops: texts from one connection to another, 200 subjects, 64 under way; the client is publisher and subscriber",
      `interest: ${formatNumber(SUBJECTS)} subjects subscribed at one of two servers of a bus; each keeps them`,
      `${POSTGRES_NOTE}; ${sharedCores.description}`,
      `runs: ${settings.runs}, of ${measureMs / 1000} s each: median [lowest–highest]; CPU in µs for each row or hop`,
      OTHERS_NOTE,
    ],
    tables: [
      tableOf("Rows", ROW_COLUMNS, rowRows(rows)),
      tableOf("Hops", HOP_COLUMNS, hopRows(hops)),
      tableOf("Interest", INTEREST_COLUMNS, interestRows(interests)),
    ],
    targets: [],
    runs: [...rows, ...hops, ...interests],
  };
}

async function subscribeMany({ clock, children }: BenchContext): Promise<InterestResult> {
  await using pair = await NatsPair.start(children);
  const { servers } = pair;
  const natsUrl = servers[0]?.url ?? "";
  const job = {
    kind: "interest",
    natsUrl,
    servers,
    warmupSubjects: WARMUP_SUBJECTS,
    subjects: SUBJECTS,
  } as const;
  return await generate<"interest">(clock, children, job, undefined);
}

function perSecond({ measuredMs }: { readonly measuredMs: number }, count: number): number {
  return (count * 1000) / measuredMs;
}

const ROW_COLUMNS = [
  ...["connections", "rows/statement", "rows/s", "CPU PostgreSQL", "CPU client", "commit p50 ms", "p99 ms"],
  ...["WAL bytes/row", "others %"],
];

function rowRows(runs: readonly RowsRun[]): string[][] {
  const groups = Map.groupBy(runs, ({ connections, batch }) => `${connections} ${batch}`);
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const each = (value: (result: RowsResult) => number): string =>
      formatSpread(group.map(({ result }) => value(result)));
    return [
      [
        String(first.connections),
        String(first.batch),
        each((result) => perSecond(result, result.rows)),
        each((result) => ((result.besideCpu[0]?.cpuMs ?? 0) * 1000) / result.rows),
        each((result) => (result.generatorCpuMs * 1000) / result.rows),
        each((result) => result.commit.p50Ms),
        each((result) => result.commit.p99Ms),
        each((result) => (result.meters?.walBytes ?? Number.NaN) / result.rows),
        each((result) => result.othersShare * 100),
      ],
    ];
  });
}

const HOP_COLUMNS = [
  "payload bytes",
  "hops/s",
  "CPU NATS",
  "CPU client",
  "delay p50 ms",
  "p99 ms",
  "others %",
];

function hopRows(runs: readonly HopsRun[]): string[][] {
  const groups = Map.groupBy(runs, ({ payloadBytes }) => payloadBytes);
  return [...groups].map(([payloadBytes, group]) => {
    const each = (value: (result: HopsResult) => number): string =>
      formatSpread(group.map(({ result }) => value(result)));
    return [
      String(payloadBytes),
      each((result) => perSecond(result, result.hops)),
      each((result) => ((result.besideCpu[0]?.cpuMs ?? 0) * 1000) / result.hops),
      each((result) => (result.generatorCpuMs * 1000) / result.hops),
      each((result) => result.delay.p50Ms),
      each((result) => result.delay.p99Ms),
      each((result) => result.othersShare * 100),
    ];
  });
}

const INTEREST_COLUMNS = ["server", "CPU µs/subject", "bytes/subject"];

function interestRows(runs: readonly InterestRun[]): string[][] {
  const servers = runs.flatMap(({ result }) =>
    result.servers.map((server) => ({
      name: server.name,
      micros: (server.cpuMs * 1000) / result.subjects,
      bytes: (server.rssKb * 1024) / result.subjects,
    })),
  );
  return [...Map.groupBy(servers, ({ name }) => name)].map(([name, group]) => [
    name,
    formatSpread(group.map(({ micros }) => micros)),
    formatSpread(group.map(({ bytes }) => bytes)),
  ]);
}

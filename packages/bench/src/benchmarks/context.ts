/** What every benchmark is given: its settings, and the means to run servers and loads. */
import { cpus, totalmem } from "node:os";
import type { LimitName } from "@duologue/protocol";
import type { BenchClock } from "../clock.ts";
import type { LoadResult, ServerJob } from "../load/job.ts";
import { formatNumber } from "../report/report.ts";
import type { Children } from "../servers/children.ts";
import { generate, type ResultOf } from "../servers/generator.ts";
import { canPin, launchServer, type RunningServer, type ServerName } from "../servers/launch.ts";

export interface Settings {
  readonly runs: number;
  readonly warmupMs: number;
  readonly measureMs: number;
  /** Absent: the benchmark's own default. */
  readonly connections: number | undefined;
  readonly windows: readonly number[] | undefined;
  /** Of the open loop, messages a second. */
  readonly rates: readonly number[] | undefined;
  /** Of a cluster. */
  readonly nodes: readonly number[] | undefined;
  readonly workers: readonly number[] | undefined;
  readonly servers: readonly ServerName[] | undefined;
  readonly protocols: readonly ("classic" | "v1")[] | undefined;
  readonly dataParent: string;
  /** Of the model: what `--json` has written; those kept with the program when absent. */
  readonly measuredFile: string | undefined;
}

export interface BenchContext {
  readonly clock: BenchClock;
  readonly children: Children;
  readonly settings: Settings;
  progress(line: string): void;
}

export type Limits = Readonly<Partial<Record<LimitName, number>>>;

const SERVER_CORE = 0;
const GENERATOR_CORE = 1;

/** Server on one core, generator on the other: then the server's CPU time is not stretched by the generator's. */
export interface Placement {
  readonly serverCore?: number;
  readonly generatorCore?: number;
  readonly description: string;
}

export function separateCores(): Placement {
  if (!canPin()) return { description: "not pinned: no taskset, or a single core" };
  return {
    serverCore: SERVER_CORE,
    generatorCore: GENERATOR_CORE,
    description: `server pinned to core ${SERVER_CORE}, generator to core ${GENERATOR_CORE}`,
  };
}

export const sharedCores: Placement = { description: "server and generator share all cores" };

export interface RunPlan {
  readonly server: ServerName;
  readonly workers: number;
  readonly limits: Limits;
  readonly placement: Placement;
}

/** The job without what only the running server knows. */
export type JobPlan<K extends ServerJob["kind"]> = Omit<
  Extract<ServerJob, { kind: K }>,
  "host" | "port" | "serverPid"
>;

/** A fresh server and a fresh generator for one run. */
export async function runOnce<K extends ServerJob["kind"]>(
  context: BenchContext,
  plan: RunPlan,
  jobPlan: JobPlan<K>,
): Promise<ResultOf<K>> {
  const { clock, children, settings } = context;
  await using server: RunningServer = await launchServer(clock, children, plan.server, {
    workers: plan.workers,
    limits: plan.limits,
    dataParent: settings.dataParent,
    ...(plan.placement.serverCore === undefined ? {} : { core: plan.placement.serverCore }),
  });
  const job = { ...jobPlan, host: server.host, port: server.port, serverPid: server.pid };
  return await generate<K>(
    clock,
    children,
    job as unknown as Extract<ServerJob, { kind: K }>,
    plan.placement.generatorCore,
  );
}

export function machineNote(): string {
  const cores = cpus();
  const memory = Math.round(totalmem() / 1024 ** 3);
  return `${cores.length} cores (${cores[0]?.model.trim()}), ${memory} GB, Linux; Bun ${Bun.version}`;
}

export function limitsNote(limits: Limits): string {
  const changed = Object.entries(limits).map(([name, value]) => `${name} ${formatNumber(value)}`);
  return `limits of duologue raised for the load: ${changed.length === 0 ? "none" : changed.join(", ")}`;
}

export function serverCpuMicrosPerMessage(result: LoadResult): number {
  const cpuMs = result.serverCpu.reduce((sum, cpu) => sum + cpu.cpuMs, 0);
  return (cpuMs * 1000) / result.delivered;
}

export const OTHERS_NOTE =
  "others: the share of the machine that neither server nor generator used; above a few percent, delays mislead";

/** In percent: how much of the machine others used meanwhile. */
export function othersPercent(result: LoadResult): number {
  return result.othersShare * 100;
}

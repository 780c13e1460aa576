/** Reads the clocks of the processes, and what store and bus count, at both ends of a time. */
import { availableParallelism } from "node:os";
import type { BenchClock } from "../clock.ts";
import { type MeterSource, Meters } from "../system/meters.ts";
import {
  cpuOf,
  cpuSince,
  machineCpuMs,
  type ProcessGroup,
  processTree,
  treeCpuMs,
} from "../system/processes.ts";
import type { PhaseResult, PhaseTimes } from "./job.ts";

/** What is looked at meanwhile. */
export interface Watched {
  readonly serverPids: readonly number[];
  readonly beside: readonly ProcessGroup[];
  readonly meters: MeterSource | undefined;
}

/** Warm-up, then the measured time. Calls `begin` and `end` at its ends, so that the load counts only what lies between. */
export async function measurePhase(
  clock: BenchClock,
  watched: Watched,
  times: PhaseTimes,
  edges: { begin(): void; end(): void },
): Promise<PhaseResult> {
  await clock.pause(times.warmupMs);
  return await measureWhile(clock, watched, async () => {
    edges.begin();
    await clock.pause(times.measureMs);
    edges.end();
  });
}

/** Measures from the beginning of `work` to its end. */
export async function measureWhile(
  clock: BenchClock,
  watched: Watched,
  work: () => Promise<void>,
): Promise<PhaseResult> {
  await using meters = watched.meters === undefined ? undefined : new Meters(watched.meters);
  // Twice: the first time is the one in which the connection is made.
  await meters?.begin();
  await meters?.begin();
  const serverBefore = cpuOf(watched.serverPids.flatMap(processTree));
  const besideBefore = watched.beside.map(({ pid }) => treeCpuMs(pid));
  const machineBeforeMs = machineCpuMs();
  const generatorBefore = process.cpuUsage();
  const beganMs = clock.monotonic();
  await work();
  const measuredMs = clock.monotonic() - beganMs;
  const generator = process.cpuUsage(generatorBefore);
  const generatorCpuMs = (generator.user + generator.system) / 1000;
  const serverCpu = cpuSince(serverBefore);
  const besideCpu = watched.beside.map(({ name, pid }, index) => ({
    name,
    cpuMs: treeCpuMs(pid) - (besideBefore[index] ?? 0),
  }));
  const ownMs = [...serverCpu, ...besideCpu].reduce((sum, cpu) => sum + cpu.cpuMs, generatorCpuMs);
  const othersMs = machineCpuMs() - machineBeforeMs - ownMs;
  const othersShare = Math.max(othersMs, 0) / (measuredMs * availableParallelism());
  const counted = await meters?.sinceBegin();
  return {
    ...{ measuredMs, serverCpu, besideCpu, generatorCpuMs, othersShare },
    ...(counted === undefined ? {} : { meters: counted }),
  };
}

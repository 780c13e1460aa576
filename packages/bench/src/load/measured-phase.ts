/** Warm-up, then the measured time: reads the clocks of the processes at both ends of it. */
import { availableParallelism } from "node:os";
import type { BenchClock } from "../clock.ts";
import { cpuOf, cpuSince, machineCpuMs, type ProcessCpu, processTree } from "../system/processes.ts";

export interface PhaseTimes {
  readonly warmupMs: number;
  readonly measureMs: number;
}

export interface PhaseResult {
  readonly measuredMs: number;
  readonly serverCpu: readonly ProcessCpu[];
  readonly generatorCpuMs: number;
  /** Share of the machine (0 to 1) that neither the server nor the generator used: above a few percent, delays mislead. */
  readonly othersShare: number;
}

/** Calls `begin` and `end` at the ends of the measured time, so that the load counts only what lies between. */
export async function measurePhase(
  clock: BenchClock,
  serverPid: number,
  times: PhaseTimes,
  edges: { begin(): void; end(): void },
): Promise<PhaseResult> {
  await clock.pause(times.warmupMs);
  const serverBefore = cpuOf(processTree(serverPid));
  const machineBeforeMs = machineCpuMs();
  const generatorBefore = process.cpuUsage();
  const beganMs = clock.monotonic();
  edges.begin();
  await clock.pause(times.measureMs);
  edges.end();
  const measuredMs = clock.monotonic() - beganMs;
  const generator = process.cpuUsage(generatorBefore);
  const generatorCpuMs = (generator.user + generator.system) / 1000;
  const serverCpu = cpuSince(serverBefore);
  const ownMs = serverCpu.reduce((sum, cpu) => sum + cpu.cpuMs, generatorCpuMs);
  const othersMs = machineCpuMs() - machineBeforeMs - ownMs;
  const othersShare = Math.max(othersMs, 0) / (measuredMs * availableParallelism());
  return { measuredMs, serverCpu, generatorCpuMs, othersShare };
}

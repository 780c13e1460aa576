/** Warm-up, then the measured time: reads the clocks of the processes at both ends of it. */
import type { BenchClock } from "../clock.ts";
import { cpuOf, cpuSince, type ProcessCpu, processTree } from "../system/processes.ts";

export interface PhaseTimes {
  readonly warmupMs: number;
  readonly measureMs: number;
}

export interface PhaseResult {
  readonly measuredMs: number;
  readonly serverCpu: readonly ProcessCpu[];
  readonly generatorCpuMs: number;
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
  const generatorBefore = process.cpuUsage();
  const beganMs = clock.monotonic();
  edges.begin();
  await clock.pause(times.measureMs);
  edges.end();
  const measuredMs = clock.monotonic() - beganMs;
  const generator = process.cpuUsage(generatorBefore);
  return {
    measuredMs,
    serverCpu: cpuSince(serverBefore),
    generatorCpuMs: (generator.user + generator.system) / 1000,
  };
}

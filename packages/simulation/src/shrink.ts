/** Makes a failing run smaller: fewer kinds of faults, devices, users and actions, as long as something still fails. */
import { type FaultName, faultNames } from "./faults.ts";
import type { PlanLimits } from "./plan.ts";
import { type RunResult, runSeed } from "./run.ts";

export interface Shrunk {
  readonly limits: PlanLimits;
  readonly result: RunResult;
}

/** Undefined when the run does not fail to begin with. */
export async function shrink(seed: number, limits: PlanLimits = {}): Promise<Shrunk | undefined> {
  const failing = await attempt(seed, limits);
  if (failing === undefined) return undefined;
  let best: Shrunk = failing;
  for (const name of faultNames) {
    const without: readonly FaultName[] = [...(best.limits.without ?? []), name];
    best = (await attempt(seed, { ...best.limits, without })) ?? best;
  }
  best = (await attempt(seed, { ...best.limits, users: 2 })) ?? best;
  for (const devices of [1, 2]) {
    const smaller = await attempt(seed, { ...best.limits, devices });
    if (smaller === undefined) continue;
    best = smaller;
    break;
  }
  return shrinkActions(seed, best);
}

async function shrinkActions(seed: number, failing: Shrunk): Promise<Shrunk> {
  let best = failing;
  let { actions } = best.result.plan;
  for (let step = actions >> 1; step >= 1; ) {
    const limits = { ...best.limits, actions: actions - step };
    const smaller = actions > step ? await attempt(seed, limits) : undefined;
    if (smaller === undefined) step >>= 1;
    else {
      best = smaller;
      actions -= step;
    }
  }
  return best;
}

async function attempt(seed: number, limits: PlanLimits): Promise<Shrunk | undefined> {
  const result = await runSeed(seed, limits);
  return result.violations.length > 0 ? { limits, result } : undefined;
}

export { type FaultName, faultNames } from "./faults.ts";
export type { PlanLimits } from "./plan.ts";
export { commandOf, describeFailure } from "./report.ts";
export { type RunResult, runSeed } from "./run.ts";
export { type Shrunk, shrink } from "./shrink.ts";

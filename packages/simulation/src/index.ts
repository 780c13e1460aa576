export { helpText, parseCommand } from "./arguments.ts";
export { Coverage, things } from "./coverage.ts";
export type { PlanLimits } from "./plan.ts";
export { describeFailure } from "./report.ts";
export { type RunResult, runSeed } from "./run.ts";
export { shrink } from "./shrink.ts";

/** What a failing run is to people: its seed, how to see it again, what is wrong, and how it came to that. */
import type { PlanLimits } from "./plan.ts";
import type { RunResult } from "./run.ts";

/** Lines of the trace that explain nothing. */
const ROUTINE = / (interval|end of turn|timer|a frame arrives|link: \d+ bytes)$/;
const MAX_VIOLATIONS = 10;
const MAX_CHARACTERS = 600;

export function describeFailure(result: RunResult, limits: PlanLimits, traceLines: number): string {
  const { seed, violations, hash, steps } = result;
  const trace = telling(result.trace);
  const shown = violations.slice(0, MAX_VIOLATIONS).map((violation) => `  ${shorten(violation)}`);
  const rest = violations.length - shown.length;
  const from = Math.max(0, trace.length - traceLines);
  return [
    `seed ${seed}: ${violations.length} violations in ${steps} steps (${hash})`,
    ...shown,
    ...(rest > 0 ? [`  and ${rest} more`] : []),
    ...(traceLines > 0 ? ["trace:", ...trace.slice(from).map((line) => `  ${line}`)] : []),
    `again: npm run simulate -- ${commandOf(seed, limits)}`,
  ].join("\n");
}

/** The lines of a trace that are worth reading. */
export function telling(trace: readonly string[]): readonly string[] {
  return trace.filter((line) => !ROUTINE.test(line));
}

export function commandOf(seed: number, { actions, users, devices, without = [] }: PlanLimits): string {
  return [
    `--seed ${seed}`,
    ...(actions === undefined ? [] : [`--actions ${actions}`]),
    ...(users === undefined ? [] : [`--users ${users}`]),
    ...(devices === undefined ? [] : [`--devices ${devices}`]),
    ...(without.length === 0 ? [] : [`--without ${without.join(",")}`]),
  ].join(" ");
}

function shorten(text: string): string {
  return text.length <= MAX_CHARACTERS ? text : `${text.slice(0, MAX_CHARACTERS)}…`;
}

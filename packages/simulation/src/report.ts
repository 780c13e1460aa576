/** What a failing run is to people: its seed, how to see it again, what is wrong, and how it came to that. */
import type { PlanLimits } from "./plan.ts";
import type { RunResult } from "./run.ts";
import type { Violation } from "./world.ts";

/** Lines of the trace that explain nothing. */
const ROUTINE =
  / (interval|end of turn|timer|a frame arrives|link: \d+ bytes|link: room again|from \S+: (ask|alive))$|"type":"ping"|"behind":false/;
const MAX_VIOLATIONS = 10;
const MAX_CHARACTERS = 600;
/** After the violation: what it led to says less. */
const LINES_AFTER = 5;
/** Tabs, people and conversations, and the ids of messages. */
const NAMES =
  /\b[a-z]+-\d+\.[a-z0-9-]+\b|\b[ud]_[\w-]{22}|\b[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b/g;

/** `lines`: of the trace, for each part that is shown. */
export function describeFailure(result: RunResult, limits: PlanLimits, lines: number): string {
  const { seed, violations, hash, steps } = result;
  const shown = violations.slice(0, MAX_VIOLATIONS).map(({ what }) => `  ${shorten(what)}`);
  const rest = violations.length - shown.length;
  return [
    `seed ${seed}: ${violations.length} violations in ${steps} steps (${hash})`,
    ...shown,
    ...(rest > 0 ? [`  and ${rest} more`] : []),
    ...(lines > 0 ? explain(result.trace, violations[0], lines) : []),
    `again: npm run simulate -- ${commandOf(seed, limits)}`,
  ].join("\n");
}

/** How it came to the first one: what happened around it, and before that to whom and what it names. */
function explain(trace: readonly string[], first: Violation | undefined, lines: number): readonly string[] {
  if (first === undefined) return [];
  const end = first.line ?? trace.length;
  const before = trace.slice(0, end);
  const named = [...new Set(first.what.match(NAMES))];
  const about = before.filter((line) => named.some((name) => line.includes(name)));
  const around = [
    ...telling(before).slice(-lines),
    ...(first.line === undefined ? [] : telling(trace.slice(end)).slice(0, LINES_AFTER)),
  ];
  return [
    ...(named.length === 0 ? [] : [`of ${named.join(", ")}:`, ...indent(telling(about).slice(-lines))]),
    first.line === undefined ? "the last lines:" : "around the first violation:",
    ...indent(around),
  ];
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

function indent(lines: readonly string[]): readonly string[] {
  return lines.map((line) => `  ${line}`);
}

function shorten(text: string): string {
  return text.length <= MAX_CHARACTERS ? text : `${text.slice(0, MAX_CHARACTERS)}…`;
}

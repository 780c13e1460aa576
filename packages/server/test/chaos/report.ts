/** What a run of the mixture prints. */
import type { HerdReport } from "./herd.ts";
import type { ChaosReport, FaultTally } from "./run.ts";
import type { Trend } from "./samples.ts";
import type { StorageReport, StorageRound } from "./storage.ts";

export function renderReport(report: ChaosReport): string {
  const { seed, rounds, durationMs, messages, acknowledged, repeats, violations, delaysMs } = report;
  const [median, late] = [share(delaysMs, 0.5), share(delaysMs, 0.99)];
  return [
    `Seed ${seed}, ${(durationMs / 60_000).toFixed(1)} minutes, ${rounds} rounds: ${count(messages)} messages, ` +
      `${count(acknowledged)} acknowledgements, ${count(repeats)} repeats by the judge, **${violations.length} violations**.`,
    `Acknowledged after: median ${ms(median)} ms, 99 % ${ms(late)} ms, longest ${ms(share(delaysMs, 1))} ms.`,
    table(
      ["fault", "what it is", "times", "cut", "back: median", "99 %", "longest", "all whole: longest"],
      report.tallies.toSorted((a, b) => (a.name < b.name ? -1 : 1)).map(faultRow),
    ),
    table(
      ["cost", "first", "last", "highest", "slope"],
      report.trends.map((trend) => trendRow(trend, durationMs)),
    ),
    ...violations.map((violation) => `VIOLATION ${violation}`),
  ].join("\n\n");
}

export function renderHerd({ clients, loginMs, backMs, strangers, verdict }: HerdReport): string {
  return (
    `${count(clients)} clients logged in within ${ms(loginMs)} ms; all cut at once, they were back after: ` +
    `median ${ms(share(backMs, 0.5))} ms, 99 % ${ms(share(backMs, 0.99))} ms, the last one ${ms(share(backMs, 1))} ms; ` +
    `${strangers} as somebody else; ${count(verdict.messages)} messages of others meanwhile, ` +
    `**${verdict.violations.length} violations**.`
  );
}

export function renderStorage({ rounds, verdict, damage }: StorageReport): string {
  const names = [...new Set(rounds.map(({ name }) => name))];
  const rows = names.map((name) => {
    const own = rounds.filter((round) => round.name === name);
    const known = (pick: (round: StorageRound) => number | undefined): number[] =>
      own.flatMap((round) => pick(round) ?? []);
    const longest = (values: readonly number[]): string => `${ms(Math.max(...values))} ms`;
    const [noticed, acknowledged] = [
      known(({ noticedMs }) => noticedMs),
      known((round) => round.acknowledged),
    ];
    return [
      name,
      count(own.length),
      noticed.length === 0 ? "–" : longest(noticed),
      acknowledged.length === 0 ? "–" : count(acknowledged.reduce((sum, value) => sum + value, 0)),
      longest(known(({ wholeMs }) => wholeMs)),
    ];
  });
  return [
    `${count(verdict.messages)} messages, ${count(verdict.acknowledged)} acknowledgements, ` +
      `**${verdict.violations.length} violations**; doctor finds ${damage.length} faults afterwards.`,
    table(
      ["fault", "times", "not ready: longest", "acknowledged meanwhile", "mended to all whole: longest"],
      rows,
    ),
    ...[...verdict.violations, ...damage].map((violation) => `VIOLATION ${violation}`),
  ].join("\n\n");
}

function faultRow({ name, what, times, absencesMs, wholeMs }: FaultTally): string[] {
  const back = [0.5, 0.99, 1].map((part) =>
    absencesMs.length === 0 ? "–" : `${ms(share(absencesMs, part))} ms`,
  );
  return [name, what, count(times), count(absencesMs.length), ...back, `${ms(share(wholeMs, 1))} ms`];
}

/** A slope of a minute or two is noise, and says so. */
function trendRow({ name, first, last, highest, percentPerTenMinutes }: Trend, durationMs: number): string[] {
  const slope =
    durationMs < 5 * 60_000 ? "(too short to say)" : `${percentPerTenMinutes.toFixed(1)} % in 10 min`;
  return [name, ...[first, last, highest].map((value) => value.toFixed(value < 100 ? 1 : 0)), slope];
}

export function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(heads), `|${heads.map(() => "---").join("|")}|`, ...rows.map(line)].join("\n");
}

export function share(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(part * (sorted.length - 1))] ?? 0;
}

export function ms(value: number): string {
  return count(Math.round(value));
}

export function count(value: number): string {
  return value.toLocaleString("en");
}

/** What a run of the mixture prints, and what it must keep besides the delivery contract. */
import type { HerdReport } from "./herd.ts";
import type { ChaosReport, FaultTally } from "./run.ts";
import type { Trend } from "./samples.ts";
import type { StorageReport, StorageRound } from "./storage.ts";

/** So long a run deals every fault at least once, or was no such run. */
const COMPLETE_MS = 10 * 60_000;

interface Bound {
  readonly what: string;
  readonly isMet: boolean;
}

/** What was missed, in a line each: how long things may take, that all was tried, that nothing went astray. */
export function missedBounds({ tallies, untried, stalls, durationMs }: ChaosReport): readonly string[] {
  return [
    ...tallies.flatMap((tally) =>
      boundsOf(tally).flatMap(({ what, isMet }) => (isMet ? [] : [`${tally.name}: not ${what}`])),
    ),
    ...(durationMs < COMPLETE_MS ? [] : untried.map((name) => `${name}: never tried`)),
    ...stalls.map(([first = ""]) => `a message went astray: ${first}`),
  ];
}

function boundsOf({ wholeMs, absencesMs, wholeWithinMs, backWithinMs }: FaultTally): readonly Bound[] {
  const whole = { what: `whole ≤ ${wholeWithinMs / 1000} s`, isMet: share(wholeMs, 1) <= wholeWithinMs };
  if (backWithinMs === undefined) return [whole];
  const isBack = share(absencesMs, 0.99) <= backWithinMs;
  return [{ what: `99 % back ≤ ${backWithinMs / 1000} s`, isMet: isBack }, whole];
}

/** `costs`: what it cost, where that is judged too. */
export function renderReport(report: ChaosReport, costs = renderCosts(report.trends)): string {
  const { seed, rounds, durationMs, messages, acknowledged, repeats, violations, delaysMs } = report;
  const [median, late] = [share(delaysMs, 0.5), share(delaysMs, 0.99)];
  return [
    `Seed ${seed}, ${(durationMs / 60_000).toFixed(1)} minutes, ${rounds} rounds: ${count(messages)} messages, ` +
      `${count(acknowledged)} acknowledgements, ${count(repeats)} repeats by the judge, **${violations.length} violations**.`,
    `Acknowledged after: median ${ms(median)} ms, 99 % ${ms(late)} ms, longest ${ms(share(delaysMs, 1))} ms.`,
    table(
      [
        "fault",
        "what it is",
        "times",
        "cut",
        "back: median",
        "99 %",
        "longest",
        "all whole: longest",
        "bound",
      ],
      report.tallies.toSorted((a, b) => (a.name < b.name ? -1 : 1)).map(faultRow),
    ),
    costs,
    ...violations.map((violation) => `VIOLATION ${violation}`),
    ...missedBounds(report).map((missed) => `MISSED ${missed}`),
    ...report.stalls.map((story) => story.join("\n")),
  ].join("\n\n");
}

function renderCosts(trends: readonly Trend[]): string {
  return table(["cost", "first", "last", "highest", "slope"], trends.map(trendRow));
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

function faultRow(tally: FaultTally): string[] {
  const { name, what, times, absencesMs, wholeMs } = tally;
  const back = [0.5, 0.99, 1].map((part) =>
    absencesMs.length === 0 ? "–" : `${ms(share(absencesMs, part))} ms`,
  );
  const bounds = boundsOf(tally).map((bound) => `${bound.what}: ${bound.isMet ? "met" : "**missed**"}`);
  const whole = `${ms(share(wholeMs, 1))} ms`;
  return [name, what, count(times), count(absencesMs.length), ...back, whole, bounds.join("; ")];
}

export function trendRow({
  name,
  first,
  last,
  highest,
  percentPerTenMinutes,
  errorPercent,
}: Trend): string[] {
  const slope = `${percentPerTenMinutes.toFixed(1)} ± ${errorPercent.toFixed(1)} % in 10 min`;
  return [
    name,
    ...[first, last, highest].map((value) => value.toFixed(value < 100 ? 1 : 0)),
    Number.isFinite(errorPercent) ? slope : "(too short to say)",
  ];
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

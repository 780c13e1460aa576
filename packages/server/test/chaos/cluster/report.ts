/** What a run over three nodes prints. */
import { count, ms, share, table } from "../report.ts";
import type { Row } from "./run.ts";
import type { Findings } from "./trial.ts";

/** What came of the mixture by one seed. */
export interface SeedOutcome {
  readonly seed: number;
  readonly rows: readonly Row[];
  /** Of the protocol, if they were asked. */
  readonly areRulesKept: boolean;
  /** What `duologue doctor` says of the database afterwards. */
  readonly doctor: { readonly isSound: boolean; readonly said: readonly string[] };
}

/** Nothing was broken of what is promised, and every bound was kept. */
export function isKept({ areRulesKept, rows, doctor }: SeedOutcome): boolean {
  const isClean = ({ missed, verdict }: Findings): boolean => missed.length + verdict.violations.length === 0;
  return areRulesKept && doctor.isSound && rows.every(({ findings }) => findings.every(isClean));
}

export function renderRows(heading: string, { rows, doctor }: SeedOutcome): string {
  return [
    `${heading}: ${totals(rows)}.`,
    table(
      [
        "trouble",
        "what it is",
        "times, lasting",
        "messages",
        "pause of the others",
        "node notices after",
        "users gone after",
        "acknowledged again",
        "heard live again",
        "all caught up",
        "cut, back after",
        "all whole",
        "violations",
        "bounds missed",
      ],
      rows.filter(({ findings }) => findings.length > 0).map(rowOf),
    ),
    ...complaints(rows),
    `\`duologue doctor\` at the end: ${doctor.said.join(" ")}`,
  ].join("\n\n");
}

export function renderSeeds(minutes: number, outcomes: readonly SeedOutcome[]): string {
  const all = outcomes.flatMap(({ rows }) => rows);
  const names = [...new Set(all.map(({ trouble }) => trouble.name))].toSorted();
  const times = names.map((name) => {
    const those = all.filter(({ trouble }) => trouble.name === name);
    return `${name} ${those.reduce((total, { findings }) => total + findings.length, 0)}`;
  });
  return [
    `${outcomes.length} seeds, ${minutes} min of a mixture each: ${totals(all)}.`,
    table(
      ["seed", "troubles", "messages", "acknowledged", "repeats", "violations", "bounds missed", "doctor"],
      outcomes.map(({ seed, rows, doctor }) => {
        const sums = sumsOf(rows);
        const numbers = [
          sums.troubles,
          sums.messages,
          sums.acknowledged,
          sums.repeats,
          sums.violations,
          sums.missed,
        ];
        return [String(seed), ...numbers.map(count), doctor.isSound ? "✓" : "✗"];
      }),
    ),
    `Of each: ${times.join(", ")}.`,
    ...outcomes.flatMap(({ seed, rows }) => complaints(rows).map((line) => `Seed ${seed}: ${line}`)),
  ].join("\n\n");
}

interface Sums {
  readonly troubles: number;
  readonly messages: number;
  readonly acknowledged: number;
  readonly repeats: number;
  readonly violations: number;
  readonly missed: number;
}

function sumsOf(rows: readonly Row[]): Sums {
  const all = rows.flatMap(({ findings }) => findings);
  const sum = (pick: (findings: Findings) => number): number =>
    all.reduce((total, findings) => total + pick(findings), 0);
  return {
    troubles: all.length,
    messages: sum(({ verdict }) => verdict.messages),
    acknowledged: sum(({ verdict }) => verdict.acknowledged),
    repeats: sum(({ verdict }) => verdict.repeats),
    violations: sum(({ verdict }) => verdict.violations.length),
    missed: sum(({ missed }) => missed.length),
  };
}

function totals(rows: readonly Row[]): string {
  const { troubles, messages, acknowledged, repeats, violations, missed } = sumsOf(rows);
  return (
    `${count(troubles)} troubles, ${count(messages)} messages, ${count(acknowledged)} acknowledgements, ` +
    `${count(repeats)} repeats by the judge, **${violations} violations**, ${missed} bounds missed`
  );
}

function complaints(rows: readonly Row[]): string[] {
  return rows.flatMap(({ trouble: { name }, findings }) =>
    findings.flatMap(({ missed, verdict }) => [
      ...verdict.violations.map((violation) => `VIOLATION ${name}: ${violation}`),
      ...missed.map((bound) => `MISSED ${name}: ${bound}`),
    ]),
  );
}

function rowOf(row: Row): string[] {
  const { trouble, lengthsMs, findings } = row;
  const sums = sumsOf([row]);
  const worst = (pick: (one: Findings) => readonly number[]): string => {
    const values = findings.flatMap(pick);
    return values.length === 0 ? "–" : `${ms(share(values, 1))} ms`;
  };
  const absences = findings.flatMap(({ absencesMs }) => absencesMs);
  const cut =
    absences.length === 0
      ? "–"
      : `${absences.length}: ${ms(share(absences, 0.5))}, ${ms(share(absences, 1))} ms`;
  const lasting = [...new Set(lengthsMs.map((length) => `${Math.round(length / 1000)} s`))];
  return [
    trouble.name,
    trouble.what,
    `${count(findings.length)} × ${lasting.length > 3 ? "up to 12 s" : lasting.join(", ")}`,
    count(sums.messages),
    worst(({ pausesMs }) => pausesMs),
    worst(({ noticedMs }) => noticedMs),
    worst(({ leftMs }) => leftMs),
    worst(({ acknowledgedMs }) => acknowledgedMs),
    worst(({ liveMs }) => liveMs),
    worst(({ caughtUpMs }) => caughtUpMs),
    cut,
    worst(({ wholeMs }) => wholeMs),
    count(sums.violations),
    count(sums.missed),
  ];
}

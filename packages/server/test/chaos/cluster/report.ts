/** What a run over three nodes prints. */
import { count, ms, share, table } from "../report.ts";
import type { Row } from "./run.ts";
import type { Findings } from "./trial.ts";

export function renderRows(heading: string, rows: readonly Row[]): string {
  const all = rows.flatMap(({ findings }) => findings);
  const sum = (pick: (findings: Findings) => number): number =>
    all.reduce((total, findings) => total + pick(findings), 0);
  const violations = all.flatMap(({ verdict }) => verdict.violations);
  return [
    `${heading}: ${count(all.length)} troubles, ${count(sum(({ verdict }) => verdict.messages))} messages, ` +
      `${count(sum(({ verdict }) => verdict.acknowledged))} acknowledgements, ` +
      `${count(sum(({ verdict }) => verdict.repeats))} repeats by the judge, **${violations.length} violations**.`,
    table(
      [
        "trouble",
        "what it is",
        "times, lasting",
        "pause of the others",
        "users gone after",
        "acknowledged again",
        "heard live again",
        "all caught up",
        "cut, back after",
        "all whole",
        "violations",
      ],
      rows.map(rowOf),
    ),
    ...violations.map((violation) => `VIOLATION ${violation}`),
  ].join("\n\n");
}

function rowOf({ trouble, lengthsMs, findings }: Row): string[] {
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
    worst(({ pausesMs }) => pausesMs),
    worst(({ leftMs }) => leftMs),
    worst(({ acknowledgedMs }) => acknowledgedMs),
    worst(({ liveMs }) => liveMs),
    worst(({ caughtUpMs }) => caughtUpMs),
    cut,
    worst(({ wholeMs }) => wholeMs),
    count(findings.reduce((total, { verdict }) => total + verdict.violations.length, 0)),
  ];
}

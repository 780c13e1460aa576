/** What a run of kills of the writer prints. */
import { count, ms, share, table } from "./report.ts";
import type { WriterKill, WriterKillsReport } from "./writer-kills.ts";

/** A server is to be back within this, the start of the runtime included. */
export const BACK_MS = 2_000;

/** What was missed, in a line each. */
export function missedByWriterKills({ kills }: WriterKillsReport): readonly string[] {
  const late = kills.filter(({ startMs }) => startMs > BACK_MS);
  if (late.length === 0) return [];
  return [`${count(late.length)} of ${count(kills.length)} starts took longer than ${count(BACK_MS)} ms`];
}

export function renderWriterKills(report: WriterKillsReport): string {
  const { seed, kills, messages, acknowledged, repeats, violations } = report;
  const within = kills.filter(({ isWithinTransaction }) => isWithinTransaction).length;
  const untold = kills.filter((kill) => kill.untold > 0);
  const missed = missedByWriterKills(report);
  const row = (name: string, pick: (kill: WriterKill) => number, bound = ""): string[] => {
    const values = kills.map(pick);
    return [name, ...[0.5, 0.99, 1].map((part) => `${ms(share(values, part))} ms`), bound];
  };
  const isMet = missed.length === 0 ? "met" : "**missed**";
  return [
    `Seed ${seed}: ${count(kills.length)} kills, ${count(messages)} messages, ${count(acknowledged)} acknowledgements, ` +
      `${count(repeats)} repeats by the judge, **${violations.length} violations**.`,
    `${count(kills.filter(({ isAimed }) => isAimed).length)} of them while it wrote to its log, the others at any moment: ${count(within)} left the log within a transaction; ${count(untold.length)} left messages that were committed, and of which ` +
      `nobody had been told (${count(untold.reduce((sum, kill) => sum + kill.untold, 0))} in all). ` +
      `Another server was refused ${count(kills.length)} times.`,
    table(
      ["", "median", "99 %", "longest", "bound"],
      [
        row("killed → its workers have ended, the port is free", ({ endedMs }) => endedMs),
        row(
          "started → serves (Bun's own start included)",
          ({ startMs }) => startMs,
          `longest ≤ ${BACK_MS / 1000} s: ${isMet}`,
        ),
        row("killed → every device acknowledged two more messages", ({ wholeMs }) => wholeMs),
      ],
    ),
    ...violations.map((violation) => `VIOLATION ${violation}`),
    ...missed.map((line) => `MISSED ${line}`),
  ].join("\n\n");
}

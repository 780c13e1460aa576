/** A long run in which nothing ends a process, so that what a server costs can be seen to grow, or not to. */
import { renderReport, table, trendRow } from "./report.ts";
import { type ChaosReport, runChaos } from "./run.ts";
import type { Trend } from "./samples.ts";

export interface SoakOptions {
  readonly minutes: number;
  readonly seed: number;
  readonly progress?: (line: string) => void;
}

/** What ends no process. */
const FAULTS: readonly string[] = [
  "network flaps",
  "replies lost",
  "page reloaded",
  "page lost",
  "clock moved",
  "worker paused",
  "writer paused",
];
/** In haste, until the writer's cache is full: it grows as slowly as the data, up to 64 MiB. */
const WARM_UP_MINUTES = 4;
/**
 * A fault every 2.5 s, for an hour, cuts the same clients again before they count as steady: the fifth wait in a row is
 * 8 s and up to 30 % more (client/src/backoff.ts).
 */
const WAITING_MS = 10_400;
/** Of memory and open files, in ten minutes. */
const GROWTH_PERCENT = 1;
/** The log is cut at 256 MiB, after the portion that is being moved (store/sqlite/checkpoint.ts). */
const LOG_MEGABYTES = 290;
const LOG = "write-ahead log, MB";

export function runSoak({ minutes, seed, progress }: SoakOptions): Promise<ChaosReport> {
  return runChaos({
    seed,
    durationMs: minutes * 60_000,
    warmUpMs: Math.min(WARM_UP_MINUTES, minutes) * 60_000,
    pauseMs: 16,
    waitingMs: WAITING_MS,
    roundMs: 30_000,
    workers: 2,
    conversations: 4,
    devices: 4,
    only: FAULTS,
    limits: { framesPerSecond: 100_000, framesBurst: 100_000 },
    ...(progress === undefined ? {} : { progress }),
  });
}

/** `untold`: its error is larger than its distance from the bound. */
export type Judgement = "met" | "missed" | "untold";

export function judgeTrend({ name, highest, percentPerTenMinutes, errorPercent }: Trend): Judgement {
  // It may be full or not, as long as it is bounded.
  if (name === LOG) return highest <= LOG_MEGABYTES ? "met" : "missed";
  if (Math.abs(percentPerTenMinutes - GROWTH_PERCENT) <= errorPercent) return "untold";
  return percentPerTenMinutes < GROWTH_PERCENT ? "met" : "missed";
}

export function renderSoak(report: ChaosReport): string {
  const rows = report.trends.map((trend) => [...trendRow(trend), WORDS[judgeTrend(trend)]]);
  const bound = `Memory and open files may grow by less than ${GROWTH_PERCENT} % in 10 minutes; the log is ${LOG_MEGABYTES} MB at most.`;
  const heads = ["cost", "first", "last", "highest", "slope, and its standard error", "bound"];
  return renderReport(report, `${bound}\n\n${table(heads, rows)}`);
}

const WORDS: Readonly<Record<Judgement, string>> = {
  met: "met",
  missed: "**missed**",
  untold: "not told from the bound",
};

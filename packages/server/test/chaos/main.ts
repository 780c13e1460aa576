/**
 * `npm run chaos -- --minutes 10 --seed N`: a real server, real clients and browsers, and everything that can be broken,
 * mixed as the seed says; or one thing, broken again and again (options.ts). Prints a report; exit code 1 when the delivery
 * contract was broken or a bound missed, 2 for what cannot be run.
 */
import { browserGuests, ChaosSite } from "./browsers.ts";
import { isHerdBack, runHerd } from "./herd.ts";
import { type Form, type MixtureOptions, readCommandLine } from "./options.ts";
import { record } from "./record.ts";
import { missedBounds, renderHerd, renderReport, renderStorage } from "./report.ts";
import { runChaos, showBroken } from "./run.ts";
import { judgeTrend, renderSoak, runSoak } from "./soak.ts";
import { runStorage, whyNoStorage } from "./storage.ts";
import { fullSize, missedByWorkersKilled, renderWorkersKilled, runWorkersKilled } from "./workers-killed.ts";
import { runWriterKills } from "./writer-kills.ts";
import { missedByWriterKills, renderWriterKills } from "./writer-kills-report.ts";

interface Outcome {
  readonly isKept: boolean;
  readonly report: string;
  /** By which options it was made: where it stands in docs/reliability.md. */
  readonly recordedAs: string;
}

const CANNOT_RUN = 2;

process.exitCode = await main();

async function main(): Promise<number> {
  const line = readCommandLine(process.argv.slice(2));
  switch (line.kind) {
    case "help":
      process.stdout.write(line.text);
      return 0;
    case "mistake":
      process.stderr.write(`${line.line}. "npm run chaos -- --help" lists what there is.\n`);
      return CANNOT_RUN;
    case "run": {
      const problem = line.form.kind === "storage" ? whyNoStorage() : undefined;
      if (problem !== undefined) {
        process.stderr.write(`${problem}.\n`);
        return CANNOT_RUN;
      }
      const { isKept, report, recordedAs } = await run(line.form);
      process.stdout.write(`${report}\n`);
      if (line.isRecorded) await record(recordedAs, report);
      return isKept ? 0 : 1;
    }
    default:
      return line satisfies never;
  }
}

function run(form: Form): Promise<Outcome> {
  switch (form.kind) {
    case "mixture":
      return mix(form.options);
    case "soak":
      return soak(form.minutes, form.seed);
    case "workers killed":
      return killWorkers(form.seed);
    case "writer killed":
      return killWriter(form.kills, form.seed);
    case "herd":
      return cutHerd(form.clients, form.workers);
    case "storage":
      return breakDisk(form.times);
    default:
      return form satisfies never;
  }
}

async function mix(options: MixtureOptions): Promise<Outcome> {
  const { hasBrowsers, limits, isVerbose, warmUpMs, only, ...rest } = options;
  using site = hasBrowsers ? await ChaosSite.build() : undefined;
  const report = await runChaos({
    ...rest,
    ...(site === undefined
      ? {}
      : { guests: (world) => browserGuests(site.origin, world.groups, world.proxy.url) }),
    serverOptions: [
      ...(site === undefined ? [] : ["--origins", site.origin]),
      ...limits.flatMap((limit) => ["--limit", limit]),
    ],
    ...(warmUpMs === undefined ? {} : { warmUpMs }),
    ...(only === undefined ? {} : { only }),
    ...(isVerbose ? { onBroken: (broken) => progress(showBroken(broken)) } : {}),
    progress,
  });
  const isKept = report.violations.length === 0 && missedBounds(report).length === 0;
  return { isKept, report: renderReport(report), recordedAs: "--record" };
}

async function soak(minutes: number, seed: number): Promise<Outcome> {
  const report = await runSoak({ minutes, seed, progress });
  const missed = report.trends.filter((trend) => judgeTrend(trend) === "missed");
  const isKept = report.violations.length + missedBounds(report).length + missed.length === 0;
  return { isKept, report: renderSoak(report), recordedAs: "--soak M --record" };
}

async function killWorkers(seed: number): Promise<Outcome> {
  const report = await runWorkersKilled({ ...fullSize, seed });
  const isKept = report.verdict.violations.length === 0 && missedByWorkersKilled(report).length === 0;
  return { isKept, report: renderWorkersKilled(report), recordedAs: "--workers-killed --record" };
}

async function killWriter(kills: number, seed: number): Promise<Outcome> {
  const report = await runWriterKills({ kills, seed, progress });
  const isKept = report.violations.length === 0 && missedByWriterKills(report).length === 0;
  return { isKept, report: renderWriterKills(report), recordedAs: "--writer-kills N --record" };
}

async function cutHerd(clients: number, workers: number): Promise<Outcome> {
  const report = await runHerd(clients, workers);
  return { isKept: isHerdBack(report), report: renderHerd(report), recordedAs: "--herd N --record" };
}

async function breakDisk(times: number): Promise<Outcome> {
  const report = await runStorage(times, progress);
  const acknowledged = report.rounds.reduce((sum, round) => sum + (round.acknowledged ?? 0), 0);
  const isKept = report.verdict.violations.length + report.damage.length + acknowledged === 0;
  return { isKept, report: renderStorage(report), recordedAs: "--storage N --record" };
}

function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}

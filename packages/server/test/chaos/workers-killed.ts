/**
 * Workers die faster than anybody recovers: one of them every few seconds, whatever has become of the last one. What counts
 * is how soon each is replaced, and how soon its clients are back.
 */
import { elapsed, SeededRandom, until } from "@duologue/testing";
import { systemClock } from "../../src/clock.ts";
import type { Verdict } from "./oracle.ts";
import { count, ms, share, table } from "./report.ts";
import { StallWatch } from "./stalls.ts";
import { World } from "./world.ts";

export interface WorkersKilledOptions {
  readonly seed: number;
  readonly durationMs: number;
  readonly workers: number;
  /** Of two people on two devices each. */
  readonly conversations: number;
  /** Of each device, from one message to the next. */
  readonly pauseMs: number;
}

export interface WorkersKilledReport {
  readonly seed: number;
  readonly workers: number;
  readonly clients: number;
  readonly durationMs: number;
  readonly kills: number;
  /** From each death of a worker until another one is ready in its place. */
  readonly replacedMs: readonly number[];
  /** From each cut to the next welcome. */
  readonly backMs: readonly number[];
  readonly verdict: Verdict;
  readonly stalls: readonly (readonly string[])[];
}

/** As docs/reliability.md promises it. */
export const fullSize: Omit<WorkersKilledOptions, "seed"> = {
  durationMs: 60_000,
  workers: 4,
  conversations: 50,
  pauseMs: 250,
};
const REPLACED_MS = 1_000;
const BACK_MS = 3_000;
/** From one kill to the next. */
const NEXT_MS = { least: 1_000, most: 3_000 } as const;

export async function runWorkersKilled(options: WorkersKilledOptions): Promise<WorkersKilledReport> {
  const { seed, durationMs, workers, conversations, pauseMs } = options;
  await using world = await World.begin({ workers, conversations, devices: 4, way: "direct" });
  using stalls = new StallWatch(world, () => world.server.output.log.slice(-5));
  world.pace.pauseMs = pauseMs;
  const random = new SeededRandom(seed);
  const startedAt = systemClock.monotonic();
  let kills = 0;
  while (systemClock.monotonic() < startedAt + durationMs) {
    await elapsed(NEXT_MS.least + random.below(NEXT_MS.most - NEXT_MS.least));
    // Whoever is there: one that has just begun too.
    world.killWorkers([random.pick(world.server.workerPids())]);
    kills += 1;
  }
  await until(() => deathsWithoutSuccessor(world.server.output.log) === 0, "every worker was replaced");
  const verdict = await world.verdict();
  return {
    seed,
    workers,
    clients: world.talkers.length,
    durationMs,
    kills,
    replacedMs: replacementsOf(world.server.output.log),
    backMs: world.talkers.flatMap(({ log }) => log.absencesMs),
    verdict,
    stalls: stalls.stalls,
  };
}

interface LogLine {
  readonly time: string;
  readonly worker?: number;
  readonly msg: string;
}

/** From each death to the next readiness in the same place, unless the successor died too before it was ready. */
export function replacementsOf(log: readonly string[]): readonly number[] {
  const diedAt = new Map<number, number>();
  return eventsOf(log).flatMap(({ worker, time, isDeath }) => {
    if (isDeath) diedAt.set(worker, time);
    const since = diedAt.get(worker);
    if (isDeath || since === undefined) return [];
    diedAt.delete(worker);
    return [time - since];
  });
}

function deathsWithoutSuccessor(log: readonly string[]): number {
  const dead = new Set<number>();
  for (const { worker, isDeath } of eventsOf(log)) {
    if (isDeath) dead.add(worker);
    else dead.delete(worker);
  }
  return dead.size;
}

function eventsOf(log: readonly string[]): { worker: number; time: number; isDeath: boolean }[] {
  return log.flatMap((line) => {
    if (!line.includes('"msg":"worker died"') && !line.includes('"msg":"worker ready"')) return [];
    const { time, worker = 0, msg } = JSON.parse(line) as LogLine;
    return [{ worker, time: Date.parse(time), isDeath: msg === "worker died" }];
  });
}

/** What was missed, in a line each. */
export function missedByWorkersKilled({
  replacedMs,
  backMs,
  stalls,
}: WorkersKilledReport): readonly string[] {
  return [
    ...(share(replacedMs, 1) <= REPLACED_MS
      ? []
      : [`a worker was replaced after ${ms(share(replacedMs, 1))} ms`]),
    ...(share(backMs, 0.99) <= BACK_MS
      ? []
      : [`of a hundred clients, the 99th was back after ${ms(share(backMs, 0.99))} ms`]),
    ...stalls.map(([first = ""]) => `a message went astray: ${first}`),
  ];
}

export function renderWorkersKilled(report: WorkersKilledReport): string {
  const { seed, workers, clients, durationMs, kills, replacedMs, backMs, verdict, stalls } = report;
  const row = (name: string, values: readonly number[], bound: string, isMet: boolean): string[] => [
    name,
    count(values.length),
    ...[0.5, 0.99, 1].map((part) => `${ms(share(values, part))} ms`),
    `${bound}: ${isMet ? "met" : "**missed**"}`,
  ];
  return [
    `Seed ${seed}, ${durationMs / 1000} s, ${clients} clients, ${kills} kills of one of ${workers} workers: ` +
      `${count(verdict.messages)} messages, ${count(verdict.acknowledged)} acknowledgements, ` +
      `${count(verdict.repeats)} repeats by the judge, **${verdict.violations.length} violations**.`,
    table(
      ["", "times", "median", "99 %", "longest", "bound"],
      [
        row(
          "worker replaced",
          replacedMs,
          `longest ≤ ${REPLACED_MS / 1000} s`,
          share(replacedMs, 1) <= REPLACED_MS,
        ),
        row("client back", backMs, `99 % ≤ ${BACK_MS / 1000} s`, share(backMs, 0.99) <= BACK_MS),
      ],
    ),
    ...verdict.violations.map((violation) => `VIOLATION ${violation}`),
    ...missedByWorkersKilled(report).map((missed) => `MISSED ${missed}`),
    ...stalls.map((story) => story.join("\n")),
  ].join("\n\n");
}

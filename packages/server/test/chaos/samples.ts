/** What a server costs over time: memory, open files and the write-ahead log, and whether they grow. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../src/clock.ts";
import { openFilesOf, rssMegabytesOf } from "../harness/processes.ts";
import type { World } from "./world.ts";

interface Sample {
  readonly atMs: number;
  /** Process → MB. */
  readonly memory: ReadonlyMap<number, number>;
  readonly openFiles: number;
  readonly walMegabytes: number;
}

export interface Trend {
  readonly name: string;
  readonly first: number;
  readonly last: number;
  readonly highest: number;
  /** By least squares, over the judged part of the time. */
  readonly percentPerTenMinutes: number;
  /** Its standard error; infinite when there was too little time. */
  readonly errorPercent: number;
}

const SAMPLE_MS = 2_000;
/** Samples that follow each other are alike, and would make the error look smaller than it is; means of so many are less so. */
const SAMPLES_PER_MEAN = 30;
const TEN_MINUTES_MS = 600_000;

export class Samples implements Disposable {
  readonly #world: World;
  readonly #samples: Sample[] = [];
  readonly #timer: { cancel(): void };
  #judgedFrom: number | undefined;

  constructor(world: World) {
    this.#world = world;
    this.#timer = systemClock.every(SAMPLE_MS, () => this.#take());
  }

  /** What was before is warming up. Never called: the first half of the time. */
  judgeFromNow(): void {
    this.#judgedFrom = this.#samples.length;
  }

  trends(): readonly Trend[] {
    const { pid } = this.#world.server;
    const pids = [...(this.#samples.at(-1)?.memory.keys() ?? [])];
    // Those that were replaced meanwhile have no trend of their own.
    const lasting = pids.filter((one) => this.#shown.every(({ memory }) => memory.has(one)));
    return [
      this.#trend("memory of all processes, MB", ({ memory }) => sumOf(memory.values())),
      ...lasting.map((one, index) =>
        this.#trend(
          one === pid ? "memory of the primary, MB" : `memory of worker ${index}, MB`,
          ({ memory }) => memory.get(one) ?? 0,
        ),
      ),
      this.#trend("open files of all processes", ({ openFiles }) => openFiles),
      this.#trend("write-ahead log, MB", ({ walMegabytes }) => walMegabytes),
    ];
  }

  [Symbol.dispose](): void {
    this.#timer.cancel();
  }

  #take(): void {
    const { server, dataDirectory } = this.#world;
    const workers = server.workerPids();
    const pids = [server.pid, ...workers];
    const memory = new Map(pids.flatMap((pid) => pairOf(pid, rssMegabytesOf(pid))));
    const files = new Map(pids.flatMap((pid) => pairOf(pid, openFilesOf(pid))));
    // In the middle of a restart there is nothing to compare.
    if (workers.length === 0 || memory.size < pids.length || files.size < pids.length) return;
    this.#samples.push({
      atMs: systemClock.monotonic(),
      memory,
      openFiles: sumOf(files.values()),
      walMegabytes: sizeOf(join(dataDirectory, "duologue.db-wal")) / 1e6,
    });
  }

  /** A warm-up of its own is no part of the table. */
  get #shown(): readonly Sample[] {
    return this.#judgedFrom === undefined ? this.#samples : this.#judged;
  }

  get #judged(): readonly Sample[] {
    return this.#samples.slice(this.#judgedFrom ?? this.#samples.length >> 1);
  }

  #trend(name: string, pick: (sample: Sample) => number): Trend {
    const values = this.#shown.map(pick);
    const late = this.#judged;
    const mean = late.reduce((sum, sample) => sum + pick(sample), 0) / Math.max(1, late.length);
    const line = lineThrough(
      meansOf(
        late.map((sample) => [sample.atMs, pick(sample)]),
        SAMPLES_PER_MEAN,
      ),
    );
    const toPercent = (perMs: number): number => (mean === 0 ? 0 : (100 * perMs * TEN_MINUTES_MS) / mean);
    return {
      name,
      first: values[0] ?? 0,
      last: values.at(-1) ?? 0,
      highest: values.reduce((highest, value) => Math.max(highest, value), 0),
      percentPerTenMinutes: toPercent(line.slope),
      errorPercent: toPercent(line.error),
    };
  }
}

function sumOf(values: Iterable<number>): number {
  return [...values].reduce((sum, value) => sum + value, 0);
}

function pairOf(pid: number, value: number | undefined): [number, number][] {
  return value === undefined ? [] : [[pid, value]];
}

type Point = readonly [x: number, y: number];

/** Of so many points each; what is left over at the end is one more. */
export function meansOf(points: readonly Point[], size: number): readonly Point[] {
  const groups = Array.from({ length: Math.ceil(points.length / size) }, (_, index) =>
    points.slice(index * size, (index + 1) * size),
  );
  return groups.map((group) => {
    const mean = (axis: 0 | 1): number => sumOf(group.map((point) => point[axis])) / group.length;
    return [mean(0), mean(1)];
  });
}

/** The slope of the line that lies nearest to these points, and its standard error. */
export function lineThrough(points: readonly Point[]): { readonly slope: number; readonly error: number } {
  const count = points.length;
  const meanX = sumOf(points.map(([x]) => x)) / Math.max(1, count);
  const meanY = sumOf(points.map(([, y]) => y)) / Math.max(1, count);
  const spread = sumOf(points.map(([x]) => (x - meanX) ** 2));
  if (spread === 0) return { slope: 0, error: Number.POSITIVE_INFINITY };
  const slope = sumOf(points.map(([x, y]) => (x - meanX) * (y - meanY))) / spread;
  // Two points always lie on a line, and say nothing of how far others would lie from it.
  if (count < 3) return { slope, error: Number.POSITIVE_INFINITY };
  const residue = sumOf(points.map(([x, y]) => (y - meanY - slope * (x - meanX)) ** 2));
  return { slope, error: Math.sqrt(residue / (count - 2) / spread) };
}

function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch {
    return 0;
  }
}

/** Runs one job in a generator process of its own, so that no run inherits the memory or the compiled code of another. */
import { type BenchClock, within } from "../clock.ts";
import type { Job, JobResult } from "../load/job.ts";
import type { Children } from "./children.ts";
import { pinned } from "./launch.ts";

export class GeneratorError extends Error {
  override readonly name = "GeneratorError";
}

/** Longer than every bounded wait inside the generator together. */
const RUN_LIMIT_MS = 400_000;
const program = new URL("../generate.ts", import.meta.url).pathname;

export async function generate<K extends Job["kind"]>(
  clock: BenchClock,
  children: Children,
  job: Extract<Job, { kind: K }>,
  core: number | undefined,
): Promise<ResultOf<K>> {
  const child = children.add(
    Bun.spawn([...pinned(core), process.execPath, program], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
    }),
  );
  try {
    await child.stdin.write(JSON.stringify(job));
    await child.stdin.end();
    const outputs = Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    const [output, complaint, code] = await within(clock, RUN_LIMIT_MS, `${job.kind} load`, outputs);
    if (code !== 0) throw new GeneratorError(`${job.kind} load: ${complaint.trim()}`);
    // Written by this package's own generator, so its shape is known.
    return JSON.parse(output) as ResultOf<K>;
  } finally {
    await children.stop(child);
  }
}

export type ResultOf<K extends Job["kind"]> = Extract<
  JobResult,
  { kind: K extends "relay" | "durable" ? "load" : K }
>;

/** The generator's own process: one job as JSON on standard input, its result as JSON on standard output. */
import { type BenchClock, systemClock } from "./clock.ts";
import { runDurable } from "./load/durable-load.ts";
import { runHops } from "./load/hops-load.ts";
import { runIdle } from "./load/idle-load.ts";
import { runInterest } from "./load/interest-load.ts";
import type { Job, JobResult } from "./load/job.ts";
import { runOnline } from "./load/online-load.ts";
import { runPresence } from "./load/presence-load.ts";
import { runRelay } from "./load/relay-load.ts";
import { runRows } from "./load/rows-load.ts";
import { runStorm } from "./load/storm-load.ts";

function runJob(clock: BenchClock, job: Job): Promise<JobResult> {
  switch (job.kind) {
    case "relay":
      return runRelay(clock, job);
    case "durable":
      return runDurable(clock, job);
    case "idle":
      return runIdle(clock, job);
    case "storm":
      return runStorm(clock, job);
    case "online":
      return runOnline(clock, job);
    case "presence":
      return runPresence(clock, job);
    case "rows":
      return runRows(clock, job);
    case "hops":
      return runHops(clock, job);
    case "interest":
      return runInterest(clock, job);
  }
}

// Written by this package's own runner, so its shape is known.
const job = JSON.parse(await Bun.stdin.text()) as Job;
try {
  const result = await runJob(systemClock, job);
  await Bun.write(Bun.stdout, `${JSON.stringify(result)}\n`);
  process.exit(0);
} catch (error) {
  await Bun.write(
    Bun.stderr,
    `${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}\n`,
  );
  process.exit(1);
}

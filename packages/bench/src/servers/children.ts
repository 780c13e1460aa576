/** Every process that a benchmark starts, so that all of them end with it, and nothing else does. */
import { rmSync } from "node:fs";
import type { Subprocess } from "bun";
import type { BenchClock } from "../clock.ts";
import { processTree } from "../system/processes.ts";

const GRACE_MS = 5000;

export class Children {
  private readonly clock: BenchClock;
  private readonly running = new Set<Subprocess>();
  private readonly directories = new Set<string>();
  private readonly adopted = new Set<AsyncDisposable>();

  constructor(clock: BenchClock) {
    this.clock = clock;
  }

  add<T extends Subprocess>(child: T): T {
    this.running.add(child);
    return child;
  }

  /** A temporary directory that goes with the process that uses it. */
  addDirectory(path: string): void {
    this.directories.add(path);
  }

  removeDirectory(path: string): void {
    this.directories.delete(path);
    rmSync(path, { recursive: true, force: true });
  }

  /** What starts and ends its processes itself. */
  adopt<T extends AsyncDisposable>(resource: T): T {
    this.adopted.add(resource);
    return resource;
  }

  async dispose(resource: AsyncDisposable): Promise<void> {
    this.adopted.delete(resource);
    await resource[Symbol.asyncDispose]();
  }

  /** Asks the process to end, and kills it and its descendants when it has not after a few seconds. */
  async stop(child: Subprocess): Promise<void> {
    this.running.delete(child);
    const tree = processTree(child.pid);
    child.kill("SIGTERM");
    let cancel: () => void = () => undefined;
    const grace = new Promise<"late">((resolve) => {
      cancel = this.clock.after(GRACE_MS, () => resolve("late"));
    });
    const outcome = await Promise.race([child.exited, grace]);
    cancel();
    if (outcome === "late") kill(tree);
    await child.exited;
  }

  /** For a benchmark that is broken off: at once. */
  async killAll(): Promise<void> {
    for (const child of this.running) kill(processTree(child.pid));
    this.running.clear();
    for (const path of [...this.directories]) this.removeDirectory(path);
    await Promise.allSettled([...this.adopted].map((resource) => this.dispose(resource)));
  }
}

function kill(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  }
}

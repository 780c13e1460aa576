/**
 * Starts the workers and keeps them: a dead one is replaced at once (with back-off when it dies again and again), one
 * that gives no sign is killed and replaced, and on a reload each in turn is replaced by a new one, the new one
 * listening before the old one stops.
 */
import type { Clock, Timer } from "../clock.ts";
import type { WorkerStatistics } from "../link/worker-types.ts";
import type { Logger } from "../log.ts";
import type { WorkerSerial } from "./registry.ts";

export interface SupervisorOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly workers: number;
  readonly launch: Launch;
  /** Asks a worker to close its clients and end. */
  readonly drain: (serial: WorkerSerial) => void;
  readonly timing?: Partial<SupervisorTiming>;
}

/** What the supervisor needs of Bun's Subprocess; the simulator has one of its own. */
export interface WorkerProcess {
  readonly pid: number;
  readonly exited: Promise<unknown>;
  kill(signal: "SIGKILL"): void;
}

/** Starts the process of a worker; throws when it cannot be started. `onExit` is called once, and never inside this call. */
export type Launch = (
  serial: WorkerSerial,
  onExit: (code: number | null, signal: number | string | null) => void,
) => WorkerProcess;

export interface SupervisorTiming {
  /** Without a sign from a worker for this many checks, one a second, it is taken for hung. */
  readonly silentChecks: number;
  readonly startMs: number;
  readonly drainMs: number;
  /** A worker that lived shorter than this counts as dying repeatedly. */
  readonly healthyMs: number;
  /** Dying repeatedly, it is replaced at once so many times; from then on, after a wait that doubles. */
  readonly quickReplacements: number;
  readonly backOffMs: number;
  readonly maxBackOffMs: number;
}

const defaultTiming: SupervisorTiming = {
  silentChecks: 5,
  startMs: 15_000,
  drainMs: 5_000,
  healthyMs: 5_000,
  quickReplacements: 3,
  backOffMs: 100,
  maxBackOffMs: 5_000,
};

const CHECK_MS = 1_000;
const NO_STATISTICS: WorkerStatistics = {
  memoryBytes: 0,
  connections: 0,
  users: 0,
  messagesIn: 0,
  messagesOut: 0,
};

interface Worker {
  readonly serial: WorkerSerial;
  readonly slot: number;
  readonly process: WorkerProcess;
  readonly startedAt: number;
  state: "starting" | "ready" | "draining";
  silentChecks: number;
  statistics: WorkerStatistics;
  readonly ready: PromiseWithResolvers<boolean>;
  readonly deadline: Timer;
}

export interface SupervisedWorker {
  readonly number: number;
  readonly pid: number;
  readonly uptimeMs: number;
  readonly statistics: WorkerStatistics;
}

export class Supervisor {
  private readonly workers = new Map<WorkerSerial, Worker>();
  private readonly timing: SupervisorTiming;
  private nextSerial = 1;
  private readonly quickDeaths: number[];
  private stopping = false;
  private reloading = false;
  private readonly checks: Timer;

  constructor(private readonly options: SupervisorOptions) {
    this.timing = { ...defaultTiming, ...options.timing };
    this.quickDeaths = Array.from({ length: options.workers }, () => 0);
    this.checks = options.clock.every(CHECK_MS, () => this.check());
  }

  /** Resolves to true when every worker listens; to false when one could not begin. */
  async start(): Promise<boolean> {
    const outcomes = await Promise.all(this.quickDeaths.map((_, slot) => this.spawn(slot)?.ready.promise));
    return outcomes.every((ready) => ready === true);
  }

  isKnown(serial: WorkerSerial): boolean {
    return this.workers.has(serial);
  }

  status(): SupervisedWorker[] {
    const now = this.options.clock.monotonic();
    return [...this.workers.values()]
      .sort((a, b) => a.slot - b.slot)
      .map(({ slot, process, startedAt, statistics }) => ({
        number: slot + 1,
        pid: process.pid,
        uptimeMs: now - startedAt,
        statistics,
      }));
  }

  onReady(serial: WorkerSerial): void {
    const worker = this.workers.get(serial);
    if (worker === undefined) return;
    worker.deadline.cancel();
    worker.state = "ready";
    worker.silentChecks = 0;
    worker.ready.resolve(true);
    this.options.log.info({ worker: worker.slot + 1, workerPid: worker.process.pid }, "worker ready");
  }

  onStatistics(serial: WorkerSerial, statistics: WorkerStatistics): void {
    const worker = this.workers.get(serial);
    if (worker === undefined) return;
    worker.silentChecks = 0;
    worker.statistics = statistics;
  }

  /** The link to a worker broke: without it the worker is of no use. */
  onLinkGone(serial: WorkerSerial, reason: string): void {
    const worker = this.workers.get(serial);
    if (worker === undefined || worker.state === "draining") return;
    this.options.log.warn(
      { worker: worker.slot + 1, workerPid: worker.process.pid, reason },
      "worker link lost",
    );
    this.options.clock.after(1_000, () => worker.process.kill("SIGKILL"));
  }

  /** Replaces each worker in turn. Yields a line for each; false at the end when a new one could not begin. */
  async *reload(): AsyncGenerator<string, boolean> {
    if (this.reloading || this.stopping) return false;
    this.reloading = true;
    try {
      for (let slot = 0; slot < this.options.workers; slot += 1) {
        const old = this.holder(slot);
        const fresh = this.spawn(slot);
        if (fresh === undefined || !(await fresh.ready.promise)) {
          yield `worker ${slot + 1}: the new process could not begin; the old one stays`;
          return false;
        }
        if (old !== undefined) await this.retire(old);
        yield `worker ${slot + 1} of ${this.options.workers}: replaced, pid ${old?.process.pid ?? "none"} → ${fresh.process.pid}`;
      }
      return true;
    } finally {
      this.reloading = false;
    }
  }

  async stop(): Promise<void> {
    this.stopping = true;
    this.checks.cancel();
    await Promise.all([...this.workers.values()].map((worker) => this.retire(worker)));
  }

  /** Who serves from this slot, or is about to. */
  private holder(slot: number): Worker | undefined {
    return [...this.workers.values()].find((worker) => worker.slot === slot && worker.state !== "draining");
  }

  /** Undefined when the process could not be started: the file is being replaced, or there are too many processes. */
  private spawn(slot: number): Worker | undefined {
    const { clock, launch, log } = this.options;
    const serial = this.nextSerial++;
    let process: WorkerProcess;
    try {
      process = launch(serial, (code, signal) => this.onExit(serial, code, signal));
    } catch (error) {
      log.error({ worker: slot + 1, error }, "a worker could not be started");
      return undefined;
    }
    const worker: Worker = {
      serial,
      slot,
      process,
      startedAt: clock.monotonic(),
      state: "starting",
      silentChecks: 0,
      statistics: NO_STATISTICS,
      ready: Promise.withResolvers(),
      deadline: clock.after(this.timing.startMs, () => {
        log.error({ worker: slot + 1, workerPid: process.pid }, "worker did not begin in time");
        process.kill("SIGKILL");
      }),
    };
    this.workers.set(serial, worker);
    return worker;
  }

  private onExit(serial: WorkerSerial, code: number | null, signal: number | string | null): void {
    const worker = this.workers.get(serial);
    if (worker === undefined) return;
    const { clock, log } = this.options;
    this.workers.delete(serial);
    worker.deadline.cancel();
    worker.ready.resolve(false);
    if (worker.state === "draining" || this.stopping) return;
    log.error({ worker: worker.slot + 1, workerPid: worker.process.pid, code, signal }, "worker died");
    // During a reload, the old worker of the slot stays: a new one that cannot begin is not tried again and again.
    if (this.holder(worker.slot) === undefined)
      this.fillLater(worker.slot, clock.monotonic() - worker.startedAt);
  }

  /** `livedMs`: how long the last one of this slot lived. */
  private fillLater(slot: number, livedMs: number): void {
    const delayMs = this.backOffMs(slot, livedMs);
    if (delayMs === 0) this.fill(slot);
    else this.options.clock.after(delayMs, () => this.fill(slot));
  }

  private fill(slot: number): void {
    // A reload may have been quicker.
    if (this.stopping || this.holder(slot) !== undefined) return;
    if (this.spawn(slot) === undefined) this.fillLater(slot, 0);
  }

  private backOffMs(slot: number, livedMs: number): number {
    const deaths = livedMs < this.timing.healthyMs ? (this.quickDeaths[slot] ?? 0) + 1 : 0;
    this.quickDeaths[slot] = deaths;
    const { quickReplacements, backOffMs, maxBackOffMs } = this.timing;
    const waits = deaths - quickReplacements;
    return waits < 1 ? 0 : Math.min(maxBackOffMs, backOffMs * 2 ** (waits - 1));
  }

  private async retire(worker: Worker): Promise<void> {
    // One that has not begun holds no client, and may not be there yet to be asked.
    if (worker.state === "starting") worker.process.kill("SIGKILL");
    else this.options.drain(worker.serial);
    worker.state = "draining";
    const deadline = this.options.clock.after(this.timing.drainMs, () => worker.process.kill("SIGKILL"));
    await worker.process.exited;
    deadline.cancel();
  }

  /** Counts checks, not time: while the primary itself was held up, no worker could give a sign. */
  private check(): void {
    for (const worker of this.workers.values()) {
      if (worker.state !== "ready") continue;
      worker.silentChecks += 1;
      if (worker.silentChecks <= this.timing.silentChecks) continue;
      this.options.log.error(
        { worker: worker.slot + 1, workerPid: worker.process.pid },
        "worker gives no sign; killing it",
      );
      worker.process.kill("SIGKILL");
    }
  }
}

/** The processes of the program itself; the serial number is added to the command. */
export function launchWith(
  command: readonly string[],
  environment: Record<string, string | undefined>,
): Launch {
  return (serial, onExit) =>
    Bun.spawn([...command, String(serial)], {
      stdin: "ignore",
      stdout: "inherit",
      stderr: "inherit",
      env: environment,
      onExit: (_, code, signal) => onExit(code, signal),
    });
}

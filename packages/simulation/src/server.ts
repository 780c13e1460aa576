/** The simulated server: a primary and its workers, each a process that may die between any two steps, and who starts it again. */
import { join } from "node:path";
import { defaultLimits, type Limits } from "@duologue/protocol";
import { SqliteReader, type WorkerProcess } from "duologue";
import { ServerDisk } from "./disk.ts";
import { Primary } from "./primary.ts";
import { Life } from "./schedule.ts";
import { Worker } from "./worker.ts";
import type { World } from "./world.ts";

const RESTART_MS = 400;

export interface ServerOptions {
  /** Of the database; the simulator's own. */
  readonly directory: string;
  readonly workers: number;
  readonly limits: Partial<Limits>;
}

/** Who starts the primary again, and carries out signals; nothing ends it. */
const systemLife = new Life("system");

export class SimulatedServer {
  readonly databasePath: string;
  readonly disk: ServerDisk;
  readonly #world: World;
  readonly #options: ServerOptions;
  #primary: Primary | undefined;
  readonly #workers = new Set<Worker>();
  #primaries = 0;
  #isOver = false;
  /** Told when a worker's process is gone. */
  onWorkerGone: (life: Life) => void = () => undefined;
  /** Told of each message that the store refuses. */
  onRefused: (id: string) => void = () => undefined;

  constructor(world: World, options: ServerOptions) {
    this.#world = world;
    this.#options = options;
    this.databasePath = join(options.directory, "duologue.db");
    this.disk = new ServerDisk(world, this.databasePath);
  }

  get limits(): Limits {
    return { ...defaultLimits, ...this.#options.limits };
  }

  /** Those that take clients, in the order in which they began. */
  get readyWorkers(): readonly Worker[] {
    return [...this.#workers].filter((worker) => worker.isListening);
  }

  get isWhole(): boolean {
    const own = this.readyWorkers.filter(({ primary }) => primary === this.#primary);
    return this.#primary?.isWell === true && own.length === this.#options.workers;
  }

  get primary(): Primary | undefined {
    return this.#primary;
  }

  start(): void {
    this.#primaries += 1;
    const number = this.#primaries;
    try {
      const primary: Primary = new Primary(this.#world, {
        name: `primary-${number}`,
        databasePath: this.databasePath,
        disk: this.disk,
        workers: this.#options.workers,
        limits: this.limits,
        launch: (by, serial, onExit) => this.#launch(by, number, serial, onExit),
        refused: (id) => this.onRefused(id),
        gone: () => this.#onPrimaryGone(primary),
      });
      this.#primary = primary;
    } catch (error) {
      if (!(error instanceof Error) || error.name !== "SQLiteError") throw error;
      this.#world.schedule.note(systemLife, `the primary cannot begin: ${error.message}`);
      this.#restartLater();
    }
  }

  /** What is committed, read by nobody that was there. */
  openReader(): SqliteReader {
    return new SqliteReader(this.databasePath);
  }

  end(): void {
    this.#isOver = true;
    for (const worker of [...this.#workers]) worker.exit(null, "SIGKILL");
    this.#primary?.crash();
  }

  #onPrimaryGone(primary: Primary): void {
    this.#world.schedule.note(primary.life, "is gone");
    this.#primary = undefined;
    if (!this.#isOver) this.#restartLater();
  }

  #restartLater(): void {
    const delayMs = this.#world.random.exponential(RESTART_MS);
    this.#world.schedule.after(delayMs, systemLife, "primary restarts", () => this.start());
  }

  #launch(
    primary: Primary,
    number: number,
    serial: number,
    onExit: (code: number | null, signal: string | null) => void,
  ): WorkerProcess {
    const { schedule } = this.#world;
    const { promise, resolve } = Promise.withResolvers<void>();
    const worker: Worker = new Worker(this.#world, {
      name: `worker-${number}.${serial}`,
      serial,
      primary,
      gone: (code, signal) => {
        this.#workers.delete(worker);
        this.onWorkerGone(worker.life);
        schedule.after(this.#world.latencyMs(), primary.life, `${worker.life.name} has exited`, () => {
          onExit(code, signal);
          resolve();
        });
      },
    });
    this.#workers.add(worker);
    return {
      pid: serial,
      exited: promise,
      kill: (signal) =>
        void schedule.after(this.#world.momentMs(), systemLife, `kills ${worker.life.name}`, () =>
          worker.exit(null, signal),
        ),
    };
  }
}

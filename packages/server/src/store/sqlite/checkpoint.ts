/**
 * Moves what was committed from the write-ahead log into the database file, so that the log stays small. Done by the
 * writer alone, between batches, and in portions: SQLite's own way would do it inside the commit of whoever comes
 * along, 16 times as often.
 */
import type { Database, Statement } from "bun:sqlite";

interface LogState {
  readonly busy: number;
  /** Pages in the log, and how many of them are in the database file already. */
  readonly log: number;
  readonly checkpointed: number;
}

export interface CheckpointLimits {
  /** Pages (of 4096 bytes) moved at a time. */
  readonly portionPages: number;
  /** Pages in a log that readers keep from starting over, after which they are waited for, and the log is cut. */
  readonly boundPages: number;
}

/** 16 MiB took 5–10 ms to move, where 4 MiB cost twice the time in all, and 64 MiB 20 ms at once; and 256 MiB. */
const DEFAULT_LIMITS: CheckpointLimits = { portionPages: 4096, boundPages: 65_536 };
const CUT_WAIT_MS = 100;

export class Checkpointer {
  readonly #database: Database;
  readonly #busyTimeoutMs: number;
  readonly #look: Statement<LogState, []>;
  readonly #move: Statement<LogState, []>;
  readonly #limits: CheckpointLimits;
  /** Pages in the log at which the next portion is due, and the next cut. */
  #dueAt: number;
  #cutAt: number;

  constructor(database: Database, busyTimeoutMs: number, limits: CheckpointLimits = DEFAULT_LIMITS) {
    this.#limits = limits;
    this.#dueAt = limits.portionPages;
    this.#cutAt = limits.boundPages;
    this.#database = database;
    this.#busyTimeoutMs = busyTimeoutMs;
    this.#look = database.prepare("PRAGMA wal_checkpoint(NOOP)");
    this.#move = database.prepare("PRAGMA wal_checkpoint(PASSIVE)");
  }

  /** Never waits for a reader, unless the log has passed its bound. */
  run(): void {
    const { portionPages, boundPages } = this.#limits;
    const log = this.#look.get()?.log ?? 0;
    // The log started over: nobody reads its old pages any more.
    if (log < this.#dueAt - portionPages) {
      this.#dueAt = portionPages;
      this.#cutAt = boundPages;
    }
    if (log < this.#dueAt) return;
    this.#dueAt = log + portionPages;
    this.#move.get();
    if (log >= this.#cutAt) {
      this.#cutAt = log + boundPages;
      this.#cut();
    }
  }

  #cut(): void {
    this.#database.run(`PRAGMA busy_timeout = ${CUT_WAIT_MS}`);
    try {
      this.#database.run("PRAGMA wal_checkpoint(TRUNCATE)");
    } finally {
      this.#database.run(`PRAGMA busy_timeout = ${this.#busyTimeoutMs}`);
    }
  }
}

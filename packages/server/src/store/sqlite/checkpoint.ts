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
    withPatience(this.#database, CUT_WAIT_MS, this.#busyTimeoutMs, () =>
      this.#database.run("PRAGMA wal_checkpoint(TRUNCATE)"),
    );
  }
}

/** Somebody reads from the log, so that it cannot be settled now. */
export class UnsettledLogError extends Error {
  override readonly name = "UnsettledLogError";
}

/**
 * Writes everything that is committed into the database file anew, flushes it, and lets the log begin from nothing. After
 * a failed flush, pages of the log may be in the system's memory only, and count as written there: to add to such a log
 * would be to build on what may not be on the disk. `must`: throws UnsettledLogError when somebody still reads the log.
 */
export function settleLog(database: Database, busyTimeoutMs: number, must: boolean): void {
  const state = withPatience(database, CUT_WAIT_MS, busyTimeoutMs, () =>
    database.query<LogState, []>("PRAGMA wal_checkpoint(TRUNCATE)").get(),
  );
  if (must && state?.busy !== 0) throw new UnsettledLogError("the log is being read; trying again later");
}

/** Runs with another patience than the usual one towards those who hold locks. */
export function withPatience<T>(database: Database, waitMs: number, usualMs: number, run: () => T): T {
  database.run(`PRAGMA busy_timeout = ${waitMs}`);
  try {
    return run();
  } finally {
    database.run(`PRAGMA busy_timeout = ${usualMs}`);
  }
}

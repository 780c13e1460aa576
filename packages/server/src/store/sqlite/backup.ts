/** A file that holds all of a body of data: made beside a writer at work, and made into a body of data of its own again. */
import { Database } from "bun:sqlite";
import type { Clock } from "../../clock.ts";
import { makeEpoch } from "../epoch.ts";
import { openToLook } from "./database.ts";
import { findDamage } from "./invariants.ts";
import { deleteMeta, knownVersion, migrate, readMeta, writeMeta } from "./migrations.ts";

/** The file cannot be restored; the message is one line for people. */
export class UnusableBackupError extends Error {
  override readonly name = "UnusableBackupError";
}

export interface DataCounts {
  readonly users: number;
  readonly conversations: number;
  readonly events: number;
}

export interface BackupFacts extends DataCounts {
  /** When it was taken, in ISO 8601; undefined for a plain copy of a database. */
  readonly takenAt: string | undefined;
}

/** Of a copy, in bytes, before it is made: what the file holds without the room that deletions left. */
export function estimateCopyBytes(path: string): number {
  using database = openToLook(path);
  const ask = (name: string): number =>
    database.query<Record<string, number>, []>(`PRAGMA ${name}`).get()?.[name] ?? 0;
  return (ask("page_count") - ask("freelist_count")) * ask("page_size");
}

/**
 * Copies what is committed now into a new file at `target`. Reads one snapshot, so that the writer goes on meanwhile; its
 * log cannot start over until this is done. Blocks this process for as long as it takes.
 */
export function copyDatabase(path: string, target: string): void {
  using database = openToLook(path);
  knownVersion(database);
  database.run("VACUUM INTO ?", [target]);
}

/** Completes a copy: with what signs the guests' tokens, without which each would be a stranger after a restore. */
export function sealBackup(path: string, secret: string | undefined, takenAt: string): BackupFacts {
  using database = new Database(path, { readwrite: true });
  database.transaction(() => {
    deleteMeta(database, "writer");
    writeMeta(database, "taken", takenAt);
    if (secret !== undefined) writeMeta(database, "secret", secret);
  })();
  return { ...countData(database), takenAt };
}

export interface Restored extends BackupFacts {
  /** What `token-secret` held; undefined for a plain copy of a database. */
  readonly secret: string | undefined;
}

/**
 * Makes a copy of a back-up into a body of data of its own: checked all through, brought to this program's version, and
 * under a new epoch, so that a client that saw what came after the back-up is told to load anew. Throws
 * UnusableBackupError, ForeignDatabaseError or SchemaTooNewError.
 */
export function unsealBackup(path: string, clock: Pick<Clock, "random">): Restored {
  using database = openCopy(path);
  if (knownVersion(database) === 0) throw new UnusableBackupError("the file holds no data");
  // Without a log, so that the file is all there is of it.
  database.run("PRAGMA journal_mode = DELETE");
  database.run("PRAGMA synchronous = FULL");
  database.run("PRAGMA secure_delete = ON");
  const damage = findDamage(database, true);
  if (damage.length > 0) throw new UnusableBackupError(`the file is damaged: ${damage.join("; ")}`);
  migrate(database, makeEpoch(clock));
  const [secret, takenAt] = [readMeta(database, "secret"), readMeta(database, "taken")];
  database.transaction(() => {
    writeMeta(database, "epoch", makeEpoch(clock));
    for (const name of ["secret", "taken", "writer"] as const) deleteMeta(database, name);
  })();
  return { ...countData(database), secret, takenAt };
}

function openCopy(path: string): Database {
  const database = new Database(path, { readwrite: true });
  try {
    database.query("SELECT count(*) FROM sqlite_schema").get();
    return database;
  } catch (error) {
    database.close();
    throw new UnusableBackupError(`the file is no database: ${(error as Error).message}`);
  }
}

export function countData(database: Database): DataCounts {
  const count = (table: "user" | "conversation" | "event"): number =>
    database.query<{ count: number }, []>(`SELECT count(*) AS count FROM ${table}`).get()?.count ?? 0;
  return { users: count("user"), conversations: count("conversation"), events: count("event") };
}

/** Moves the log into the file, of a database that nobody else has open. Throws SQLite's error where it is damaged. */
export function settleDatabase(path: string): void {
  using database = new Database(path, { readwrite: true });
  database.run("PRAGMA wal_checkpoint(TRUNCATE)");
}

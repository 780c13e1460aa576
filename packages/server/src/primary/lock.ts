/** One primary for one data directory. */
import { Database } from "bun:sqlite";
import { join } from "node:path";

/** In the data directory. */
export const LOCK_FILE = "duologue.lock";

/** Another primary owns the data directory. */
export class DirectoryInUseError extends Error {
  override readonly name = "DirectoryInUseError";
}

export interface DirectoryLock {
  release(): void;
}

/**
 * Takes the directory, or throws DirectoryInUseError. The lock is SQLite's exclusive one on a file of its own: the
 * kernel lets it go with the process, however that ends, and a stopped process keeps it, so that a stale primary that
 * wakes up can never write beside a new one.
 */
export function lockDirectory(directory: string): DirectoryLock {
  const database = new Database(join(directory, LOCK_FILE), { create: true });
  try {
    database.run("PRAGMA busy_timeout = 0");
    database.run("PRAGMA locking_mode = EXCLUSIVE");
    database.run("BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    if ((error as { code?: string }).code?.startsWith("SQLITE_BUSY"))
      throw new DirectoryInUseError(directory);
    throw error;
  }
  return { release: () => database.close() };
}

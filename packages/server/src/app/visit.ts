/** How tools come to a data directory: beside the server that owns it, or in its place while none runs. */
import { existsSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { DirectoryInUseError, lockDirectory } from "../primary/lock.ts";

/** A tool cannot do what it was asked for; the message is one line for people. */
export class UpkeepError extends Error {
  override readonly name = "UpkeepError";
}

export const DATABASE = "duologue.db";

export interface Visit extends Disposable {
  readonly directory: string;
  /** A server owns the directory; until the end of the visit, none does otherwise. */
  readonly isServed: boolean;
}

/**
 * For those that only look. Reading SQLite's file makes files beside it, which would belong to whoever looks: where no
 * server runs, they go with the visit, and no server can begin during it.
 */
export function visit(directory: string): Visit {
  const lock = tryLock(directory);
  const beside = ["-wal", "-shm"].map((ending) => join(directory, DATABASE + ending));
  const were = beside.filter((path) => existsSync(path));
  return {
    directory,
    isServed: lock === undefined,
    [Symbol.dispose]: () => {
      if (lock === undefined) return;
      for (const path of beside) {
        if (!were.includes(path) && existsSync(path) && isDisposable(path)) rmSync(path);
      }
      lock.release();
    },
  };
}

/** A log that was not there before and holds something would be somebody's who came past the lock. */
function isDisposable(path: string): boolean {
  return path.endsWith("-shm") || statSync(path).size === 0;
}

/** For those that change: undefined when a server runs there. */
export function tryLock(directory: string): { release(): void } | undefined {
  try {
    return lockDirectory(directory);
  } catch (error) {
    if (error instanceof DirectoryInUseError) return undefined;
    throw new UpkeepError(
      `The data directory ${directory} cannot be used (${(error as Error).message}). Run this as the server's user.`,
    );
  }
}

/** SQLite names a file by its path only: a missing directory must be told from a missing file. `option` names it. */
export function requireDatabase(directory: string, option = "--data"): string {
  const path = join(directory, DATABASE);
  try {
    const facts = statSync(path);
    if (facts.isFile() && facts.size > 0) return path;
    if (facts.isFile()) throw new UpkeepError(`${path} is empty: there is nothing in it.`);
  } catch (error) {
    if (error instanceof UpkeepError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    const advice = `Name the data directory with ${option}.`;
    if (code === "ENOTDIR") throw new UpkeepError(`${directory} is no directory. ${advice}`);
    if (code === "ENOENT") throw new UpkeepError(`There is no ${DATABASE} in ${directory}. ${advice}`);
    throw new UpkeepError(`The database ${path} cannot be used (${message}). Run this as the server's user.`);
  }
  throw new UpkeepError(`${path} is no file.`);
}

/** `what` cannot be done: said in one line, with the system's reason. */
export function orRefuse<T>(run: () => T, what: string): T {
  try {
    return run();
  } catch (error) {
    throw new UpkeepError(`${what} (${(error as Error).message}).`);
  }
}

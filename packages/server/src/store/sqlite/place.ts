/**
 * Whether the files that SQLite has open still stand under their names. Linux lets anybody remove or replace a file that
 * is open: the process goes on writing into what has no name any more, and with it ends everything that was acknowledged.
 */
import { realpathSync, statSync } from "node:fs";
import { basename } from "node:path";

/** The store's file, or its log, is not the one under its name any more. */
export class MovedError extends Error {
  override readonly name = "MovedError";
  constructor(path: string) {
    super(`${basename(path)} was removed or replaced`);
  }
}

interface Known {
  readonly path: string;
  /** Device and number; the number cannot be given to another file as long as this one is open. */
  readonly identity: string;
}

export class Place {
  readonly #database: Known;
  /** The log and its index: who opens them anew would not see what is in ours. */
  readonly #beside: readonly Known[];

  /** Of a database that was just opened, and whose log has been used. */
  constructor(path: string) {
    this.#database = { path, identity: identify(path) };
    // SQLite keeps them beside the file itself, wherever a symbolic link to it stands.
    const real = realpathSync(path);
    this.#beside = ["-wal", "-shm"].map((ending) => ({
      path: real + ending,
      identity: identify(real + ending),
    }));
  }

  /** Throws MovedError. */
  check(): void {
    this.checkDatabase();
    for (const known of this.#beside) checkOne(known);
  }

  /** For a writer that has closed its files, with which the log may have gone. Throws MovedError. */
  checkDatabase(): void {
    checkOne(this.#database);
  }
}

function checkOne({ path, identity }: Known): void {
  let now: string;
  try {
    now = identify(path);
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    // Any other error says that it cannot be seen now, not that it is gone.
    if (code !== "ENOENT" && code !== "ENOTDIR") return;
    throw new MovedError(path);
  }
  if (now !== identity) throw new MovedError(path);
}

function identify(path: string): string {
  const { dev, ino } = statSync(path, { bigint: true });
  return `${dev} ${ino}`;
}

/** `duologue restore`: a data directory made out of a back-up. What was there before stays beside it. */
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { Clock } from "../clock.ts";
import { LOCK_FILE } from "../primary/lock.ts";
import { type BackupFacts, settleDatabase, unsealBackup } from "../store/index.ts";
import { flushPath, freeBytes, giveToOwner, keepAlso, SPARE_BYTES } from "./files.ts";
import { sizeOf } from "./start-up.ts";
import { isTokenSecret, putTokenSecret, TOKEN_SECRET } from "./token-secret.ts";
import { formatBytes } from "./units.ts";
import { DATABASE, orRefuse, tryLock, UpkeepError } from "./visit.ts";

export interface RestoreOptions {
  /** Absolute; made if it is missing. */
  readonly dataDirectory: string;
  /** Absolute. */
  readonly file: string;
  readonly clock: Pick<Clock, "now" | "random">;
}

export interface RestoreOutcome extends BackupFacts {
  /** Where the database is now that was there before; undefined when there was none. */
  readonly kept: string | undefined;
  /**
   * Of tokens. kept: the back-up had none, and that of the directory stays; missing: neither had one, and guests of the
   * back-up are strangers until `token-secret` is theirs.
   */
  readonly secret: "restored" | "kept" | "missing";
}

const RESTORING = `${DATABASE}.restoring`;

/** Throws UpkeepError; then the directory is as it was, but for a second name of the old database. */
export function restore(options: RestoreOptions): RestoreOutcome {
  const { dataDirectory, file } = options;
  checkFile(file);
  const made = makeDirectory(dataDirectory);
  const lock = tryLock(dataDirectory);
  if (lock === undefined) {
    throw new UpkeepError(
      `A server is running on ${dataDirectory}. Stop it first: duologue stop --data ${dataDirectory}`,
    );
  }
  try {
    return restoreLocked(options);
  } catch (error) {
    unmakeDirectory(made);
    throw error;
  } finally {
    lock.release();
  }
}

function checkFile(file: string): void {
  const facts = orRefuse(() => statSync(file, { throwIfNoEntry: false }), `The file ${file} cannot be read`);
  if (facts === undefined) throw new UpkeepError(`There is no file ${file}.`);
  if (facts.isDirectory()) throw new UpkeepError(`${file} is a directory. Name the back-up itself.`);
  if (!facts.isFile()) throw new UpkeepError(`${file} is no file, and so no back-up.`);
}

/** The directories that were made for it, the innermost first. */
function makeDirectory(directory: string): readonly string[] {
  const made: string[] = [];
  for (let path = directory; !existsSync(path) && path !== dirname(path); path = dirname(path))
    made.push(path);
  orRefuse(
    () => mkdirSync(directory, { recursive: true, mode: 0o700 }),
    `The data directory ${directory} cannot be made`,
  );
  return made;
}

/** Nobody else can have anything there: they are new, and the lock is held. */
function unmakeDirectory(made: readonly string[]): void {
  const [innermost] = made;
  if (innermost === undefined) return;
  try {
    for (const ending of ["", "-journal"]) rmSync(join(innermost, LOCK_FILE + ending), { force: true });
    for (const path of made) rmdirSync(path);
  } catch {
    // Somebody has put something there all the same.
  }
}

function restoreLocked({ dataDirectory, file, clock }: RestoreOptions): RestoreOutcome {
  const temporary = join(dataDirectory, RESTORING);
  if (isSame(file, temporary))
    throw new UpkeepError(`${file} is what a restore that was killed has left. Give it another name first.`);
  const remove = (): void => {
    for (const ending of ["", "-wal", "-shm", "-journal"]) rmSync(temporary + ending, { force: true });
  };
  remove();
  checkRoom(dataDirectory, file);
  try {
    copyFileSync(file, temporary);
    // A plain copy of a database may have a log of its own beside it.
    if (existsSync(`${file}-wal`)) copyFileSync(`${file}-wal`, `${temporary}-wal`);
    const { secret, ...facts } = unsealBackup(temporary, clock);
    chmodSync(temporary, 0o600);
    giveToOwner(dataDirectory, temporary);
    flushPath(temporary);
    const stamp = new Date(clock.now()).toISOString().replace(/[-:]|\.\d+/g, "");
    const kept = keepOld(join(dataDirectory, DATABASE), stamp);
    renameSync(temporary, join(dataDirectory, DATABASE));
    const outcome = takeSecret(dataDirectory, secret, stamp);
    flushPath(dataDirectory);
    return { ...facts, kept, secret: outcome };
  } catch (error) {
    if (error instanceof UpkeepError) throw error;
    throw new UpkeepError(`${file} cannot be restored: ${(error as Error).message}`);
  } finally {
    remove();
  }
}

function isSame(one: string, other: string): boolean {
  const [first, second] = [one, other].map((path) => statSync(path, { bigint: true, throwIfNoEntry: false }));
  return second !== undefined && first?.ino === second.ino && first.dev === second.dev;
}

function checkRoom(directory: string, file: string): void {
  const needed = sizeOf(file) + sizeOf(`${file}-wal`) + SPARE_BYTES;
  const free = orRefuse(() => freeBytes(directory), `The directory ${directory} cannot be used`);
  if (free >= needed) return;
  throw new UpkeepError(
    `There is not enough room in ${directory}: the restore needs about ${formatBytes(needed)}, and ${formatBytes(free)} are free.`,
  );
}

/** Gives the database that is there a second name; its log, which must not meet the new one, goes into it or with it. */
function keepOld(path: string, stamp: string): string | undefined {
  const kept = `${path}.before-restore-${stamp}`;
  const isThere = existsSync(path);
  const isFile = isThere && statSync(path).isFile();
  if (isFile) {
    try {
      // SQLite removes the log of an empty one.
      if (sizeOf(path) > 0) settleDatabase(path);
    } catch {
      // It is damaged, which may be why it is replaced: kept as it is.
    }
    keepAlso(path, kept);
  } else if (isThere) renameSync(path, kept);
  // Also without a database: SQLite would take it for the log of the new one.
  const hasLog = sizeOf(`${path}-wal`) > 0;
  if (hasLog) keepAlso(`${path}-wal`, `${kept}-wal`);
  flushPath(dirname(path));
  for (const ending of ["-wal", "-shm", "-journal"]) rmSync(path + ending, { force: true });
  if (isThere) return kept;
  return hasLog ? `${kept}-wal` : undefined;
}

/** `secret`: of the back-up. */
function takeSecret(directory: string, secret: string | undefined, stamp: string): RestoreOutcome["secret"] {
  const path = join(directory, TOKEN_SECRET);
  const isThere = existsSync(path);
  if (secret === undefined || !isTokenSecret(secret)) return isThere ? "kept" : "missing";
  const kept = `${path}.before-restore-${stamp}`;
  if (isThere && !statSync(path).isFile()) renameSync(path, kept);
  else if (isThere) {
    if (readFileSync(path, "utf8") === secret) return "restored";
    keepAlso(path, kept);
  }
  putTokenSecret(directory, secret);
  return "restored";
}

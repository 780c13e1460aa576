/** `duologue restore`: a data directory made out of a back-up. What was there before stays beside it. */
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { Clock } from "../clock.ts";
import { type BackupFacts, settleDatabase, unsealBackup } from "../store/index.ts";
import { flushPath, freeBytes, giveToOwner, keepAlso } from "./files.ts";
import { sizeOf } from "./start-up.ts";
import { DATABASE, tryLock, UpkeepError } from "./visit.ts";

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
  /** The back-up had no secret of tokens: guests of it are strangers unless `token-secret` is theirs. */
  readonly hasSecret: boolean;
}

const SPARE_BYTES = 16 * 1024 * 1024;

/** Throws UpkeepError; then the directory is as it was, but for a second name of the old database. */
export function restore(options: RestoreOptions): RestoreOutcome {
  const { dataDirectory, file } = options;
  if (!existsSync(file)) throw new UpkeepError(`There is no file ${file}.`);
  try {
    mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new UpkeepError(
      `The data directory ${dataDirectory} cannot be made (${(error as Error).message}).`,
    );
  }
  const lock = tryLock(dataDirectory);
  if (lock === undefined) {
    throw new UpkeepError(
      `A server is running on ${dataDirectory}. Stop it first: duologue stop --data ${dataDirectory}`,
    );
  }
  try {
    return restoreLocked(options);
  } finally {
    lock.release();
  }
}

function restoreLocked({ dataDirectory, file, clock }: RestoreOptions): RestoreOutcome {
  const temporary = join(dataDirectory, `${DATABASE}.restoring`);
  const remove = (): void => {
    for (const ending of ["", "-wal", "-shm", "-journal"]) rmSync(temporary + ending, { force: true });
  };
  remove();
  const free = freeBytes(dataDirectory);
  if (free < sizeOf(file) + SPARE_BYTES)
    throw new UpkeepError(`There is not enough room in ${dataDirectory} for a copy of ${file}.`);
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
    if (secret !== undefined) takeSecret(dataDirectory, secret, stamp);
    flushPath(dataDirectory);
    return { ...facts, kept, hasSecret: secret !== undefined };
  } catch (error) {
    if (error instanceof UpkeepError) throw error;
    throw new UpkeepError(`${file} cannot be restored: ${(error as Error).message}`);
  } finally {
    remove();
  }
}

/** Gives the database that is there a second name; its log, which must not meet the new one, goes into it or with it. */
function keepOld(path: string, stamp: string): string | undefined {
  if (!existsSync(path)) return undefined;
  const kept = `${path}.before-restore-${stamp}`;
  try {
    settleDatabase(path);
  } catch {
    // It is damaged, which may be why it is replaced: kept as it is.
  }
  keepAlso(path, kept);
  if (existsSync(`${path}-wal`)) keepAlso(`${path}-wal`, `${kept}-wal`);
  flushPath(dirname(path));
  rmSync(`${path}-wal`, { force: true });
  rmSync(`${path}-shm`, { force: true });
  return kept;
}

function takeSecret(directory: string, secret: string, stamp: string): void {
  const path = join(directory, "token-secret");
  if (existsSync(path)) {
    if (readFileSync(path, "utf8") === secret) return;
    keepAlso(path, `${path}.before-restore-${stamp}`);
  }
  const temporary = `${path}.restoring`;
  rmSync(temporary, { force: true });
  writeFileSync(temporary, secret, { mode: 0o600, flag: "wx" });
  giveToOwner(directory, temporary);
  flushPath(temporary);
  renameSync(temporary, path);
}

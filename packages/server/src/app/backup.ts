/** `duologue backup`: one file with everything a data directory holds, from a server at work or a directory without one. */
import { chmodSync, closeSync, lstatSync, openSync, readdirSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Clock } from "../clock.ts";
import { type BackupFacts, copyDatabase, estimateCopyBytes, sealBackup } from "../store/index.ts";
import { flushPath, freeBytes, publishFile, SPARE_BYTES } from "./files.ts";
import { followLink, isOwnFile } from "./own-files.ts";
import { sizeOf } from "./start-up.ts";
import { readTokenSecret, UnusableSecretError } from "./token-secret.ts";
import { formatBytes } from "./units.ts";
import { orRefuse, requireDatabase, UpkeepError, visit } from "./visit.ts";

export interface BackupOptions {
  /** Absolute. */
  readonly dataDirectory: string;
  /** Absolute. */
  readonly file: string;
  /** A file of that name may be replaced. */
  readonly force: boolean;
  /** The command line of a process that copies; the paths of the database and of the copy are added. */
  readonly copyCommand: readonly string[];
  readonly clock: Pick<Clock, "now" | "every" | "randomId">;
  /** Bytes copied, and about how many there will be. */
  readonly onProgress: (copiedBytes: number, totalBytes: number) => void;
}

export interface BackupOutcome extends BackupFacts {
  readonly bytes: number;
  readonly fromRunningServer: boolean;
  /** Where it is: behind the symbolic link that was named, if it was one. */
  readonly file: string;
  /** Why the secret of tokens is not in it; undefined when it is. */
  readonly secretProblem: string | undefined;
}

/** The process that copies has failed; the message is what it said. */
class CopyFailedError extends Error {
  override readonly name = "CopyFailedError";
}

const PROGRESS_MS = 500;
/** What a back-up is called while it is made, with eight letters of chance, and SQLite's own file beside it. */
const TEMPORARY_START = ".duologue-backup.";
const TEMPORARY = /^\.duologue-backup\.[\w-]{8}(-journal)?$/;
/** Nobody who makes one stops writing for so long; who was killed (SIGKILL, loss of power) never goes on. */
const ABANDONED_MS = 3_600_000;

/**
 * Throws UpkeepError. The file has its name only when it is whole and on the disk; otherwise nothing is left of it, or,
 * where this process could not remove it, until a back-up into the same directory an hour later.
 */
export async function backUp(options: BackupOptions): Promise<BackupOutcome> {
  const { dataDirectory, force, clock } = options;
  const source = requireDatabase(dataDirectory);
  using place = visit(dataDirectory);
  const totalBytes = orRefuse(() => estimateCopyBytes(source), `The database ${source} cannot be read`);
  const file = checkTarget(options);
  checkRoom(dirname(file), totalBytes, clock.now());
  const temporary = join(dirname(file), TEMPORARY_START + clock.randomId(6));
  try {
    // Nobody else may read it, not even while it is made.
    closeSync(openSync(temporary, "wx", 0o600));
    await copy(options, source, temporary, totalBytes);
    const { secret, problem } = findSecret(dataDirectory);
    const facts = sealBackup(temporary, secret, new Date(clock.now()).toISOString());
    chmodSync(temporary, 0o600);
    publishFile(temporary, file, force);
    return {
      ...facts,
      bytes: sizeOf(file),
      fromRunningServer: place.isServed,
      file,
      secretProblem: problem,
    };
  } catch (error) {
    if (error instanceof UpkeepError) throw error;
    throw new UpkeepError(`The back-up ${file} could not be written (${(error as Error).message}).`);
  } finally {
    rmSync(temporary, { force: true });
    rmSync(`${temporary}-journal`, { force: true });
  }
}

/** The data themselves are worth more without it than not at all. */
function findSecret(directory: string): { secret: string | undefined; problem: string | undefined } {
  try {
    const secret = readTokenSecret(directory);
    return { secret, problem: secret === undefined ? "it is missing" : undefined };
  } catch (error) {
    if (!(error instanceof UnusableSecretError)) throw error;
    return { secret: undefined, problem: error.message };
  }
}

/** The file that may be made, or replaced: where a symbolic link is named, the one that it leads to. */
function checkTarget({ dataDirectory, file: named, force }: BackupOptions): string {
  const file = followLink(named);
  if (file === undefined)
    throw new UpkeepError(`${named} is a symbolic link that leads nowhere. Choose another name.`);
  const directory = dirname(file);
  const look = (path: string) =>
    orRefuse(() => statSync(path, { throwIfNoEntry: false }), `${path} cannot be used`);
  if (look(directory)?.isDirectory() !== true)
    throw new UpkeepError(`There is no directory ${directory} for the back-up.`);
  const there = look(file);
  if (there?.isDirectory() === true)
    throw new UpkeepError(
      `${file} is a directory. Name a file in it, such as ${join(file, "duologue.backup")}.`,
    );
  if (there?.isFile() === false) throw new UpkeepError(`${file} is no file. Choose another name.`);
  if (isOwnFile(dataDirectory, file))
    throw new UpkeepError(
      `${named} is a file of the data directory itself, which a back-up would destroy. Choose another name.`,
    );
  if (there !== undefined && !force)
    throw new UpkeepError(`${file} is there already. Choose another name, or replace it with --force.`);
  return file;
}

function checkRoom(directory: string, totalBytes: number, now: number): void {
  removeAbandoned(directory, now);
  const free = orRefuse(() => freeBytes(directory), `The directory ${directory} cannot be used`);
  if (free >= totalBytes + SPARE_BYTES) return;
  throw new UpkeepError(
    `There is not enough room in ${directory}: the back-up needs about ${formatBytes(totalBytes + SPARE_BYTES)}, and ${formatBytes(free)} are free.`,
  );
}

function removeAbandoned(directory: string, now: number): void {
  for (const name of orRefuse(() => readdirSync(directory), `The directory ${directory} cannot be read`)) {
    if (!TEMPORARY.test(name)) continue;
    const path = join(directory, name);
    try {
      const facts = lstatSync(path);
      if (facts.isFile() && now - facts.mtimeMs > ABANDONED_MS) rmSync(path);
    } catch {
      // Somebody else's, or another back-up has just removed it: no reason not to make this one.
    }
  }
}

/** What the process of `copyCommand` does. Throws what SQLite throws. */
export function copyInto(source: string, temporary: string): void {
  copyDatabase(source, temporary);
}

/** In a process of its own: SQLite copies without a pause, and this one tells how far it is. */
async function copy(
  { copyCommand, clock, onProgress }: BackupOptions,
  source: string,
  temporary: string,
  totalBytes: number,
): Promise<void> {
  const child = Bun.spawn([...copyCommand, source, temporary], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  const timer = clock.every(PROGRESS_MS, () =>
    onProgress(Math.min(sizeOf(temporary), totalBytes), totalBytes),
  );
  // Then what there is of the copy is removed, and the command ends as one that failed.
  const abandon = (): void => child.kill("SIGKILL");
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, abandon);
  try {
    const [exitCode, problem] = await Promise.all([child.exited, new Response(child.stderr).text()]);
    if (exitCode !== 0) throw new CopyFailedError(problem.trim() || "the copying process was ended");
    flushPath(temporary);
  } finally {
    timer.cancel();
    for (const signal of signals) process.off(signal, abandon);
  }
}

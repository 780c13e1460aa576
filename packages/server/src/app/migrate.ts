/** `duologue migrate`: everything a data directory holds, into PostgreSQL, from a server at work or a directory without one. */
import type { Clock } from "../clock.ts";
import {
  type Chunk,
  type ChunkDigest,
  type CopiedTableName,
  type CopyPatience,
  CopyRefusedError,
  copiedTableNames,
  copiedTables,
  type PostgresAddress,
  PostgresCopyTarget,
  SchemaTooOldError,
  SqliteCopySource,
  showAddress,
  showRange,
} from "../store/index.ts";
import { explainFailure } from "./database-failure.ts";
import { readTokenSecret, UnusableSecretError } from "./token-secret.ts";
import { requireDatabase, UpkeepError, visit } from "./visit.ts";

export interface MigrationOptions {
  /** Absolute: a data directory. */
  readonly from: string;
  readonly to: PostgresAddress;
  readonly clock: Pick<Clock, "after" | "randomId">;
  /** Ends it at the next chunk; what was copied by then stays. */
  readonly signal: AbortSignal;
  readonly onProgress: (progress: MigrationProgress) => void;
  /** With what goes away by itself. */
  readonly patience?: Partial<CopyPatience>;
}

export interface MigrationProgress {
  readonly phase: "copying" | "checking";
  /** Rows. */
  readonly done: number;
  readonly total: number;
}

export interface MigrationOutcome {
  /** The source had no server: nothing can be missing. */
  readonly isComplete: boolean;
  /** Rows of each table, the same on both sides. */
  readonly counts: Readonly<Record<CopiedTableName, number>>;
  /** Rows that this run has written; the others were there already. */
  readonly written: number;
  /** The directory held no `token-secret` that could be used. */
  readonly isWithoutSecret: boolean;
}

/** Of a chunk that was written in this run, what it should hold now. */
interface Promised {
  readonly name: CopiedTableName;
  readonly range: Pick<Chunk, "after" | "upTo">;
  readonly digest: ChunkDigest;
}

/**
 * Throws UpkeepError. Until it has ended well, from a directory without a server, no server works with the database; run
 * again after whatever end, it writes what is missing or has changed since.
 */
export async function migrateStore(options: MigrationOptions): Promise<MigrationOutcome> {
  const { from, to, clock, patience } = options;
  const path = requireDatabase(from, "--from");
  // Without a server there, none can begin until this has ended.
  using place = visit(from);
  using source = openSource(path);
  let hasBegun = false;
  try {
    using target = await PostgresCopyTarget.open({ address: to, clock, patience });
    const secret = findSecret(from);
    const { epoch, realm, counts } = source;
    await target.begin({ epoch, realm }, secret, clock.randomId(32));
    hasBegun = true;
    const { written, promised } = await copyAll(source, target, options);
    await checkAll(target, promised, options);
    await target.finish(place.isServed ? "partial" : "complete");
    return { isComplete: !place.isServed, counts, written, isWithoutSecret: secret === undefined };
  } catch (error) {
    throw new UpkeepError(`${await explain(error, to, clock)}${hasBegun ? STAYS : ""}`);
  }
}

/** One that no server would begin with is as good as none. */
function findSecret(directory: string): string | undefined {
  try {
    return readTokenSecret(directory);
  } catch (error) {
    if (error instanceof UnusableSecretError) return undefined;
    throw error;
  }
}

function openSource(path: string): SqliteCopySource {
  try {
    return new SqliteCopySource(path);
  } catch (error) {
    const advice =
      error instanceof SchemaTooOldError
        ? " Start this version's server on it once, which brings the tables up to date."
        : " `duologue doctor` looks into it.";
    throw new UpkeepError(`The database ${path} cannot be copied: ${(error as Error).message}.${advice}`);
  }
}

async function copyAll(
  source: SqliteCopySource,
  target: PostgresCopyTarget,
  { signal, onProgress }: MigrationOptions,
): Promise<{ readonly written: number; readonly promised: readonly Promised[] }> {
  const total = copiedTableNames.reduce((sum, name) => sum + source.counts[name], 0);
  const promised: Promised[] = [];
  let done = 0;
  let written = 0;
  for (const name of copiedTableNames) {
    for (const chunk of source.chunks(name)) {
      signal.throwIfAborted();
      const outcome = await target.bring(name, chunk);
      const { after, upTo } = chunk;
      // One that was the same has just been checked.
      if (outcome.isChanged) promised.push({ name, range: { after, upTo }, digest: outcome.digest });
      written += outcome.written;
      done += chunk.rows.length;
      onProgress({ phase: "copying", done, total });
    }
  }
  return { written, promised };
}

async function checkAll(
  target: PostgresCopyTarget,
  promised: readonly Promised[],
  { signal, onProgress }: MigrationOptions,
): Promise<void> {
  const total = promised.reduce((sum, { digest }) => sum + digest.count, 0);
  let done = 0;
  for (const { name, range, digest } of promised) {
    signal.throwIfAborted();
    const found = await target.digest(name, range);
    if (found.count !== digest.count || found.hash !== digest.hash) {
      const counts = `${digest.count} rows there, ${found.count} here`;
      throw new CopyRefusedError(
        `after copying, ${showRange(copiedTables[name], range)} are not the same on both sides (${counts}): something else changes the database. Find out what (triggers, another program), and run it again`,
      );
    }
    done += digest.count;
    onProgress({ phase: "checking", done, total });
  }
}

const STAYS =
  " What was copied so far stays there, and no server works with it; run the same command again, which goes on.";

/** One line for people, with a full stop. */
async function explain(
  error: unknown,
  to: PostgresAddress,
  clock: MigrationOptions["clock"],
): Promise<string> {
  if (error instanceof DOMException && error.name === "AbortError") return "Interrupted.";
  const place = `The database ${showAddress(to)}`;
  if (error instanceof CopyRefusedError) return `${place} cannot be used: ${error.message}.`;
  const { problem, advice } = await explainFailure(error, to, clock, "--to");
  return `${place} cannot be used: ${problem}. ${advice}`.trim();
}

/** What a writer that was killed has left on the disk: looked at in a copy, so that whoever begins next finds it as it was. */
import { Database } from "bun:sqlite";
import { copyFileSync, existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { makeDataDirectory } from "@duologue/testing";
import { findDamage } from "../../src/store/sqlite/invariants.ts";

export interface Remains {
  /** What is wrong with them, by SQLite's own check and by the rules of the store. */
  readonly problems: readonly string[];
  /** Of every event: id → number. */
  readonly numbers: ReadonlyMap<string, number>;
  readonly isWithinTransaction: boolean;
}

export function lookInto(dataDirectory: string): Remains {
  const copy = makeDataDirectory();
  try {
    const [path, log] = [join(copy, "duologue.db"), join(copy, "duologue.db-wal")];
    copyFileSync(join(dataDirectory, "duologue.db"), path);
    const left = join(dataDirectory, "duologue.db-wal");
    if (existsSync(left)) copyFileSync(left, log);
    const isWithinTransaction = existsSync(log) && endsWithinTransaction(readFileSync(log));
    return { ...examine(path), isWithinTransaction };
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

function examine(path: string): Pick<Remains, "problems" | "numbers"> {
  const database = new Database(path, { readwrite: true });
  try {
    const checked = database.query<{ integrity_check: string }, []>("PRAGMA integrity_check").all();
    const problems = checked.map(({ integrity_check }) => integrity_check).filter((line) => line !== "ok");
    const rows = database
      .query<{ id: string; seq: number }, []>("SELECT client_id AS id, seq FROM event")
      .all();
    return {
      problems: [...problems, ...findDamage(database, true)],
      numbers: new Map(rows.map(({ id, seq }) => [id, seq])),
    };
  } finally {
    database.close();
  }
}

/** Of SQLite's log (https://sqlite.org/fileformat2.html#the_write_ahead_log). */
const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
const [PAGE_SIZE_AT, SALT_AT, FRAME_COMMIT_AT, FRAME_SALT_AT, SALT_BYTES] = [8, 16, 4, 8, 8];

/** Whether frames of this log follow the last one that ends a transaction. */
export function endsWithinTransaction(log: Buffer): boolean {
  if (log.length < HEADER_BYTES) return false;
  const frameBytes = FRAME_HEADER_BYTES + log.readUInt32BE(PAGE_SIZE_AT);
  const salt = log.subarray(SALT_AT, SALT_AT + SALT_BYTES);
  let isWithin = false;
  for (let at = HEADER_BYTES; at + FRAME_HEADER_BYTES <= log.length; at += frameBytes) {
    const own = log.subarray(at + FRAME_SALT_AT, at + FRAME_SALT_AT + SALT_BYTES);
    // What is left of an earlier round of the log has another salt.
    if (!own.equals(salt)) return isWithin;
    isWithin = log.readUInt32BE(at + FRAME_COMMIT_AT) === 0;
  }
  return isWithin;
}

/** A look at a file for people: what it holds, and whether all of it is right. */
import { countData, type DataCounts } from "./backup.ts";
import { openToLook } from "./database.ts";
import { findDamage } from "./invariants.ts";
import { knownVersion, SCHEMA_VERSION } from "./migrations.ts";

export interface Inspection extends DataCounts {
  readonly version: number;
  /** The version that this program writes. */
  readonly newestVersion: number;
  readonly sqlite: string;
  /** In words for people; empty when all is well. */
  readonly damage: readonly string[];
  /** Of the last event, in milliseconds since 1970; 0 when there is none. */
  readonly lastTime: number;
}

/**
 * Reads the whole file, also beside a writer at work. Throws ForeignDatabaseError, SchemaTooNewError, or SQLite's error
 * where it cannot be read.
 */
export function inspectDatabase(path: string): Inspection {
  using database = openToLook(path);
  const version = knownVersion(database);
  const sqlite =
    database.query<{ version: string }, []>("SELECT sqlite_version() AS version").get()?.version ?? "";
  const facts = { version, newestVersion: SCHEMA_VERSION, sqlite };
  if (version === 0) return { ...facts, users: 0, conversations: 0, events: 0, damage: [], lastTime: 0 };
  const damage = findDamage(database, true);
  if (damage.length > 0) return { ...facts, users: 0, conversations: 0, events: 0, damage, lastTime: 0 };
  const last = database
    .query<{ time: number | null }, []>("SELECT max(last_time) AS time FROM conversation")
    .get();
  return { ...facts, ...countData(database), damage, lastTime: last?.time ?? 0 };
}

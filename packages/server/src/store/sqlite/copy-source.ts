/** One moment of a file, read from beginning to end for a copy elsewhere, beside its writer or without one. */
import type { Database } from "bun:sqlite";
import {
  type Cell,
  CHUNK_CHARACTERS,
  CHUNK_ROWS,
  type Chunk,
  type CopiedRow,
  type CopiedTableName,
  copiedTableNames,
  copiedTables,
  keyOf,
  type RowKey,
} from "../copied-tables.ts";
import { openToLook } from "./database.ts";
import { knownVersion, readEpoch, readRealm, SCHEMA_VERSION } from "./migrations.ts";

/** The file was written by an earlier Duologue and has its tables; or it has none at all. */
export class SchemaTooOldError extends Error {
  override readonly name = "SchemaTooOldError";
}

interface SourceTable {
  readonly from: string;
  /** The columns of `copiedTables`, in their order. */
  readonly columns: string;
  readonly key: readonly string[];
}

const sources: Readonly<Record<CopiedTableName, SourceTable>> = {
  person: {
    from: "user",
    // As the writer finds it (state.ts): there, it is counted anew at each start.
    columns: `key, id, name, kind, created_at, seen_at, max(
      coalesce((SELECT max(changed) FROM conversation WHERE a = user.key), 0),
      coalesce((SELECT max(changed) FROM conversation WHERE b = user.key), 0)) AS position`,
    key: ["key"],
  },
  person_word: { from: "user_word", columns: "word, user", key: ["word", "user"] },
  session: { from: "session", columns: "id, user, expires_at, ended", key: ["id"] },
  conversation: {
    from: "conversation",
    columns: `key, id, a, b, opener, created_at, last_seq, last_time, last_message, changed,
      a_delivered, a_read, b_delivered, b_read, a_unread, b_unread`,
    key: ["key"],
  },
  event: {
    from: "event",
    columns: `conversation, seq, position, sender, client_id, time, target, reply_to, revision, kind, retracted, body`,
    key: ["conversation", "seq"],
  },
};

export class SqliteCopySource implements Disposable {
  readonly epoch: string;
  readonly realm: string;
  /** Rows of each table. */
  readonly counts: Readonly<Record<CopiedTableName, number>>;
  readonly #database: Database;

  /**
   * Throws ForeignDatabaseError, SchemaTooNewError, SchemaTooOldError, or SQLite's error. As long as it is open, the
   * writer's log cannot start over.
   */
  constructor(path: string) {
    const database = openToLook(path);
    try {
      // One moment for all that follows: it is that of the first read.
      database.run("BEGIN");
      const version = knownVersion(database);
      if (version < SCHEMA_VERSION) throw new SchemaTooOldError(explainAge(version));
      this.epoch = readEpoch(database);
      this.realm = readRealm(database);
      const counts = copiedTableNames.map((name) => [name, countRows(database, sources[name].from)]);
      this.counts = Object.fromEntries(counts) as Record<CopiedTableName, number>;
      this.#database = database;
    } catch (error) {
      database.close();
      throw error;
    }
  }

  /** All of a table, in the order of its keys, in chunks without gaps between them, the last one without an end. */
  *chunks(name: CopiedTableName): Generator<Chunk> {
    const { from, columns, key } = sources[name];
    const table = copiedTables[name];
    const statement = this.#database.prepare<Readonly<Record<string, Cell>>, []>(
      `SELECT ${columns} FROM ${from} ORDER BY ${key.join(", ")}`,
    );
    let after: RowKey | undefined;
    let rows: CopiedRow[] = [];
    let characters = 0;
    for (const found of statement.iterate()) {
      const last = rows.at(-1);
      if (last !== undefined && (rows.length === CHUNK_ROWS || characters >= CHUNK_CHARACTERS)) {
        const upTo = keyOf(table, last);
        yield { after, upTo, rows };
        after = upTo;
        rows = [];
        characters = 0;
      }
      const row = Object.values(found);
      for (const cell of row) if (typeof cell === "string") characters += cell.length;
      rows.push(row);
    }
    yield { after, upTo: undefined, rows };
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }
}

function countRows(database: Database, table: string): number {
  return database.query<{ count: number }, []>(`SELECT count(*) AS count FROM ${table}`).get()?.count ?? 0;
}

function explainAge(version: number): string {
  return version === 0
    ? "the file holds no tables yet"
    : `the database has version ${version}, and this program copies version ${SCHEMA_VERSION}: it was written by an older Duologue`;
}

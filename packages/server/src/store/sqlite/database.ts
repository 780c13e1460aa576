/** How the file is opened: once to write, and by any number of processes to read. */
import { Database, type SQLQueryBindings } from "bun:sqlite";
import { knownVersion } from "./migrations.ts";

const PAGE_BYTES = 4096;
/** What the log keeps of its room when it starts over after having grown beyond it. */
const LOG_KEPT_BYTES = 67_108_864;
/** Hot pages of the indexes; negative means KiB. */
const WRITER_CACHE_KIB = 65_536;
const READER_CACHE_KIB = 8_192;

/** SQLite lets go of a file only when its statements are gone, which would otherwise be up to the garbage collector. */
class StoreDatabase extends Database {
  readonly #prepared: { finalize(): void }[] = [];

  override prepare<Row, Parameters extends SQLQueryBindings | SQLQueryBindings[]>(
    sql: string,
    parameters?: Parameters,
  ): ReturnType<typeof Database.prototype.prepare<Row, Parameters>> {
    const statement = super.prepare<Row, Parameters>(sql, parameters);
    this.#prepared.push(statement);
    return statement;
  }

  override close(throwOnError?: boolean): void {
    for (const statement of this.#prepared) statement.finalize();
    this.#prepared.length = 0;
    super.close(throwOnError);
  }
}

export interface WriterDatabaseOptions {
  readonly path: string;
  /** How long to wait for another process that holds the write lock (a backup tool; never a second Duologue). */
  readonly busyTimeoutMs: number;
  /** Upper bound of the file, in pages of 4096 bytes; undefined: none. */
  readonly maxPages: number | undefined;
}

/** Throws SchemaTooNewError or ForeignDatabaseError, and then the file is as it was. */
export function openWriterDatabase(options: WriterDatabaseOptions): Database {
  const database = new StoreDatabase(options.path, { create: true });
  try {
    setUp(database, options);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function setUp(database: Database, options: WriterDatabaseOptions): void {
  // First: changing the journal mode takes a lock too.
  database.run(`PRAGMA busy_timeout = ${options.busyTimeoutMs}`);
  // Before the first change, which the journal mode is already.
  knownVersion(database);
  database.run(`PRAGMA page_size = ${PAGE_BYTES}`);
  database.run("PRAGMA journal_mode = WAL");
  // A commit is answered with "acknowledged", so it has to be on the disk.
  database.run("PRAGMA synchronous = FULL");
  // The writer checkpoints between batches (checkpoint.ts), never inside a commit that somebody waits for.
  database.run("PRAGMA wal_autocheckpoint = 0");
  database.run(`PRAGMA journal_size_limit = ${LOG_KEPT_BYTES}`);
  // The text of a retracted message is overwritten, not only unlinked.
  database.run("PRAGMA secure_delete = ON");
  database.run(`PRAGMA cache_size = -${WRITER_CACHE_KIB}`);
  if (options.maxPages !== undefined) database.run(`PRAGMA max_page_count = ${options.maxPages}`);
}

/** The writer must have opened the file before. */
export function openReaderDatabase(path: string): Database {
  const database = new StoreDatabase(path, { readonly: true });
  // In WAL mode readers never wait for the writer, only for a recovery after a crash.
  database.run("PRAGMA busy_timeout = 5000");
  database.run(`PRAGMA cache_size = -${READER_CACHE_KIB}`);
  return database;
}

/** For tools that look at a file beside its writer, or without one. Throws when there is no file. */
export function openToLook(path: string): Database {
  const database = new StoreDatabase(path, { readonly: true });
  database.run("PRAGMA busy_timeout = 5000");
  return database;
}

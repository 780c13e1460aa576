/** The tables, as steps that are never changed once released: a new one is added at the end. */
import type { Database } from "bun:sqlite";

interface Migration {
  /** 1, 2, 3, …; the file keeps the number of the last one carried out in `user_version`. */
  readonly version: number;
  readonly statements: string;
}

/** The file was written by a later Duologue. */
export class SchemaTooNewError extends Error {
  override readonly name = "SchemaTooNewError";
}

/** The file is a SQLite database of some other program. */
export class ForeignDatabaseError extends Error {
  override readonly name = "ForeignDatabaseError";
}

/** "Duol" in ASCII: marks the file as ours (SQLite's `application_id`). */
const APPLICATION_ID = 0x44756f6c;

/*
 * Rows point to each other by small integer keys; the public, unguessable ids stand once in `user` and `conversation`.
 * No foreign keys: the one writer looks up every row that it points to.
 *
 * event.kind      0 message, 1 edit, 2 retract
 * event.revision  message: the number of the last edit or retraction of it, 0 if none; edit, retract: 0
 * event_client    the message id first: ids are UUIDs of version 7, which rise with time, so that inserts
 *                 touch the last pages of the index only
 * conversation    a < b by key; `changed` is the position of its last change, 0 as long as it holds no event;
 *                 `last_message` is the number of the last event that is a message; unread is kept and not
 *                 counted, so that a list costs the same however much is unread
 * user_word       search keys of guests' and members' names (store/fold.ts)
 */
const FIRST = `
  CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE user (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    created_at INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE user_word (
    word TEXT NOT NULL,
    user INTEGER NOT NULL,
    PRIMARY KEY (word, user)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE session (
    id TEXT PRIMARY KEY,
    user INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ended INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE conversation (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    a INTEGER NOT NULL,
    b INTEGER NOT NULL,
    opener INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    last_time INTEGER NOT NULL,
    last_message INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    a_delivered INTEGER NOT NULL,
    a_read INTEGER NOT NULL,
    b_delivered INTEGER NOT NULL,
    b_read INTEGER NOT NULL,
    a_unread INTEGER NOT NULL,
    b_unread INTEGER NOT NULL,
    UNIQUE (a, b)
  ) STRICT;
  CREATE INDEX conversation_a ON conversation (a, changed);
  CREATE INDEX conversation_b ON conversation (b, changed);
  CREATE INDEX conversation_opener ON conversation (opener, created_at);
  CREATE TABLE event (
    position INTEGER PRIMARY KEY,
    conversation INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    sender INTEGER NOT NULL,
    client_id TEXT NOT NULL,
    time INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    target INTEGER,
    reply_to INTEGER,
    revision INTEGER NOT NULL,
    retracted INTEGER NOT NULL,
    body TEXT
  ) STRICT;
  CREATE UNIQUE INDEX event_seq ON event (conversation, seq);
  CREATE UNIQUE INDEX event_client ON event (client_id, sender);
  CREATE INDEX event_target ON event (conversation, target) WHERE target IS NOT NULL;
`;

/*
 * session_expiry  finds the sessions whose time is over (store/session-purge.ts)
 * meta.realm      names whose data it is, which tokens are bound to; unlike the epoch it stays when a back-up is restored
 */
const SECOND = `
  CREATE INDEX session_expiry ON session (expires_at);
  INSERT INTO meta (name, value) SELECT 'realm', value FROM meta WHERE name = 'epoch';
`;

/*
 * user.seen_at    when they last came or left, ms since 1970; NULL: not known, or a classic visitor
 */
const THIRD = `
  ALTER TABLE user ADD COLUMN seen_at INTEGER;
`;

const migrations: readonly Migration[] = [
  { version: 1, statements: FIRST },
  { version: 2, statements: SECOND },
  { version: 3, statements: THIRD },
];

export const SCHEMA_VERSION: number = migrations.length;

/**
 * writer: who writes now (fence.ts). probe: nothing. In a back-up only: secret: what `token-secret` holds; taken: when it
 * was taken, in ISO 8601.
 */
export type MetaName = "epoch" | "realm" | "writer" | "probe" | "secret" | "taken";

/** Brings the file to this program's version, each step in a transaction; `epoch` names a body of data made now. */
export function migrate(database: Database, epoch: string): void {
  const version = knownVersion(database);
  for (const migration of migrations) {
    if (migration.version <= version) continue;
    database
      .transaction(() => {
        database.run(migration.statements);
        if (migration.version === 1) {
          database.run(`PRAGMA application_id = ${APPLICATION_ID}`);
          database.run("INSERT INTO meta (name, value) VALUES ('epoch', ?)", [epoch]);
        }
        database.run(`PRAGMA user_version = ${migration.version}`);
      })
      .immediate();
  }
}

/**
 * The version of its tables; 0 for an empty file. Throws SchemaTooNewError or ForeignDatabaseError for a file that this
 * program cannot take.
 */
export function knownVersion(database: Database): number {
  const version = readPragma(database, "user_version");
  const applicationId = readPragma(database, "application_id");
  const isEmpty = database.query("SELECT 1 FROM sqlite_schema LIMIT 1").get() === null;
  if (applicationId !== APPLICATION_ID && !isEmpty) {
    throw new ForeignDatabaseError("the file is a database of another program");
  }
  if (version > SCHEMA_VERSION) {
    throw new SchemaTooNewError(
      `the database has version ${version}, and this program knows versions up to ${SCHEMA_VERSION}: it was written by a newer Duologue`,
    );
  }
  return version;
}

export function readEpoch(database: Database): string {
  return readName(database, "epoch");
}

/** Whose data it is: stays when a back-up is restored, where the epoch changes. */
export function readRealm(database: Database): string {
  return readName(database, "realm");
}

function readName(database: Database, name: "epoch" | "realm"): string {
  const value = readMeta(database, name);
  if (value === undefined) throw new ForeignDatabaseError(`the database has no ${name}`);
  return value;
}

export function readMeta(database: Database, name: MetaName): string | undefined {
  return database.query<{ value: string }, [string]>("SELECT value FROM meta WHERE name = ?").get(name)
    ?.value;
}

export function writeMeta(database: Database, name: MetaName, value: string): void {
  database.run("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", [name, value]);
}

export function deleteMeta(database: Database, name: MetaName): void {
  database.run("DELETE FROM meta WHERE name = ?", [name]);
}

function readPragma(database: Database, name: "user_version" | "application_id"): number {
  const row = database.query<Record<string, number>, []>(`PRAGMA ${name}`).get();
  return row?.[name] ?? 0;
}

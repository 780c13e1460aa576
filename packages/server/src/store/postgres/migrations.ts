/**
 * The tables, as steps that are never changed once released: a new one is added at the end.
 *
 * Nodes are upgraded one by one, so for a while the previous program reads and writes what the next one has changed, and
 * its connections are made anew there. Each step must suit both (test/cluster/upgrade.nats.test.ts):
 *
 * - it adds: tables, indexes, columns that may be null or have a default. Their names are new to every table, so that no
 *   statement of the previous program can mean another column by them.
 * - nothing is renamed or dropped, changes its type or its meaning, or is forbidden that the previous program writes. What
 *   must go is given up in one version, and goes in the next, since no version is skipped.
 * - it is right without what the previous program does not know: a column that it does not fill says no more than that.
 * - it takes a moment: whoever writes waits until its end, 1.5 s at most, and is refused after that. Rows are not rewritten,
 *   a default is constant, and a large table gets an index `CONCURRENTLY`, which needs a transaction of its own here first.
 * - it changes tables in the order in which writers lock them: person, conversation, event. Readers have another order,
 *   so that PostgreSQL may undo a step for others' sake; then it is tried again.
 */
import { copiedTableNames } from "../copied-tables.ts";
import { textArray } from "./arrays.ts";
import type { Connection } from "./connection.ts";
import { judgeTrouble, WrongDatabaseError } from "./trouble.ts";

interface Migration {
  readonly version: number;
  readonly statements: readonly string[];
}

/*
 * As in SQLite (store/sqlite/migrations.ts), but for positions: there is no order of all changes here. Each person has a
 * clock of their own (Lamport), `person.position`: the position of their last change. Whoever changes a conversation
 * first locks the rows of its two people, the lower key first, and gives the change a position above both clocks. So two
 * changes that a person sees never have the same position, and a later one has a higher one, in the order of commits;
 * between people who share nothing, positions mean nothing. Two conversations may have the same one.
 *
 * person leaves room in its pages, so that a new version of a row finds place beside the old one and no index hears of it
 * (a HOT update): nothing that changes with each message is in one. conversation leaves room so that a row stays in its
 * page, but `changed` is in two of its indexes, by which lists and syncs find what is new: each change is a new entry in all.
 */
const FIRST = [
  "CREATE TABLE meta (name text PRIMARY KEY, value text NOT NULL)",
  `CREATE TABLE person (
    key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text COLLATE "C" NOT NULL UNIQUE,
    name text NOT NULL,
    kind text NOT NULL,
    created_at bigint NOT NULL,
    seen_at bigint,
    position bigint NOT NULL DEFAULT 0
  ) WITH (fillfactor = 70)`,
  `CREATE TABLE person_word (
    word text COLLATE "C" NOT NULL,
    person bigint NOT NULL,
    PRIMARY KEY (word, person)
  )`,
  `CREATE TABLE session (
    id text COLLATE "C" PRIMARY KEY,
    person bigint NOT NULL,
    expires_at bigint NOT NULL,
    ended smallint NOT NULL
  )`,
  "CREATE INDEX session_expiry ON session (expires_at)",
  `CREATE TABLE conversation (
    key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text COLLATE "C" NOT NULL UNIQUE,
    a bigint NOT NULL,
    b bigint NOT NULL,
    opener bigint NOT NULL,
    created_at bigint NOT NULL,
    last_seq bigint NOT NULL DEFAULT 0,
    last_time bigint NOT NULL DEFAULT 0,
    last_message bigint NOT NULL DEFAULT 0,
    changed bigint NOT NULL DEFAULT 0,
    a_delivered bigint NOT NULL DEFAULT 0,
    a_read bigint NOT NULL DEFAULT 0,
    b_delivered bigint NOT NULL DEFAULT 0,
    b_read bigint NOT NULL DEFAULT 0,
    a_unread bigint NOT NULL DEFAULT 0,
    b_unread bigint NOT NULL DEFAULT 0,
    UNIQUE (a, b)
  ) WITH (fillfactor = 70)`,
  "CREATE INDEX conversation_a ON conversation (a, changed)",
  "CREATE INDEX conversation_b ON conversation (b, changed)",
  "CREATE INDEX conversation_opener ON conversation (opener, created_at)",
  `CREATE TABLE event (
    conversation bigint NOT NULL,
    seq bigint NOT NULL,
    position bigint NOT NULL,
    sender bigint NOT NULL,
    client_id uuid NOT NULL,
    time bigint NOT NULL,
    target bigint,
    reply_to bigint,
    revision bigint NOT NULL,
    kind smallint NOT NULL,
    retracted smallint NOT NULL,
    body text,
    PRIMARY KEY (conversation, seq)
  )`,
  "CREATE UNIQUE INDEX event_client ON event (client_id, sender)",
  "CREATE INDEX event_target ON event (conversation, target) WHERE target IS NOT NULL",
];

const migrations: readonly Migration[] = [{ version: 1, statements: FIRST }];

export const SCHEMA_VERSION: number = migrations.length;

/** What names the data; made once, by whichever node comes first. */
export interface DataFacts {
  /** Names this body of data: cursors of another one are not ours. */
  readonly epoch: string;
  /** Names whose data it is, for ever: tokens of another one are not ours. */
  readonly realm: string;
  /** What tokens are signed with: the same for all nodes. */
  readonly secret: string;
}

/** So that of nodes that start at the same time one makes the tables, and the others find them made. */
const LOCK_NAME = "duologue tables";
const KEEP_NAME =
  "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
/** Each time the server has looked for a second whether somebody gives way. */
const MAX_REPEATS = 10;
const META_NAMES = ["version", "epoch", "realm", "secret"] as const;

/**
 * Brings the tables to this program's version, in one transaction; `proposal` names data made now, of which
 * `marks` say more. Throws WrongDatabaseError where a newer Duologue has been, and the server's error where it is not
 * allowed.
 */
export async function migrate(
  connection: Connection,
  schema: string,
  proposal: DataFacts,
  marks: Readonly<Record<string, string>> = {},
): Promise<DataFacts> {
  for (let repeat = 0; ; repeat += 1) {
    // Without a lock, and without the right to change tables, as long as there is nothing to do.
    const before = await readMeta(connection, schema);
    if (before.get("version") === String(SCHEMA_VERSION)) return toFacts(before);
    await connection.ask("BEGIN");
    try {
      const facts = await takeSteps(connection, schema, proposal, marks);
      await connection.ask("COMMIT");
      return facts;
    } catch (error) {
      await connection.ask("ROLLBACK").catch(() => undefined);
      if (judgeTrouble(error) !== "again" || repeat >= MAX_REPEATS) throw error;
    }
  }
}

/** Within a transaction. */
async function takeSteps(
  connection: Connection,
  schema: string,
  proposal: DataFacts,
  marks: Readonly<Record<string, string>>,
): Promise<DataFacts> {
  await connection.ask("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [`${LOCK_NAME} ${schema}`]);
  const found = await readMeta(connection, schema);
  const version = knownVersion(found);
  if (version === 0) await checkPlace(connection, schema);
  if (version === 0 && !(await hasSchema(connection, schema)))
    await connection.ask(`CREATE SCHEMA ${quoteName(schema)}`);
  const steps = migrations.filter((migration) => migration.version > version);
  await connection.settle(steps.flatMap((step) => step.statements).map((text) => connection.send(text)));
  const facts = version === 0 ? proposal : toFacts(found);
  const names = Object.entries({
    ...(version === 0 ? marks : {}),
    ...facts,
    version: String(SCHEMA_VERSION),
  });
  await connection.settle(names.map((entry) => connection.send(KEEP_NAME, entry)));
  return facts;
}

/** Of the tables; 0: there are none. Throws WrongDatabaseError for one that this program does not know. */
export function knownVersion(meta: ReadonlyMap<string, string>): number {
  const version = Number(meta.get("version") ?? 0);
  if (version <= SCHEMA_VERSION) return version;
  throw new WrongDatabaseError(
    `the tables have version ${version}, and this program knows versions up to ${SCHEMA_VERSION}: they were made by a newer Duologue`,
  );
}

/** Empty where there are no tables. */
export async function readMeta(connection: Connection, schema: string): Promise<ReadonlyMap<string, string>> {
  // Not by to_regclass: within a transaction it goes on not to see what another node has made meanwhile.
  const found = await connection.ask(
    `SELECT 1 FROM pg_class AS t JOIN pg_namespace AS n ON n.oid = t.relnamespace
      WHERE n.nspname = $1 AND t.relname = 'meta'`,
    [schema],
  );
  if (found.length === 0) return new Map();
  const rows = await connection.ask<{ name: string; value: string }>(
    `SELECT name, value FROM ${quoteName(schema)}.meta`,
  );
  return new Map(rows.map(({ name, value }) => [name, value]));
}

/**
 * Throws WrongDatabaseError where the tables do not name the data. They may have whatever version: a node that is at work
 * and connects anew goes on, also when a newer one has changed them meanwhile.
 */
export function toFacts(meta: ReadonlyMap<string, string>): DataFacts {
  const [, epoch, realm, secret] = META_NAMES.map((name) => meta.get(name));
  if (epoch === undefined || realm === undefined || secret === undefined)
    throw new WrongDatabaseError("the table meta does not name the data");
  return { epoch, realm, secret };
}

/**
 * To be called where there is no table meta. Throws WrongDatabaseError where somebody else has tables under these names, or
 * this user may make none.
 */
export async function checkPlace(connection: Connection, schema: string): Promise<void> {
  const [place] = await connection.ask<{ foreign: string | null; mayMake: boolean }>(
    `SELECT (SELECT min(t.relname) FROM pg_class AS t JOIN pg_namespace AS n ON n.oid = t.relnamespace
        WHERE n.nspname = $1 AND t.relname = ANY($2::text[])) AS foreign,
      coalesce((SELECT has_schema_privilege(oid, 'USAGE') AND has_schema_privilege(oid, 'CREATE')
        FROM pg_namespace WHERE nspname = $1), has_database_privilege(current_database(), 'CREATE')) AS "mayMake"`,
    [schema, textArray(copiedTableNames)],
  );
  const { foreign = null, mayMake = false } = place ?? {};
  if (foreign !== null)
    throw new WrongDatabaseError(
      `its schema ${schema} holds tables that are not Duologue's (${foreign}): name another database`,
    );
  if (!mayMake)
    throw new WrongDatabaseError(
      `this user may make no tables in its schema ${schema}: make the user the owner of the database, or of that schema`,
    );
}

async function hasSchema(connection: Connection, schema: string): Promise<boolean> {
  const rows = await connection.ask("SELECT 1 FROM pg_namespace WHERE nspname = $1", [schema]);
  return rows.length > 0;
}

function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

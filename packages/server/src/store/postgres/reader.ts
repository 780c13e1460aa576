/** Reads of one process. Each is one statement, or one transaction that sees one state. */
import type { Conversation } from "@duologue/protocol";
import type {
  ChangesPage,
  ConversationId,
  HistoryPage,
  Membership,
  Position,
  SessionRecord,
  StoreReads,
  UserId,
  UserKind,
  UserRecord,
} from "../../ports/store.ts";
import { foldName } from "../fold.ts";
import { toHistoryPage } from "../rules/pages.ts";
import type { Viewer } from "../rules/summary-rows.ts";
import { textArray } from "./arrays.ts";
import { readChanges, summaryOf } from "./changes.ts";
import { Pool, type PoolOptions } from "./pool.ts";
import { eventColumns, pickEvent, SUMMARY_COLUMNS, type SummaryAnswer, summaryTables } from "./rows.ts";
import { SharedPositions } from "./shared-positions.ts";

interface PersonRow {
  readonly key: number;
  readonly id: UserId;
  readonly name: string;
  readonly kind: UserKind;
  readonly createdAt: number;
}

interface SessionRow extends PersonRow {
  readonly expiresAt: number;
  readonly ended: number;
}

/** A viewer with their last change. */
interface PositionRow extends Viewer {
  readonly position: Position;
}

interface SyncRow extends PositionRow {
  /** Of the data. */
  readonly epoch: string;
}

type HistoryRow = Readonly<Record<string, unknown>> & {
  readonly aKey: number;
  readonly bKey: number;
  readonly aId: UserId;
  readonly bId: UserId;
};

const PERSON = `p.key::float8, p.id, p.name, p.kind, p.created_at::float8 AS "createdAt"`;
const SELECT_PERSON = `SELECT ${PERSON} FROM person p WHERE p.id = $1`;
const SELECT_SESSION = `
  SELECT ${PERSON}, s.expires_at::float8 AS "expiresAt", s.ended::float8
  FROM session s JOIN person p ON p.key = s.person WHERE s.id = $1`;

const SELECT_LIVING_SESSIONS = "SELECT id FROM session WHERE id = ANY($1::text[]) AND ended = 0";

/** A name has at most this many keys (store/fold.ts): so many rows hold as many people as are asked for. */
const KEYS_PER_PERSON = 16;
const FIND_PEOPLE = `
  SELECT ${PERSON} FROM person p WHERE p.key IN (
    SELECT person FROM person_word WHERE word >= $1 AND word < $2 ORDER BY word LIMIT $3)
  LIMIT $4`;
/** Behind every text that begins with the same characters, in the order of bytes (the collation "C"). */
const LAST_CHARACTER = "\u{10FFFF}";

const SELECT_MEMBERS = `
  SELECT ${PERSON} FROM conversation c JOIN person p ON p.key IN (c.a, c.b) WHERE c.id = $1 ORDER BY p.id`;

const SELECT_POSITION = "SELECT key::float8, id, position::float8 FROM person WHERE id = $1";

const SELECT_SYNC = `SELECT key::float8, id, position::float8,
  (SELECT value FROM meta WHERE name = 'epoch') AS epoch FROM person WHERE id = $1`;

const SELECT_POSITIONS = `
  SELECT key::float8, id, position::float8 FROM person WHERE id = ANY($1::text[]) AND position > 0`;

const SELECT_CONVERSATION = `
  SELECT ${SUMMARY_COLUMNS} FROM ${summaryTables("conversation c")}
  WHERE c.id = $2 AND (c.a = $1 OR c.b = $1)`;

/** Those that hold an event, the one changed last first. */
const SELECT_LATEST = `
  SELECT ${SUMMARY_COLUMNS} FROM ${summaryTables(`(
    SELECT * FROM (SELECT * FROM conversation
      WHERE a = $1 AND changed > 0 AND changed < $2 ORDER BY changed DESC LIMIT $3) AS one
    UNION ALL
    SELECT * FROM (SELECT * FROM conversation
      WHERE b = $1 AND changed > 0 AND changed < $2 ORDER BY changed DESC LIMIT $3) AS other
    ORDER BY changed DESC LIMIT $3) AS c`)}
  ORDER BY c.changed DESC`;

/** The events right before a number, the last one first, each with the edit after them that gave it its present text. */
const SELECT_HISTORY = `
  WITH place AS (
    SELECT c.key, c.a, c.b, a.id AS a_id, b.id AS b_id
    FROM conversation c JOIN person a ON a.key = c.a JOIN person b ON b.key = c.b WHERE c.id = $1
  ), page AS (
    SELECT e.*, max(e.seq) OVER () AS last_seq FROM place
    CROSS JOIN LATERAL (
      SELECT * FROM event WHERE conversation = place.key AND seq < $2 ORDER BY seq DESC LIMIT $3) AS e
  )
  SELECT place.a::float8 AS "aKey", place.b::float8 AS "bKey", place.a_id AS "aId", place.b_id AS "bId",
    ${eventColumns("l", "event_")}, ${eventColumns("e", "edit_")}
  FROM place CROSS JOIN page l
  LEFT JOIN event e ON e.conversation = l.conversation AND e.seq = l.revision AND l.kind = 0 AND l.retracted = 0
    AND l.revision > l.last_seq
  ORDER BY l.seq DESC`;

export interface PostgresReaderOptions extends PoolOptions {
  readonly epoch: string;
  readonly realm: string;
}

export class PostgresReader implements StoreReads, Disposable {
  readonly epoch: string;
  readonly realm: string;
  readonly #pool: Pool;
  readonly #positions: SharedPositions;

  /** Makes no connection yet. The tables must be there: a primary makes them (keeper.ts). */
  constructor(options: PostgresReaderOptions) {
    this.epoch = options.epoch;
    this.realm = options.realm;
    this.#pool = new Pool(options);
    this.#positions = new SharedPositions({ clock: options.clock, read: (users) => this.positions(users) });
  }

  async session(id: string): Promise<SessionRecord | undefined> {
    const [row] = await this.#pool.ask<SessionRow>(SELECT_SESSION, [id]);
    if (row === undefined) return undefined;
    return { id, user: toUser(row), expiresAt: row.expiresAt, ended: row.ended === 1 };
  }

  async endedSessions(ids: readonly string[]): Promise<ReadonlySet<string>> {
    const rows = await this.#pool.ask<{ id: string }>(SELECT_LIVING_SESSIONS, [textArray(ids)]);
    const living = new Set(rows.map(({ id }) => id));
    return new Set(ids.filter((id) => !living.has(id)));
  }

  async user(id: UserId): Promise<UserRecord | undefined> {
    const [row] = await this.#pool.ask<PersonRow>(SELECT_PERSON, [id]);
    return row === undefined ? undefined : toUser(row);
  }

  async findUsers(query: string, limit: number): Promise<readonly UserRecord[]> {
    const prefix = foldName(query);
    // No name holds it, and no text of PostgreSQL can.
    if (prefix.includes("\0")) return [];
    const parameters = [prefix, prefix + LAST_CHARACTER, limit * KEYS_PER_PERSON, limit];
    return (await this.#pool.ask<PersonRow>(FIND_PEOPLE, parameters)).map(toUser);
  }

  async membership(conversation: ConversationId): Promise<Membership | undefined> {
    const [one, other] = await this.#pool.ask<PersonRow>(SELECT_MEMBERS, [conversation]);
    if (one === undefined || other === undefined) return undefined;
    return { id: conversation, users: [toUser(one), toUser(other)] };
  }

  async conversation(user: UserId, conversation: ConversationId): Promise<Conversation | undefined> {
    const viewer = await this.#viewer(user);
    if (viewer === undefined) return undefined;
    const [row] = await this.#pool.ask<SummaryAnswer>(SELECT_CONVERSATION, [viewer.key, conversation]);
    return row === undefined ? undefined : summaryOf(this.epoch, viewer, row).conversation;
  }

  async conversations(
    user: UserId,
    before: Position | undefined,
    limit: number,
  ): Promise<readonly Conversation[]> {
    const viewer = await this.#viewer(user);
    if (viewer === undefined) return [];
    const parameters = [viewer.key, before ?? Number.MAX_SAFE_INTEGER, limit];
    const rows = await this.#pool.ask<SummaryAnswer>(SELECT_LATEST, parameters);
    return rows.map((row) => summaryOf(this.epoch, viewer, row).conversation);
  }

  async history(
    conversation: ConversationId,
    before: number | undefined,
    limit: number,
  ): Promise<HistoryPage> {
    const parameters = [conversation, before ?? Number.MAX_SAFE_INTEGER, limit];
    const rows = await this.#pool.ask<HistoryRow>(SELECT_HISTORY, parameters);
    const [first] = rows;
    if (first === undefined) return { events: [], revisions: [], more: false };
    const senders = new Map([
      [first.aKey, first.aId],
      [first.bKey, first.bId],
    ]);
    const edits = new Map(
      rows.map((row) => [pickEvent(row, "event_")?.seq ?? 0, pickEvent(row, "edit_")] as const),
    );
    const events = rows.flatMap((row) => pickEvent(row, "event_") ?? []);
    return toHistoryPage(this.epoch, events, { conversation, senders }, ({ seq }) => edits.get(seq));
  }

  position(user: UserId): Promise<Position> {
    return this.#positions.position(user);
  }

  async positions(users: readonly UserId[]): Promise<ReadonlyMap<UserId, Position>> {
    const rows = await this.#pool.ask<PositionRow>(SELECT_POSITIONS, [textArray(users)]);
    return new Map(rows.map(({ id, position }) => [id, position]));
  }

  async changes(
    user: UserId,
    since: Position,
    limit: number,
    maxEvents: number,
  ): Promise<ChangesPage | undefined> {
    const [viewer] = await this.#pool.ask<SyncRow>(SELECT_SYNC, [user]);
    // This worker ends soon: the cursor is of data that have lost their last changes.
    if (viewer !== undefined && viewer.epoch !== this.epoch) return undefined;
    if (since > (viewer?.position ?? 0)) return undefined;
    // Most who come back have missed nothing, and need no transaction.
    if (viewer === undefined || since === viewer.position)
      return { conversations: [], events: [], position: since, more: false };
    return this.#pool.snapshot(async (ask) => {
      const [{ position, epoch } = viewer] = await ask<SyncRow>(SELECT_SYNC, [user]);
      if (epoch !== this.epoch) return undefined;
      return readChanges(ask, this.epoch, viewer, position, since, limit, maxEvents);
    });
  }

  async probe(): Promise<void> {
    await this.#pool.ask("SELECT 1 FROM meta LIMIT 1");
  }

  close(): void {
    this.#pool.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** The key never changes. */
  async #viewer(id: UserId): Promise<PositionRow | undefined> {
    const [row] = await this.#pool.ask<PositionRow>(SELECT_POSITION, [id]);
    return row;
  }
}

function toUser(row: PersonRow): UserRecord {
  return { id: row.id, name: row.name, kind: row.kind, createdAt: row.createdAt };
}

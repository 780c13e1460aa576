/** Reads on a connection of its own: any number of processes read while the one writer writes. */
import type { Database, Statement } from "bun:sqlite";
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
import { DamagedDatabaseError } from "../rules/damage.ts";
import { toHistoryPage } from "../rules/pages.ts";
import type { Viewer } from "../rules/summary-rows.ts";
import { ChangesReader } from "./changes.ts";
import { openReaderDatabase } from "./database.ts";
import { EventReader } from "./events.ts";
import { readEpoch, readRealm } from "./migrations.ts";
import { SummaryReader } from "./summaries.ts";

interface UserRow {
  readonly key: number;
  readonly id: UserId;
  readonly name: string;
  readonly kind: UserKind;
  readonly createdAt: number;
}

interface SessionRow extends UserRow {
  readonly expiresAt: number;
  readonly ended: number;
}

interface Pair {
  readonly key: number;
  readonly a: number;
  readonly b: number;
}

const USER = "u.key, u.id, u.name, u.kind, u.created_at AS createdAt";
const SELECT_POSITION = `
  SELECT max(
    coalesce((SELECT max(changed) FROM conversation WHERE a = ?1), 0),
    coalesce((SELECT max(changed) FROM conversation WHERE b = ?1), 0)) AS position`;
/** Behind every text that begins with the same characters, in SQLite's order of bytes. */
const LAST_CHARACTER = "\u{10FFFF}";

export class SqliteReader implements StoreReads, Disposable {
  readonly epoch: string;
  readonly realm: string;
  readonly #database: Database;
  readonly #events: EventReader;
  readonly #summaries: SummaryReader;
  readonly #changes: ChangesReader;
  readonly #begin: Statement;
  readonly #end: Statement;
  readonly #selectUser: Statement<UserRow, [string]>;
  readonly #selectUserByKey: Statement<UserRow, [number]>;
  readonly #selectSession: Statement<SessionRow, [string]>;
  readonly #findUsers: Statement<UserRow, [string, string, number]>;
  readonly #selectPair: Statement<Pair, [string]>;
  readonly #selectPosition: Statement<{ position: Position }, [number]>;
  readonly #probe: Statement;

  /** The writer must have opened the file before. */
  constructor(path: string) {
    const database = openReaderDatabase(path);
    this.#database = database;
    this.epoch = readEpoch(database);
    this.realm = readRealm(database);
    this.#events = new EventReader(database);
    this.#summaries = new SummaryReader(database, this.epoch, this.#events);
    this.#changes = new ChangesReader(database, this.epoch, this.#events, this.#summaries);
    this.#begin = database.prepare("BEGIN");
    this.#end = database.prepare("COMMIT");
    this.#selectUser = database.prepare(`SELECT ${USER} FROM user u WHERE u.id = ?`);
    this.#selectUserByKey = database.prepare(`SELECT ${USER} FROM user u WHERE u.key = ?`);
    this.#selectSession = database.prepare(
      `SELECT ${USER}, s.expires_at AS expiresAt, s.ended
       FROM session s JOIN user u ON u.key = s.user WHERE s.id = ?`,
    );
    this.#findUsers = database.prepare(
      `SELECT DISTINCT ${USER} FROM user_word w JOIN user u ON u.key = w.user
       WHERE w.word >= ? AND w.word < ? LIMIT ?`,
    );
    this.#selectPair = database.prepare("SELECT key, a, b FROM conversation WHERE id = ?");
    this.#selectPosition = database.prepare(SELECT_POSITION);
    this.#probe = database.prepare("SELECT 1 FROM meta");
  }

  async session(id: string): Promise<SessionRecord | undefined> {
    const row = this.#selectSession.get(id);
    if (row === null) return undefined;
    return { id, user: toUser(row), expiresAt: row.expiresAt, ended: row.ended === 1 };
  }

  async endedSessions(ids: readonly string[]): Promise<ReadonlySet<string>> {
    return new Set(ids.filter((id) => this.#selectSession.get(id)?.ended !== 0));
  }

  async user(id: UserId): Promise<UserRecord | undefined> {
    const row = this.#selectUser.get(id);
    return row === null ? undefined : toUser(row);
  }

  async findUsers(query: string, limit: number): Promise<readonly UserRecord[]> {
    const prefix = foldName(query);
    return this.#findUsers.all(prefix, prefix + LAST_CHARACTER, limit).map(toUser);
  }

  async membership(conversation: ConversationId): Promise<Membership | undefined> {
    return this.#snapshot(() => {
      const pair = this.#selectPair.get(conversation);
      if (pair === null) return undefined;
      const a = this.#userByKey(pair.a);
      const b = this.#userByKey(pair.b);
      return { id: conversation, users: a.id < b.id ? [a, b] : [b, a] };
    });
  }

  async conversation(user: UserId, conversation: ConversationId): Promise<Conversation | undefined> {
    return this.#snapshot(() => {
      const viewer = this.#viewer(user);
      const pair = this.#selectPair.get(conversation);
      if (viewer === undefined || pair === null) return undefined;
      if (pair.a !== viewer.key && pair.b !== viewer.key) return undefined;
      return this.#summaries.read(viewer, pair.key).conversation;
    });
  }

  async conversations(
    user: UserId,
    before: Position | undefined,
    limit: number,
  ): Promise<readonly Conversation[]> {
    return this.#snapshot(() => {
      const viewer = this.#viewer(user);
      return viewer === undefined ? [] : this.#summaries.latest(viewer, before, limit);
    });
  }

  async history(
    conversation: ConversationId,
    before: number | undefined,
    limit: number,
  ): Promise<HistoryPage> {
    return this.#snapshot(() => {
      const pair = this.#selectPair.get(conversation);
      if (pair === null) return { events: [], revisions: [], more: false };
      const rows = this.#events.before(pair.key, before ?? Number.MAX_SAFE_INTEGER, limit);
      const names = {
        conversation,
        senders: new Map([pair.a, pair.b].map((key) => [key, this.#userByKey(key).id])),
      };
      return toHistoryPage(this.epoch, rows, names, (row) => this.#events.latestEdit(row));
    });
  }

  async position(user: UserId): Promise<Position> {
    return this.#snapshot(() => {
      const viewer = this.#viewer(user);
      return viewer === undefined ? 0 : this.#position(viewer);
    });
  }

  async positions(users: readonly UserId[]): Promise<ReadonlyMap<UserId, Position>> {
    return this.#snapshot(() => {
      const positions = new Map<UserId, Position>();
      for (const user of users) {
        const viewer = this.#viewer(user);
        const position = viewer === undefined ? 0 : this.#position(viewer);
        if (position > 0) positions.set(user, position);
      }
      return positions;
    });
  }

  async changes(
    user: UserId,
    since: Position,
    limit: number,
    maxEvents: number,
  ): Promise<ChangesPage | undefined> {
    return this.#snapshot(() => {
      const viewer = this.#viewer(user);
      if (viewer === undefined) {
        return since > 0 ? undefined : { conversations: [], events: [], position: 0, more: false };
      }
      return this.#changes.read(viewer, this.#position(viewer), since, limit, maxEvents);
    });
  }

  async probe(): Promise<void> {
    this.#probe.get();
  }

  close(): void {
    this.#database.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** One state of the data for all statements of a read. */
  #snapshot<T>(read: () => T): T {
    this.#begin.run();
    try {
      return read();
    } finally {
      this.#end.run();
    }
  }

  #viewer(id: UserId): Viewer | undefined {
    return this.#selectUser.get(id) ?? undefined;
  }

  #position(viewer: Viewer): Position {
    return this.#selectPosition.get(viewer.key)?.position ?? 0;
  }

  #userByKey(key: number): UserRecord {
    const row = this.#selectUserByKey.get(key);
    if (row === null) throw new DamagedDatabaseError("a conversation's user is not stored");
    return toUser(row);
  }
}

function toUser(row: UserRow): UserRecord {
  return { id: row.id, name: row.name, kind: row.kind, createdAt: row.createdAt };
}

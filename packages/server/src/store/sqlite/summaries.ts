/** Conversations as one of their two users sees them. */
import type { Database, Statement } from "bun:sqlite";
import type { Conversation } from "@duologue/protocol";
import type { Position } from "../../ports/store.ts";
import { DamagedDatabaseError } from "../rules/damage.ts";
import { type Summary, type SummaryRow, toSummary, type Viewer } from "../rules/summary-rows.ts";
import type { EventReader } from "./events.ts";

const SELECT = `
  SELECT c.key, c.id, c.last_seq AS lastSeq, c.last_message AS lastMessage, c.changed, c.a = ?1 AS isA,
    c.a_delivered AS aDelivered, c.a_read AS aRead, c.b_delivered AS bDelivered, c.b_read AS bRead,
    c.a_unread AS aUnread, c.b_unread AS bUnread,
    p.key AS peerKey, p.id AS peerId, p.name AS peerName, p.kind AS peerKind, p.seen_at AS peerSeenAt
  FROM conversation c JOIN user p ON p.key = c.a + c.b - ?1
  WHERE c.key = ?2`;

/** Keys of a user's conversations that hold an event, the one changed last first. */
const SELECT_LATEST = `
  SELECT key FROM (
    SELECT * FROM (SELECT key, changed FROM conversation
      WHERE a = ?1 AND changed > 0 AND changed < ?2 ORDER BY changed DESC LIMIT ?3)
    UNION ALL
    SELECT * FROM (SELECT key, changed FROM conversation
      WHERE b = ?1 AND changed > 0 AND changed < ?2 ORDER BY changed DESC LIMIT ?3))
  ORDER BY changed DESC LIMIT ?3`;

export class SummaryReader {
  readonly #epoch: string;
  readonly #events: EventReader;
  readonly #select: Statement<SummaryRow, [number, number]>;
  readonly #selectLatest: Statement<{ key: number }, [number, number, number]>;

  constructor(database: Database, epoch: string, events: EventReader) {
    this.#epoch = epoch;
    this.#events = events;
    this.#select = database.prepare(SELECT);
    this.#selectLatest = database.prepare(SELECT_LATEST);
  }

  latest(viewer: Viewer, before: Position | undefined, limit: number): readonly Conversation[] {
    const rows = this.#selectLatest.all(viewer.key, before ?? Number.MAX_SAFE_INTEGER, limit);
    return rows.map((row) => this.read(viewer, row.key).conversation);
  }

  /** The viewer must be one of its two users. */
  read(viewer: Viewer, key: number): Summary {
    const row = this.#select.get(viewer.key, key);
    if (row === null) throw new DamagedDatabaseError("a conversation is not there, or not its viewer's");
    const last = row.lastMessage === 0 ? undefined : this.#events.bySeq(key, row.lastMessage);
    const edit = last === undefined ? undefined : this.#events.latestEdit(last);
    return toSummary(this.#epoch, viewer, row, last, edit);
  }
}

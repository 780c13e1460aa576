/** Conversations as one of their two users sees them. */
import type { Database, Statement } from "bun:sqlite";
import type { Conversation } from "@duologue/protocol";
import { encodeCursor, type Position, type UserId, type UserKind } from "../../ports/store.ts";
import { DamagedDatabaseError } from "./damage.ts";
import type { EventNames, EventReader } from "./events.ts";
import { shownUnread } from "./unread.ts";

/** The user who looks. */
export interface Viewer {
  readonly key: number;
  readonly id: UserId;
}

export interface Summary {
  readonly conversation: Conversation;
  readonly names: EventNames;
  /** Of the last message's text, in UTF-16 units. */
  readonly characters: number;
}

interface SummaryRow {
  readonly key: number;
  readonly id: string;
  readonly lastSeq: number;
  readonly lastMessage: number;
  readonly changed: Position;
  readonly isA: number;
  readonly aDelivered: number;
  readonly aRead: number;
  readonly bDelivered: number;
  readonly bRead: number;
  readonly aUnread: number;
  readonly bUnread: number;
  readonly peerKey: number;
  readonly peerId: UserId;
  readonly peerName: string;
  readonly peerKind: UserKind;
  readonly peerSeenAt: number | null;
}

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
    const names = {
      conversation: row.id,
      senders: new Map([
        [viewer.key, viewer.id],
        [row.peerKey, row.peerId],
      ]),
    };
    const last = row.lastMessage === 0 ? undefined : this.#events.bySeq(key, row.lastMessage);
    const body = last === undefined ? null : (this.#events.latestEdit(last) ?? last).body;
    const a = { delivered: row.aDelivered, read: row.aRead };
    const b = { delivered: row.bDelivered, read: row.bRead };
    const conversation = {
      id: row.id,
      peer: { id: row.peerId, name: row.peerName, kind: row.peerKind },
      ...(row.peerSeenAt === null ? {} : { peerSeenAt: row.peerSeenAt }),
      lastSeq: row.lastSeq,
      ...(last === undefined ? {} : { lastMessage: this.#events.toEvent(last, names, body) }),
      mine: row.isA === 1 ? a : b,
      theirs: row.isA === 1 ? b : a,
      unread: shownUnread(row.isA === 1 ? row.aUnread : row.bUnread),
      cursor: encodeCursor(this.#epoch, row.changed),
    };
    return { conversation, names, characters: body?.length ?? 0 };
  }
}

/** Rows of `event`, read and brought into the protocol's form. */
import type { Database, Statement } from "bun:sqlite";
import type { ConversationEvent } from "@duologue/protocol";
import { type ConversationId, encodeCursor, type Position, type UserId } from "../../ports/store.ts";
import { DamagedDatabaseError } from "./damage.ts";
import { kindCodes, kindNames } from "./kinds.ts";

export interface EventRow {
  readonly position: Position;
  readonly conversation: number;
  readonly seq: number;
  readonly sender: number;
  readonly clientId: string;
  readonly time: number;
  readonly kind: number;
  readonly target: number | null;
  readonly replyTo: number | null;
  readonly revision: number;
  readonly retracted: number;
  readonly body: string | null;
}

/** What an event's row leaves to others: public names in place of keys. */
export interface EventNames {
  readonly conversation: ConversationId;
  readonly senders: ReadonlyMap<number, UserId>;
}

/**
 * How much text one page carries, in UTF-16 units, unless a single event has more: 120,000 are at most 360 KB on the
 * wire, so that a page of long texts still fits into a connection's outbox (`outboxBytes`).
 */
export const PAGE_CHARACTERS = 120_000;

const COLUMNS = `position, conversation, seq, sender, client_id AS clientId, time, kind, target,
  reply_to AS replyTo, revision, retracted, body`;

export class EventReader {
  readonly #epoch: string;
  readonly #byPosition: Statement<EventRow, [number]>;
  readonly #bySeq: Statement<EventRow, [number, number]>;
  readonly #before: Statement<EventRow, [number, number, number]>;

  constructor(database: Database, epoch: string) {
    this.#epoch = epoch;
    this.#byPosition = database.prepare(`SELECT ${COLUMNS} FROM event WHERE position = ?`);
    this.#bySeq = database.prepare(`SELECT ${COLUMNS} FROM event WHERE conversation = ? AND seq = ?`);
    this.#before = database.prepare(
      `SELECT ${COLUMNS} FROM event WHERE conversation = ? AND seq < ? ORDER BY seq DESC LIMIT ?`,
    );
  }

  byPosition(position: Position): EventRow | undefined {
    return this.#byPosition.get(position) ?? undefined;
  }

  bySeq(conversation: number, seq: number): EventRow | undefined {
    return this.#bySeq.get(conversation, seq) ?? undefined;
  }

  /** Those right before a number, the last one first. */
  before(conversation: number, seq: number, limit: number): readonly EventRow[] {
    return this.#before.all(conversation, seq, limit);
  }

  /** The edit that gave a standing message its present text. */
  latestEdit(row: EventRow): EventRow | undefined {
    const isEdited = row.kind === kindCodes.message && row.revision > 0 && row.retracted === 0;
    return isEdited ? this.bySeq(row.conversation, row.revision) : undefined;
  }

  /** `body` replaces the stored one. */
  toEvent(row: EventRow, names: EventNames, body: string | null = row.body): ConversationEvent {
    const kind = kindNames[row.kind];
    const from = names.senders.get(row.sender);
    if (kind === undefined || from === undefined)
      throw new DamagedDatabaseError("an event's row does not fit its conversation");
    return {
      type: "event",
      conversation: names.conversation,
      seq: row.seq,
      from,
      time: row.time,
      id: row.clientId,
      kind,
      ...(body === null ? {} : { body: JSON.parse(body) as NonNullable<ConversationEvent["body"]> }),
      ...(row.replyTo === null ? {} : { replyTo: row.replyTo }),
      ...(row.target === null ? {} : { target: row.target }),
      ...(row.retracted === 0 ? {} : { retracted: true }),
      cursor: encodeCursor(this.#epoch, row.position),
    };
  }
}

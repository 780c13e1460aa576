/** Rows of `event`, read. */
import type { Database, Statement } from "bun:sqlite";
import { DamagedDatabaseError } from "../rules/damage.ts";
import { type EventRow, isEditedNow } from "../rules/event-rows.ts";

const COLUMNS = `position, conversation, seq, sender, client_id AS clientId, time, kind, target,
  reply_to AS replyTo, revision, retracted, body`;

export class EventReader {
  readonly #bySeq: Statement<EventRow, [number, number]>;
  readonly #before: Statement<EventRow, [number, number, number]>;

  constructor(database: Database) {
    this.#bySeq = database.prepare(`SELECT ${COLUMNS} FROM event WHERE conversation = ? AND seq = ?`);
    this.#before = database.prepare(
      `SELECT ${COLUMNS} FROM event WHERE conversation = ? AND seq < ? ORDER BY seq DESC LIMIT ?`,
    );
  }

  bySeq(conversation: number, seq: number): EventRow {
    const row = this.#bySeq.get(conversation, seq);
    if (row === null) throw new DamagedDatabaseError("a conversation has a hole");
    return row;
  }

  /** Those right before a number, the last one first. */
  before(conversation: number, seq: number, limit: number): readonly EventRow[] {
    return this.#before.all(conversation, seq, limit);
  }

  /** The edit that gave a standing message its present text. */
  latestEdit(row: EventRow): EventRow | undefined {
    return isEditedNow(row) ? this.bySeq(row.conversation, row.revision) : undefined;
  }
}

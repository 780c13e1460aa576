/** The table of events as the writer changes it. */
import type { Database, Statement } from "bun:sqlite";
import type { EventTable, KnownEvent, NewEvent, TargetEvent } from "../rules/append.ts";
import { kindCodes } from "../rules/kinds.ts";

// A conflict with another row's number or position would be a defect, and must not pass in silence.
const INSERT = `
  INSERT INTO event (position, conversation, seq, sender, client_id, time, kind, target, reply_to, revision,
    retracted, body)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, ?)
  ON CONFLICT (client_id, sender) DO NOTHING`;

const SELECT_KNOWN = `
  SELECT conversation, seq, time, kind, target, reply_to AS replyTo, retracted, body
  FROM event WHERE client_id = ? AND sender = ?`;

export class SqliteEventTable implements EventTable {
  readonly #insert: Statement;
  readonly #selectKnown: Statement<KnownEvent, [string, number]>;
  readonly #selectTarget: Statement<TargetEvent, [number, number]>;
  readonly #countEdits: Statement<{ count: number }, [number, number, number]>;
  readonly #revise: Statement;
  readonly #eraseTarget: Statement;
  readonly #eraseEdits: Statement;

  constructor(database: Database) {
    this.#insert = database.prepare(INSERT);
    this.#selectKnown = database.prepare(SELECT_KNOWN);
    this.#selectTarget = database.prepare(
      "SELECT sender, kind, retracted FROM event WHERE conversation = ? AND seq = ?",
    );
    this.#countEdits = database.prepare(
      "SELECT count(*) AS count FROM (SELECT 1 FROM event WHERE conversation = ? AND target = ? LIMIT ?)",
    );
    this.#revise = database.prepare("UPDATE event SET revision = ? WHERE conversation = ? AND seq = ?");
    this.#eraseTarget = database.prepare(
      "UPDATE event SET revision = ?, retracted = 1, body = NULL WHERE conversation = ? AND seq = ?",
    );
    this.#eraseEdits = database.prepare(
      `UPDATE event SET retracted = 1, body = NULL WHERE conversation = ? AND target = ? AND kind = ${kindCodes.edit}`,
    );
  }

  insert(event: NewEvent): boolean {
    const { changes } = this.#insert.run(
      event.position,
      event.conversation,
      event.seq,
      event.sender,
      event.clientId,
      event.time,
      event.kind,
      event.target,
      event.replyTo,
      event.body,
    );
    return changes > 0;
  }

  known(clientId: string, sender: number): KnownEvent | undefined {
    return this.#selectKnown.get(clientId, sender) ?? undefined;
  }

  target(conversation: number, seq: number): TargetEvent | undefined {
    return this.#selectTarget.get(conversation, seq) ?? undefined;
  }

  countEdits(conversation: number, seq: number, limit: number): number {
    return this.#countEdits.get(conversation, seq, limit)?.count ?? 0;
  }

  revise(conversation: number, seq: number, revision: number): void {
    this.#revise.run(revision, conversation, seq);
  }

  erase(conversation: number, seq: number, revision: number): void {
    this.#eraseTarget.run(revision, conversation, seq);
    this.#eraseEdits.run(conversation, seq);
  }
}

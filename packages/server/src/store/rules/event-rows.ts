/** Rows of events as every store reads them, brought into the protocol's form. */
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

/** Whether an edit gave the message its present text: the event with the number `revision`. */
export function isEditedNow(row: EventRow): boolean {
  return row.kind === kindCodes.message && row.revision > 0 && row.retracted === 0;
}

export function textLength(row: EventRow | undefined): number {
  return row?.body?.length ?? 0;
}

/** `body` replaces the stored one. */
export function toEvent(
  epoch: string,
  row: EventRow,
  names: EventNames,
  body: string | null = row.body,
): ConversationEvent {
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
    cursor: encodeCursor(epoch, row.position),
  };
}

/** Which columns make the rows of the rules. Numbers come as double precision: exact up to 2^53, and no text. */
import type { EventRow } from "../rules/event-rows.ts";
import type { SummaryRow } from "../rules/summary-rows.ts";

const EVENT_COLUMNS = {
  position: "position::float8",
  conversation: "conversation::float8",
  seq: "seq::float8",
  sender: "sender::float8",
  clientId: "client_id::text",
  time: "time::float8",
  kind: "kind::float8",
  target: "target::float8",
  replyTo: "reply_to::float8",
  revision: "revision::float8",
  retracted: "retracted::float8",
  body: "body",
} as const satisfies Record<keyof EventRow, string>;

const eventNames = Object.keys(EVENT_COLUMNS) as readonly (keyof EventRow)[];

/** The columns of an event of the table with this alias; each name begins with `prefix`. */
export function eventColumns(alias: string, prefix = ""): string {
  return eventNames.map((name) => `${alias}.${EVENT_COLUMNS[name]} AS "${prefix}${name}"`).join(", ");
}

/** Undefined where a LEFT JOIN found none. */
export function pickEvent(row: Readonly<Record<string, unknown>>, prefix: string): EventRow | undefined {
  if (row[`${prefix}position`] === null) return undefined;
  // The columns are those of `eventColumns`, by the table's own types.
  return Object.fromEntries(eventNames.map((name) => [name, row[prefix + name]])) as unknown as EventRow;
}

/** A conversation `c` as the viewer with the key `$1` sees it: of `summaryTables`. */
export const SUMMARY_COLUMNS: string = [
  `c.key::float8, c.id, c.last_seq::float8 AS "lastSeq", c.last_message::float8 AS "lastMessage"`,
  `c.changed::float8, (c.a = $1)::int::float8 AS "isA"`,
  `c.a_delivered::float8 AS "aDelivered", c.a_read::float8 AS "aRead"`,
  `c.b_delivered::float8 AS "bDelivered", c.b_read::float8 AS "bRead"`,
  `c.a_unread::float8 AS "aUnread", c.b_unread::float8 AS "bUnread"`,
  `p.key::float8 AS "peerKey", p.id AS "peerId", p.name AS "peerName", p.kind AS "peerKind"`,
  `p.seen_at::float8 AS "peerSeenAt"`,
  eventColumns("l", "last_"),
  eventColumns("e", "edit_"),
].join(", ");

/** `c`, with the peer `p`, its last message `l`, and the edit `e` that gave that one its present text. */
export function summaryTables(from: string): string {
  return `${from}
    JOIN person p ON p.key = c.a + c.b - $1
    LEFT JOIN event l ON l.conversation = c.key AND l.seq = c.last_message
    LEFT JOIN event e ON e.conversation = c.key AND e.seq = l.revision AND l.kind = 0 AND l.retracted = 0`;
}

export type SummaryAnswer = SummaryRow & Readonly<Record<string, unknown>>;

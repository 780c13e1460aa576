/** What must hold between the rows of a store's tables: how it is asked, how the answer is told, and what both stores ask. */

export interface Invariant {
  /** What is broken when the query finds something. */
  readonly problem: string;
  /** One row, with `what`, for each place where it does not hold. */
  readonly query: string;
}

/** Of the places where an invariant does not hold, how many are looked for. */
export const MAX_PLACES = 3;

export function questionOf({ query }: Invariant): string {
  return `${query} LIMIT ${MAX_PLACES}`;
}

/** What the answer says, in words for people; empty when all is well. */
export function describePlaces(
  { problem }: Invariant,
  rows: readonly { readonly what: string | number }[],
): readonly string[] {
  if (rows.length === 0) return [];
  const more = rows.length === MAX_PLACES ? ", …" : "";
  return [`${problem} (${rows.map(({ what }) => what).join(", ")}${more})`];
}

export const commonInvariants: readonly Invariant[] = [
  {
    problem: "a conversation's numbers are not 1 to the last without a hole",
    query: `SELECT c.id AS what FROM conversation c LEFT JOIN (
        SELECT conversation, count(*) AS n, min(seq) AS low, max(seq) AS high FROM event GROUP BY conversation) e
      ON e.conversation = c.key
      WHERE coalesce(n, 0) <> c.last_seq OR coalesce(high, 0) <> c.last_seq OR coalesce(low, 1) <> 1`,
  },
  {
    problem: "a conversation's last change lies before its last event, or is there without one",
    query: `SELECT c.id AS what FROM conversation c LEFT JOIN event e ON e.conversation = c.key AND e.seq = c.last_seq
      WHERE c.changed < coalesce(e.position, 0) OR (c.changed > 0) <> (c.last_seq > 0)`,
  },
  {
    problem: "a marker is ahead of the last number, or read is ahead of delivered",
    query: `SELECT id AS what FROM conversation
      WHERE a_read > a_delivered OR b_read > b_delivered OR a_delivered > last_seq OR b_delivered > last_seq
        OR a_read < 0 OR b_read < 0`,
  },
];

/** What a user has missed, over all conversations, in the order in which it happened (SPEC.md, rules SY). */
import type { ChangesPage, Position } from "../../ports/store.ts";
import { DamagedDatabaseError } from "../rules/damage.ts";
import type { EventRow } from "../rules/event-rows.ts";
import { type Change, PAGE_CONVERSATIONS, toChangesPage } from "../rules/pages.ts";
import { type Summary, toSummary, type Viewer } from "../rules/summary-rows.ts";
import { numberArray } from "./arrays.ts";
import type { Ask } from "./pool.ts";
import { eventColumns, pickEvent, SUMMARY_COLUMNS, type SummaryAnswer, summaryTables } from "./rows.ts";

interface ChangedRow {
  readonly key: number;
  readonly lastSeq: number;
  readonly changed: Position;
  /** The number of its first event after the position; one more than the last when there is none. */
  readonly first: number;
  /** How many changed, up to the limit. */
  readonly total: number;
}

/**
 * Positions rise with numbers within a conversation: the first event after one is found by halving, in steps of which
 * each looks one event up. `low` is at or before it (0: before the first event), `high` is after it. A conversation with
 * a hole is lost on the way.
 */
const SELECT_CHANGED = `
  WITH RECURSIVE changed AS (
    SELECT key, last_seq, changed FROM conversation WHERE a = $1 AND changed > $2
    UNION ALL
    SELECT key, last_seq, changed FROM conversation WHERE b = $1 AND changed > $2
    LIMIT $3
  ), search AS (
    SELECT key, last_seq, changed, 0::bigint AS low, last_seq + 1 AS high FROM changed
    UNION ALL
    SELECT s.key, s.last_seq, s.changed, CASE WHEN e.position > $2 THEN s.low ELSE e.seq END,
      CASE WHEN e.position > $2 THEN e.seq ELSE s.high END
    FROM search s JOIN event e ON e.conversation = s.key AND e.seq = (s.low + s.high) / 2
    WHERE s.high - s.low > 1
  )
  SELECT key::float8, last_seq::float8 AS "lastSeq", changed::float8, high::float8 AS first,
    (SELECT count(*) FROM changed)::float8 AS total
  FROM search WHERE high - low <= 1`;

/** Of each conversation as many as a page has room for, and of all of those the first ones. */
const SELECT_EVENTS = `
  SELECT ${eventColumns("e")}
  FROM unnest($1::bigint[], $2::bigint[]) AS v (conversation, first)
  CROSS JOIN LATERAL (
    SELECT * FROM event WHERE conversation = v.conversation AND seq >= v.first ORDER BY seq LIMIT $3) AS e
  ORDER BY e.position LIMIT $3`;

const SELECT_SUMMARIES = `
  SELECT ${SUMMARY_COLUMNS}
  FROM ${summaryTables("conversation c")}
  WHERE c.key = ANY($2::bigint[])`;

/**
 * To be called within one snapshot; `last` is the viewer's last change in it. What a page holds is said at
 * `toChangesPage`. More than `maxEvents` conversations that changed count as too much too, whether by events or by
 * markers.
 */
export async function readChanges(
  ask: Ask,
  epoch: string,
  viewer: Viewer,
  last: Position,
  since: Position,
  limit: number,
  maxEvents: number,
): Promise<ChangesPage | undefined> {
  const rows = await ask<ChangedRow>(SELECT_CHANGED, [viewer.key, since, maxEvents + 1]);
  const [{ total } = { total: 0 }] = rows;
  if (total > maxEvents) return undefined;
  // Their position says that something changed.
  if (rows.length === 0 || rows.length < total) throw new DamagedDatabaseError("a conversation has a hole");
  const eventCount = rows.reduce((sum, { lastSeq, first }) => sum + lastSeq - first + 1, 0);
  if (eventCount > maxEvents) return undefined;
  const withEvents = rows.filter(({ lastSeq, first }) => first <= lastSeq);
  const events = await ask<EventRow>(SELECT_EVENTS, [
    numberArray(withEvents.map(({ key }) => key)),
    numberArray(withEvents.map(({ first }) => first)),
    limit + 1,
  ]);
  const changes = orderChanges(rows, events, limit);
  const summaries = await readSummaries(ask, epoch, viewer, changes);
  const bySeq = new Map(events.map((event) => [`${event.conversation}/${event.seq}`, event]));
  return toChangesPage(
    epoch,
    changes,
    limit,
    last,
    (conversation) => found(summaries.get(conversation)),
    (conversation, seq) => found(bySeq.get(`${conversation}/${seq}`)),
  );
}

/** As far as a page can reach, and one further, so that it is known that there is more. */
function orderChanges(
  rows: readonly ChangedRow[],
  events: readonly EventRow[],
  limit: number,
): readonly Change[] {
  const isComplete = events.length <= limit;
  const end = isComplete ? Number.POSITIVE_INFINITY : (events.at(-1)?.position ?? 0);
  const points = new Set(events.map(({ position }) => position));
  const changes: Change[] = events.map(({ position, conversation, seq }) => ({
    position,
    conversation,
    seq,
  }));
  for (const { key, changed } of rows) {
    if (changed < end && !points.has(changed))
      changes.push({ position: changed, conversation: key, seq: undefined });
  }
  changes.sort((one, other) => one.position - other.position);
  return changes;
}

/** Of the conversations that a page can name, and one more. */
async function readSummaries(
  ask: Ask,
  epoch: string,
  viewer: Viewer,
  changes: readonly Change[],
): Promise<ReadonlyMap<number, Summary>> {
  const keys = new Set<number>();
  for (const { conversation } of changes) {
    keys.add(conversation);
    if (keys.size > PAGE_CONVERSATIONS) break;
  }
  const rows = await ask<SummaryAnswer>(SELECT_SUMMARIES, [viewer.key, numberArray(keys)]);
  return new Map(rows.map((row) => [row.key, summaryOf(epoch, viewer, row)]));
}

export function summaryOf(epoch: string, viewer: Viewer, row: SummaryAnswer): Summary {
  return toSummary(epoch, viewer, row, pickEvent(row, "last_"), pickEvent(row, "edit_"));
}

function found<T>(value: T | undefined): T {
  if (value === undefined) throw new DamagedDatabaseError("a conversation or an event is not there");
  return value;
}

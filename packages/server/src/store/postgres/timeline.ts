/**
 * Which history of a server the data belong to. A server that takes over from another one may lack its last commits, and one
 * that is restored to a moment lacks all after it; PostgreSQL begins a new timeline with either, and another server has a
 * name of its own. Positions are then given out again, so the data get a new epoch: whoever was further loads anew, and
 * nobody passes over what has taken the place of what is lost.
 */
import type { Connection } from "./connection.ts";
import { judgeTrouble } from "./trouble.ts";

export const TIMELINE = "timeline";

/** Of the last part, eight digits; every user may ask. */
const SELECT_TIMELINE = `SELECT (pg_control_system()).system_identifier || '/' ||
  left(pg_walfile_name(pg_current_wal_lsn()), 8) AS timeline`;

const KEEP_FIRST = `INSERT INTO meta (name, value) VALUES ('${TIMELINE}', $1) ON CONFLICT (name) DO NOTHING`;

// Of several nodes that notice at the same time the first one names the epoch: the others wait for it, and find nothing to do.
const FOLLOW = `WITH followed AS (
    UPDATE meta SET value = $1 WHERE name = '${TIMELINE}' AND value <> $1 RETURNING name
  ) UPDATE meta SET value = $2 WHERE name = 'epoch' AND EXISTS (SELECT 1 FROM followed)`;

/** Undefined where the database is no server of its own, and does not say. */
export async function readTimeline(connection: Connection): Promise<string | undefined> {
  try {
    const [row] = await connection.ask<{ timeline: string }>(SELECT_TIMELINE);
    return row?.timeline;
  } catch (error) {
    // Not allowed, or not known there.
    if (judgeTrouble(error) !== "failed") throw error;
    return undefined;
  }
}

/**
 * To be called before the data are worked with; `meta` was read on this connection. False: something was written there, and
 * the epoch may be another one.
 */
export async function followTimeline(
  connection: Connection,
  meta: ReadonlyMap<string, string>,
  newEpoch: string,
): Promise<boolean> {
  const timeline = await readTimeline(connection);
  if (timeline === undefined || meta.get(TIMELINE) === timeline) return true;
  await connection.ask(KEEP_FIRST, [timeline]);
  await connection.ask(FOLLOW, [timeline, newEpoch]);
  return false;
}

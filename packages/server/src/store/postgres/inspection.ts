/** A look at the database for people: what it is, what it holds, and whether all of it is right. */
import type { Clock } from "../../clock.ts";
import { DEFAULT_TIMES, type PostgresAddress, schemaOf } from "./address.ts";
import { Connection } from "./connection.ts";
import { refuseIncomplete } from "./copy-state.ts";
import { findDamage } from "./invariants.ts";
import { checkPlace, knownVersion, readMeta, SCHEMA_VERSION } from "./migrations.ts";
import { Pool } from "./pool.ts";
import { readTimeline } from "./timeline.ts";

export interface PostgresInspection {
  /** Of the server. */
  readonly postgres: string;
  /** Of the tables; 0: there are none yet. */
  readonly version: number;
  readonly newestVersion: number;
  /** Whether the server flushes what it has committed; without it, a loss of power loses messages. */
  readonly isFlushing: boolean;
  readonly maxConnections: number;
  /** It says on which timeline it is; otherwise a fail-over that lost something is not noticed. */
  readonly hasTimeline: boolean;
  /** How far this machine's clock is ahead of the database's; a few ms are the way there. */
  readonly aheadMs: number;
  readonly users: number;
  readonly conversations: number;
  readonly events: number;
  /** Of the last event, in milliseconds since 1970; 0 when there is none. */
  readonly lastTime: number;
  /** In words for people; empty when all is well. */
  readonly damage: readonly string[];
}

/** The whole database is read for it, beside nodes at work. */
const LOOK_MS = 600_000;

const SELECT_FACTS = `SELECT current_setting('server_version') AS postgres, current_setting('fsync') AS fsync,
  current_setting('max_connections')::int AS "maxConnections",
  floor(extract(epoch FROM clock_timestamp()) * 1000)::float8 AS "timeMs"`;

const COUNT = `SELECT (SELECT count(*) FROM person)::float8 AS users,
  (SELECT count(*) FROM conversation)::float8 AS conversations, (SELECT count(*) FROM event)::float8 AS events,
  (SELECT coalesce(max(last_time), 0) FROM conversation)::float8 AS "lastTime"`;

interface ServerFacts {
  readonly postgres: string;
  readonly fsync: string;
  readonly maxConnections: number;
  readonly timeMs: number;
}

type Counts = Pick<PostgresInspection, "users" | "conversations" | "events" | "lastTime">;

/** Rejects with the server's or the client's error, NoAnswerError, or WrongDatabaseError. Changes nothing. */
export async function inspectPostgres(
  address: PostgresAddress,
  clock: Pick<Clock, "now" | "after">,
): Promise<PostgresInspection> {
  const connection = await Connection.open({ address, clock, times: DEFAULT_TIMES, name: "duologue doctor" });
  const times = { answerMs: LOOK_MS, statementMs: LOOK_MS, idleMs: LOOK_MS };
  const pool = new Pool({ address, clock, times, connections: 1, name: "duologue doctor", looksUp: false });
  try {
    const [facts] = await connection.ask<ServerFacts>(SELECT_FACTS);
    const aheadMs = clock.now() - (facts?.timeMs ?? 0);
    const meta = await readMeta(connection, schemaOf(address));
    refuseIncomplete(meta);
    const version = knownVersion(meta);
    const about = {
      postgres: facts?.postgres ?? "",
      isFlushing: facts?.fsync === "on",
      maxConnections: facts?.maxConnections ?? 0,
      hasTimeline: (await readTimeline(connection)) !== undefined,
      aheadMs,
      version,
      newestVersion: SCHEMA_VERSION,
    };
    if (version === 0) await checkPlace(connection, schemaOf(address));
    if (version === 0) return { ...about, users: 0, conversations: 0, events: 0, lastTime: 0, damage: [] };
    return await pool.snapshot(async (ask) => {
      const [counts] = await ask<Counts>(COUNT, []);
      const { users = 0, conversations = 0, events = 0, lastTime = 0 } = counts ?? {};
      return { ...about, users, conversations, events, lastTime, damage: await findDamage(ask) };
    });
  } finally {
    connection.close();
    pool.close();
  }
}

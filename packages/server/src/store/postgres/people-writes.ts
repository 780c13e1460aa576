/** People and their sessions: each request is one statement, sent without waiting for the one before. */
import type { UserId, UserRecord } from "../../ports/store.ts";
import { searchKeys } from "../fold.ts";
import { doneResult, type NewSession, refusedResult, type WriteResult } from "../requests.ts";
import { MAX_RENAMED_CONVERSATIONS } from "../rules/pages.ts";
import { numberArray, textArray } from "./arrays.ts";
import { sendPositions } from "./batch-state.ts";
import type { Answer, Connection } from "./connection.ts";
import { type LockedPerson, type LockMode, sendImpatience, sendLocks } from "./people-locks.ts";

const INSERT_PERSON = `
  WITH added AS (
    INSERT INTO person (id, name, kind, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING RETURNING key
  ), words AS (
    INSERT INTO person_word (word, person) SELECT word, key FROM added, unnest($5::text[]) AS word
  )
  SELECT (SELECT count(*) FROM added)::float8 AS added, p.name, p.kind
  FROM (SELECT 1) AS one LEFT JOIN person p ON p.id = $1`;

const START_SESSION = `
  WITH owner AS (SELECT key FROM person WHERE id = $2), added AS (
    INSERT INTO session (id, person, expires_at, ended) SELECT $1, key, $3, 0 FROM owner
    ON CONFLICT (id) DO NOTHING RETURNING id
  )
  SELECT (SELECT count(*) FROM owner)::float8 AS owners, (SELECT count(*) FROM added)::float8 AS added,
    EXISTS (SELECT 1 FROM session s JOIN owner o ON o.key = s.person WHERE s.id = $1 AND s.ended = 0) AS "isSame"`;

const EXTEND_SESSION = "UPDATE session SET expires_at = greatest(expires_at, $1) WHERE id = $2 AND ended = 0";

const END_SESSION = `
  UPDATE session s SET ended = 1 FROM person p WHERE p.key = s.person AND s.id = $1 AND s.ended = 0
  RETURNING p.id AS user`;

const PURGE_SESSIONS = `
  DELETE FROM session WHERE id IN (
    SELECT id FROM session WHERE expires_at < $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)`;

const NOTE_SEEN = `
  UPDATE person p SET seen_at = v.at FROM unnest($1::bigint[], $2::bigint[]) AS v (key, at)
  WHERE p.key = v.key AND p.kind <> 'classic'`;

const SELECT_PERSON = "SELECT key::float8, name, kind FROM person WHERE id = $1";

const SELECT_LATEST = `
  SELECT key::float8, peer::float8 FROM (
    SELECT * FROM (SELECT key, b AS peer, changed FROM conversation
      WHERE a = $1 AND changed > 0 ORDER BY changed DESC LIMIT $2) AS one
    UNION ALL
    SELECT * FROM (SELECT key, a AS peer, changed FROM conversation
      WHERE b = $1 AND changed > 0 ORDER BY changed DESC LIMIT $2) AS other
    ORDER BY changed DESC LIMIT $2) AS latest
  ORDER BY changed`;

const MOVE = `
  UPDATE conversation c SET changed = v.changed FROM unnest($1::bigint[], $2::bigint[]) AS v (key, changed)
  WHERE c.key = v.key`;

const RENAME = "UPDATE person SET name = $1 WHERE key = $2";
const DELETE_WORDS = "DELETE FROM person_word WHERE person = $1 AND word = ANY($2::text[])";
const INSERT_WORDS =
  "INSERT INTO person_word (word, person) SELECT word, $1 FROM unnest($2::text[]) AS word ON CONFLICT DO NOTHING";

/** Asked again after an answer that was lost, it is done already; another user's id is refused. */
export async function createUser(connection: Connection, user: UserRecord): Promise<WriteResult> {
  const [row] = await insertIfMissing(connection, user);
  if (row?.added === 1) return doneResult;
  // Another node is making one with this id, and has not ended: whoever asks again will see it.
  if (row === undefined || row.name === null) return refusedResult("unavailable");
  return row.name === user.name && row.kind === user.kind ? doneResult : refusedResult("id_conflict");
}

export function insertIfMissing(
  connection: Connection,
  { id, name, kind, createdAt }: UserRecord,
): Promise<Answer<{ added: number; name: string | null; kind: string | null }>> {
  const words = kind === "classic" ? [] : searchKeys(name);
  return connection.send(INSERT_PERSON, [id, name, kind, createdAt, textArray(words)]);
}

export async function startSession(connection: Connection, session: NewSession): Promise<WriteResult> {
  const answer = connection.send<{ owners: number; added: number; isSame: boolean }>(START_SESSION, [
    session.id,
    session.user,
    session.expiresAt,
  ]);
  const [row] = await answer;
  if (row?.owners !== 1) return refusedResult("user_unknown");
  return row.added === 1 || row.isSame ? doneResult : refusedResult("id_conflict");
}

/** Only forward, and only a living one: extensions may overtake each other. */
export async function extendSession(
  connection: Connection,
  id: string,
  expiresAt: number,
): Promise<WriteResult> {
  await connection.send(EXTEND_SESSION, [expiresAt, id]);
  return doneResult;
}

export async function endSession(connection: Connection, id: string): Promise<WriteResult> {
  const [row] = await connection.send<{ user: UserId }>(END_SESSION, [id]);
  if (row === undefined) return doneResult;
  return {
    outcome: doneResult.outcome,
    publish: { to: [row.user], note: { kind: "session-ended", session: id } },
  };
}

/** Forgets the oldest of those that nobody can use any more, ended or not. */
export async function purgeExpired(
  connection: Connection,
  expiredBefore: number,
  limit: number,
): Promise<WriteResult> {
  const { count } = await connection.send(PURGE_SESSIONS, [expiredBefore, limit]);
  return { outcome: { ok: true, count }, publish: undefined };
}

/** Each person once, whose row is locked. */
export function sendSightings(
  connection: Connection,
  people: readonly { readonly key: number; readonly at: number }[],
): Promise<Answer<unknown>> {
  return connection.send(NOTE_SEEN, [
    numberArray(people.map(({ key }) => key)),
    numberArray(people.map(({ at }) => at)),
  ]);
}

/**
 * A transaction of its own. The user's latest conversations count as changed, so that the other sides see the name when
 * they next sync; but for those whose row another node holds, who see it when something else changes there.
 */
export async function rename(
  connection: Connection,
  id: UserId,
  name: string,
  mode: LockMode,
): Promise<WriteResult> {
  const [person] = await connection.ask<{ key: number; name: string; kind: string }>(SELECT_PERSON, [id]);
  if (person === undefined) return refusedResult("user_unknown");
  if (person.name === name) return doneResult;
  const before = await connection.ask<{ peer: number }>(SELECT_LATEST, [
    person.key,
    MAX_RENAMED_CONVERSATIONS,
  ]);
  const keys = new Set([person.key, ...before.map(({ peer }) => peer)]);
  const begun = [connection.send("BEGIN"), ...(mode.isPatient ? [] : [sendImpatience(connection)])];
  const locks = sendLocks(connection, keys, mode);
  const [latest] = await connection.settle([
    connection.send<{ key: number; peer: number }>(SELECT_LATEST, [person.key, MAX_RENAMED_CONVERSATIONS]),
    ...begun,
    ...locks,
  ]);
  const people = (await Promise.all(locks)).flatMap((answer) => [...answer]);
  const had = new Set(people.map(({ key }) => key));
  mode.held.learn(keys, had);
  if (!had.has(person.key)) {
    await connection.ask("ROLLBACK");
    return refusedResult("unavailable");
  }
  // One that has come up between the two looks has a peer who is not locked either.
  const told = latest.filter(({ peer }) => had.has(peer));
  const answers = [
    connection.send(RENAME, [name, person.key]),
    ...renameWords(connection, person, people, name),
    ...(told.length === 0 ? [] : move(connection, person.key, people, told)),
    connection.send("COMMIT"),
  ];
  await connection.settle(answers);
  return doneResult;
}

function renameWords(
  connection: Connection,
  { key, kind }: { readonly key: number; readonly kind: string },
  people: readonly LockedPerson[],
  name: string,
): Promise<unknown>[] {
  if (kind === "classic") return [];
  // As it is now that nobody else can change it.
  const oldName = people.find((one) => one.key === key)?.name ?? "";
  return [
    connection.send(DELETE_WORDS, [key, textArray(searchKeys(oldName))]),
    connection.send(INSERT_WORDS, [key, textArray(searchKeys(name))]),
  ];
}

/** The one that changed first goes first, so that the order of the list stays. */
function move(
  connection: Connection,
  own: number,
  people: readonly LockedPerson[],
  told: readonly { readonly key: number; readonly peer: number }[],
): Promise<unknown>[] {
  const base = Math.max(...people.map(({ position }) => position));
  const moved = told.map(({ key, peer }, index) => ({ key, peer, position: base + index + 1 }));
  const last = base + moved.length;
  return [
    connection.send(MOVE, [
      numberArray(moved.map(({ key }) => key)),
      numberArray(moved.map(({ position }) => position)),
    ]),
    sendPositions(connection, [
      { key: own, position: last },
      ...moved.map(({ peer, position }) => ({ key: peer, position })),
    ]),
  ];
}

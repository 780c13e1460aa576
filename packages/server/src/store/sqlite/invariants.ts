/**
 * What must hold between the rows of a file, whatever happened to the process that wrote it: the store's contract, asked
 * of the tables themselves. `duologue doctor`, a restore and the tests of crashes all ask the same questions.
 */
import type { Database } from "bun:sqlite";
import {
  commonInvariants,
  describePlaces,
  type Invariant,
  MAX_PLACES,
  questionOf,
} from "../rules/invariants.ts";
import { kindCodes } from "../rules/kinds.ts";
import { readEpoch } from "./migrations.ts";

const invariants: readonly Invariant[] = [
  ...commonInvariants,
  {
    problem: "an event belongs to no conversation, or its sender does not take part in it",
    query: `SELECT e.position AS what FROM event e LEFT JOIN conversation c ON c.key = e.conversation
      WHERE c.key IS NULL OR (e.sender <> c.a AND e.sender <> c.b)`,
  },
  {
    problem: "positions do not rise with the numbers of a conversation",
    query: `SELECT f.position AS what FROM event e JOIN event f ON f.conversation = e.conversation AND f.seq = e.seq + 1
      WHERE f.position <= e.position`,
  },
  {
    problem: "two conversations changed at the same position, so that a user's cursor is not one point",
    query: "SELECT changed AS what FROM conversation WHERE changed > 0 GROUP BY changed HAVING count(*) > 1",
  },
  {
    problem: "a count of unread messages is wrong",
    // The events once through, as they lie: asked conversation by conversation, they would be looked up one by one.
    query: `SELECT c.id AS what FROM conversation c LEFT JOIN (
        SELECT e.conversation, sum(e.sender = m.b AND e.seq > m.a_read) AS a, sum(e.sender = m.a AND e.seq > m.b_read) AS b
        FROM event e CROSS JOIN conversation m ON m.key = e.conversation
        WHERE e.kind = ${kindCodes.message} AND e.retracted = 0 GROUP BY e.conversation) n ON n.conversation = c.key
      WHERE c.a_unread <> coalesce(n.a, 0) OR c.b_unread <> coalesce(n.b, 0)`,
  },
  {
    problem: "a conversation does not name its last message",
    query: `SELECT c.id AS what FROM conversation c WHERE c.last_message <> coalesce(
        (SELECT max(seq) FROM event e WHERE e.conversation = c.key AND e.kind = ${kindCodes.message}), 0)`,
  },
  {
    problem: "an edit or a retraction is not of an earlier message of the same sender",
    query: `SELECT e.position AS what FROM event e
      LEFT JOIN event t ON t.conversation = e.conversation AND t.seq = e.target
      WHERE e.kind <> ${kindCodes.message} AND (t.position IS NULL OR t.kind <> ${kindCodes.message}
        OR t.sender <> e.sender OR t.seq >= e.seq)`,
  },
  {
    problem: "the text of a retracted message is still there",
    query: "SELECT position AS what FROM event WHERE retracted = 1 AND body IS NOT NULL",
  },
  {
    problem: "a conversation's two people are not two known users",
    query: `SELECT c.id AS what FROM conversation c LEFT JOIN user a ON a.key = c.a LEFT JOIN user b ON b.key = c.b
      WHERE a.key IS NULL OR b.key IS NULL OR c.a >= c.b`,
  },
  {
    problem: "a session is nobody's",
    query: "SELECT s.id AS what FROM session s LEFT JOIN user u ON u.key = s.user WHERE u.key IS NULL",
  },
];

/**
 * What is broken, in words for people; empty when all is well. Reads the whole file; each question is asked of one moment,
 * not all of the same one, so that beside a writer at work its log is not held for longer than one question takes. `deep`
 * also has SQLite check every page and index (`PRAGMA integrity_check`).
 */
export function findDamage(database: Database, deep: boolean): readonly string[] {
  const damage = deep ? findBrokenPages(database) : [];
  // Over broken pages the other questions have no meaning, and may fail.
  if (damage.length > 0) return damage;
  return [...findMissingNames(database), ...invariants.flatMap((invariant) => ask(database, invariant))];
}

function findBrokenPages(database: Database): readonly string[] {
  const rows = database.query<{ integrity_check: string }, []>(`PRAGMA integrity_check(${MAX_PLACES})`).all();
  const lines = rows.flatMap((row) => row.integrity_check.split("\n"));
  return lines.filter((line) => line !== "ok").slice(0, MAX_PLACES);
}

function findMissingNames(database: Database): readonly string[] {
  try {
    readEpoch(database);
    return [];
  } catch (error) {
    return [(error as Error).message];
  }
}

function ask(database: Database, invariant: Invariant): readonly string[] {
  const rows = database.query<{ what: string | number }, []>(questionOf(invariant)).all();
  return describePlaces(invariant, rows);
}

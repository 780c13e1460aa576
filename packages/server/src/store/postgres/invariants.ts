/**
 * What must hold between the rows of the tables, whatever happened to those who wrote them: the store's contract, asked of
 * the tables themselves. `duologue doctor` and the tests of faults ask the same questions.
 */
import { commonInvariants, describePlaces, type Invariant, questionOf } from "../rules/invariants.ts";
import { kindCodes } from "../rules/kinds.ts";
import type { Ask } from "./pool.ts";

const invariants: readonly Invariant[] = [
  ...commonInvariants,
  {
    problem: "an event belongs to no conversation, or its sender does not take part in it",
    query: `SELECT e.client_id::text AS what FROM event e LEFT JOIN conversation c ON c.key = e.conversation
      WHERE c.key IS NULL OR (e.sender <> c.a AND e.sender <> c.b)`,
  },
  {
    problem: "positions do not rise with the numbers of a conversation",
    query: `SELECT client_id::text AS what FROM (
        SELECT client_id, position - lag(position, 1, 0) OVER (PARTITION BY conversation ORDER BY seq) AS step
        FROM event) e
      WHERE step <= 0`,
  },
  {
    problem: "two events of one person have the same position, so that their cursor is not one point",
    query: `SELECT p.id AS what FROM (
        SELECT c.a AS person, e.position FROM event e JOIN conversation c ON c.key = e.conversation
        UNION ALL
        SELECT c.b, e.position FROM event e JOIN conversation c ON c.key = e.conversation) chain
      JOIN person p ON p.key = chain.person
      GROUP BY p.id, chain.position HAVING count(*) > 1`,
  },
  {
    problem: "two conversations of one person changed at the same position",
    query: `SELECT p.id AS what FROM (
        SELECT a AS person, changed FROM conversation WHERE changed > 0
        UNION ALL
        SELECT b, changed FROM conversation WHERE changed > 0) latest
      JOIN person p ON p.key = latest.person
      GROUP BY p.id, latest.changed HAVING count(*) > 1`,
  },
  {
    problem: "a person's position is not that of their last change",
    query: `SELECT p.id AS what FROM person p LEFT JOIN (
        SELECT person, max(changed) AS changed FROM (
          SELECT a AS person, changed FROM conversation UNION ALL SELECT b, changed FROM conversation) both_sides
        GROUP BY person) latest ON latest.person = p.key
      WHERE p.position <> coalesce(latest.changed, 0)`,
  },
  {
    problem: "a count of unread messages is wrong",
    query: `SELECT c.id AS what FROM conversation c LEFT JOIN (
        SELECT e.conversation, count(*) FILTER (WHERE e.sender = m.b AND e.seq > m.a_read) AS a,
          count(*) FILTER (WHERE e.sender = m.a AND e.seq > m.b_read) AS b
        FROM event e JOIN conversation m ON m.key = e.conversation
        WHERE e.kind = ${kindCodes.message} AND e.retracted = 0 GROUP BY e.conversation) n ON n.conversation = c.key
      WHERE c.a_unread <> coalesce(n.a, 0) OR c.b_unread <> coalesce(n.b, 0)`,
  },
  {
    problem: "a conversation does not name its last message",
    query: `SELECT c.id AS what FROM conversation c LEFT JOIN (
        SELECT conversation, max(seq) AS seq FROM event WHERE kind = ${kindCodes.message} GROUP BY conversation) m
      ON m.conversation = c.key
      WHERE c.last_message <> coalesce(m.seq, 0)`,
  },
  {
    problem: "an edit or a retraction is not of an earlier message of the same sender",
    query: `SELECT e.client_id::text AS what FROM event e
      LEFT JOIN event t ON t.conversation = e.conversation AND t.seq = e.target
      WHERE e.kind <> ${kindCodes.message} AND (t.seq IS NULL OR t.kind <> ${kindCodes.message}
        OR t.sender <> e.sender OR t.seq >= e.seq)`,
  },
  {
    problem: "the text of a retracted message is still there",
    query: "SELECT client_id::text AS what FROM event WHERE retracted = 1 AND body IS NOT NULL",
  },
  {
    problem: "a conversation's two people are not two known people",
    query: `SELECT c.id AS what FROM conversation c LEFT JOIN person a ON a.key = c.a LEFT JOIN person b ON b.key = c.b
      WHERE a.key IS NULL OR b.key IS NULL OR c.a >= c.b`,
  },
  {
    problem: "a session is nobody's",
    query: "SELECT s.id AS what FROM session s LEFT JOIN person p ON p.key = s.person WHERE p.key IS NULL",
  },
];

/** What is broken, in words for people; empty when all is well. Reads everything; all questions must be of one snapshot. */
export async function findDamage(ask: Ask): Promise<readonly string[]> {
  const damage: string[] = [];
  for (const invariant of invariants) {
    const rows = await ask<{ what: string }>(questionOf(invariant), []);
    damage.push(...describePlaces(invariant, rows));
  }
  return damage;
}

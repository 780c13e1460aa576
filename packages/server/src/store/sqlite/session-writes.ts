/** Sessions of guests. */
import type { Database, Statement } from "bun:sqlite";
import { doneResult, type NewSession, refusedResult, type WriteResult } from "../requests.ts";

export class SessionWrites {
  readonly #selectUser: Statement<{ key: number }, [string]>;
  readonly #insert: Statement;
  readonly #select: Statement<{ user: string; ended: number }, [string]>;
  readonly #extend: Statement;
  readonly #end: Statement;
  readonly #purge: Statement;

  constructor(database: Database) {
    // Not through what the writer remembers: most who log in do not write.
    this.#selectUser = database.prepare("SELECT key FROM user WHERE id = ?");
    this.#insert = database.prepare(
      "INSERT INTO session (id, user, expires_at, ended) VALUES (?, ?, ?, 0) ON CONFLICT (id) DO NOTHING",
    );
    this.#select = database.prepare(
      "SELECT u.id AS user, s.ended FROM session s JOIN user u ON u.key = s.user WHERE s.id = ?",
    );
    this.#extend = database.prepare(
      "UPDATE session SET expires_at = max(expires_at, ?) WHERE id = ? AND ended = 0",
    );
    this.#end = database.prepare("UPDATE session SET ended = 1 WHERE id = ? AND ended = 0");
    this.#purge = database.prepare(
      "DELETE FROM session WHERE id IN (SELECT id FROM session WHERE expires_at < ? ORDER BY expires_at LIMIT ?)",
    );
  }

  start(session: NewSession): WriteResult {
    const user = this.#selectUser.get(session.user);
    if (user === null) return refusedResult("user_unknown");
    if (this.#insert.run(session.id, user.key, session.expiresAt).changes > 0) return doneResult;
    const known = this.#select.get(session.id);
    return known?.user === session.user && known.ended === 0 ? doneResult : refusedResult("id_conflict");
  }

  /** Only forward, and only a living one: extensions may overtake each other. */
  extend(id: string, expiresAt: number): WriteResult {
    this.#extend.run(expiresAt, id);
    return doneResult;
  }

  end(id: string): WriteResult {
    if (this.#end.run(id).changes === 0) return doneResult;
    const user = this.#select.get(id)?.user;
    if (user === undefined) return doneResult;
    return {
      outcome: doneResult.outcome,
      publish: { to: [user], note: { kind: "session-ended", session: id } },
    };
  }

  /** Forgets the oldest of those that nobody can use any more, ended or not; at most `limit`, as others wait meanwhile. */
  purge(expiredBefore: number, limit: number): WriteResult {
    const { changes } = this.#purge.run(expiredBefore, limit);
    return { outcome: { ok: true, count: changes }, publish: undefined };
  }
}

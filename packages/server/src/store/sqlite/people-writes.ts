/** Users. */
import type { Database, Statement } from "bun:sqlite";
import type { SeenTime, UserId, UserRecord } from "../../ports/store.ts";
import { searchKeys } from "../fold.ts";
import { doneResult, refusedResult, type WriteResult } from "../requests.ts";
import { MAX_RENAMED_CONVERSATIONS } from "../rules/pages.ts";
import type { WriterState } from "./state.ts";

interface UserRow {
  readonly key: number;
  readonly name: string;
  readonly kind: string;
}

interface RenamedConversation {
  readonly key: number;
  readonly id: string;
  readonly peer: UserId;
}

const SELECT_LATEST = `
  SELECT c.key, c.id, u.id AS peer FROM (
    SELECT * FROM (SELECT key, id, b AS peer, changed FROM conversation
      WHERE a = ?1 AND changed > 0 ORDER BY changed DESC LIMIT ?2)
    UNION ALL
    SELECT * FROM (SELECT key, id, a AS peer, changed FROM conversation
      WHERE b = ?1 AND changed > 0 ORDER BY changed DESC LIMIT ?2)
    ORDER BY changed DESC LIMIT ?2) c
  JOIN user u ON u.key = c.peer
  ORDER BY c.changed`;

export class PeopleWrites {
  readonly #state: WriterState;
  readonly #insertUser: Statement;
  readonly #selectUser: Statement<UserRow, [string]>;
  readonly #updateName: Statement;
  readonly #updateSeen: Statement;
  readonly #insertWord: Statement;
  readonly #deleteWord: Statement;
  readonly #selectLatest: Statement<RenamedConversation, [number, number]>;
  readonly #updateChanged: Statement;

  constructor(database: Database, state: WriterState) {
    this.#state = state;
    this.#insertUser = database.prepare(
      "INSERT INTO user (id, name, kind, created_at) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
    );
    this.#selectUser = database.prepare("SELECT key, name, kind FROM user WHERE id = ?");
    this.#updateName = database.prepare("UPDATE user SET name = ? WHERE key = ?");
    this.#updateSeen = database.prepare("UPDATE user SET seen_at = ? WHERE id = ? AND kind <> 'classic'");
    this.#insertWord = database.prepare("INSERT INTO user_word (word, user) VALUES (?, ?)");
    this.#deleteWord = database.prepare("DELETE FROM user_word WHERE word = ? AND user = ?");
    this.#selectLatest = database.prepare(SELECT_LATEST);
    this.#updateChanged = database.prepare("UPDATE conversation SET changed = ? WHERE key = ?");
  }

  /** Asked again after an answer that was lost, it is done already; another user's id is refused. */
  createUser(user: UserRecord): WriteResult {
    if (this.insertIfMissing(user)) return doneResult;
    const known = this.#selectUser.get(user.id);
    return known?.name === user.name && known.kind === user.kind ? doneResult : refusedResult("id_conflict");
  }

  /** Whether it was missing. */
  insertIfMissing(user: UserRecord): boolean {
    const { changes, lastInsertRowid } = this.#insertUser.run(user.id, user.name, user.kind, user.createdAt);
    if (changes === 0) return false;
    if (user.kind !== "classic") {
      for (const word of searchKeys(user.name)) this.#insertWord.run(word, lastInsertRowid);
    }
    return true;
  }

  /** The user's latest conversations count as changed, so that the other sides see the name when they next sync. */
  rename(id: UserId, name: string): WriteResult {
    const user = this.#selectUser.get(id);
    if (user === null) return refusedResult("user_unknown");
    if (user.name === name) return doneResult;
    this.#updateName.run(name, user.key);
    if (user.kind !== "classic") {
      for (const word of searchKeys(user.name)) this.#deleteWord.run(word, user.key);
      for (const word of searchKeys(name)) this.#insertWord.run(word, user.key);
    }
    // What this transaction has changed before is in memory only; the order of the list needs it in the table.
    this.#state.flush();
    // The one that changed first goes first, so that the order of the list stays.
    for (const conversation of this.#selectLatest.all(user.key, MAX_RENAMED_CONVERSATIONS)) {
      const position = this.#state.position + 1;
      this.#updateChanged.run(position, conversation.key);
      this.#state.noteChange(conversation.id, [id, conversation.peer], position);
    }
    return doneResult;
  }

  noteSeen(seen: readonly SeenTime[]): WriteResult {
    for (const { user, at } of seen) this.#updateSeen.run(at, user);
    return doneResult;
  }
}

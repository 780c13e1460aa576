/**
 * What the writer remembers of users and conversations, so that an event costs one insert and a conversation one
 * update per batch. Right only because there is one writer; forgotten whenever a transaction fails.
 */
import type { Database, Statement } from "bun:sqlite";
import type { ConversationId, Position, UserId } from "../../ports/store.ts";
import { RecentMap } from "../recent-map.ts";
import {
  ChangeState,
  type ConversationRow,
  type ConversationState,
  toConversationState,
  type UserState,
} from "../rules/state.ts";

interface UserRow {
  readonly key: number;
  readonly position: Position;
}

const SELECT_CONVERSATION = `
  SELECT c.key, c.id, c.a AS aKey, c.b AS bKey, a.id AS aId, b.id AS bId, c.last_seq AS lastSeq,
    c.last_time AS lastTime, c.last_message AS lastMessage, c.changed, c.a_delivered AS aDelivered,
    c.a_read AS aRead, c.b_delivered AS bDelivered, c.b_read AS bRead, c.a_unread AS aUnread,
    c.b_unread AS bUnread
  FROM conversation c JOIN user a ON a.key = c.a JOIN user b ON b.key = c.b
  WHERE c.id = ?`;

const SELECT_USER = `
  SELECT key, max(
    coalesce((SELECT max(changed) FROM conversation WHERE a = user.key), 0),
    coalesce((SELECT max(changed) FROM conversation WHERE b = user.key), 0)) AS position
  FROM user WHERE id = ?`;

const UPDATE_CONVERSATION = `
  UPDATE conversation SET last_seq = ?, last_time = ?, last_message = ?, changed = ?, a_delivered = ?,
    a_read = ?, b_delivered = ?, b_read = ?, a_unread = ?, b_unread = ?
  WHERE key = ?`;

const SELECT_POSITION = `
  SELECT max(
    coalesce((SELECT max(position) FROM event), 0),
    coalesce((SELECT max(changed) FROM conversation), 0)) AS position`;

/** Its `position` is the last change of all. */
export class WriterState extends ChangeState {
  readonly #users: RecentMap<UserId, UserState>;
  readonly #conversations: RecentMap<ConversationId, ConversationState>;
  readonly #selectConversation: Statement<ConversationRow, [string]>;
  readonly #selectUser: Statement<UserRow, [string]>;
  readonly #selectPosition: Statement<{ position: number }, []>;
  readonly #updateConversation: Statement;

  constructor(database: Database, limits: { readonly users: number; readonly conversations: number }) {
    super();
    this.#users = new RecentMap(limits.users);
    this.#conversations = new RecentMap(limits.conversations);
    this.#selectConversation = database.prepare(SELECT_CONVERSATION);
    this.#selectUser = database.prepare(SELECT_USER);
    this.#selectPosition = database.prepare(SELECT_POSITION);
    this.#updateConversation = database.prepare(UPDATE_CONVERSATION);
    this.reload();
  }

  /** Forgets everything, and asks the file what the last position was. */
  reload(): void {
    this.#users.clear();
    this.#conversations.clear();
    this.dirty.length = 0;
    this.position = this.#selectPosition.get()?.position ?? 0;
  }

  override user(id: UserId): UserState | undefined {
    const known = this.#users.get(id);
    if (known !== undefined) return known;
    const row = this.#selectUser.get(id);
    if (row === null) return undefined;
    const user = { key: row.key, id, quotedId: JSON.stringify(id), position: row.position };
    this.#users.set(id, user);
    return user;
  }

  override conversation(id: ConversationId): ConversationState | undefined {
    const known = this.#conversations.get(id);
    if (known !== undefined) return known;
    const row = this.#selectConversation.get(id);
    if (row === null) return undefined;
    const conversation = toConversationState(row);
    this.#conversations.set(id, conversation);
    return conversation;
  }

  /** A change of a row that was written directly; what is remembered of it and of its users follows. */
  noteChange(conversation: ConversationId, users: readonly UserId[], position: Position): void {
    this.position = position;
    const known = this.#conversations.get(conversation);
    if (known !== undefined) known.changed = position;
    for (const id of users) {
      const user = this.#users.get(id);
      if (user !== undefined) user.position = position;
    }
  }

  /** Writes the rows of the conversations that changed. */
  flush(): void {
    for (const conversation of this.dirty) {
      this.#updateConversation.run(
        conversation.lastSeq,
        conversation.lastTime,
        conversation.lastMessage,
        conversation.changed,
        conversation.aDelivered,
        conversation.aRead,
        conversation.bDelivered,
        conversation.bRead,
        conversation.aUnread,
        conversation.bUnread,
        conversation.key,
      );
      conversation.dirty = false;
    }
    this.dirty.length = 0;
  }

  /** Only between transactions: what is dirty must be remembered. */
  trim(): void {
    this.#users.trim();
    this.#conversations.trim();
  }
}

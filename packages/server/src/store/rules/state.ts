/** What a writer knows of the users and conversations that a batch changes, and how a change moves their positions. */
import type { ConversationId, Position, UserId } from "../../ports/store.ts";
import { DamagedDatabaseError } from "./damage.ts";

export interface UserState {
  readonly key: number;
  readonly id: UserId;
  /** As JSON text. */
  readonly quotedId: string;
  /** The user's last change. */
  position: Position;
}

/** What a conversation's row holds, with the public ids of its users. */
export interface ConversationRow {
  readonly key: number;
  readonly id: ConversationId;
  readonly aKey: number;
  readonly bKey: number;
  readonly aId: UserId;
  readonly bId: UserId;
  lastSeq: number;
  lastTime: number;
  lastMessage: number;
  changed: Position;
  aDelivered: number;
  aRead: number;
  bDelivered: number;
  bRead: number;
  aUnread: number;
  bUnread: number;
}

export interface ConversationState extends ConversationRow {
  /** The id as JSON text. */
  readonly quotedId: string;
  /** Differs from its row; the transaction ends with writing it. */
  dirty: boolean;
}

/** A change of a conversation: its position, and the position of each of the two before it. */
export interface Step {
  readonly position: Position;
  readonly prev: Readonly<Record<UserId, Position>>;
}

export function toConversationState(row: ConversationRow): ConversationState {
  return { ...row, quotedId: JSON.stringify(row.id), dirty: false };
}

export abstract class ChangeState {
  /** At or after the last change of everybody whom this batch touches. */
  position: Position = 0;
  protected readonly dirty: ConversationState[] = [];

  abstract user(id: UserId): UserState | undefined;
  abstract conversation(id: ConversationId): ConversationState | undefined;

  /** Gives the conversation the next position; its two users get one more link in their chains. */
  advance(conversation: ConversationState): Step {
    const a = this.#member(conversation.aId);
    const b = this.#member(conversation.bId);
    const step = { position: this.position + 1, prev: { [a.id]: a.position, [b.id]: b.position } };
    this.position = step.position;
    conversation.changed = step.position;
    a.position = step.position;
    b.position = step.position;
    if (!conversation.dirty) {
      conversation.dirty = true;
      this.dirty.push(conversation);
    }
    return step;
  }

  #member(id: UserId): UserState {
    const user = this.user(id);
    if (user === undefined) throw new DamagedDatabaseError("a conversation's user is not stored");
    return user;
  }
}

/**
 * The people and conversations of one batch, locked and read. Whoever holds both people of a conversation may read and
 * write it without another lock.
 */
import type { ConversationId, Position, UserId } from "../../ports/store.ts";
import {
  ChangeState,
  type ConversationRow,
  type ConversationState,
  toConversationState,
  type UserState,
} from "../rules/state.ts";
import { numberArray } from "./arrays.ts";
import type { Answer, Connection } from "./connection.ts";
import type { ConversationIdentity } from "./identities.ts";
import { type LockMode, sendLocks } from "./people-locks.ts";

const SELECT_CONVERSATIONS = `
  SELECT key::float8, last_seq::float8 AS "lastSeq", last_time::float8 AS "lastTime",
    last_message::float8 AS "lastMessage", changed::float8, a_delivered::float8 AS "aDelivered",
    a_read::float8 AS "aRead", b_delivered::float8 AS "bDelivered", b_read::float8 AS "bRead",
    a_unread::float8 AS "aUnread", b_unread::float8 AS "bUnread"
  FROM conversation WHERE key = ANY($1::bigint[])`;

const UPDATE_CONVERSATIONS = `
  UPDATE conversation c SET last_seq = v.last_seq, last_time = v.last_time, last_message = v.last_message,
    changed = v.changed, a_delivered = v.a_delivered, a_read = v.a_read, b_delivered = v.b_delivered,
    b_read = v.b_read, a_unread = v.a_unread, b_unread = v.b_unread
  FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
    $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[])
    AS v (key, last_seq, last_time, last_message, changed, a_delivered, a_read, b_delivered, b_read, a_unread, b_unread)
  WHERE c.key = v.key`;

const UPDATE_POSITIONS = `
  UPDATE person p SET position = v.position
  FROM unnest($1::bigint[], $2::bigint[]) AS v (key, position) WHERE p.key = v.key`;

export function sendConversations(
  connection: Connection,
  rows: readonly ConversationState[],
): Promise<Answer<unknown>> {
  return connection.send(UPDATE_CONVERSATIONS, [
    numberArray(rows.map((row) => row.key)),
    numberArray(rows.map((row) => row.lastSeq)),
    numberArray(rows.map((row) => row.lastTime)),
    numberArray(rows.map((row) => row.lastMessage)),
    numberArray(rows.map((row) => row.changed)),
    numberArray(rows.map((row) => row.aDelivered)),
    numberArray(rows.map((row) => row.aRead)),
    numberArray(rows.map((row) => row.bDelivered)),
    numberArray(rows.map((row) => row.bRead)),
    numberArray(rows.map((row) => row.aUnread)),
    numberArray(rows.map((row) => row.bUnread)),
  ]);
}

export function sendPositions(
  connection: Connection,
  people: readonly { readonly key: number; readonly position: Position }[],
): Promise<Answer<unknown>> {
  return connection.send(UPDATE_POSITIONS, [
    numberArray(people.map(({ key }) => key)),
    numberArray(people.map(({ position }) => position)),
  ]);
}

type Numbers = Omit<ConversationRow, "id" | "aKey" | "bKey" | "aId" | "bId">;

export class BatchState extends ChangeState {
  readonly #people = new Map<UserId, UserState>();
  readonly #conversations = new Map<ConversationId, ConversationState>();

  /**
   * Within a transaction: takes the locks and reads. A conversation of which a person could not be locked is not there,
   * nor is that person.
   */
  static async load(
    connection: Connection,
    identities: readonly ConversationIdentity[],
    furtherPeople: readonly number[],
    mode: LockMode,
  ): Promise<BatchState> {
    const state = new BatchState();
    const keys = new Set(furtherPeople);
    for (const { aKey, bKey } of identities) keys.add(aKey).add(bKey);
    if (keys.size === 0) return state;
    // Each statement sees what was committed when it begins: the second one begins when the locks are held.
    const locks = sendLocks(connection, keys, mode);
    const numbers = connection.send<Numbers>(SELECT_CONVERSATIONS, [
      numberArray(identities.map(({ key }) => key)),
    ]);
    const [rows] = await connection.settle([numbers, ...locks]);
    const people = (await Promise.all(locks)).flatMap((answer) => [...answer]);
    mode.held.learn(keys, new Set(people.map(({ key }) => key)));
    for (const { key, id, position } of people) {
      state.#people.set(id, { key, id, quotedId: JSON.stringify(id), position });
      state.position = Math.max(state.position, position);
    }
    const byKey = new Map(rows.map((row) => [row.key, row]));
    for (const identity of identities) {
      const row = byKey.get(identity.key);
      const isLocked = state.#people.has(identity.aId) && state.#people.has(identity.bId);
      if (row !== undefined && isLocked)
        state.#conversations.set(identity.id, toConversationState({ ...identity, ...row }));
    }
    return state;
  }

  override user(id: UserId): UserState | undefined {
    return this.#people.get(id);
  }

  override conversation(id: ConversationId): ConversationState | undefined {
    return this.#conversations.get(id);
  }

  /** Sends the rows that have changed. */
  flush(connection: Connection): Promise<Answer<unknown>>[] {
    if (this.dirty.length === 0) return [];
    const rows = this.dirty;
    const touched = new Set(rows.flatMap(({ aId, bId }) => [aId, bId]));
    const people = [...touched].flatMap((id) => this.#people.get(id) ?? []);
    const answers = [sendConversations(connection, rows), sendPositions(connection, people)];
    for (const row of rows) row.dirty = false;
    rows.length = 0;
    return answers;
  }
}

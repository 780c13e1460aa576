/** Which keys and people belong to public ids: what never changes, and is remembered between batches. */
import type { ConversationId, UserId } from "../../ports/store.ts";
import { RecentMap } from "../recent-map.ts";
import { numberArray, textArray } from "./arrays.ts";
import type { Connection } from "./connection.ts";

export interface ConversationIdentity {
  readonly key: number;
  readonly id: ConversationId;
  readonly aKey: number;
  readonly bKey: number;
  readonly aId: UserId;
  readonly bId: UserId;
}

/** About 300 bytes each; up to twice as many. */
const MAX_REMEMBERED = 100_000;

const SELECT_CONVERSATIONS = `
  SELECT c.key::float8, c.id, c.a::float8 AS "aKey", c.b::float8 AS "bKey", a.id AS "aId", b.id AS "bId"
  FROM conversation c JOIN person a ON a.key = c.a JOIN person b ON b.key = c.b
  WHERE c.id = ANY($1::text[])`;

const SELECT_PEOPLE = "SELECT key::float8, id FROM person WHERE id = ANY($1::text[])";

const SELECT_PAIRS = `SELECT id, a::float8, b::float8 FROM conversation
  WHERE (a, b) IN (SELECT * FROM unnest($1::bigint[], $2::bigint[]))`;

export class Identities {
  readonly #conversations = new RecentMap<ConversationId, ConversationIdentity>(MAX_REMEMBERED);
  readonly #people = new RecentMap<UserId, number>(MAX_REMEMBERED);

  /**
   * Looks up those that are not remembered. To be called outside of a transaction: what an open one has made may be
   * undone. Those that are not stored stay unknown.
   */
  async load(
    connection: Connection,
    conversations: Iterable<ConversationId>,
    people: Iterable<UserId>,
  ): Promise<void> {
    const missing = [...conversations].filter((id) => this.#conversations.get(id) === undefined);
    const strangers = [...people].filter((id) => this.#people.get(id) === undefined);
    const none = Promise.resolve([]);
    const [rows, keys] = await connection.settle([
      missing.length === 0
        ? none
        : connection.send<ConversationIdentity>(SELECT_CONVERSATIONS, [textArray(missing)]),
      strangers.length === 0
        ? none
        : connection.send<{ key: number; id: UserId }>(SELECT_PEOPLE, [textArray(strangers)]),
    ]);
    for (const row of rows) {
      this.#conversations.set(row.id, row);
      this.#people.set(row.aId, row.aKey);
      this.#people.set(row.bId, row.bKey);
    }
    for (const { key, id } of keys) this.#people.set(id, key);
  }

  conversation(id: ConversationId): ConversationIdentity | undefined {
    return this.#conversations.get(id);
  }

  person(id: UserId): number | undefined {
    return this.#people.get(id);
  }

  /** Of each pair of people the conversation that is there already. */
  async pairs(
    connection: Connection,
    pairs: readonly (readonly [number, number])[],
  ): Promise<ReadonlyMap<string, ConversationId>> {
    if (pairs.length === 0) return new Map();
    const rows = await connection.ask<{ id: ConversationId; a: number; b: number }>(SELECT_PAIRS, [
      numberArray(pairs.map(([one, other]) => Math.min(one, other))),
      numberArray(pairs.map(([one, other]) => Math.max(one, other))),
    ]);
    return new Map(rows.map(({ id, a, b }) => [pairName(a, b), id]));
  }

  /** Between batches only. */
  trim(): void {
    this.#conversations.trim();
    this.#people.trim();
  }
}

export function pairName(one: number, other: number): string {
  return `${Math.min(one, other)}/${Math.max(one, other)}`;
}

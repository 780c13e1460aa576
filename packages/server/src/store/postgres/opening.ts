/** Opening conversations, within a transaction that holds the locks of those who are stored already. */
import type { Clock } from "../../clock.ts";
import type { ConversationId, OpenRequest, UserId } from "../../ports/store.ts";
import { refusedResult, type WriteResult } from "../requests.ts";
import { textArray } from "./arrays.ts";
import type { Connection } from "./connection.ts";
import { insertIfMissing } from "./people-writes.ts";

const SELECT_KEYS = "SELECT key::float8, id FROM person WHERE id = ANY($1::text[])";
const SELECT_PAIR = "SELECT id FROM conversation WHERE a = $1 AND b = $2";
const COUNT_BEGUN = `SELECT count(*)::float8 AS count
  FROM (SELECT 1 FROM conversation WHERE opener = $1 AND created_at >= $2 LIMIT $3) AS begun`;
const INSERT = `
  INSERT INTO conversation (id, a, b, opener, created_at) VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT (a, b) DO NOTHING RETURNING id`;

/** `now` is in milliseconds since 1970. Refused, it leaves nothing behind, the users of `ensure` included. */
export async function openConversation(
  connection: Connection,
  clock: Pick<Clock, "randomId">,
  request: OpenRequest,
  now: number,
): Promise<WriteResult> {
  const { by, with: peer, ensure, quota } = request;
  const isComing = (id: UserId): boolean => ensure.some((user) => user.id === id);
  const keys = await findKeys(connection, [by, peer]);
  if (!keys.has(by) && !isComing(by)) return refusedResult("user_unknown");
  if (!keys.has(peer) && !isComing(peer)) return refusedResult("user_unknown");
  // A conversation needs two people; the domain refuses it earlier, with a better name.
  if (by === peer) return refusedResult("user_unknown");
  const known = await findPair(connection, keys.get(by), keys.get(peer));
  if (known !== undefined) return opened(known);
  if (quota !== undefined && (await countBegun(connection, keys.get(by), quota)) >= quota.count)
    return refusedResult("too_many_conversations");
  if (ensure.length > 0) await connection.settle(ensure.map((user) => insertIfMissing(connection, user)));
  const all = await findKeys(connection, [by, peer]);
  const [opener = 0, other = 0] = [all.get(by), all.get(peer)];
  const [low, high] = [Math.min(opener, other), Math.max(opener, other)];
  // Unguessable: knowing one id must not lead to others.
  const id = `d_${clock.randomId()}`;
  const [row] = await connection.ask<{ id: ConversationId }>(INSERT, [id, low, high, opener, now]);
  // Another node has opened it between the look and now.
  return opened(row?.id ?? (await findPair(connection, low, high)) ?? id);
}

export function opened(conversation: ConversationId): WriteResult {
  return { outcome: { ok: true, conversation }, publish: undefined };
}

async function findKeys(
  connection: Connection,
  ids: readonly UserId[],
): Promise<ReadonlyMap<UserId, number>> {
  const rows = await connection.ask<{ key: number; id: UserId }>(SELECT_KEYS, [textArray(ids)]);
  return new Map(rows.map(({ key, id }) => [id, key]));
}

async function findPair(
  connection: Connection,
  one: number | undefined,
  other: number | undefined,
): Promise<ConversationId | undefined> {
  if (one === undefined || other === undefined) return undefined;
  const pair = [Math.min(one, other), Math.max(one, other)];
  const [row] = await connection.ask<{ id: ConversationId }>(SELECT_PAIR, pair);
  return row?.id;
}

async function countBegun(
  connection: Connection,
  opener: number | undefined,
  { since, count }: { readonly since: number; readonly count: number },
): Promise<number> {
  if (opener === undefined) return 0;
  const [row] = await connection.ask<{ count: number }>(COUNT_BEGUN, [opener, since, count]);
  return row?.count ?? 0;
}

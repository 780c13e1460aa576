/**
 * Opening conversations, all of a batch in a few statements, within a transaction that holds the locks of those who are
 * stored already: everybody waits for it.
 */
import type { Clock } from "../../clock.ts";
import type { ConversationId, OpenRequest, UserId } from "../../ports/store.ts";
import { refusedResult, type WriteResult } from "../requests.ts";
import { numberArray, textArray } from "./arrays.ts";
import type { Answer, Connection } from "./connection.ts";
import { insertIfMissing } from "./people-writes.ts";

const SELECT_STORED = "SELECT id FROM person WHERE id = ANY($1::text[])";

const SELECT_PAIRS = `
  SELECT v.one, v.other, c.id FROM unnest($1::text[], $2::text[]) AS v (one, other)
  JOIN person p ON p.id = v.one JOIN person q ON q.id = v.other
  JOIN conversation c ON c.a = least(p.key, q.key) AND c.b = greatest(p.key, q.key)`;

const COUNT_BEGUN = `
  SELECT v.place::float8, (SELECT count(*) FROM (
    SELECT 1 FROM conversation WHERE opener = p.key AND created_at >= v.since LIMIT v.most) AS begun)::float8 AS count
  FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[]) AS v (place, opener, since, most)
  JOIN person p ON p.id = v.opener`;

// In one order, as everybody inserts them: another node may be at the same ones.
const INSERT = `
  INSERT INTO conversation (id, a, b, opener, created_at)
  SELECT v.id, least(p.key, q.key) AS a, greatest(p.key, q.key) AS b, p.key, $4
  FROM unnest($1::text[], $2::text[], $3::text[]) AS v (id, opener, peer)
  JOIN person p ON p.id = v.opener JOIN person q ON q.id = v.peer
  ORDER BY a, b ON CONFLICT (a, b) DO NOTHING`;

interface PairRow {
  readonly one: UserId;
  readonly other: UserId;
  readonly id: ConversationId;
}

/** What is there before. */
interface Stored {
  readonly people: ReadonlySet<UserId>;
  readonly pairs: ReadonlyMap<string, ConversationId>;
  /** By the place of the request. */
  readonly begun: ReadonlyMap<number, number>;
}

/**
 * A result for each, in their order. `now` is in milliseconds since 1970. One that is refused leaves nothing behind, the
 * users of its `ensure` included.
 */
export async function openConversations(
  connection: Connection,
  clock: Pick<Clock, "randomId">,
  requests: readonly OpenRequest[],
  now: number,
): Promise<readonly WriteResult[]> {
  if (requests.length === 0) return [];
  const stored = await readStored(connection, requests);
  const plan = new Plan(stored, now);
  const results = requests.map((request, place) => plan.add(request, place));
  const made = await insert(connection, clock, plan, now);
  return results.map((result, place) => {
    const { by, with: peer } = requests[place] ?? { by: "", with: "" };
    const conversation = made.get(nameOf(by, peer));
    return result ?? (conversation === undefined ? refusedResult("unavailable") : opened(conversation));
  });
}

export function opened(conversation: ConversationId): WriteResult {
  return { outcome: { ok: true, conversation }, publish: undefined };
}

/** What is to be inserted, as each request finds it after those before. */
class Plan {
  readonly people = new Map<UserId, OpenRequest["ensure"][number]>();
  readonly pairs = new Map<string, { readonly by: UserId; readonly peer: UserId }>();
  readonly #stored: Stored;
  readonly #now: number;
  readonly #begun = new Map<UserId, number>();

  constructor(stored: Stored, now: number) {
    this.#stored = stored;
    this.#now = now;
  }

  /** Undefined: the conversation is to be made, or another request makes it. */
  add({ by, with: peer, ensure, quota }: OpenRequest, place: number): WriteResult | undefined {
    const isThere = (id: UserId): boolean =>
      this.#stored.people.has(id) || this.people.has(id) || ensure.some((user) => user.id === id);
    if (!isThere(by) || !isThere(peer)) return refusedResult("user_unknown");
    // A conversation needs two people; the domain refuses it earlier, with a better name.
    if (by === peer) return refusedResult("user_unknown");
    const name = nameOf(by, peer);
    const known = this.#stored.pairs.get(name);
    if (known !== undefined) return opened(known);
    if (this.pairs.has(name)) return undefined;
    const begunHere = this.#begun.get(by) ?? 0;
    const begun = (this.#stored.begun.get(place) ?? 0) + (this.#now >= (quota?.since ?? 0) ? begunHere : 0);
    if (quota !== undefined && begun >= quota.count) return refusedResult("too_many_conversations");
    this.pairs.set(name, { by, peer });
    this.#begun.set(by, begunHere + 1);
    for (const user of ensure) if (!this.#stored.people.has(user.id)) this.people.set(user.id, user);
    return undefined;
  }
}

async function readStored(connection: Connection, requests: readonly OpenRequest[]): Promise<Stored> {
  const ids = new Set(requests.flatMap(({ by, with: peer }) => [by, peer]));
  const limited = requests.flatMap(({ by, quota }, place) =>
    quota === undefined ? [] : [{ place, by, quota }],
  );
  const [people, pairs, begun] = await connection.settle([
    connection.send<{ id: UserId }>(SELECT_STORED, [textArray(ids)]),
    sendPairs(
      connection,
      requests.map(({ by, with: peer }) => ({ by, peer })),
    ),
    connection.send<{ place: number; count: number }>(COUNT_BEGUN, [
      numberArray(limited.map(({ place }) => place)),
      textArray(limited.map(({ by }) => by)),
      numberArray(limited.map(({ quota }) => quota.since)),
      numberArray(limited.map(({ quota }) => quota.count)),
    ]),
  ]);
  return {
    people: new Set(people.map(({ id }) => id)),
    pairs: toPairs(pairs),
    begun: new Map(begun.map(({ place, count }) => [place, count])),
  };
}

/** All at once; where another node was quicker, it is that one's conversation. */
async function insert(
  connection: Connection,
  clock: Pick<Clock, "randomId">,
  plan: Plan,
  now: number,
): Promise<ReadonlyMap<string, ConversationId>> {
  const pairs = [...plan.pairs.values()];
  if (pairs.length === 0) return new Map();
  const people = [...plan.people.values()].map((user) => insertIfMissing(connection, user));
  const inserted = connection.send(INSERT, [
    // Unguessable: knowing one id must not lead to others.
    textArray(pairs.map(() => `d_${clock.randomId()}`)),
    textArray(pairs.map(({ by }) => by)),
    textArray(pairs.map(({ peer }) => peer)),
    now,
  ]);
  const [rows] = await connection.settle([sendPairs(connection, pairs), inserted, ...people]);
  return toPairs(rows);
}

function sendPairs(
  connection: Connection,
  pairs: readonly { readonly by: UserId; readonly peer: UserId }[],
): Promise<Answer<PairRow>> {
  return connection.send<PairRow>(SELECT_PAIRS, [
    textArray(pairs.map(({ by }) => by)),
    textArray(pairs.map(({ peer }) => peer)),
  ]);
}

function toPairs(rows: readonly PairRow[]): ReadonlyMap<string, ConversationId> {
  return new Map(rows.map(({ one, other, id }) => [nameOf(one, other), id]));
}

function nameOf(one: UserId, other: UserId): string {
  return JSON.stringify(one < other ? [one, other] : [other, one]);
}

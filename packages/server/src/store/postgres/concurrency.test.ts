/**
 * Several nodes write the same conversations at the same time, from both sides, while cursors follow.
 * `CONCURRENCY_SEEDS=10 CONCURRENCY_CONVERSATIONS=500 npm test -- concurrency` tries it for longer, and the same with
 * processes and sockets (test/cluster/concurrency.nats.test.ts).
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { PostgresServer, SeededRandom } from "@duologue/testing";
import { systemClock } from "../../clock.ts";
import type { Note } from "../../ports/bus.ts";
import {
  type Appended,
  type Draft,
  decodeCursor,
  type Position,
  type Refused,
  type UserId,
} from "../../ports/store.ts";
import { edit, expectOk, message, retract } from "../contract/fixture.ts";
import { makeAddress, makeFacts, throwFault } from "./fixture.ts";
import { inspectPostgres } from "./inspection.ts";
import { openPostgresStore, type PostgresStore } from "./store.ts";

setDefaultTimeout(600_000);

const SEEDS = Number(process.env.CONCURRENCY_SEEDS ?? 1);
const CONVERSATIONS = Number(process.env.CONCURRENCY_CONVERSATIONS ?? 40);
const NODES = 4;
const ROUNDS = 12;
/** Why a change of a message may be refused: it has been taken back, or is not there yet, or is not theirs. */
const TOO_LATE_OR_EARLY: readonly string[] = ["target_invalid", "seq_unknown"];

let server: PostgresServer | undefined;
beforeAll(async () => {
  server = await PostgresServer.start();
});
afterAll(() => server?.[Symbol.asyncDispose]());

/** A change as a user hears of it. */
interface Link {
  readonly position: Position;
  readonly prev: Position;
}

class Cluster implements AsyncDisposable {
  readonly stores: PostgresStore[] = [];
  readonly links = new Map<UserId, Link[]>();
  readonly people: UserId[] = [];
  readonly conversations: { readonly id: string; readonly users: readonly [UserId, UserId] }[] = [];
  /** What was taken: conversation and id of the event → every number that was told for it. */
  readonly told = new Map<string, readonly number[]>();
  readonly address = makeAddress(server ?? expect.unreachable());
  readonly #random: SeededRandom;

  private constructor(seed: number) {
    this.#random = new SeededRandom(seed);
  }

  /** All nodes begin at the same time on an empty database. */
  static async begin(seed: number): Promise<Cluster> {
    const cluster = new Cluster(seed);
    const { address } = cluster;
    const publish = (to: readonly UserId[], note: Note): void => cluster.#hear(to, note);
    const opened = Array.from({ length: NODES }, () =>
      openPostgresStore({
        address,
        clock: systemClock,
        publish,
        onFault: throwFault,
        proposal: makeFacts(),
        // Small, so that a turn's requests are several transactions.
        maxBatch: 40,
        // It is about order, and a busy machine must not make it about time.
        times: { answerMs: 60_000, statementMs: 60_000, lockMs: 60_000, idleMs: 60_000 },
      }),
    );
    cluster.stores.push(...(await Promise.all(opened)));
    return cluster;
  }

  node(): PostgresStore {
    return this.stores[this.#random.below(NODES)] ?? expect.unreachable();
  }

  /** People who share several conversations each: a third as many as conversations. */
  async meet(): Promise<void> {
    const count = Math.max(4, Math.ceil(CONVERSATIONS / 3));
    for (let index = 0; index < count; index += 1) this.people.push(`u_${systemClock.randomId()}`);
    await Promise.all(
      this.people.map(async (id) =>
        expectOk(await this.node().createUser({ id, name: id.slice(2, 6), kind: "guest", createdAt: 0 })),
      ),
    );
    const pairs = new Map<string, readonly [UserId, UserId]>();
    while (pairs.size < CONVERSATIONS) {
      const [one, other] = [this.#random.below(count), this.#random.below(count)];
      const [low, high] = [Math.min(one, other), Math.max(one, other)];
      const users = [this.people[low] ?? "", this.people[high] ?? ""] as const;
      if (low !== high) pairs.set(`${low}/${high}`, users);
    }
    await Promise.all(
      [...pairs.values()].map(async (users) => {
        // Both sides open it, at the same time and on different nodes.
        const [one, other] = await Promise.all(
          [users, [users[1], users[0]] as const].map(async ([by, peer]) =>
            expectOk(await this.node().open({ by, with: peer, ensure: [], quota: undefined })),
          ),
        );
        expect(one?.conversation).toBe(other?.conversation ?? "");
        this.conversations.push({ id: one?.conversation ?? "", users });
      }),
    );
  }

  /** Each side of each conversation does something, wherever it happens to be connected. */
  async write(): Promise<void> {
    await Promise.all(
      this.conversations.flatMap(({ id, users }) =>
        users.map((user) => this.#act(this.node(), id, user, this.#random.below(12))),
      ),
    );
  }

  async #act(store: PostgresStore, id: string, user: UserId, what: number): Promise<void> {
    const seq = 1 + this.#random.below(6);
    if (what === 0) await store.mark({ conversation: id, user, delivered: seq, read: seq - 1 });
    else if (what === 1) await store.rename(user, `name ${seq}`);
    else if (what === 2) await store.noteSeen([{ user, at: seq }]);
    else if (what === 3) await this.#append([store], edit(id, user, seq, "new"));
    else if (what === 4) await this.#append([store], retract(id, user, seq));
    // A client that got no answer asks again, and elsewhere.
    else if (what === 5) await this.#append([store, this.node()], message(id, user, "text twice"));
    else await this.#append([store], message(id, user, `text ${what}`));
  }

  /** On each of these at the same time. A message is always taken; what changes one may come too late. */
  async #append(stores: readonly PostgresStore[], draft: Draft): Promise<void> {
    const outcomes = await Promise.all(
      stores.map((store) => new Promise<Appended | Refused>((resolve) => store.append(draft, resolve))),
    );
    const numbers = outcomes.flatMap((outcome) => (outcome.ok ? [outcome.seq] : []));
    if (draft.kind === "message") expect(numbers).toHaveLength(stores.length);
    for (const outcome of outcomes) if (!outcome.ok) expect(TOO_LATE_OR_EARLY).toContain(outcome.refusal);
    if (numbers.length > 0) this.told.set(`${draft.conversation} ${draft.id}`, numbers);
  }

  #hear(to: readonly UserId[], note: Note): void {
    if (note.kind !== "event" && note.kind !== "markers") return;
    for (const user of to) {
      const links = this.links.get(user) ?? [];
      links.push({ position: note.position, prev: note.prev[user] ?? -1 });
      this.links.set(user, links);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const store of this.stores) await store[Symbol.asyncDispose]();
  }
}

/** A cursor that goes on for as long as it is told to, over any node. */
async function follow(cluster: Cluster, user: UserId, isOver: () => boolean): Promise<readonly string[]> {
  const events: string[] = [];
  let position = 0;
  for (;;) {
    const wasOver = isOver();
    const page = await cluster.node().changes(user, position, 20, 100_000);
    if (page === undefined) throw new Error(`${user} cannot go on after ${position}`);
    for (const event of page.events) {
      const own = decodeCursor(cluster.node().epoch, event.cursor) ?? Number.NaN;
      if (own <= position) throw new Error(`${user} sees the position ${own} after ${position}`);
      events.push(`${event.conversation}/${event.seq}`);
    }
    position = page.position;
    if (wasOver && !page.more) return events;
  }
}

/** What is stored is what was taken, each under the one number that was told, and all of it came by the cursors. */
async function expectEveryEventOnce(
  cluster: Cluster,
  seen: ReadonlyMap<UserId, readonly string[]>,
): Promise<void> {
  const expected = new Map<UserId, string[]>(cluster.people.map((user) => [user, []]));
  const stored = new Map<string, number>();
  for (const { id, users } of cluster.conversations) {
    const { events } = await cluster.node().history(id, undefined, 100_000);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    for (const event of events) stored.set(`${id} ${event.id}`, event.seq);
    for (const user of users) for (const { seq } of events) expected.get(user)?.push(`${id}/${seq}`);
  }
  for (const [event, numbers] of cluster.told)
    expect([event, new Set(numbers)]).toEqual([event, new Set([stored.get(event) ?? 0])]);
  expect(stored.size).toBe(cluster.told.size);
  for (const user of cluster.people)
    expect([...(seen.get(user) ?? [])].sort()).toEqual((expected.get(user) ?? []).sort());
}

/** What was published is a chain for each user, but for the gaps that renames leave: they move positions, and tell nobody. */
function expectChains(cluster: Cluster): void {
  for (const links of cluster.links.values()) {
    links.sort((one, other) => one.position - other.position);
    for (const [index, { position, prev }] of links.entries()) {
      expect(prev).toBeGreaterThanOrEqual(links[index - 1]?.position ?? 0);
      expect(position).toBeGreaterThan(prev);
    }
  }
}

for (let seed = 1; seed <= SEEDS; seed += 1) {
  test(`[SY2] ${NODES} nodes write both sides of ${CONVERSATIONS} conversations, and no cursor skips anything (seed ${seed})`, async () => {
    await using cluster = await Cluster.begin(seed);
    expect(new Set(cluster.stores.map(({ epoch }) => epoch)).size).toBe(1);
    await cluster.meet();
    let isOver = false;
    const following = Promise.all(
      cluster.people.map(async (user) => [user, await follow(cluster, user, () => isOver)] as const),
    );
    // It is awaited when the writing has ended.
    following.catch(() => undefined);
    const writing = async (): Promise<void> => {
      for (let round = 0; round < ROUNDS; round += 1) await cluster.write();
    };
    await writing().finally(() => {
      isOver = true;
    });
    await expectEveryEventOnce(cluster, new Map(await following));
    expect(cluster.told.size).toBeGreaterThan(CONVERSATIONS * ROUNDS);
    expectChains(cluster);
    expect((await inspectPostgres(cluster.address, systemClock)).damage).toEqual([]);
  });
}

/**
 * Several nodes of processes of their own write the same conversations at the same time, from both sides, over sockets.
 * `CONCURRENCY_SEEDS=10 CONCURRENCY_CONVERSATIONS=500 npm test -- concurrency` tries it for longer, and the same with
 * stores alone (src/store/postgres/concurrency.test.ts).
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import type { ClientFrameOf, ConversationEvent, ErrorCode } from "@duologue/protocol";
import { elapsed, limits, SeededRandom, until } from "@duologue/testing";
import { Cluster } from "../harness/cluster.ts";
import { freshId, Peer, textBody } from "../harness/peer.ts";

setDefaultTimeout(600_000);

const SEEDS = Number(process.env.CONCURRENCY_SEEDS ?? 1);
const CONVERSATIONS = Number(process.env.CONCURRENCY_CONVERSATIONS ?? 30);
const NODES = 4;
const ROUNDS = 12;
/** Sockets of each person, each at another node. */
const DEVICES = 2;
/** Logins at a time. */
const BATCH = 50;
const AGAIN_MS = 100;
/** Why a change of a message may be refused: it has been taken back, or is not there yet, or is not theirs. */
const TOO_LATE_OR_EARLY: readonly string[] = ["target_invalid", "seq_unknown"] satisfies ErrorCode[];

let cluster: Cluster;

beforeAll(async () => {
  const options = limits({
    framesPerSecond: 10_000,
    framesBurst: 10_000,
    newcomerConversationsPerMinute: 10_000,
  });
  cluster = await Cluster.start({ nodes: NODES, options });
});
afterAll(() => cluster?.[Symbol.asyncDispose]());

interface Person {
  readonly devices: readonly Peer[];
}

interface Conversation {
  readonly id: string;
  readonly people: readonly [Person, Person];
}

type Written = ClientFrameOf<"send"> | ClientFrameOf<"edit"> | ClientFrameOf<"retract">;

class Crowd implements AsyncDisposable {
  readonly people: Person[] = [];
  readonly conversations: Conversation[] = [];
  /** What was taken: conversation and id of the event → every number that was told for it. */
  readonly told = new Map<string, readonly number[]>();
  readonly #random: SeededRandom;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
  }

  url(): string {
    return this.#random.pick(cluster.urls);
  }

  /** People who share several conversations each: a third as many as conversations. */
  async meet(): Promise<void> {
    const count = Math.max(4, Math.ceil(CONVERSATIONS / 3));
    for (let left = count; left > 0; left -= BATCH)
      this.people.push(
        ...(await Promise.all(Array.from({ length: Math.min(BATCH, left) }, () => this.#join()))),
      );
    const pairs = new Map<string, readonly [Person, Person]>();
    while (pairs.size < CONVERSATIONS) {
      const [one, other] = [this.#random.below(count), this.#random.below(count)];
      const people = [this.people[Math.min(one, other)], this.people[Math.max(one, other)]] as const;
      if (one !== other) pairs.set([one, other].toSorted().join("/"), people as [Person, Person]);
    }
    await Promise.all(
      [...pairs.values()].map(async (people) => {
        // Both sides open it, at the same time and on different nodes.
        const [one, other] = await Promise.all([this.#open(people), this.#open([people[1], people[0]])]);
        expect(one).toBe(other);
        this.conversations.push({ id: one, people });
      }),
    );
  }

  /** Each side of each conversation does something, by one of its devices or by both. */
  async write(): Promise<void> {
    await Promise.all(
      this.conversations.flatMap(({ id, people }) =>
        people.map((person) => this.#act(person, id, this.#random.below(12))),
      ),
    );
  }

  async #join(): Promise<Person> {
    const first = this.#random.below(NODES);
    const url = (device: number): string => cluster.urls[(first + device) % NODES] ?? "";
    const peer = await Peer.connect(url(0));
    const others = Array.from({ length: DEVICES - 1 }, (_, index) =>
      Peer.connect(url(index + 1), { token: peer.token }),
    );
    return { devices: [peer, ...(await Promise.all(others))] };
  }

  async #open([by, other]: readonly [Person, Person]): Promise<string> {
    return (await this.#random.pick(by.devices).open(idOf(other))).id;
  }

  async #act({ devices }: Person, conversation: string, what: number): Promise<void> {
    const device = this.#random.pick(devices);
    const [id, target] = [freshId(), 1 + this.#random.below(6)];
    const send = { type: "send", id, conversation, body: textBody(`text ${what}`) } as const;
    if (what === 0) device.send({ type: "mark", conversation, delivered: target, read: target - 1 });
    else if (what === 1) device.send({ type: "typing", conversation, active: true });
    else if (what === 2)
      await this.#write([device], { type: "edit", id, conversation, target, body: send.body });
    else if (what === 3) await this.#write([device], { type: "retract", id, conversation, target });
    // A client that got no answer asks again, and elsewhere.
    else await this.#write(what === 4 ? devices : [device], send);
  }

  /** By each of these at the same time. A message is always taken; what changes one may come too late. */
  async #write(devices: readonly Peer[], frame: Written): Promise<void> {
    const replies = await Promise.all(devices.map((device) => insist(device, frame)));
    const numbers = replies.flatMap((reply) => (reply.type === "ack" ? [reply.seq] : []));
    if (frame.type === "send") expect(numbers).toHaveLength(devices.length);
    for (const reply of replies) if (reply.type === "error") expect(TOO_LATE_OR_EARLY).toContain(reply.code);
    if (numbers.length > 0) this.told.set(`${frame.conversation} ${frame.id}`, numbers);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { devices } of this.people) for (const { socket } of devices) socket.terminate();
  }
}

/** Where the store is busy with somebody for too long, a client asks again, with the same id. */
async function insist(device: Peer, frame: Written): Promise<Awaited<ReturnType<Peer["write"]>>> {
  for (;;) {
    const reply = await device.write(frame);
    if (reply.type === "ack" || !reply.retryable) return reply;
    await elapsed(reply.retryAfterMs ?? AGAIN_MS);
  }
}

function idOf({ devices: [device] }: Person): string {
  return device?.id ?? "";
}

/** As this device reads it, whole. */
async function historyOf(device: Peer, conversation: string): Promise<readonly ConversationEvent[]> {
  let events: readonly ConversationEvent[] = [];
  for (let more = true; more; ) {
    const before = events[0]?.seq;
    const page = await device.ask(
      { type: "history", conversation, ...(before === undefined ? {} : { before }) },
      "history",
    );
    events = [...page.events, ...events];
    ({ more } = page);
  }
  return events;
}

/** What somebody who was there at the beginning is told on coming back through any node: conversation and number. */
async function changesSince(url: string, token: string, cursor: string): Promise<readonly string[]> {
  await using peer = await Peer.connect(url, { token });
  const seen: string[] = [];
  for (let at = cursor, more = true; more; ) {
    const page = await peer.ask({ type: "sync", cursor: at }, "changes");
    expect(page.reset).toBeUndefined();
    for (const { conversation, seq } of page.events) seen.push(`${conversation}/${seq}`);
    ({ cursor: at, more } = page);
  }
  return seen;
}

/** Both sides read the same, numbered without a hole: what was taken, each under the one number that was told for it. */
async function expectEveryEventOnce({ conversations, told }: Crowd): Promise<ReadonlyMap<string, number>> {
  const stored = new Map<string, number>();
  const lengths = new Map<string, number>();
  for (const { id, people } of conversations) {
    const readers = [people[0].devices.at(0), people[1].devices.at(-1)];
    const [one = [], other = []] = await Promise.all(
      readers.map((device) => historyOf(device ?? expect.unreachable(), id)),
    );
    const numbers = one.map(({ seq }) => seq);
    expect(numbers).toEqual(one.map((_, index) => index + 1));
    expect(other.map((event) => [event.id, event.seq])).toEqual(one.map((event) => [event.id, event.seq]));
    for (const event of one) stored.set(`${id} ${event.id}`, event.seq);
    lengths.set(id, one.length);
  }
  for (const [event, numbers] of told)
    expect([event, new Set(numbers)]).toEqual([event, new Set([stored.get(event) ?? 0])]);
  expect(stored.size).toBe(told.size);
  return lengths;
}

/** Whether this device has been told of these numbers, by whatever frame. */
function isTold(device: Peer, expected: readonly string[]): boolean {
  const steps = [...device.all("ack"), ...device.all("event")];
  const told = new Set(steps.map(({ conversation, seq }) => `${conversation}/${seq}`));
  return expected.every((step) => told.has(step));
}

for (let seed = 1; seed <= SEEDS; seed += 1) {
  test(`[CV4] [CV6] [SY2] ${NODES} nodes take both sides of ${CONVERSATIONS} conversations: one order, nothing twice, nothing skipped (seed ${seed})`, async () => {
    await using crowd = new Crowd(seed);
    await crowd.meet();
    for (let round = 0; round < ROUNDS; round += 1) await crowd.write();
    const lengths = await expectEveryEventOnce(crowd);
    expect(crowd.told.size).toBeGreaterThan(CONVERSATIONS * ROUNDS);
    for (const person of crowd.people) {
      const [device = expect.unreachable()] = person.devices;
      const expected = crowd.conversations
        .filter(({ people }) => people.includes(person))
        .flatMap(({ id }) => Array.from({ length: lengths.get(id) ?? 0 }, (_, index) => `${id}/${index + 1}`))
        .sort();
      const { token, cursor } = device.welcome;
      expect([...(await changesSince(crowd.url(), token, cursor))].sort()).toEqual(expected);
      for (const each of person.devices)
        await until(() => isTold(each, expected), `${each.name} was told of everything`);
    }
    const { stdout } = await cluster.node(0).run("doctor", "--port", "0", ...cluster.serveOptions);
    expect(stdout).toContain("numbers, markers and cursors are right");
  });
}

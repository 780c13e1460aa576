/** A data directory with every kind of thing in it, by a seed: as if many people had talked there for a long time. */
import { join } from "node:path";
import { SeededRandom } from "@duologue/testing";
import { systemClock } from "../../src/clock.ts";
import type { ConversationId, Draft, UserId, UserKind } from "../../src/ports/store.ts";
import { SqliteWriter, type WriteRequest } from "../../src/store/index.ts";

export interface WorldSize {
  readonly users: number;
  readonly conversations: number;
  readonly events: number;
}

interface Talk {
  readonly id: ConversationId;
  readonly pair: readonly [UserId, UserId];
  /** The senders of its messages by number; of what is no message, undefined. */
  readonly senders: (UserId | undefined)[];
}

const BATCH = 256;
const BUSY_SHARE = 0.9;
const KINDS: readonly UserKind[] = ["guest", "guest", "member", "classic"];
const TEXTS = [
  "hello",
  'she said "no" and \\ left',
  "two\nlines\tand {braces}, NULL",
  "日本語 עברית 👩‍👩‍👧 é ñ ß",
  "x".repeat(700),
  "",
];
const NAMES = ["Ann", "Bob Miller", "Zoë", "Ａnna  K", 'O\'Neill "the" {one}', "李 小龍", "NULL"];
const PAST = 1_700_000_000_000;

/** Adds to what is there. The same seed gives the same wishes; keys, ids and times are made anew. */
export class StoredWorld {
  readonly #random: SeededRandom;
  readonly #directory: string;
  readonly #users: UserId[] = [];
  readonly #talks = new Map<ConversationId, Talk>();

  constructor(directory: string, seed: number) {
    this.#directory = directory;
    this.#random = new SeededRandom(seed);
  }

  get people(): readonly UserId[] {
    return this.#users;
  }

  grow({ users, conversations, events }: WorldSize): void {
    const path = join(this.#directory, "duologue.db");
    const onFault = (error: unknown): never => {
      throw error;
    };
    using writer = new SqliteWriter({ path, clock: systemClock, onFault });
    commitAll(writer, [...this.#births(users)]);
    this.#meet(writer, conversations);
    const talks = [...this.#talks.values()];
    // In the others, nothing happens.
    const busy = talks.slice(0, Math.ceil(talks.length * BUSY_SHARE));
    let rest = events;
    while (rest > 0) {
      const size = Math.min(BATCH, rest);
      commitAll(
        writer,
        Array.from({ length: size }, () => this.#happen(busy)),
      );
      rest -= size;
    }
    commitAll(writer, [...this.#remarks()]);
  }

  *#births(count: number): Generator<WriteRequest> {
    for (let index = 0; index < count; index += 1) {
      const id = `u_${systemClock.randomId()}`;
      this.#users.push(id);
      const kind = this.#random.pick(KINDS);
      const name = `${this.#random.pick(NAMES)} ${this.#users.length}`;
      yield { op: "create-user", user: { id, name, kind, createdAt: PAST + index } };
      const session = { id: `s_${systemClock.randomId()}`, user: id, expiresAt: PAST * 2 + index };
      yield { op: "start-session", session };
      if (this.#random.chance(0.2)) yield { op: "end-session", id: session.id };
    }
  }

  /** Some meet twice: then they find the conversation they have. */
  #meet(writer: SqliteWriter, count: number): void {
    const pairs = Array.from({ length: count }, () => [this.#someone(), this.#someone()] as const);
    for (let begin = 0; begin < count; begin += BATCH) {
      const meeting = pairs.slice(begin, begin + BATCH).filter(([by, other]) => by !== other);
      const opens = meeting.map(([by, other]) => ({ by, with: other, ensure: [], quota: undefined }));
      const results = writer.commit(opens.map((open) => ({ op: "open", open })));
      for (const [index, { outcome }] of results.entries()) {
        const pair = meeting[index];
        if (pair === undefined || !outcome.ok || !("conversation" in outcome))
          throw new Error("they could not meet");
        const id = outcome.conversation;
        if (!this.#talks.has(id)) this.#talks.set(id, { id, pair, senders: [] });
      }
    }
  }

  #someone(): UserId {
    return this.#random.pick(this.#users);
  }

  #happen(busy: readonly Talk[]): WriteRequest {
    const talk = this.#random.pick(busy);
    const [user] = this.#random.chance(0.5) ? talk.pair : [talk.pair[1]];
    if (user === undefined) throw new Error("nobody talks");
    const last = talk.senders.length;
    if (last > 0 && this.#random.chance(0.1)) {
      const delivered = this.#random.between(1, last);
      const marks = { conversation: talk.id, user, delivered, read: this.#random.below(delivered + 1) };
      return { op: "mark", marks };
    }
    return { op: "append", draft: this.#draft(talk, user) };
  }

  #draft(talk: Talk, user: UserId): Draft {
    const random = this.#random;
    const target = random.between(1, Math.max(1, talk.senders.length));
    const mayChange = talk.senders[target - 1] === user && random.chance(0.15);
    const kind = mayChange ? random.pick(["edit", "retract"] as const) : "message";
    // What was taken back can be changed no more.
    if (kind === "retract") talk.senders[target - 1] = undefined;
    talk.senders.push(kind === "message" ? user : undefined);
    const text = `${random.pick(TEXTS)} ${random.below(1_000_000)}`;
    return {
      conversation: talk.id,
      sender: user,
      id: systemClock.uuid(),
      kind,
      body: kind === "retract" ? undefined : JSON.stringify({ kind: "text", text }),
      replyTo: kind === "message" && target < talk.senders.length && random.chance(0.1) ? target : undefined,
      target: kind === "message" ? undefined : target,
      origin: 0,
      onlyRepeat: false,
    };
  }

  *#remarks(): Generator<WriteRequest> {
    for (const user of this.#users) {
      if (this.#random.chance(0.3)) yield { op: "rename", user, name: `${this.#random.pick(NAMES)} anew` };
      if (this.#random.chance(0.5)) yield { op: "note-seen", seen: [{ user, at: PAST + 5 }] };
    }
  }
}

function commitAll(writer: SqliteWriter, requests: readonly WriteRequest[]): void {
  for (let begin = 0; begin < requests.length; begin += BATCH) {
    for (const { outcome } of writer.commit(requests.slice(begin, begin + BATCH)))
      if (!outcome.ok) throw new Error(`the store refused: ${outcome.refusal}`);
  }
}

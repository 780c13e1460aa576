/** Opening conversations and moving markers. */
import type { Database, Statement } from "bun:sqlite";
import type { Clock } from "../../clock.ts";
import type { ConversationId, Marks, OpenRequest, UserId } from "../../ports/store.ts";
import { refusedResult, type WriteResult } from "../requests.ts";
import { kindCodes } from "../rules/kinds.ts";
import { carryOutMark, planMark } from "../rules/marks.ts";
import type { PeopleWrites } from "./people-writes.ts";
import type { WriterState } from "./state.ts";

const INSERT = `
  INSERT INTO conversation (id, a, b, opener, created_at, last_seq, last_time, last_message, changed, a_delivered,
    a_read, b_delivered, b_read, a_unread, b_unread)
  VALUES (?, ?, ?, ?, ?, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)`;

/**
 * How many of a conversation's messages by one sender stand in a range of numbers.
 * Parameters: conversation, sender, the number before the first, the last number.
 */
const COUNT_STANDING = `
  SELECT count(*) AS count FROM event
  WHERE conversation = ? AND sender = ? AND seq > ? AND seq <= ? AND kind = ${kindCodes.message} AND retracted = 0`;

export class ConversationWrites {
  readonly #state: WriterState;
  readonly #people: PeopleWrites;
  readonly #clock: Pick<Clock, "randomId">;
  readonly #insert: Statement;
  readonly #selectPair: Statement<{ id: string }, [number, number]>;
  readonly #countBegun: Statement<{ count: number }, [number, number, number]>;
  readonly #countStanding: Statement<{ count: number }, [number, number, number, number]>;

  constructor(database: Database, state: WriterState, people: PeopleWrites, clock: Pick<Clock, "randomId">) {
    this.#state = state;
    this.#people = people;
    this.#clock = clock;
    this.#insert = database.prepare(INSERT);
    this.#selectPair = database.prepare("SELECT id FROM conversation WHERE a = ? AND b = ?");
    this.#countBegun = database.prepare(
      "SELECT count(*) AS count FROM (SELECT 1 FROM conversation WHERE opener = ? AND created_at >= ? LIMIT ?)",
    );
    this.#countStanding = database.prepare(COUNT_STANDING);
  }

  /** `now` is in milliseconds since 1970. Refused, it leaves nothing behind, the users of `ensure` included. */
  open(request: OpenRequest, now: number): WriteResult {
    const isComing = (id: UserId): boolean => request.ensure.some((user) => user.id === id);
    const [by, peer] = [this.#state.user(request.by), this.#state.user(request.with)];
    if (by === undefined && !isComing(request.by)) return refusedResult("user_unknown");
    if (peer === undefined && !isComing(request.with)) return refusedResult("user_unknown");
    // A conversation needs two people; the domain refuses it earlier, with a better name.
    if (request.by === request.with) return refusedResult("user_unknown");
    if (by !== undefined && peer !== undefined) {
      const found = this.#selectPair.get(Math.min(by.key, peer.key), Math.max(by.key, peer.key));
      if (found !== null) return opened(found.id);
    }
    const { quota } = request;
    if (quota !== undefined) {
      const begun =
        by === undefined ? 0 : (this.#countBegun.get(by.key, quota.since, quota.count)?.count ?? 0);
      if (begun >= quota.count) return refusedResult("too_many_conversations");
    }
    for (const user of request.ensure) this.#people.insertIfMissing(user);
    const opener = this.#state.user(request.by)?.key ?? 0;
    const other = this.#state.user(request.with)?.key ?? 0;
    // Unguessable: knowing one id must not lead to others.
    const id = `d_${this.#clock.randomId()}`;
    this.#insert.run(id, Math.min(opener, other), Math.max(opener, other), opener, now);
    return opened(id);
  }

  mark(marks: Marks): WriteResult {
    const plan = planMark(this.#state, marks);
    if (!("count" in plan)) return plan;
    const { peerKey, after, upTo, times } = plan.count;
    const counted =
      times === 0 ? 0 : (this.#countStanding.get(plan.conversation.key, peerKey, after, upTo)?.count ?? 0);
    return carryOutMark(this.#state, plan, counted);
  }
}

function opened(conversation: ConversationId): WriteResult {
  return { outcome: { ok: true, conversation }, publish: undefined };
}

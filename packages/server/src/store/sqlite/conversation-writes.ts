/** Opening conversations and moving markers. */
import type { Database, Statement } from "bun:sqlite";
import type { Clock } from "../../clock.ts";
import type { ConversationId, Marks, OpenRequest, UserId } from "../../ports/store.ts";
import { doneResult, refusedResult, type WriteResult } from "../requests.ts";
import type { PeopleWrites } from "./people-writes.ts";
import type { ConversationState, WriterState } from "./state.ts";
import { COUNT_STANDING, shownUnread } from "./unread.ts";

const INSERT = `
  INSERT INTO conversation (id, a, b, opener, created_at, last_seq, last_time, last_message, changed, a_delivered,
    a_read, b_delivered, b_read, a_unread, b_unread)
  VALUES (?, ?, ?, ?, ?, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)`;

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
    const conversation = this.#state.conversation(marks.conversation);
    if (conversation === undefined) return refusedResult("conversation_unknown");
    const isA = marks.user === conversation.aId;
    if (!isA && marks.user !== conversation.bId) return refusedResult("conversation_unknown");
    if (Math.max(marks.delivered, marks.read) > conversation.lastSeq) return refusedResult("seq_unknown");
    const oldRead = isA ? conversation.aRead : conversation.bRead;
    const oldDelivered = isA ? conversation.aDelivered : conversation.bDelivered;
    const read = Math.max(oldRead, marks.read);
    const delivered = Math.max(oldDelivered, marks.delivered, read);
    if (read === oldRead && delivered === oldDelivered) return doneResult;
    const unread = this.#unread(conversation, isA, oldRead, read);
    if (isA) {
      conversation.aRead = read;
      conversation.aDelivered = delivered;
      conversation.aUnread = unread;
    } else {
      conversation.bRead = read;
      conversation.bDelivered = delivered;
      conversation.bUnread = unread;
    }
    const { position, prev } = this.#state.advance(conversation);
    const { id, aId, bId } = conversation;
    return {
      outcome: doneResult.outcome,
      publish: {
        to: [aId, bId],
        note: {
          kind: "markers",
          conversation: id,
          user: marks.user,
          delivered,
          read,
          unread: shownUnread(unread),
          position,
          prev,
        },
      },
    };
  }

  /** Counts what was read, or what is left: whichever is less to look at. Each message is read once. */
  #unread(conversation: ConversationState, isA: boolean, oldRead: number, read: number): number {
    if (read >= conversation.lastMessage) return 0;
    const peer = isA ? conversation.bKey : conversation.aKey;
    const count = (after: number, upTo: number): number =>
      this.#countStanding.get(conversation.key, peer, after, upTo)?.count ?? 0;
    const { lastSeq } = conversation;
    if (lastSeq - read < read - oldRead) return count(read, lastSeq);
    return (isA ? conversation.aUnread : conversation.bUnread) - count(oldRead, read);
  }
}

function opened(conversation: ConversationId): WriteResult {
  return { outcome: { ok: true, conversation }, publish: undefined };
}

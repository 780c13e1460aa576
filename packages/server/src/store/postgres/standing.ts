/**
 * What markers may have to be counted over: the messages between a reader's marker and the end, read in one statement for
 * all marks of a batch. Without it each mark that is not on the last message asks by itself, while all others wait.
 */
import type { Marks } from "../../ports/store.ts";
import { kindCodes } from "../rules/kinds.ts";
import { numberArray } from "./arrays.ts";
import type { BatchState } from "./batch-state.ts";
import type { Connection } from "./connection.ts";

const SELECT_STANDING = `
  SELECT e.conversation::float8, e.sender::float8, e.seq::float8
  FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) AS r (conversation, sender, after, up_to)
  JOIN event e ON e.conversation = r.conversation AND e.seq > r.after AND e.seq <= r.up_to
  WHERE e.sender = r.sender AND e.kind = ${kindCodes.message} AND e.retracted = 0`;

/** Who has left more than this unread, and does not read all of it, is counted by the database. */
const MAX_UNREAD = 200;

interface Range {
  readonly conversation: number;
  readonly sender: number;
  readonly after: number;
  readonly upTo: number;
  readonly seqs: number[];
}

interface Row {
  readonly conversation: number;
  readonly sender: number;
  readonly seq: number;
}

/** What the batch itself does to messages; see EventBuffer. */
interface Changes {
  isErased(conversation: number, seq: number): boolean;
  countInserted(conversation: number, sender: number, after: number, upTo: number): number;
}

export class StandingMessages {
  readonly #ranges = new Map<string, Range>();

  /** `isWritten`: the batch adds events to this conversation, so that its last message is not known yet. */
  static async load(
    connection: Connection,
    state: BatchState,
    marks: readonly Marks[],
    isWritten: (mark: Marks) => boolean,
  ): Promise<StandingMessages> {
    const standing = new StandingMessages();
    for (const mark of marks) standing.#want(state, mark, isWritten(mark));
    const ranges = [...standing.#ranges.values()];
    if (ranges.length === 0) return standing;
    const rows = await connection.ask<Row>(SELECT_STANDING, [
      numberArray(ranges.map(({ conversation }) => conversation)),
      numberArray(ranges.map(({ sender }) => sender)),
      numberArray(ranges.map(({ after }) => after)),
      numberArray(ranges.map(({ upTo }) => upTo)),
    ]);
    for (const { conversation, sender, seq } of rows)
      standing.#ranges.get(nameOf(conversation, sender))?.seqs.push(seq);
    return standing;
  }

  /** Within the transaction, what the batch has done so far included. Undefined: it was not read. */
  count(
    changes: Changes,
    conversation: number,
    sender: number,
    after: number,
    upTo: number,
  ): number | undefined {
    const range = this.#ranges.get(nameOf(conversation, sender));
    if (range === undefined || after < range.after) return undefined;
    const stored = range.seqs.filter(
      (seq) => seq > after && seq <= upTo && !changes.isErased(conversation, seq),
    );
    return stored.length + changes.countInserted(conversation, sender, after, upTo);
  }

  #want(state: BatchState, { conversation: id, user, read }: Marks, isWritten: boolean): void {
    const conversation = state.conversation(id);
    if (conversation === undefined) return;
    const isA = user === conversation.aId;
    const after = isA ? conversation.aRead : conversation.bRead;
    const { key, lastSeq, lastMessage } = conversation;
    // Nothing is left then, whatever was unread.
    const isAllRead = !isWritten && read >= lastMessage;
    if (read <= after || isAllRead || lastSeq - after > MAX_UNREAD) return;
    const sender = isA ? conversation.bKey : conversation.aKey;
    this.#ranges.set(nameOf(key, sender), { conversation: key, sender, after, upTo: lastSeq, seqs: [] });
  }
}

function nameOf(conversation: number, sender: number): string {
  return `${conversation}/${sender}`;
}

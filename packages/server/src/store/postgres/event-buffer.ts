/**
 * The table of events as a batch changes it: what the batch needs of it was read before, what it writes is collected, and
 * goes to the database in a few statements.
 */
import type { Draft } from "../../ports/store.ts";
import {
  type EventTable,
  isPlain,
  type KnownEvent,
  type NewEvent,
  type TargetEvent,
} from "../rules/append.ts";
import { kindCodes } from "../rules/kinds.ts";
import type { ConversationState, UserState } from "../rules/state.ts";
import { numberArray, textArray } from "./arrays.ts";
import type { Answer, Connection } from "./connection.ts";

/** An event as it is within the transaction. */
type BufferedEvent = {
  -readonly [Name in keyof (KnownEvent & TargetEvent)]: (KnownEvent & TargetEvent)[Name];
} & { readonly clientId: string };

const COLUMNS = `client_id::text AS "clientId", conversation::float8, seq::float8, sender::float8, time::float8,
  kind::float8, target::float8, reply_to::float8 AS "replyTo", retracted::float8, body`;

const SELECT_KNOWN = `SELECT ${COLUMNS} FROM event
  WHERE (client_id, sender) IN (SELECT * FROM unnest($1::uuid[], $2::bigint[]))`;

const SELECT_TARGETS = `SELECT ${COLUMNS} FROM event
  WHERE (conversation, seq) IN (SELECT * FROM unnest($1::bigint[], $2::bigint[]))`;

const COUNT_EDITS = `SELECT conversation::float8, target::float8, count(*)::float8 AS count FROM event
  WHERE (conversation, target) IN (SELECT * FROM unnest($1::bigint[], $2::bigint[])) AND kind = ${kindCodes.edit}
  GROUP BY conversation, target`;

// No conflict is passed over: a known id undoes the batch, which then comes again with its ids looked up before.
const INSERT = `
  INSERT INTO event (conversation, seq, position, sender, client_id, time, kind, target, reply_to, revision,
    retracted, body)
  SELECT conversation, seq, position, sender, client_id, time, kind, target, reply_to, 0, 0, body
  FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::uuid[], $6::bigint[], $7::smallint[],
    $8::bigint[], $9::bigint[], $10::text[])
    AS e (conversation, seq, position, sender, client_id, time, kind, target, reply_to, body)`;

const REVISE = `
  UPDATE event e SET revision = v.revision, retracted = greatest(e.retracted, v.retracted),
    body = CASE WHEN v.retracted = 1 THEN NULL ELSE e.body END
  FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::smallint[]) AS v (conversation, seq, revision, retracted)
  WHERE e.conversation = v.conversation AND e.seq = v.seq`;

const ERASE_EDITS = `
  UPDATE event SET retracted = 1, body = NULL
  WHERE (conversation, target) IN (SELECT * FROM unnest($1::bigint[], $2::bigint[])) AND kind = ${kindCodes.edit}`;

interface Revision {
  readonly conversation: number;
  readonly seq: number;
  readonly revision: number;
  readonly retracted: number;
}

interface EditCount {
  readonly conversation: number;
  readonly target: number;
  readonly count: number;
}

/** A draft whose conversation and sender are known. */
export interface PlacedDraft {
  readonly draft: Draft;
  readonly conversation: ConversationState;
  readonly sender: UserState;
}

export class EventBuffer implements EventTable {
  readonly #byId = new Map<string, BufferedEvent>();
  readonly #byPlace = new Map<string, BufferedEvent>();
  readonly #editCounts = new Map<string, number>();
  #inserted: NewEvent[] = [];
  /** Of the whole batch, by conversation. */
  readonly #added = new Map<number, NewEvent[]>();
  #revisions = new Map<string, Revision>();
  #erased: Revision[] = [];

  /**
   * Reads what the drafts need to be judged by. `all`: ids of plain messages too; otherwise those are taken for new, and
   * the insert fails where one is not.
   */
  async load(connection: Connection, drafts: readonly PlacedDraft[], all: boolean): Promise<void> {
    const asked = all
      ? drafts
      : drafts.filter(({ draft, conversation }) => !isPlain(draft, conversation.lastSeq));
    if (asked.length === 0) return;
    const named = asked.filter(({ draft }) => draft.target !== undefined);
    const places = [
      numberArray(named.map(({ conversation }) => conversation.key)),
      numberArray(named.map(({ draft }) => draft.target ?? 0)),
    ];
    const known = connection.send<BufferedEvent>(SELECT_KNOWN, [
      textArray(asked.map(({ draft }) => draft.id)),
      numberArray(asked.map(({ sender }) => sender.key)),
    ]);
    const none = Promise.resolve([]);
    const targets = named.length === 0 ? none : connection.send<BufferedEvent>(SELECT_TARGETS, places);
    const edits = named.length === 0 ? none : connection.send<EditCount>(COUNT_EDITS, places);
    const [knownRows, targetRows, editRows] = await connection.settle([known, targets, edits]);
    for (const row of [...knownRows, ...targetRows]) this.#keep(row);
    for (const { conversation, target, count } of editRows)
      this.#editCounts.set(placeOf(conversation, target), count);
  }

  insert(event: NewEvent): boolean {
    if (this.#byId.has(idOf(event.clientId, event.sender))) return false;
    this.#inserted.push(event);
    const added = this.#added.get(event.conversation);
    if (added === undefined) this.#added.set(event.conversation, [event]);
    else added.push(event);
    this.#keep({ ...event, retracted: 0 });
    if (event.kind === kindCodes.edit && event.target !== null) {
      const place = placeOf(event.conversation, event.target);
      this.#editCounts.set(place, (this.#editCounts.get(place) ?? 0) + 1);
    }
    return true;
  }

  known(clientId: string, sender: number): KnownEvent | undefined {
    return this.#byId.get(idOf(clientId, sender));
  }

  target(conversation: number, seq: number): TargetEvent | undefined {
    return this.#byPlace.get(placeOf(conversation, seq));
  }

  countEdits(conversation: number, seq: number): number {
    return this.#editCounts.get(placeOf(conversation, seq)) ?? 0;
  }

  revise(conversation: number, seq: number, revision: number): void {
    this.#revisions.set(placeOf(conversation, seq), { conversation, seq, revision, retracted: 0 });
  }

  erase(conversation: number, seq: number, revision: number): void {
    const erased = { conversation, seq, revision, retracted: 1 };
    this.#revisions.set(placeOf(conversation, seq), erased);
    this.#erased.push(erased);
    for (const event of this.#byPlace.values()) {
      const isIt = event.seq === seq || (event.target === seq && event.kind === kindCodes.edit);
      if (!isIt || event.conversation !== conversation) continue;
      event.retracted = 1;
      event.body = null;
    }
  }

  /** Whether a message is known to have been taken back, by this batch or before. */
  isErased(conversation: number, seq: number): boolean {
    return this.#byPlace.get(placeOf(conversation, seq))?.retracted === 1;
  }

  /** Standing messages that this batch has added, with a number after `after` up to `upTo`. */
  countInserted(conversation: number, sender: number, after: number, upTo: number): number {
    const added = this.#added.get(conversation) ?? [];
    return added.filter(
      ({ seq, kind, sender: from }) =>
        seq > after &&
        seq <= upTo &&
        from === sender &&
        kind === kindCodes.message &&
        !this.isErased(conversation, seq),
    ).length;
  }

  /** Sends what was collected. */
  flush(connection: Connection): Promise<Answer<unknown>>[] {
    const answers: Promise<Answer<unknown>>[] = [];
    if (this.#inserted.length > 0) answers.push(sendEvents(connection, this.#inserted));
    // After the inserts: what is revised, or erased, may be one of them.
    if (this.#revisions.size > 0) {
      const revisions = [...this.#revisions.values()];
      answers.push(
        connection.send(REVISE, [
          numberArray(revisions.map((one) => one.conversation)),
          numberArray(revisions.map((one) => one.seq)),
          numberArray(revisions.map((one) => one.revision)),
          numberArray(revisions.map((one) => one.retracted)),
        ]),
      );
    }
    if (this.#erased.length > 0) {
      const places = [this.#erased.map((one) => one.conversation), this.#erased.map((one) => one.seq)];
      answers.push(connection.send(ERASE_EDITS, places.map(numberArray)));
    }
    this.#inserted = [];
    this.#revisions = new Map();
    this.#erased = [];
    return answers;
  }

  #keep(event: BufferedEvent): void {
    const place = placeOf(event.conversation, event.seq);
    // One object for one event, by whichever name it was found.
    const kept = this.#byPlace.get(place) ?? event;
    this.#byPlace.set(place, kept);
    this.#byId.set(idOf(event.clientId, event.sender), kept);
  }
}

export function sendEvents(connection: Connection, events: readonly NewEvent[]): Promise<Answer<unknown>> {
  return connection.send(INSERT, [
    numberArray(events.map((event) => event.conversation)),
    numberArray(events.map((event) => event.seq)),
    numberArray(events.map((event) => event.position)),
    numberArray(events.map((event) => event.sender)),
    textArray(events.map((event) => event.clientId)),
    numberArray(events.map((event) => event.time)),
    numberArray(events.map((event) => event.kind)),
    numberArray(events.map((event) => event.target)),
    numberArray(events.map((event) => event.replyTo)),
    textArray(events.map((event) => event.body)),
  ]);
}

function placeOf(conversation: number, seq: number): string {
  return `${conversation}/${seq}`;
}

function idOf(clientId: string, sender: number): string {
  return `${clientId}/${sender}`;
}

/** What a user has missed, over all conversations, in the order in which it happened (SPEC.md, rules SY). */
import type { Database, Statement } from "bun:sqlite";
import type { Conversation, ConversationEvent } from "@duologue/protocol";
import type { ChangesPage, Position } from "../../ports/store.ts";
import { DamagedDatabaseError } from "./damage.ts";
import { type EventReader, PAGE_CHARACTERS } from "./events.ts";
import type { Summary, SummaryReader, Viewer } from "./summaries.ts";

/** A summary costs several look-ups, and the page has room for a thousand. */
const PAGE_CONVERSATIONS = 200;

interface ChangedRow {
  readonly key: number;
  readonly lastSeq: number;
  readonly changed: Position;
}

/** One point in the user's chain: an event, or the last change of a conversation (which may be its last event). */
interface Change {
  readonly position: Position;
  readonly conversation: number;
  readonly isEvent: boolean;
}

interface Missing {
  /** In order, and complete as far as a page can reach. */
  readonly changes: readonly Change[];
  readonly eventCount: number;
}

const SELECT_CHANGED = `
  SELECT key, last_seq AS lastSeq, changed FROM conversation WHERE a = ?1 AND changed > ?2
  UNION ALL
  SELECT key, last_seq AS lastSeq, changed FROM conversation WHERE b = ?1 AND changed > ?2
  LIMIT ?3`;

export class ChangesReader {
  readonly #events: EventReader;
  readonly #summaries: SummaryReader;
  readonly #selectChanged: Statement<ChangedRow, [number, number, number]>;
  readonly #positionOf: Statement<{ position: Position }, [number, number]>;
  readonly #positionsFrom: Statement<{ position: Position }, [number, number, number]>;

  constructor(database: Database, events: EventReader, summaries: SummaryReader) {
    this.#events = events;
    this.#summaries = summaries;
    this.#selectChanged = database.prepare(SELECT_CHANGED);
    this.#positionOf = database.prepare("SELECT position FROM event WHERE conversation = ? AND seq = ?");
    this.#positionsFrom = database.prepare(
      "SELECT position FROM event WHERE conversation = ? AND seq >= ? ORDER BY seq LIMIT ?",
    );
  }

  /**
   * To be called within one snapshot; `last` is the viewer's last change in it.
   *
   * A page holds everything of the chain between `since` and its position. Its conversations are those with an event
   * in it, and those whose last change lies in it: so a client never gets an event of a conversation that it does not
   * know, and whatever changed up to the page's position is in its hands when it comes back with that position. A
   * summary shows the present state, which may lie ahead of the page's events; the pages after bring the rest.
   *
   * More than `maxEvents` conversations that changed count as too much too, whether by events or by markers.
   */
  read(
    viewer: Viewer,
    last: Position,
    since: Position,
    limit: number,
    maxEvents: number,
  ): ChangesPage | undefined {
    if (since > last) return undefined;
    if (since === last) return { conversations: [], events: [], position: last, more: false };
    const missing = this.#missing(viewer, since, limit, maxEvents);
    if (missing === undefined || missing.eventCount > maxEvents) return undefined;
    return this.#page(viewer, missing.changes, limit, last);
  }

  #missing(viewer: Viewer, since: Position, limit: number, maxEvents: number): Missing | undefined {
    const rows = this.#selectChanged.all(viewer.key, since, maxEvents + 1);
    if (rows.length > maxEvents) return undefined;
    const changes: Change[] = [];
    let eventCount = 0;
    for (const { key, lastSeq, changed } of rows) {
      const first = this.#firstAfter(key, lastSeq, since);
      eventCount += lastSeq - first + 1;
      if (eventCount > maxEvents) return undefined;
      const positions = first > lastSeq ? [] : this.#positionsFrom.all(key, first, limit + 1);
      for (const { position } of positions) changes.push({ position, conversation: key, isEvent: true });
      if (positions.at(-1)?.position !== changed) {
        changes.push({ position: changed, conversation: key, isEvent: false });
      }
    }
    changes.sort((one, other) => one.position - other.position);
    return { changes, eventCount };
  }

  /**
   * The number of a conversation's first event after a position; one more than the last when there is none. Positions
   * rise with numbers, and what is missing is mostly near the end: doubling steps back, then halving.
   */
  #firstAfter(conversation: number, lastSeq: number, since: Position): number {
    let after = lastSeq + 1;
    let step = 1;
    let upTo = lastSeq;
    while (upTo > 0 && this.#position(conversation, upTo) > since) {
      after = upTo;
      upTo -= step;
      step *= 2;
    }
    upTo = Math.max(upTo, 0);
    while (after - upTo > 1) {
      const middle = upTo + Math.floor((after - upTo) / 2);
      if (this.#position(conversation, middle) > since) after = middle;
      else upTo = middle;
    }
    return after;
  }

  #position(conversation: number, seq: number): Position {
    const row = this.#positionOf.get(conversation, seq);
    if (row === null) throw new DamagedDatabaseError("a conversation has a hole");
    return row.position;
  }

  #page(viewer: Viewer, changes: readonly Change[], limit: number, last: Position): ChangesPage {
    const summaries = new Map<number, Summary>();
    const events: ConversationEvent[] = [];
    let position: Position | undefined;
    let characters = 0;
    for (const change of changes) {
      const known = summaries.get(change.conversation);
      const summary = known ?? this.#summaries.read(viewer, change.conversation);
      const row = change.isEvent ? this.#events.byPosition(change.position) : undefined;
      const added = (row?.body?.length ?? 0) + (known === undefined ? summary.characters : 0);
      const isFull =
        (row !== undefined && events.length >= limit) ||
        (known === undefined && summaries.size >= PAGE_CONVERSATIONS) ||
        characters + added > PAGE_CHARACTERS;
      if (isFull && position !== undefined) {
        return { conversations: conversationsOf(summaries), events, position, more: true };
      }
      if (known === undefined) summaries.set(change.conversation, summary);
      if (row !== undefined) events.push(this.#events.toEvent(row, summary.names));
      characters += added;
      position = change.position;
    }
    return { conversations: conversationsOf(summaries), events, position: last, more: false };
  }
}

function conversationsOf(summaries: ReadonlyMap<number, Summary>): readonly Conversation[] {
  return [...summaries.values()].map((summary) => summary.conversation);
}

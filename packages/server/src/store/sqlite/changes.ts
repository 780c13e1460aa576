/** What a user has missed, over all conversations, in the order in which it happened (SPEC.md, rules SY). */
import type { Database, Statement } from "bun:sqlite";
import type { ChangesPage, Position } from "../../ports/store.ts";
import { DamagedDatabaseError } from "../rules/damage.ts";
import { type Change, toChangesPage } from "../rules/pages.ts";
import type { Viewer } from "../rules/summary-rows.ts";
import type { EventReader } from "./events.ts";
import type { SummaryReader } from "./summaries.ts";

interface ChangedRow {
  readonly key: number;
  readonly lastSeq: number;
  readonly changed: Position;
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
  readonly #epoch: string;
  readonly #events: EventReader;
  readonly #summaries: SummaryReader;
  readonly #selectChanged: Statement<ChangedRow, [number, number, number]>;
  readonly #positionOf: Statement<{ position: Position }, [number, number]>;
  readonly #positionsFrom: Statement<{ position: Position }, [number, number, number]>;

  constructor(database: Database, epoch: string, events: EventReader, summaries: SummaryReader) {
    this.#epoch = epoch;
    this.#events = events;
    this.#summaries = summaries;
    this.#selectChanged = database.prepare(SELECT_CHANGED);
    this.#positionOf = database.prepare("SELECT position FROM event WHERE conversation = ? AND seq = ?");
    this.#positionsFrom = database.prepare(
      "SELECT position FROM event WHERE conversation = ? AND seq >= ? ORDER BY seq LIMIT ?",
    );
  }

  /**
   * To be called within one snapshot; `last` is the viewer's last change in it. What a page holds is said at
   * `toChangesPage`.
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
    return toChangesPage(
      this.#epoch,
      missing.changes,
      limit,
      last,
      (conversation) => this.#summaries.read(viewer, conversation),
      (conversation, seq) => this.#events.bySeq(conversation, seq),
    );
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
      for (const [index, { position }] of positions.entries())
        changes.push({ position, conversation: key, seq: first + index });
      if (positions.at(-1)?.position !== changed) {
        changes.push({ position: changed, conversation: key, seq: undefined });
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
}

/** How pages of history and of changes are put together of rows. */
import type { Conversation, ConversationEvent } from "@duologue/protocol";
import type { ChangesPage, HistoryPage, Position } from "../../ports/store.ts";
import { type EventNames, type EventRow, PAGE_CHARACTERS, textLength, toEvent } from "./event-rows.ts";
import type { Summary } from "./summary-rows.ts";

/** Summaries of one page: each costs several look-ups, and the page has room for a thousand. */
export const PAGE_CONVERSATIONS = 200;

/** Conversations in which a new name is announced; in older ones it shows when they change, or are listed anew. */
export const MAX_RENAMED_CONVERSATIONS = 1000;

/**
 * `rows`: those right before a number, the last one first. `editOf`: the edit that gave a standing message its present
 * text, asked for where that lies after the page.
 */
export function toHistoryPage(
  epoch: string,
  rows: readonly EventRow[],
  names: EventNames,
  editOf: (row: EventRow) => EventRow | undefined,
): HistoryPage {
  const lastSeq = rows[0]?.seq ?? 0;
  const events: ConversationEvent[] = [];
  const revisions: ConversationEvent[] = [];
  let characters = 0;
  // From the last one back: a page of long texts begins later, and never leaves a hole before its end.
  for (const row of rows) {
    const edit = row.revision > lastSeq ? editOf(row) : undefined;
    characters += textLength(row) + textLength(edit);
    if (characters > PAGE_CHARACTERS && events.length > 0) break;
    events.push(toEvent(epoch, row, names));
    if (edit !== undefined) revisions.push(toEvent(epoch, edit, names));
  }
  events.reverse();
  revisions.sort((one, other) => one.seq - other.seq);
  return { events, revisions, more: (events[0]?.seq ?? 1) > 1 };
}

/** One point in a user's chain: an event, or the last change of a conversation (which may be its last event). */
export interface Change {
  readonly position: Position;
  readonly conversation: number;
  /** Undefined where no event belongs to it. */
  readonly seq: number | undefined;
}

/**
 * Everything of the chain between a position and the page's own. Its conversations are those with an event in it, and
 * those whose last change lies in it: so a client never gets an event of a conversation that it does not know, and
 * whatever changed up to the page's position is in its hands when it comes back with that position. A summary shows the
 * present state, which may lie ahead of the page's events; the pages after bring the rest.
 *
 * `changes`: in order, and complete as far as a page of `limit` events can reach. `last`: the user's last change.
 */
export function toChangesPage(
  epoch: string,
  changes: readonly Change[],
  limit: number,
  last: Position,
  summaryOf: (conversation: number) => Summary,
  eventOf: (conversation: number, seq: number) => EventRow,
): ChangesPage {
  const summaries = new Map<number, Summary>();
  const events: ConversationEvent[] = [];
  let position: Position | undefined;
  let characters = 0;
  for (const change of changes) {
    const isFullBefore =
      (change.seq !== undefined && events.length >= limit) ||
      (!summaries.has(change.conversation) && summaries.size >= PAGE_CONVERSATIONS);
    if (isFullBefore && position !== undefined)
      return { conversations: conversationsOf(summaries), events, position, more: true };
    const known = summaries.get(change.conversation);
    const summary = known ?? summaryOf(change.conversation);
    const row = change.seq === undefined ? undefined : eventOf(change.conversation, change.seq);
    const added = textLength(row) + (known === undefined ? summary.characters : 0);
    if (characters + added > PAGE_CHARACTERS && position !== undefined)
      return { conversations: conversationsOf(summaries), events, position, more: true };
    if (known === undefined) summaries.set(change.conversation, summary);
    if (row !== undefined) events.push(toEvent(epoch, row, summary.names));
    characters += added;
    position = change.position;
  }
  return { conversations: conversationsOf(summaries), events, position: last, more: false };
}

function conversationsOf(summaries: ReadonlyMap<number, Summary>): readonly Conversation[] {
  return [...summaries.values()].map((summary) => summary.conversation);
}

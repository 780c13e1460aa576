/**
 * What is known of one conversation's events, and how it looks. The state is a set: events are unique by their number and
 * never contradict each other, so any order and any repetition of changes ends in the same state, the server's order.
 */
import type { ConversationEvent, Markers, ReceivedBody } from "@duologue/protocol";
import { HOLE_EVENTS, TIMELINE_EVENTS, TIMELINE_EVENTS_KEPT } from "./limits.ts";
import type { OutboxEntry } from "./outbox-entry.ts";

export interface Timeline {
  /** Ascending by number, each once; holes are possible until they are filled. */
  readonly events: readonly ConversationEvent[];
  /** Edits from beyond the loaded pages that change messages in them (SPEC HS3); ascending, each once. */
  readonly revisions: readonly ConversationEvent[];
}

export type TimelineChange =
  | { readonly kind: "events"; readonly events: readonly ConversationEvent[] }
  | {
      readonly kind: "history";
      readonly events: readonly ConversationEvent[];
      readonly revisions: readonly ConversationEvent[];
    }
  /** Forget what lies below this number; it can be loaded again. */
  | { readonly kind: "forget"; readonly below: number };

export const emptyTimeline: Timeline = Object.freeze({ events: [], revisions: [] });

export function reduceTimeline(timeline: Timeline, change: TimelineChange): Timeline {
  switch (change.kind) {
    case "events": {
      const events = insert(timeline.events, change.events);
      return events === timeline.events ? timeline : { ...timeline, events };
    }
    case "history": {
      const events = insert(timeline.events, change.events);
      const revisions = insert(timeline.revisions, change.revisions);
      return events === timeline.events && revisions === timeline.revisions
        ? timeline
        : { events, revisions };
    }
    case "forget": {
      const events = timeline.events.filter((event) => event.seq >= change.below);
      const revisions = timeline.revisions.filter((event) => (event.target ?? 0) >= change.below);
      return { events, revisions };
    }
    default:
      return change satisfies never;
  }
}

/** The event that an acknowledgement makes of what was sent. A repeat's has no cursor; nobody reads that of a held event. */
export function eventFromAck(
  entry: OutboxEntry,
  ack: { readonly seq: number; readonly time: number; readonly cursor?: string },
  from: string,
): ConversationEvent {
  const { frame } = entry;
  const { conversation, id } = frame;
  const common = {
    type: "event",
    conversation,
    id,
    from,
    seq: ack.seq,
    time: ack.time,
    cursor: ack.cursor ?? "-",
  } as const;
  switch (frame.type) {
    case "send":
      return frame.replyTo === undefined
        ? { ...common, kind: "message", body: frame.body }
        : { ...common, kind: "message", body: frame.body, replyTo: frame.replyTo };
    case "edit":
      return { ...common, kind: "edit", body: frame.body, target: frame.target };
    case "retract":
      return { ...common, kind: "retract", target: frame.target };
    default:
      return frame satisfies never;
  }
}

function insert(
  known: readonly ConversationEvent[],
  added: readonly ConversationEvent[],
): readonly ConversationEvent[] {
  let events: ConversationEvent[] | undefined;
  for (const event of added) {
    const current = events ?? known;
    const index = findIndex(current, event.seq);
    const present = current[index];
    if (present?.seq !== event.seq) {
      events ??= [...known];
      events.splice(index, 0, event);
    } else if (event.retracted === true && present.retracted !== true) {
      // The server erased the text since we saw it: the copy without it is the newer one.
      events ??= [...known];
      events[index] = event;
    }
  }
  return events ?? known;
}

/** Where the number is, or would go. The end first, since that is where new ones go. */
function findIndex(events: readonly ConversationEvent[], seq: number): number {
  let low = 0;
  let high = events.length;
  if (seq > (events.at(-1)?.seq ?? 0)) return high;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((events[middle]?.seq ?? 0) < seq) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** What to forget of a timeline that is too long: the oldest, so that what stays has no hole; undefined: nothing. */
export function excessOf(
  { events }: Timeline,
  max: number = TIMELINE_EVENTS,
  kept: number = TIMELINE_EVENTS_KEPT,
): TimelineChange | undefined {
  const first = events.length > max ? events.at(-kept) : undefined;
  return first === undefined ? undefined : { kind: "forget", below: first.seq };
}

export type Repair =
  /** Nothing is missing between what is loaded and the last number. */
  | { readonly kind: "none" }
  /** Ask `history` with this `before`. */
  | { readonly kind: "load"; readonly before: number }
  /** The hole is too large to fill: forget what is below this number. */
  | { readonly kind: "forget"; readonly below: number };

/** The highest hole, if there is one; one of more than `holeEvents` is not filled. */
export function findRepair(timeline: Timeline, lastSeq: number, holeEvents: number = HOLE_EVENTS): Repair {
  const { events } = timeline;
  const last = events.at(-1)?.seq ?? 0;
  if (last < lastSeq) {
    return lastSeq - last > holeEvents && last > 0
      ? { kind: "forget", below: lastSeq }
      : { kind: "load", before: lastSeq + 1 };
  }
  for (let index = events.length - 1; index > 0; index -= 1) {
    const upper = events[index]?.seq ?? 0;
    const lower = events[index - 1]?.seq ?? 0;
    if (upper - lower > holeEvents) return { kind: "forget", below: upper };
    if (upper - lower > 1) return { kind: "load", before: upper };
  }
  return { kind: "none" };
}

/** Whether the conversation has events before the loaded ones. */
export function hasOlder(timeline: Timeline): boolean {
  return (timeline.events[0]?.seq ?? 1) > 1;
}

/** How far a message got. Own ones: queued → sending → sent → delivered → read, or failed; the peer's: received. */
export type EntryState = "queued" | "sending" | "sent" | "delivered" | "read" | "failed" | "received";

export interface TimelineEntry {
  /** Unique in the conversation, and the same before and after the acknowledgement. */
  readonly id: string;
  /** Absent until the server has numbered it. */
  readonly seq: number | undefined;
  readonly from: string;
  readonly mine: boolean;
  /** Milliseconds since 1970: the server's stamp, or this machine's until there is one. */
  readonly time: number;
  /** Absent when the message was retracted; of a kind that this client does not know, without text. */
  readonly body: ReceivedBody | undefined;
  readonly replyTo: number | undefined;
  readonly edited: boolean;
  readonly retracted: boolean;
  readonly state: EntryState;
  /** An edit or a retraction of it that is under way or was refused. */
  readonly change: OutboxEntry | undefined;
  /** The outbox's side of a message that is not acknowledged. */
  readonly pending: OutboxEntry | undefined;
}

export interface ViewContext {
  readonly me: string;
  /** How far the peer has got. */
  readonly theirs: Markers;
}

/** The messages in the server's order, then the own ones that have no number yet, in the order they were written. */
export function viewTimeline(
  timeline: Timeline,
  pending: readonly OutboxEntry[],
  context: ViewContext,
): readonly TimelineEntry[] {
  const edits = new Map<number, ConversationEvent>();
  const retracted = new Set<number>();
  for (const list of [timeline.events, timeline.revisions]) {
    for (const event of list) {
      if (event.target === undefined) continue;
      if (event.kind === "retract") retracted.add(event.target);
      else if (event.kind === "edit" && event.seq > (edits.get(event.target)?.seq ?? 0)) {
        edits.set(event.target, event);
      }
    }
  }
  const changes = new Map<number, OutboxEntry>();
  for (const entry of pending) if (entry.frame.type !== "send") changes.set(entry.frame.target, entry);

  const seen = new Set<string>();
  const entries: TimelineEntry[] = [];
  for (const event of timeline.events) {
    if (event.from === context.me) seen.add(event.id);
    if (event.kind !== "message") continue;
    const gone = event.retracted === true || retracted.has(event.seq);
    entries.push(viewMessage(event, gone, edits.get(event.seq), changes.get(event.seq), context));
  }
  for (const entry of pending) {
    if (entry.frame.type === "send" && !seen.has(entry.frame.id))
      entries.push(viewPending(entry, context.me));
  }
  return entries;
}

function viewMessage(
  event: ConversationEvent,
  gone: boolean,
  edit: ConversationEvent | undefined,
  change: OutboxEntry | undefined,
  context: ViewContext,
): TimelineEntry {
  const wanted = change?.state.kind === "failed" ? undefined : change?.frame;
  const retracted = gone || wanted?.type === "retract";
  const body = wanted?.type === "edit" ? wanted.body : (edit?.body ?? event.body);
  const mine = event.from === context.me;
  return {
    id: event.id,
    seq: event.seq,
    from: event.from,
    mine,
    time: event.time,
    body: retracted ? undefined : body,
    replyTo: event.replyTo,
    edited: !retracted && (edit !== undefined || wanted?.type === "edit"),
    retracted,
    state: mine ? receiptOf(event.seq, context.theirs) : "received",
    change,
    pending: undefined,
  };
}

function viewPending(entry: OutboxEntry, me: string): TimelineEntry {
  const { frame } = entry;
  return {
    id: frame.id,
    seq: undefined,
    from: me,
    mine: true,
    time: entry.createdAt,
    body: frame.type === "send" ? frame.body : undefined,
    replyTo: frame.type === "send" ? frame.replyTo : undefined,
    edited: false,
    retracted: false,
    state: entry.state.kind,
    change: undefined,
    pending: entry,
  };
}

/** How far the peer has come with the message of this number. */
export function receiptOf(seq: number, theirs: Markers): "sent" | "delivered" | "read" {
  if (theirs.read >= seq) return "read";
  return theirs.delivered >= seq ? "delivered" : "sent";
}

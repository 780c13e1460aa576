/** Numbering events: the path of every message. What a table of events must give for it is `EventTable`. */
import { defaultLimits } from "@duologue/protocol";
import type { Draft } from "../../ports/store.ts";
import { refusedResult, type WriteResult } from "../requests.ts";
import { DamagedDatabaseError } from "./damage.ts";
import type { EventRow } from "./event-rows.ts";
import { type EventKind, kindCodes } from "./kinds.ts";
import type { ChangeState, ConversationState, UserState } from "./state.ts";

/** What is compared of an event when its id comes once more. */
export interface KnownEvent {
  readonly conversation: number;
  readonly seq: number;
  readonly time: number;
  readonly kind: number;
  readonly target: number | null;
  readonly replyTo: number | null;
  readonly retracted: number;
  readonly body: string | null;
}

/** An event that an edit or a retraction names. */
export interface TargetEvent {
  readonly sender: number;
  readonly kind: number;
  readonly retracted: number;
}

export type NewEvent = Omit<EventRow, "revision" | "retracted">;

/** The events as they are within the transaction, its own changes included. */
export interface EventTable {
  /** Whether it is in now; if not, (sender, id) is known. */
  insert(event: NewEvent): boolean;
  known(clientId: string, sender: number): KnownEvent | undefined;
  target(conversation: number, seq: number): TargetEvent | undefined;
  /** How many edits there are of a message, counted up to `limit`. */
  countEdits(conversation: number, seq: number, limit: number): number;
  /** The message has a new text since the event `revision`. */
  revise(conversation: number, seq: number, revision: number): void;
  /** The text of the message and of its edits goes, by the event `revision`. */
  erase(conversation: number, seq: number, revision: number): void;
}

export class Appender {
  readonly #state: ChangeState;
  readonly #events: EventTable;

  constructor(state: ChangeState, events: EventTable) {
    this.#state = state;
    this.#events = events;
  }

  /** `now` is in milliseconds since 1970. */
  append(draft: Draft, now: number): WriteResult {
    const conversation = this.#state.conversation(draft.conversation);
    if (conversation === undefined) return refusedResult("conversation_unknown");
    const isA = draft.sender === conversation.aId;
    if (!isA && draft.sender !== conversation.bId) return refusedResult("conversation_unknown");
    const sender = this.#state.user(draft.sender);
    if (sender === undefined) return refusedResult("conversation_unknown");
    if (isPlain(draft, conversation.lastSeq)) {
      if (this.#insertEvent(conversation, sender, draft, now))
        return this.#committed(conversation, sender, draft);
      return this.#repeated(conversation, sender, draft);
    }
    // Here the id is looked up before the reference: a repeat gets its number though its target may be gone by now.
    if (this.#events.known(draft.id, sender.key) !== undefined)
      return this.#repeated(conversation, sender, draft);
    if (draft.onlyRepeat) return refusedResult("recipient_gone");
    if (draft.kind === "message") return refusedResult("seq_unknown");
    return this.#change(conversation, sender, draft, now);
  }

  /** An edit or a retraction. */
  #change(conversation: ConversationState, sender: UserState, draft: Draft, now: number): WriteResult {
    const seq = draft.target ?? 0;
    if (seq > conversation.lastSeq) return refusedResult("seq_unknown");
    const target = this.#events.target(conversation.key, seq);
    const isOwn = target !== undefined && target.sender === sender.key;
    if (!isOwn || target.kind !== kindCodes.message || target.retracted === 1) {
      return refusedResult("target_invalid");
    }
    if (draft.kind === "edit" && this.#isEditedOut(conversation, seq)) return refusedResult("target_invalid");
    if (!this.#insertEvent(conversation, sender, draft, now))
      throw new DamagedDatabaseError("an unknown id conflicts");
    if (draft.kind === "retract") {
      this.#events.erase(conversation.key, seq, conversation.lastSeq + 1);
      const isA = sender.key === conversation.aKey;
      if (isA && seq > conversation.bRead) conversation.bUnread -= 1;
      if (!isA && seq > conversation.aRead) conversation.aUnread -= 1;
    } else {
      this.#events.revise(conversation.key, seq, conversation.lastSeq + 1);
    }
    return this.#committed(conversation, sender, draft);
  }

  /** A retraction erases every edit in one transaction, and everybody waits for that: there must not be too many. */
  #isEditedOut(conversation: ConversationState, seq: number): boolean {
    const { editsPerMessage } = defaultLimits;
    return this.#events.countEdits(conversation.key, seq, editsPerMessage) >= editsPerMessage;
  }

  #insertEvent(conversation: ConversationState, sender: UserState, draft: Draft, now: number): boolean {
    const time = Math.max(now, conversation.lastTime);
    const isIn = this.#events.insert({
      position: this.#state.position + 1,
      conversation: conversation.key,
      seq: conversation.lastSeq + 1,
      sender: sender.key,
      clientId: draft.id,
      time,
      kind: kindCodes[draft.kind],
      target: draft.target ?? null,
      replyTo: draft.replyTo ?? null,
      body: draft.body ?? null,
    });
    if (isIn) conversation.lastTime = time;
    return isIn;
  }

  #committed(conversation: ConversationState, sender: UserState, draft: Draft): WriteResult {
    const seq = conversation.lastSeq + 1;
    const time = conversation.lastTime;
    conversation.lastSeq = seq;
    if (draft.kind === "message") conversation.lastMessage = seq;
    const added = draft.kind === "message" ? 1 : 0;
    if (sender.key === conversation.aKey) {
      conversation.aDelivered = seq;
      conversation.aRead = seq;
      conversation.aUnread = 0;
      conversation.bUnread += added;
    } else {
      conversation.bDelivered = seq;
      conversation.bRead = seq;
      conversation.bUnread = 0;
      conversation.aUnread += added;
    }
    const before = sender.position;
    const { position, prev } = this.#state.advance(conversation);
    return {
      outcome: { ok: true, seq, time, position, prev: before, duplicate: false },
      publish: {
        to: [conversation.aId, conversation.bId],
        note: {
          kind: "event",
          conversation: conversation.id,
          sender: sender.id,
          origin: draft.origin,
          position,
          prev,
          json: eventFrame(conversation, sender, draft, seq, time),
        },
      },
    };
  }

  #repeated(conversation: ConversationState, sender: UserState, draft: Draft): WriteResult {
    const known = this.#events.known(draft.id, sender.key);
    if (known === undefined) throw new DamagedDatabaseError("a conflicting event is not there");
    const isSame =
      known.conversation === conversation.key &&
      known.kind === kindCodes[draft.kind] &&
      known.target === (draft.target ?? null) &&
      known.replyTo === (draft.replyTo ?? null) &&
      // The text of a retracted message is gone, so it cannot be compared.
      (known.retracted === 1 || known.body === (draft.body ?? null));
    if (!isSame) return refusedResult("id_conflict");
    const { seq, time } = known;
    return { outcome: { ok: true, seq, time, position: 0, prev: 0, duplicate: true }, publish: undefined };
  }
}

/** A message that needs nothing but its conversation to be judged, unless its id is known. */
export function isPlain(draft: Draft, lastSeq: number): boolean {
  return draft.kind === "message" && (draft.replyTo ?? 0) <= lastSeq && !draft.onlyRepeat;
}

/** The frame as both users get it, but for `cursor` and `prev`, which differ. The stored body is JSON already. */
function eventFrame(
  conversation: ConversationState,
  sender: UserState,
  draft: Draft,
  seq: number,
  time: number,
): string {
  let frame = `{"type":"event","conversation":${conversation.quotedId},"seq":${seq},"from":${sender.quotedId},"time":${time},"id":${JSON.stringify(draft.id)},"kind":"${draft.kind satisfies EventKind}"`;
  if (draft.body !== undefined) frame += `,"body":${draft.body}`;
  if (draft.replyTo !== undefined) frame += `,"replyTo":${draft.replyTo}`;
  if (draft.target !== undefined) frame += `,"target":${draft.target}`;
  return `${frame}}`;
}

/** Numbering and inserting events: the path of every message. */
import type { Database, Statement } from "bun:sqlite";
import { defaultLimits } from "@duologue/protocol";
import type { Draft } from "../../ports/store.ts";
import { refusedResult, type WriteResult } from "../requests.ts";
import { DamagedDatabaseError } from "./damage.ts";
import { type EventKind, kindCodes } from "./kinds.ts";
import type { ConversationState, UserState, WriterState } from "./state.ts";

interface KnownEvent {
  readonly conversation: number;
  readonly seq: number;
  readonly time: number;
  readonly kind: number;
  readonly target: number | null;
  readonly replyTo: number | null;
  readonly retracted: number;
  readonly body: string | null;
}

interface Target {
  readonly position: number;
  readonly sender: number;
  readonly kind: number;
  readonly retracted: number;
}

// A conflict with another row's number or position would be a defect, and must not pass in silence.
const INSERT = `
  INSERT INTO event (position, conversation, seq, sender, client_id, time, kind, target, reply_to, revision,
    retracted, body)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, ?)
  ON CONFLICT (client_id, sender) DO NOTHING`;

const SELECT_KNOWN = `
  SELECT conversation, seq, time, kind, target, reply_to AS replyTo, retracted, body
  FROM event WHERE client_id = ? AND sender = ?`;

export class Appender {
  readonly #state: WriterState;
  readonly #insert: Statement;
  readonly #selectKnown: Statement<KnownEvent, [string, number]>;
  readonly #selectTarget: Statement<Target, [number, number]>;
  readonly #countEdits: Statement<{ count: number }, [number, number, number]>;
  readonly #revise: Statement;
  readonly #eraseTarget: Statement;
  readonly #eraseEdits: Statement;

  constructor(database: Database, state: WriterState) {
    this.#state = state;
    this.#insert = database.prepare(INSERT);
    this.#selectKnown = database.prepare(SELECT_KNOWN);
    this.#selectTarget = database.prepare(
      "SELECT position, sender, kind, retracted FROM event WHERE conversation = ? AND seq = ?",
    );
    this.#countEdits = database.prepare(
      "SELECT count(*) AS count FROM (SELECT 1 FROM event WHERE conversation = ? AND target = ? LIMIT ?)",
    );
    this.#revise = database.prepare("UPDATE event SET revision = ? WHERE position = ?");
    this.#eraseTarget = database.prepare(
      "UPDATE event SET revision = ?, retracted = 1, body = NULL WHERE position = ?",
    );
    this.#eraseEdits = database.prepare(
      `UPDATE event SET retracted = 1, body = NULL WHERE conversation = ? AND target = ? AND kind = ${kindCodes.edit}`,
    );
  }

  /** `now` is in milliseconds since 1970. */
  append(draft: Draft, now: number): WriteResult {
    const conversation = this.#state.conversation(draft.conversation);
    if (conversation === undefined) return refusedResult("conversation_unknown");
    const isA = draft.sender === conversation.aId;
    if (!isA && draft.sender !== conversation.bId) return refusedResult("conversation_unknown");
    const sender = this.#state.user(draft.sender);
    if (sender === undefined) return refusedResult("conversation_unknown");
    if (draft.kind === "message" && (draft.replyTo ?? 0) <= conversation.lastSeq && !draft.onlyRepeat) {
      if (this.#insertEvent(conversation, sender, draft, now))
        return this.#committed(conversation, sender, draft);
      return this.#repeated(conversation, sender, draft);
    }
    // Here the id is looked up before the reference: a repeat gets its number though its target may be gone by now.
    if (this.#selectKnown.get(draft.id, sender.key) !== null)
      return this.#repeated(conversation, sender, draft);
    if (draft.onlyRepeat) return refusedResult("recipient_gone");
    if (draft.kind === "message") return refusedResult("seq_unknown");
    return this.#change(conversation, sender, draft, now);
  }

  /** An edit or a retraction. */
  #change(conversation: ConversationState, sender: UserState, draft: Draft, now: number): WriteResult {
    const seq = draft.target ?? 0;
    if (seq > conversation.lastSeq) return refusedResult("seq_unknown");
    const target = this.#selectTarget.get(conversation.key, seq);
    const isOwn = target !== null && target.sender === sender.key;
    if (!isOwn || target.kind !== kindCodes.message || target.retracted === 1) {
      return refusedResult("target_invalid");
    }
    if (draft.kind === "edit" && this.#isEditedOut(conversation, seq)) return refusedResult("target_invalid");
    if (!this.#insertEvent(conversation, sender, draft, now))
      throw new DamagedDatabaseError("an unknown id conflicts");
    if (draft.kind === "retract") {
      this.#eraseTarget.run(conversation.lastSeq + 1, target.position);
      this.#eraseEdits.run(conversation.key, seq);
      const isA = sender.key === conversation.aKey;
      if (isA && seq > conversation.bRead) conversation.bUnread -= 1;
      if (!isA && seq > conversation.aRead) conversation.aUnread -= 1;
    } else {
      this.#revise.run(conversation.lastSeq + 1, target.position);
    }
    return this.#committed(conversation, sender, draft);
  }

  /** A retraction erases every edit in one transaction, and everybody waits for that: there must not be too many. */
  #isEditedOut(conversation: ConversationState, seq: number): boolean {
    const { editsPerMessage } = defaultLimits;
    return (this.#countEdits.get(conversation.key, seq, editsPerMessage)?.count ?? 0) >= editsPerMessage;
  }

  /** Whether it is in now; if not, (sender, id) is known. */
  #insertEvent(conversation: ConversationState, sender: UserState, draft: Draft, now: number): boolean {
    const { changes } = this.#insert.run(
      this.#state.position + 1,
      conversation.key,
      conversation.lastSeq + 1,
      sender.key,
      draft.id,
      Math.max(now, conversation.lastTime),
      kindCodes[draft.kind],
      draft.target ?? null,
      draft.replyTo ?? null,
      draft.body ?? null,
    );
    if (changes === 0) return false;
    conversation.lastTime = Math.max(now, conversation.lastTime);
    return true;
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
    const known = this.#selectKnown.get(draft.id, sender.key);
    if (known === null) throw new DamagedDatabaseError("a conflicting event is not there");
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

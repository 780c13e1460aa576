/**
 * The store: what is true. It numbers everything, and what it has answered with success is on disk.
 *
 * Guarantees every adapter gives, and the contract suite (`store/contract.ts`) checks:
 * - **Committed.** `done`/the promise reports success only after the transaction is committed and flushed.
 * - **All or nothing.** One request is in effect as a whole or not at all; a failing one does not harm its neighbours.
 * - **Numbers.** Events of one conversation get 1, 2, 3, … in commit order, without holes.
 * - **Once.** (sender, message id) is unique for ever; a repeat returns the first one's number and time.
 * - **Positions.** Each user's changes get positions that rise in the order of their commits, and they form a chain: each
 *   change says the user's position before it. Who has read up to a position will never find a change before it that was
 *   not there then. Between changes that have no user in common, positions say nothing.
 * - **Order.** Requests of one caller to one conversation are carried out in the order they were made.
 * - **Published.** After the commit, and before or together with the answer, the change is handed to the bus for both
 *   users. That delivery may be lost; the answer and the stored state may not.
 * - **Reads see what was answered before.** A read that starts after an answer sees that answer's change.
 * Text is stored as given: every check of content was made before, in the domain.
 */
import type { Conversation, ConversationEvent } from "@duologue/protocol";

export type UserId = string;
export type ConversationId = string;
/** member: of the site that embeds us, who logs in by its token. */
export type UserKind = "guest" | "member" | "classic";
/** Which connection a change came from, so that its event is not echoed there: a number unique over all workers. */
export type Origin = number;
/** A point in the order of a user's changes; 0 is before the first. */
export type Position = number;

export interface UserRecord {
  readonly id: UserId;
  readonly name: string;
  readonly kind: UserKind;
  readonly createdAt: number;
}

/** That somebody was there, and when (ms since 1970). */
export interface SeenTime {
  readonly user: UserId;
  readonly at: number;
}

export interface SessionRecord {
  readonly id: string;
  readonly user: UserRecord;
  readonly expiresAt: number;
  readonly ended: boolean;
}

/** A new event before the store has numbered it. `body` is the JSON text of the body, stored as it is. */
export interface Draft {
  readonly conversation: ConversationId;
  readonly sender: UserId;
  readonly id: string;
  readonly kind: "message" | "edit" | "retract";
  readonly body: string | undefined;
  readonly replyTo: number | undefined;
  readonly target: number | undefined;
  readonly origin: Origin;
  /** The recipient is gone for good: only a repeat of what is stored already is answered, all else is refused. */
  readonly onlyRepeat: boolean;
}

/** Why a write was refused; the same names as in the table of errors. */
export type Refusal =
  | "conversation_unknown"
  | "user_unknown"
  | "seq_unknown"
  | "target_invalid"
  | "id_conflict"
  | "recipient_gone"
  | "too_many_conversations"
  | "busy"
  | "unavailable";

export interface Refused {
  readonly ok: false;
  readonly refusal: Refusal;
}

export interface Appended {
  readonly ok: true;
  readonly seq: number;
  readonly time: number;
  /** The sender's position after and before this change. For a repeat, both are 0 and nothing changed. */
  readonly position: Position;
  readonly prev: Position;
  readonly duplicate: boolean;
}

export interface Marks {
  readonly conversation: ConversationId;
  readonly user: UserId;
  readonly delivered: number;
  readonly read: number;
}

export interface OpenRequest {
  readonly by: UserId;
  readonly with: UserId;
  /** Users that may not be stored yet (classic visitors): inserted if missing, in the same transaction. */
  readonly ensure: readonly UserRecord[];
  /** Refuse with too_many_conversations when `by` has begun this many since `since` (ms since 1970). */
  readonly quota: { readonly count: number; readonly since: number } | undefined;
}

export interface Membership {
  readonly id: ConversationId;
  /** In the order of their ids. */
  readonly users: readonly [UserRecord, UserRecord];
}

export interface ChangesPage {
  readonly conversations: readonly Conversation[];
  readonly events: readonly ConversationEvent[];
  readonly position: Position;
  readonly more: boolean;
}

export interface HistoryPage {
  readonly events: readonly ConversationEvent[];
  readonly revisions: readonly ConversationEvent[];
  readonly more: boolean;
}

export interface StoreWrites {
  /**
   * The path of a message. `done` is called exactly once, never inside this call. With the embedded store it comes in
   * commit order with the bus's deliveries, which is why it is a call-back and not a promise.
   */
  append(draft: Draft, done: (outcome: Appended | Refused) => void): void;
  /** Moves markers forward only; one beyond the last number is refused with seq_unknown. */
  mark(marks: Marks): Promise<{ readonly ok: true } | Refused>;
  /** The conversation of two users, made when missing. */
  open(request: OpenRequest): Promise<{ readonly ok: true; readonly conversation: ConversationId } | Refused>;
  createUser(user: UserRecord): Promise<{ readonly ok: true } | Refused>;
  rename(user: UserId, name: string): Promise<{ readonly ok: true } | Refused>;
  /**
   * When these were last there, as `peerSeenAt` of the other sides' summaries: the last call wins. Of users that are not
   * stored, or whom another node holds for long, and of classic visitors, nothing is kept. Nobody is told, and no position moves. It is a courtesy and not a
   * promise: one that a crash loses is harmless, the time before it stays true as the last that is known.
   */
  noteSeen(seen: readonly SeenTime[]): Promise<{ readonly ok: true } | Refused>;
  startSession(session: {
    id: string;
    user: UserId;
    expiresAt: number;
  }): Promise<{ readonly ok: true } | Refused>;
  /** Also moves the expiry of a living session. */
  extendSession(id: string, expiresAt: number): Promise<{ readonly ok: true } | Refused>;
  endSession(id: string): Promise<{ readonly ok: true } | Refused>;
}

/** Reads; each sees one consistent state. They reject only when the store cannot be read at all. */
export interface StoreReads {
  /** Names this body of data: cursors of another one are not ours. A restored back-up is another one. */
  readonly epoch: string;
  /** Names whose data it is, for ever: tokens of another one are not ours. It stays when a back-up is restored. */
  readonly realm: string;
  session(id: string): Promise<SessionRecord | undefined>;
  /** Those of them that have ended or are not known. */
  endedSessions(ids: readonly string[]): Promise<ReadonlySet<string>>;
  user(id: UserId): Promise<UserRecord | undefined>;
  /** Guests and members whose name begins with the query, or has a word that does; the query is folded by the adapter. */
  findUsers(query: string, limit: number): Promise<readonly UserRecord[]>;
  membership(conversation: ConversationId): Promise<Membership | undefined>;
  /** Undefined when the user is not in it. */
  conversation(user: UserId, conversation: ConversationId): Promise<Conversation | undefined>;
  /** Those that hold an event, last changed first, changed before `before`. */
  conversations(user: UserId, before: Position | undefined, limit: number): Promise<readonly Conversation[]>;
  history(conversation: ConversationId, before: number | undefined, limit: number): Promise<HistoryPage>;
  /** The user's last change, 0 if none. */
  position(user: UserId): Promise<Position>;
  /** The same of many at once; those who have none are absent. */
  positions(users: readonly UserId[]): Promise<ReadonlyMap<UserId, Position>>;
  /**
   * What changed for the user after `since`, oldest first; `limit` events a page. Undefined when more than `maxEvents`
   * are missing or `since` is after the user's last change: the client must load anew.
   */
  changes(user: UserId, since: Position, limit: number, maxEvents: number): Promise<ChangesPage | undefined>;
  /** Resolves when the store answers, for /readyz. */
  probe(): Promise<void>;
}

export interface Store extends StoreWrites, StoreReads {}

/** Cursors as clients see them. */
export function encodeCursor(epoch: string, position: Position): string {
  return `${epoch}.${position}`;
}

/** Undefined for another store's cursor or one that is none. */
export function decodeCursor(epoch: string, cursor: string): Position | undefined {
  const dot = cursor.lastIndexOf(".");
  if (dot < 0 || cursor.slice(0, dot) !== epoch) return undefined;
  const digits = cursor.slice(dot + 1);
  return /^(0|[1-9]\d{0,14})$/.test(digits) ? Number(digits) : undefined;
}

/**
 * The bus carries hints between workers. It may lose, and nobody relies on it: the store is what is true, and clients
 * notice a missing hint by their cursor and fetch.
 *
 * - Who calls: `publish`, the gateway's domain and (for committed changes) the store's adapter; `onNote` is called in
 *   every worker that subscribed one of the receivers, the publishing one included: there is no second, local path.
 * - Order: notes of one publisher to one user arrive in order, or not at all.
 * - Bounded: a worker that does not take its notes is cut off; its clients come back to another one.
 * - Trust: notes of another machine are checked before use.
 */
import type { ClassicFailure } from "@duologue/protocol";
import type { ConversationId, Origin, Position, UserId } from "./store.ts";

/** A committed event; `json` is the event frame without `cursor` and `prev`, encoded once by the store. */
export interface EventNote {
  readonly kind: "event";
  readonly conversation: ConversationId;
  readonly sender: UserId;
  readonly origin: Origin;
  readonly position: Position;
  /** For each of the two users, the position before. */
  readonly prev: Readonly<Record<UserId, Position>>;
  readonly json: string;
}

export interface MarkersNote {
  readonly kind: "markers";
  readonly conversation: ConversationId;
  readonly user: UserId;
  readonly delivered: number;
  readonly read: number;
  readonly unread: number;
  readonly position: Position;
  readonly prev: Readonly<Record<UserId, Position>>;
}

export interface TypingNote {
  readonly kind: "typing";
  readonly conversation: ConversationId;
  readonly user: UserId;
  readonly active: boolean;
}

/** Between two classic users: relayed, never stored. When nobody is there to take it, `from` gets a FailureNote. */
export interface RelayNote {
  readonly kind: "relay";
  readonly from: UserId;
  readonly text: string;
}

/** To a classic user: something they sent was refused after the fact. */
export interface FailureNote {
  readonly kind: "failure";
  readonly failure: ClassicFailure;
}

export interface SessionEndedNote {
  readonly kind: "session-ended";
  readonly session: string;
}

/** The user's position is at least this: a change may have been missed, whose own note is lost. */
export interface BehindNote {
  readonly kind: "behind";
  readonly position: Position;
}

export type Note =
  | EventNote
  | MarkersNote
  | TypingNote
  | RelayNote
  | FailureNote
  | SessionEndedNote
  | BehindNote;

export interface Bus {
  /** Hands the note on in this turn's batch. */
  publish(to: readonly UserId[], note: Note): void;
  /** The one receiver of this process. `to` holds only users that are subscribed here. */
  onNote(receive: (to: UserId, note: Note) => void): void;
}

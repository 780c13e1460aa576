/** What a process asks the one writer for, and what it answers: plain values, so that they may cross a socket. */
import type { Note } from "../ports/bus.ts";
import type {
  Appended,
  ConversationId,
  Draft,
  Marks,
  OpenRequest,
  Refusal,
  Refused,
  SeenTime,
  UserId,
  UserRecord,
} from "../ports/store.ts";

export interface NewSession {
  readonly id: string;
  readonly user: UserId;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

export type WriteRequest =
  | { readonly op: "append"; readonly draft: Draft }
  | { readonly op: "mark"; readonly marks: Marks }
  | { readonly op: "open"; readonly open: OpenRequest }
  | { readonly op: "create-user"; readonly user: UserRecord }
  | { readonly op: "rename"; readonly user: UserId; readonly name: string }
  | { readonly op: "note-seen"; readonly seen: readonly SeenTime[] }
  | { readonly op: "start-session"; readonly session: NewSession }
  | { readonly op: "extend-session"; readonly id: string; readonly expiresAt: number }
  | { readonly op: "end-session"; readonly id: string }
  /** `expiredBefore` in milliseconds since 1970; at most `limit` of them, the oldest first. */
  | { readonly op: "purge-sessions"; readonly expiredBefore: number; readonly limit: number };

export interface Done {
  readonly ok: true;
}

export interface Opened {
  readonly ok: true;
  readonly conversation: ConversationId;
}

export interface Purged {
  readonly ok: true;
  readonly count: number;
}

interface Successes {
  readonly append: Appended;
  readonly mark: Done;
  readonly open: Opened;
  readonly "create-user": Done;
  readonly rename: Done;
  readonly "note-seen": Done;
  readonly "start-session": Done;
  readonly "extend-session": Done;
  readonly "end-session": Done;
  readonly "purge-sessions": Purged;
}

export type OutcomeOf<R extends WriteRequest> = Successes[R["op"]] | Refused;
export type WriteOutcome = OutcomeOf<WriteRequest>;

/** A committed change and whom to tell of it. */
export interface Publication {
  readonly to: readonly UserId[];
  readonly note: Note;
}

export interface WriteResult {
  readonly outcome: WriteOutcome;
  /** Undefined when nothing changed that somebody else should see. */
  readonly publish: Publication | undefined;
}

/** Hands a request on; `done` is called exactly once, never inside this call. */
export type Submit = <R extends WriteRequest>(request: R, done: (outcome: OutcomeOf<R>) => void) => void;

/** The results that carry nothing of their own, made once. */
export const doneResult: WriteResult = Object.freeze({
  outcome: Object.freeze({ ok: true }),
  publish: undefined,
});

const refusals = new Map<Refusal, WriteResult>();

export function refusedResult(refusal: Refusal): WriteResult {
  let result = refusals.get(refusal);
  if (result === undefined) {
    result = Object.freeze({ outcome: Object.freeze({ ok: false, refusal }), publish: undefined });
    refusals.set(refusal, result);
  }
  return result;
}

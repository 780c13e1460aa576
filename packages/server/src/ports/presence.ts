/**
 * Who is there. A worker leases the presence of the users it holds; the lease is kept alive by the worker's heartbeat
 * and ends with it. One user on many connections is one entry.
 *
 * - `join` decides atomically over all workers of a machine: two look-alike names cannot both come in.
 * - When `join` has answered, notes for the user reach this worker: a read of the store made after it, together with
 *   the notes since, leaves nothing out.
 * - Of several machines, all together are one list while it is short (`lobbyUsers`). Beyond, nobody has it all: who is
 *   there is asked, and watched, user by user, at a cost that does not depend on how many are online.
 * - Every worker applies the same changes in the same order, so lists are equal everywhere, in order of login.
 */
import type { UserId, UserKind } from "./store.ts";

export interface PresentUser {
  readonly id: UserId;
  readonly name: string;
  readonly kind: UserKind;
  /** `ip:port` under which classic users see and reach them; invented (240.0.0.0/4) for everybody else. */
  readonly address: string;
  /** Of several machines: their place in the list, compared as text; absent where the order of the changes is the order. */
  readonly order?: string;
}

export interface JoinRequest {
  readonly id: UserId;
  readonly name: string;
  readonly kind: UserKind;
  /** Names that look alike have a key in common (domain/confusables). Only a guest is refused for one that is taken. */
  readonly nameKeys: readonly string[];
  /** classic: the real address; undefined: invent one. */
  readonly address: string | undefined;
}

export interface NameCandidate {
  readonly name: string;
  readonly nameKeys: readonly string[];
}

export type JoinOutcome =
  | { readonly ok: true; readonly user: PresentUser }
  | { readonly ok: false; readonly reason: "name_taken" | "full" | "unavailable" };

/**
 * Users on other machines: `listed` among the others, or so many, as far as is known, whom the list does not name because
 * too many are online in all.
 */
export type RemoteUsers = "listed" | number;

export interface LobbyChange {
  /** Newly here, or here under a new name. */
  readonly joined: readonly PresentUser[];
  readonly left: readonly PresentUser[];
  /** Absent: as before. */
  readonly remoteUsers?: RemoteUsers;
}

/** This worker's copy of the list, in order of login. */
export interface LobbyView {
  /** Of everybody online, named or not; one who is on two machines may be counted twice while not everybody is named. */
  readonly size: number;
  /** Whether it names everybody; otherwise those of this machine only. */
  readonly isWhole: boolean;
  get(id: UserId): PresentUser | undefined;
  byAddress(address: string): PresentUser | undefined;
  all(): Iterable<PresentUser>;
}

export interface Presence {
  readonly lobby: LobbyView;
  /** One more connection of this user in this worker. */
  join(request: JoinRequest): Promise<JoinOutcome>;
  /** One connection less. `atOnce`: no grace (log-out, classic). */
  leave(id: UserId, atOnce: boolean): void;
  rename(id: UserId, name: string, nameKeys: readonly string[]): Promise<JoinOutcome>;
  /** The first of these that nobody online has or looks like; for a suggestion, it may be gone a moment later. */
  firstFree(candidates: readonly NameCandidate[]): Promise<string | undefined>;
  /** Resolves when the lobby holds everything that was decided, on whichever worker, before the call. */
  settled(): Promise<void>;
  /** Whether they are there, on whichever machine; undefined: not known without asking. */
  isOnline(id: UserId): boolean | undefined;
  /** Those of them who are there, on whichever machine. Resolves within a second; whoever's machine is silent counts as away. */
  findOnline(ids: readonly UserId[]): Promise<ReadonlySet<UserId>>;
  /**
   * From now on their coming and going is told by `onChange` or `onWatched`, and `isOnline` knows them. Resolves when it
   * does, or cannot for the moment. Each id counts once, however often it is given.
   */
  watch(ids: readonly UserId[]): Promise<void>;
  unwatch(ids: readonly UserId[]): void;
  /** Called with those of the watched whose state may have changed. */
  onWatched(receive: (ids: readonly UserId[]) => void): void;
  /** Has every worker tell its list again, though nothing changed: `onChange` with an empty change. */
  rebroadcast(): void;
  /** Called once per batch of changes, after the lobby has them. */
  onChange(receive: (change: LobbyChange) => void): void;
}

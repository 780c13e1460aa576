/** How notes reach users: through the workers of this node, and, where it is not the only one, through other nodes. */
import type { FailureNote, Note } from "../ports/bus.ts";
import type { Appended, Position, UserId } from "../ports/store.ts";

/** The hub's workers, as notes need them. */
export interface LocalWorkers {
  /** One line to each worker that holds one of them. False: none does. */
  send(to: readonly UserId[], note: Note): boolean;
  isHeld(user: UserId): boolean;
  /** Have the connections of everybody, or of these, compared with the store. */
  recheckAll(): void;
  recheck(users: Iterable<UserId>): void;
}

/**
 * There are two: on the only node, and on a node of a cluster. The hub does not know which.
 */
export interface Notes {
  begin(workers: LocalWorkers): void;
  /** To each of these users, wherever they are: each worker and each node that holds one gets it once. */
  publish(to: readonly UserId[], note: Note): void;
  /** Sends the answer to an append when its turn in the sender's chain of changes has come. */
  acknowledge(sender: UserId, change: Appended, send: () => void): void;
  /** What became of a join, when notes of other nodes reach whoever has joined. */
  hold<T>(user: UserId, outcome: T | Promise<T>): T | Promise<T>;
  /** Nobody here holds the user any more; or it is to be looked at for everybody. */
  left(user: UserId): void;
  workerGone(): void;
  /** Something may have been committed of which nobody was told: everybody's position is compared, on all nodes. */
  recheckPositions(): void;
  /** What the store says, after `recheck`. */
  onPosition(user: UserId, position: Position): void;
}

export const OFFLINE: FailureNote = Object.freeze({ kind: "failure", failure: "offline" });

/** On the only node there is. */
export class LocalNotes implements Notes {
  private workers: LocalWorkers | undefined;

  begin(workers: LocalWorkers): void {
    this.workers = workers;
  }

  publish(to: readonly UserId[], note: Note): void {
    const isTaken = this.workers?.send(to, note);
    if (isTaken === false && note.kind === "relay") this.publish([note.from], OFFLINE);
  }

  acknowledge(_sender: UserId, _change: Appended, send: () => void): void {
    send();
  }

  hold<T>(_user: UserId, outcome: T): T {
    return outcome;
  }

  left(): void {}

  workerGone(): void {}

  recheckPositions(): void {
    this.workers?.recheckAll();
  }

  onPosition(): void {}
}

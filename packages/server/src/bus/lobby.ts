/** A worker's copy of the list of who is there. */
import { sharedKind } from "../link/shared-kind.ts";
import type { LobbyChange, LobbyView, PresentUser, RemoteUsers } from "../ports/presence.ts";
import type { UserId } from "../ports/store.ts";

export class Lobby implements LobbyView {
  /** Insertion order is the order of login, unless a change has brought somebody who came earlier elsewhere. */
  private users = new Map<UserId, PresentUser>();
  private readonly addresses = new Map<string, PresentUser>();
  private remoteUsers: RemoteUsers = "listed";
  private last = "";
  private isSorted = true;

  get size(): number {
    return this.users.size + (this.remoteUsers === "listed" ? 0 : this.remoteUsers);
  }

  get isWhole(): boolean {
    return this.remoteUsers === "listed";
  }

  get(id: UserId): PresentUser | undefined {
    return this.users.get(id);
  }

  byAddress(address: string): PresentUser | undefined {
    return this.addresses.get(address);
  }

  all(): Iterable<PresentUser> {
    if (!this.isSorted) {
      const order = ({ order = "" }: PresentUser): string => order;
      this.users = new Map(
        Array.from(this.users).sort(([, one], [, other]) => (order(one) < order(other) ? -1 : 1)),
      );
      this.isSorted = true;
    }
    return this.users.values();
  }

  apply({ joined, left, remoteUsers = this.remoteUsers }: LobbyChange): void {
    this.remoteUsers = remoteUsers;
    for (const user of left) {
      this.users.delete(user.id);
      // Somebody else may have got it in the same change.
      if (this.addresses.get(user.address)?.id === user.id) this.addresses.delete(user.address);
    }
    for (const { id, name, kind, address, order } of joined) {
      const known = this.users.get(id);
      if (known !== undefined && known.address !== address && this.addresses.get(known.address)?.id === id)
        this.addresses.delete(known.address);
      const user: PresentUser = { id, name, kind: sharedKind(kind), address, ...(order && { order }) };
      this.users.set(id, user);
      this.addresses.set(address, user);
      if (order === undefined) continue;
      if (order < this.last || (known !== undefined && known.order !== order)) this.isSorted = false;
      if (order > this.last) this.last = order;
    }
  }
}

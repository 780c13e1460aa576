/**
 * One list of the lists of all nodes: a function of what the nodes have, whichever way it became known, so that it is the
 * same on every node. Who is on several nodes stands in it once, at the place of the first login.
 */
import { createHash } from "node:crypto";
import type { LobbyChange, PresentUser } from "../ports/presence.ts";
import type { UserId } from "../ports/store.ts";
import type { Entry } from "./node-messages.ts";

export class MergedList {
  private readonly users = new Map<UserId, PresentUser>();
  /** Address → those who would have it. */
  private readonly wishes = new Map<string, Set<UserId>>();
  private readonly wished = new Map<UserId, Entry>();

  /** `entriesOf`: of each node that has this user. */
  constructor(private readonly entriesOf: (id: UserId) => Iterable<Entry>) {}

  get size(): number {
    return this.users.size;
  }

  all(): PresentUser[] {
    return [...this.users.values()];
  }

  ids(): Iterable<UserId> {
    return this.users.keys();
  }

  /** Looks at these again; returns what that changed. */
  update(ids: Iterable<UserId>): Pick<LobbyChange, "joined" | "left"> {
    const touched = new Set(ids);
    const neighbours = new Set<UserId>();
    for (const id of touched) for (const address of this.wish(id)) this.collect(address, neighbours);
    const joined: PresentUser[] = [];
    const left: PresentUser[] = [];
    for (const id of touched.union(neighbours)) {
      const before = this.users.get(id);
      const after = this.find(id);
      if (after === undefined) {
        if (before !== undefined) left.push(before);
        this.users.delete(id);
      } else if (!isSame(before, after)) {
        this.users.set(id, after);
        joined.push(after);
      }
    }
    return { joined, left };
  }

  /** Returns the addresses about which it has changed something. */
  private wish(id: UserId): string[] {
    const before = this.wished.get(id);
    const after = this.merge(id);
    if (before !== undefined) {
      const others = this.wishes.get(before.user.address);
      others?.delete(id);
      if (others?.size === 0) this.wishes.delete(before.user.address);
      this.wished.delete(id);
    }
    if (after !== undefined) {
      const others = this.wishes.get(after.user.address) ?? new Set();
      this.wishes.set(after.user.address, others.add(id));
      this.wished.set(id, after);
    }
    return [before, after].flatMap((entry) => (entry === undefined ? [] : [entry.user.address]));
  }

  private collect(address: string, into: Set<UserId>): void {
    for (const id of this.wishes.get(address) ?? []) into.add(id);
  }

  /** The first login counts for place and address, the last name for the name. */
  private merge(id: UserId): Entry | undefined {
    let first: Entry | undefined;
    let named: Entry | undefined;
    for (const entry of this.entriesOf(id)) {
      if (first === undefined || entry.order < first.order) first = entry;
      if (named === undefined || isNamedLater(entry, named)) named = entry;
    }
    if (first === undefined || named === undefined) return undefined;
    return { ...first, user: { ...first.user, name: named.user.name } };
  }

  private find(id: UserId): PresentUser | undefined {
    const entry = this.wished.get(id);
    if (entry === undefined) return undefined;
    const { user, order } = entry;
    for (const other of this.wishes.get(user.address) ?? []) {
      const { order: theirs = order } = this.wished.get(other) ?? {};
      if (theirs < order || (theirs === order && other < id))
        return { ...user, address: inventAddress(id), order };
    }
    return { ...user, order };
  }
}

export function isNamedLater(entry: Entry, than: Entry): boolean {
  return entry.namedAt > than.namedAt || (entry.namedAt === than.namedAt && entry.user.name > than.user.name);
}

/** The same on every node: in 240.0.0.0/4 like other invented ones, and one of so many that it is nobody else's. */
function inventAddress(id: UserId): string {
  const bytes = createHash("sha256").update(id).digest();
  const [first = 0, second = 0, third = 0, fourth = 0] = bytes;
  return `${240 + (first % 15)}.${second}.${third}.${fourth}:${1024 + (bytes.readUInt32BE(4) % 64_512)}`;
}

function isSame(one: PresentUser | undefined, other: PresentUser): boolean {
  return (
    one !== undefined &&
    one.name === other.name &&
    one.address === other.address &&
    one.order === other.order &&
    one.kind === other.kind
  );
}

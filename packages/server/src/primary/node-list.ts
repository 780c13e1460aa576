/**
 * What another node says of its users: its list as far as it is known, and whether it is all of it. Changes are numbered;
 * after a hole the list is asked for, and comes in parts.
 */
import type { NodeId } from "../ports/node-link.ts";
import type { UserId } from "../ports/store.ts";
import type { Entry, NodeMessageOf } from "./node-messages.ts";

/** Ids of users about whom something may have changed. */
export type Touched = Iterable<UserId>;

export class NodeList {
  readonly entries = new Map<UserId, Entry>();
  users = 0;
  lists = true;
  /** When its list was asked for, by the monotonic clock; undefined: it was not. */
  askedAt: number | undefined;
  /** The change up to which `entries` has it; undefined: they are not its list, or not any more. */
  private at: number | undefined;
  private parts: { readonly at: number; readonly entries: Entry[]; next: number } | undefined;

  constructor(readonly node: NodeId) {}

  get isKnown(): boolean {
    return this.at !== undefined;
  }

  /** Users, by its list as far as that is known, otherwise as it said last. */
  get count(): number {
    return this.isKnown ? this.entries.size : this.users;
  }

  /** Returns who is gone with it. */
  alive({ users, lists, at }: NodeMessageOf<"alive">): Touched {
    this.users = users;
    this.lists = lists;
    if (lists) {
      // On one subject, nothing that was said before it comes after it.
      if (this.at !== at) this.at = undefined;
      return [];
    }
    return this.clear();
  }

  change({ at, joined, left }: NodeMessageOf<"change">, most: number): Touched {
    if (this.at === undefined || at <= this.at || !this.lists) return [];
    if (at !== this.at + 1 || this.entries.size + joined.length > most) {
      this.at = undefined;
      return [];
    }
    this.at = at;
    for (const id of left) this.entries.delete(id);
    for (const entry of joined) this.entries.set(entry.user.id, entry);
    return [...left, ...joined.map(({ user }) => user.id)];
  }

  /** A part of the whole list; nothing changes before the last of them. */
  list({ at, part, parts, joined }: NodeMessageOf<"list">, most: number): Touched {
    if (!this.lists || (this.at !== undefined && at <= this.at)) return [];
    if (part === 0) this.parts = { at, entries: [], next: 0 };
    const { parts: known } = this;
    if (known === undefined || known.at !== at || known.next !== part) {
      this.parts = undefined;
      return [];
    }
    known.next += 1;
    known.entries.push(...joined);
    if (known.entries.length > most) this.parts = undefined;
    else if (known.next === parts) return this.replace(known.entries, at);
    return [];
  }

  clear(): Touched {
    const touched = [...this.entries.keys()];
    this.at = undefined;
    this.parts = undefined;
    this.entries.clear();
    return touched;
  }

  private replace(entries: readonly Entry[], at: number): Touched {
    const touched = new Set(this.clear());
    this.at = at;
    this.askedAt = undefined;
    for (const entry of entries) {
      this.entries.set(entry.user.id, entry);
      touched.add(entry.user.id);
    }
    return touched;
  }
}

/**
 * Whose coming and going each connection is told, by name and whatever the number of those online (rules LB7 to LB9).
 * Changes within `lobbyShareMs` share a frame.
 */
import { encodeFrame, type Limits } from "@duologue/protocol";
import type { Clock, Timer } from "../clock.ts";
import { type Fault, fault } from "../domain/fault.ts";
import type { Presence } from "../ports/presence.ts";
import type { UserId } from "../ports/store.ts";
import type { Connection } from "./connection.ts";

const RETRY_MS = 5_000;
const NOBODY: ReadonlySet<UserId> = new Set();

interface States {
  readonly online: UserId[];
  readonly offline: UserId[];
}

export class Watching {
  /** One watcher, the usual case, stands without a set around it. */
  private readonly watchers = new Map<UserId, Connection | Set<Connection>>();
  /** Whose state is being found out. */
  private readonly beginning = new Map<UserId, Promise<void>>();
  private total = 0;
  private changed = new Set<UserId>();
  private timer: Timer | undefined;

  constructor(
    private readonly presence: Presence,
    private readonly clock: Clock,
    private readonly limits: Limits,
  ) {}

  /** Users watched, each counted once. */
  get size(): number {
    return this.watchers.size;
  }

  /** These instead of those before. Resolves when their state is known, as far as it can be, or with why it was refused. */
  async watch(connection: Connection, users: ReadonlySet<UserId>): Promise<Fault | undefined> {
    const before = connection.watched;
    const total = this.total - before.size + users.size;
    if (total > this.limits.watchesPerWorker && users.size > before.size)
      return fault("busy", { retryAfterMs: RETRY_MS });
    this.total = total;
    connection.watched = users;
    const added = [...users].filter((user) => !before.has(user) && this.add(user, connection));
    const removed = [...before].filter((user) => !users.has(user) && this.remove(user, connection));
    if (removed.length > 0) this.presence.unwatch(removed);
    this.begin(added);
    // Those too whom somebody else has just begun to watch.
    await Promise.all(new Set([...users].map((user) => this.beginning.get(user))));
    return undefined;
  }

  /** Everything that is known of these, as far as somebody watches them. */
  frameFor(users: Iterable<UserId>, ref: number): string {
    const states: States = { online: [], offline: [] };
    for (const user of users) this.sort(user, states);
    return encodeFrame({ type: "presence", ref, ...states });
  }

  forget(connection: Connection): void {
    const { watched } = connection;
    if (watched.size === 0) return;
    connection.watched = NOBODY;
    this.total -= watched.size;
    const removed = [...watched].filter((user) => this.remove(user, connection));
    if (removed.length > 0) this.presence.unwatch(removed);
  }

  /** These may have come or gone. */
  onChange(users: Iterable<UserId>): void {
    if (this.watchers.size === 0) return;
    for (const user of users) if (this.watchers.has(user)) this.changed.add(user);
    if (this.changed.size > 0) this.timer ??= this.clock.after(this.limits.lobbyShareMs, () => this.tell());
  }

  private begin(users: readonly UserId[]): void {
    if (users.length === 0) return;
    const known = this.presence.watch(users).finally(() => {
      for (const user of users) if (this.beginning.get(user) === known) this.beginning.delete(user);
    });
    for (const user of users) this.beginning.set(user, known);
  }

  private tell(): void {
    this.timer = undefined;
    const { changed } = this;
    this.changed = new Set();
    const told = new Map<Connection, States>();
    for (const user of changed) {
      for (const connection of this.watchersOf(user)) {
        const states = told.get(connection) ?? { online: [], offline: [] };
        told.set(connection, states);
        this.sort(user, states);
      }
    }
    for (const [connection, states] of told) {
      if (states.online.length + states.offline.length === 0) continue;
      connection.push(encodeFrame({ type: "presence", ...states }));
    }
  }

  private sort(user: UserId, { online, offline }: States): void {
    const isOnline = this.presence.isOnline(user);
    if (isOnline !== undefined) (isOnline ? online : offline).push(user);
  }

  private watchersOf(user: UserId): Iterable<Connection> {
    const watchers = this.watchers.get(user);
    if (watchers === undefined) return [];
    return watchers instanceof Set ? watchers : [watchers];
  }

  /** Whether it is the user's first watcher. */
  private add(user: UserId, connection: Connection): boolean {
    const watchers = this.watchers.get(user);
    if (watchers === undefined) this.watchers.set(user, connection);
    else if (watchers instanceof Set) watchers.add(connection);
    else this.watchers.set(user, new Set([watchers, connection]));
    return watchers === undefined;
  }

  /** Whether it was the user's last watcher. */
  private remove(user: UserId, connection: Connection): boolean {
    const watchers = this.watchers.get(user);
    if (watchers instanceof Set) {
      watchers.delete(connection);
      if (watchers.size > 0) return false;
    }
    return this.watchers.delete(user);
  }
}

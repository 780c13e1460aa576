/**
 * A change that comes after a later one is late; or the later one was never there, and somebody who can publish on the
 * bus has made it up. Nobody but the store knows, and of whom such a thing comes, it is asked. Otherwise one forged
 * position would make everything that follows look late, and markers of the past are not told.
 */
import type { Clock, Timer } from "../clock.ts";
import type { Position, UserId } from "../ports/store.ts";
import type { Reorder } from "./reorder.ts";

/** Questions that come together are asked together, and those about one user no more often than this. */
const SHARE_MS = 200;

export class PositionDoubts {
  private waiting = new Set<UserId>();
  /** Users who were asked for last, each with the position that was the last one here before. */
  private asked = new Map<UserId, Position>();
  private timer: Timer | undefined;

  constructor(
    private readonly clock: Pick<Clock, "after">,
    private readonly order: Reorder,
    /** Has a worker that holds the user ask the store. */
    private readonly ask: (users: Iterable<UserId>) => void,
  ) {}

  /** Only of users who are here: as many as there are is the most that waits. */
  add(user: UserId): void {
    this.waiting.add(user);
    this.timer ??= this.clock.after(SHARE_MS, () => this.askAll());
  }

  /** What the store said after it was asked: a position that was told before, and lies beyond, is not true. */
  answer(user: UserId, position: Position): void {
    const last = this.asked.get(user);
    this.asked.delete(user);
    if (last !== undefined && last > position) this.order.goBack(user, position);
  }

  private askAll(): void {
    const { waiting, order } = this;
    this.timer = undefined;
    this.waiting = new Set();
    this.asked = new Map();
    for (const user of waiting) {
      const last = order.last(user);
      if (last !== undefined) this.asked.set(user, last);
    }
    this.ask(this.asked.keys());
  }
}

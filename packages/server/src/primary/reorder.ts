/**
 * Puts the steps of a user's chain (ports/store.ts: each change says the position before it) back into order when two
 * nodes commit for the same user, and the news of the earlier one takes longer than that of the later one. A client
 * would find its way all the same, by waiting or by a sync; here it costs some milliseconds of patience.
 */
import type { Clock, Timer } from "../clock.ts";
import type { Position, UserId } from "../ports/store.ts";

export interface ReorderOptions {
  readonly clock: Clock;
  /** How long a step may wait for those before it. */
  readonly waitMs?: number;
  /** Steps of one user that may wait; with one more, all of theirs go on. */
  readonly perUser?: number;
  /** Of all users. */
  readonly inAll?: number;
}

const WAIT_MS = 30;
const PER_USER = 64;
const IN_ALL = 20_000;

interface Step {
  readonly prev: Position;
  readonly position: Position;
  readonly run: () => void;
}

interface Chain {
  /** Of the last step that went on; undefined before the first. */
  last: Position | undefined;
  /** By position. */
  waiting: Step[];
  timer: Timer | undefined;
}

export class Reorder {
  /** Steps that waited and went on in order, and those that went on because what was before them did not come. */
  ordered = 0;
  givenUp = 0;
  private readonly chains = new Map<UserId, Chain>();
  private waiting = 0;
  private readonly clock: Clock;
  private readonly waitMs: number;
  private readonly perUser: number;
  private readonly inAll: number;

  constructor({ clock, waitMs, perUser, inAll }: ReorderOptions) {
    this.clock = clock;
    this.waitMs = waitMs ?? WAIT_MS;
    this.perUser = perUser ?? PER_USER;
    this.inAll = inAll ?? IN_ALL;
  }

  /** From now on this user's steps are put in order. */
  begin(user: UserId): void {
    if (!this.chains.has(user)) this.chains.set(user, { last: undefined, waiting: [], timer: undefined });
  }

  /** Nobody is there to whom the order matters. What waits goes on: among it are answers that a worker counts on. */
  end(user: UserId): void {
    const chain = this.chains.get(user);
    if (chain === undefined) return;
    chain.timer?.cancel();
    this.waiting -= chain.waiting.length;
    this.chains.delete(user);
    for (const { run } of chain.waiting) run();
  }

  /** Whether a step would go on at once. */
  isNext(user: UserId, prev: Position): boolean {
    const last = this.chains.get(user)?.last;
    return last === undefined || prev <= last;
  }

  /** Whether a later step has gone on already. */
  isPast(user: UserId, position: Position): boolean {
    return position < (this.chains.get(user)?.last ?? position);
  }

  /** Of the last step that went on, if there was one. */
  last(user: UserId): Position | undefined {
    return this.chains.get(user)?.last;
  }

  /** The last step was not true: the chain is there only. */
  goBack(user: UserId, position: Position): void {
    const chain = this.chains.get(user);
    if (chain?.last !== undefined && chain.last > position) chain.last = position;
  }

  /** Runs it now, or when the steps before it have gone on, or when it has waited long enough. */
  pass(user: UserId, prev: Position, position: Position, run: () => void): void {
    const chain = this.chains.get(user);
    if (chain === undefined) {
      run();
      return;
    }
    const step: Step = { prev, position, run };
    if (!this.isNext(user, prev)) {
      this.hold(chain, step);
      return;
    }
    this.take(chain, step);
    if (chain.waiting.length > 0) this.takeWaiting(chain);
  }

  private take(chain: Chain, { position, run }: Step): void {
    if (chain.last === undefined || position > chain.last) chain.last = position;
    run();
  }

  private takeWaiting(chain: Chain): void {
    for (;;) {
      const [next] = chain.waiting;
      if (next === undefined || (chain.last !== undefined && next.prev > chain.last)) break;
      chain.waiting.shift();
      this.waiting -= 1;
      this.ordered += 1;
      this.take(chain, next);
    }
    if (chain.waiting.length > 0) return;
    chain.timer?.cancel();
    chain.timer = undefined;
  }

  private hold(chain: Chain, step: Step): void {
    const { waiting } = chain;
    let index = waiting.length;
    // Equal ones stay in the order in which they came: an event, then its answer.
    while (index > 0 && (waiting[index - 1]?.position ?? 0) > step.position) index -= 1;
    waiting.splice(index, 0, step);
    this.waiting += 1;
    if (waiting.length > this.perUser || this.waiting > this.inAll) this.giveUp(chain);
    else chain.timer ??= this.clock.after(this.waitMs, () => this.giveUp(chain));
  }

  private giveUp(chain: Chain): void {
    const { waiting } = chain;
    chain.waiting = [];
    chain.timer?.cancel();
    chain.timer = undefined;
    this.waiting -= waiting.length;
    this.givenUp += waiting.length;
    for (const step of waiting) this.take(chain, step);
  }
}

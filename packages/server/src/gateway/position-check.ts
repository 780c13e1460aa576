/**
 * Finds the connections that missed something, when the bus may have lost anything for anybody, and those that were told
 * what is not so: compares what each was told with the store. A bounded number at a time, so that ten thousand
 * connections, and the syncs of those that are behind, are spread over some seconds; who is missed all the same learns it
 * by the next ping (rule SY4).
 */
import type { Clock } from "../clock.ts";
import type { Logger } from "../log.ts";
import type { Position, StoreReads, UserId } from "../ports/store.ts";
import type { Connections } from "./connections.ts";

const USERS_PER_STEP = 200;
const STEP_MS = 50;

export class PositionCheck {
  private isRunning = false;
  /** Users whose turn is yet to come. */
  private readonly waiting = new Set<UserId>();
  /** Those of them of whom the primary wants to know, too. */
  private readonly asked = new Set<UserId>();

  constructor(
    private readonly connections: Connections,
    private readonly store: Pick<StoreReads, "positions" | "endedSessions">,
    private readonly clock: Clock,
    private readonly log: Logger,
    /** What the store says of those who were asked for by `answer`. */
    private readonly onPositions: (positions: readonly (readonly [UserId, Position])[]) => void,
  ) {}

  /** Everybody. Who was looked at before is looked at again: what was lost may have been lost since. */
  begin(): void {
    this.add(this.connections.present());
  }

  /** These, and what the store says of them goes to the primary. */
  answer(users: readonly UserId[]): void {
    for (const user of users) this.asked.add(user);
    this.add(users);
  }

  private add(users: readonly UserId[]): void {
    for (const user of users) this.waiting.add(user);
    if (!this.isRunning) void this.run();
  }

  private async run(): Promise<void> {
    this.isRunning = true;
    while (this.waiting.size > 0) {
      const users = [...this.waiting.values().take(USERS_PER_STEP)];
      for (const user of users) this.waiting.delete(user);
      const answered = users.filter((user) => this.asked.delete(user));
      await this.check(users, answered);
      if (this.waiting.size > 0) await this.pause();
    }
    this.isRunning = false;
  }

  /** Never rejects. */
  private async check(users: readonly UserId[], answered: readonly UserId[]): Promise<void> {
    const { connections, store } = this;
    // The word that a session has ended may have been lost too. A member's is the site's, and nothing here ends it.
    const sessions = new Map<string, UserId>();
    for (const user of users)
      for (const session of connections.guestSessions(user)) sessions.set(session, user);
    const told = new Map(users.map((user) => [user, connections.toldTo(user)]));
    try {
      const [positions, ended] = await Promise.all([
        store.positions(users),
        store.endedSessions([...sessions.keys()]),
      ]);
      for (const [user, before] of told) connections.compare(user, before, positions.get(user) ?? 0);
      if (answered.length > 0)
        this.onPositions(answered.map((user) => [user, positions.get(user) ?? 0] as const));
      for (const session of ended) {
        connections.deliver(sessions.get(session) ?? "", { kind: "session-ended", session });
      }
    } catch (error) {
      this.log.debug({ error }, "positions could not be compared");
    }
  }

  private pause(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.clock.after(STEP_MS, resolve);
    return promise;
  }
}

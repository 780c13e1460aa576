/**
 * Finds the connections that missed something, when the bus may have lost anything for anybody: compares what each was
 * told with the store. A bounded number at a time, so that ten thousand connections, and the syncs of those that are
 * behind, are spread over some seconds; who is missed all the same learns it by the next ping (rule SY4).
 */
import type { Clock } from "../clock.ts";
import type { Logger } from "../log.ts";
import type { StoreReads, UserId } from "../ports/store.ts";
import type { Connections } from "./connections.ts";

const USERS_PER_STEP = 200;
const STEP_MS = 50;

export class PositionCheck {
  private isRunning = false;
  private isWanted = false;

  constructor(
    private readonly connections: Connections,
    private readonly store: Pick<StoreReads, "positions" | "endedSessions">,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {}

  /** While one runs, one more follows it: what it has passed already may have been lost since. */
  begin(): void {
    this.isWanted = true;
    if (!this.isRunning) void this.run();
  }

  private async run(): Promise<void> {
    this.isRunning = true;
    while (this.isWanted) {
      this.isWanted = false;
      const users = this.connections.present();
      for (let start = 0; start < users.length; start += USERS_PER_STEP) {
        await this.check(users.slice(start, start + USERS_PER_STEP));
        if (start + USERS_PER_STEP < users.length) await this.pause();
      }
    }
    this.isRunning = false;
  }

  /** Never rejects. */
  private async check(users: readonly UserId[]): Promise<void> {
    const { connections, store } = this;
    // The word that a session has ended may have been lost too. A member's is the site's, and nothing here ends it.
    const sessions = new Map<string, UserId>();
    for (const user of users)
      for (const session of connections.guestSessions(user)) sessions.set(session, user);
    try {
      const [positions, ended] = await Promise.all([
        store.positions(users),
        store.endedSessions([...sessions.keys()]),
      ]);
      for (const [user, position] of positions) connections.tellBehind(user, position);
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

/**
 * Positions of single users, read together. Every client's ping asks for its own, and with many connections those are most
 * of all reads: one statement for many costs a tenth of one for each.
 */
import type { Clock, Timer } from "../../clock.ts";
import type { Position, UserId } from "../../ports/store.ts";

export interface SharedPositionsOptions {
  readonly clock: Pick<Clock, "after">;
  /** Those who are missing have the position 0. */
  readonly read: (users: readonly UserId[]) => Promise<ReadonlyMap<UserId, Position>>;
}

/** How long a question waits for others: short beside what a ping is for, long beside a statement. */
export const SHARE_MS = 20;

interface Question {
  readonly user: UserId;
  readonly resolve: (position: Position) => void;
  readonly reject: (error: unknown) => void;
}

export class SharedPositions {
  #questions: Question[] = [];
  #timer: Timer | undefined;
  readonly #options: SharedPositionsOptions;

  constructor(options: SharedPositionsOptions) {
    this.#options = options;
  }

  /** As it is when the statement is sent, which is after the call. Rejects as the statement does. */
  position(user: UserId): Promise<Position> {
    const { promise, resolve, reject } = Promise.withResolvers<Position>();
    this.#questions.push({ user, resolve, reject });
    this.#timer ??= this.#options.clock.after(SHARE_MS, () => void this.#ask());
    return promise;
  }

  async #ask(): Promise<void> {
    const questions = this.#questions;
    this.#questions = [];
    this.#timer = undefined;
    try {
      const positions = await this.#options.read([...new Set(questions.map(({ user }) => user))]);
      for (const { user, resolve } of questions) resolve(positions.get(user) ?? 0);
    } catch (error) {
      for (const { reject } of questions) reject(error);
    }
  }
}

/**
 * Which of a user's tabs leads: the one that has the lock. A browser may freeze that one for as long as it likes, and the
 * lock stays with it; so the others ask it now and then, and one that is not answered takes the lock away. Whoever led
 * and wakes up finds out before it writes anything.
 */
import type { Environment, TabEnvironment, TabLock, Timer } from "./environment.ts";
import { LEADER_ASK_MS, LEADER_ASKS, LEADER_AWAKE_MS, LEADER_FROZEN_MS, TAB_REQUESTS } from "./limits.ts";

export interface LeadershipOptions {
  readonly environment: Environment;
  readonly tabs: TabEnvironment;
  /** The lock's. */
  readonly name: string;
  /** This tab leads from now on. */
  readonly won: () => void;
  /** Another tab leads from now on. */
  readonly lost: () => void;
  /** Nothing was heard of the leader for a while. */
  readonly ask: () => void;
}

export class Leadership {
  readonly #options: LeadershipOptions;
  #lock: TabLock | undefined;
  /** Following: when to ask. Leading: when to notice that one was frozen. */
  #timer: Timer | undefined;
  #wasHeard = false;
  #unanswered = 0;
  /** Leading: when this tab last ran, ms since 1970. */
  #awakeAt = 0;
  /** Leading, and not sure of it: what waits until it is. */
  #waiting: (() => void)[] | undefined;

  constructor(options: LeadershipOptions) {
    this.#options = options;
  }

  /** Waits for the lock. */
  join(): void {
    this.#request(false);
  }

  leave(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#waiting = undefined;
    this.#lock?.release();
    this.#lock = undefined;
  }

  /** Takes the lock from whoever has it. */
  takeOver(): void {
    this.#request(true);
  }

  /** Following: the leader said something. From then on it is watched. */
  heard(): void {
    this.#wasHeard = true;
    if (this.#timer === undefined) this.#watch();
  }

  /** Following no more, without leading. */
  stopWatching(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /**
   * Leading: runs it at once, or, when this tab may have been frozen for so long that another one leads, after it has turned
   * out that none does. False: too much waits already.
   */
  whenSure(run: () => void): boolean {
    const now = this.#options.environment.now();
    if (this.#waiting === undefined && now - this.#awakeAt < LEADER_FROZEN_MS) {
      this.#awakeAt = now;
      run();
      return true;
    }
    if (this.#waiting === undefined) this.#confirm();
    if (this.#waiting === undefined || this.#waiting.length >= TAB_REQUESTS) return false;
    this.#waiting.push(run);
    return true;
  }

  #request(steal: boolean): void {
    const { tabs, name, won, lost } = this.#options;
    this.#lock?.release();
    const events = {
      granted: (): void => {
        if (this.#lock !== lock) return;
        this.#awakeAt = this.#options.environment.now();
        this.#stayAwake();
        won();
      },
      lost: (): void => {
        if (this.#lock === lock) lost();
      },
    };
    const lock = tabs.lock(name, events, steal);
    this.#lock = lock;
  }

  #confirm(): void {
    const lock = this.#lock;
    this.#waiting = [];
    lock?.confirm((isHeld) => {
      if (this.#lock !== lock) return;
      const waiting = this.#waiting ?? [];
      this.#waiting = undefined;
      this.#awakeAt = this.#options.environment.now();
      if (!isHeld) this.#options.lost();
      else for (const run of waiting) run();
    });
  }

  #stayAwake(): void {
    this.#timer?.cancel();
    this.#timer = this.#options.environment.after(LEADER_AWAKE_MS, () => {
      this.whenSure(() => undefined);
      this.#stayAwake();
    });
  }

  #watch(): void {
    const { environment, ask } = this.#options;
    // Not all tabs at once.
    const delayMs = LEADER_ASK_MS * (1 + environment.random() / 4);
    this.#timer = environment.after(delayMs, () => {
      this.#unanswered = this.#wasHeard ? 0 : this.#unanswered + 1;
      this.#wasHeard = false;
      if (this.#unanswered > LEADER_ASKS) {
        this.#unanswered = 0;
        this.takeOver();
      } else if (this.#unanswered > 0) {
        ask();
      }
      this.#watch();
    });
  }
}

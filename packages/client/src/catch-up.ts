/**
 * Keeps the user's cursor: every lasting change is a step from one cursor to the next (SPEC SY1), so a step that does
 * not begin at our cursor shows that something is missing, and `sync` fetches it. Cursors are opaque: only equality counts.
 */
import type { ServerFrameOf } from "@duologue/protocol";
import type { Environment, Timer } from "./environment.ts";
import type { RequestError } from "./errors.ts";
import { STEP_WAIT_MS, STEPS_KEPT } from "./limits.ts";
import type { Requests } from "./requests.ts";

export type Step = ServerFrameOf<"event" | "ack" | "markers">;
export type ChangesPage = Pick<
  ServerFrameOf<"changes">,
  "conversations" | "events" | "cursor" | "more" | "reset"
>;

export interface CatchUpEvents {
  /** May come more than once for the same step. */
  apply(step: Step): void;
  applyPage(page: ChangesPage): void;
  /** The chain is broken for good: forget everything and load anew. */
  reset(): void;
  /** A sync failed for another reason than a cut: the connection is of no use. */
  failed(): void;
}

/** A step that has a place in the chain. */
type ChainedStep = Step & { readonly cursor: string; readonly prev: string };

interface KeptStep {
  readonly step: ChainedStep;
  /** How many sync requests had been written when it came. */
  readonly round: number;
}

export class CatchUp {
  readonly #environment: Environment;
  readonly #requests: Requests;
  readonly #events: CatchUpEvents;
  #cursor: string | undefined;
  #kept: KeptStep[] = [];
  /** During this sync, because there were too many. */
  #hasDropped = false;
  /** Cursors of steps already taken, the youngest last: a repeat of one of them is nothing new. */
  #passed = new Set<string>();
  #round = 0;
  #syncing = false;
  #timer: Timer | undefined;

  constructor(environment: Environment, requests: Requests, events: CatchUpEvents) {
    this.#environment = environment;
    this.#requests = requests;
    this.#events = events;
  }

  get cursor(): string | undefined {
    return this.#cursor;
  }

  get syncing(): boolean {
    return this.#syncing;
  }

  /** From `welcome`: either a first position, or the answer to the cursor in our hello. */
  begin(cursor: string, page: ChangesPage | undefined): void {
    if (page === undefined) {
      this.#cursor = cursor;
      return;
    }
    this.#syncing = true;
    this.#round += 1;
    this.#onPage(page);
  }

  /** The next `begin` is a first one. */
  forget(): void {
    this.disconnected();
    this.#cursor = undefined;
    this.#passed.clear();
  }

  receive(step: Step): void {
    if (!isChained(step)) {
      this.#events.apply(step);
      return;
    }
    if (this.#syncing) {
      this.#keep(step);
    } else if (step.prev === this.#cursor) {
      this.#take(step);
      this.#takeKept();
    } else if (this.#passed.has(step.cursor)) {
      // A repeat, or an answer that a page was quicker than: a page that resets holds no events to say so.
      this.#events.apply(step);
    } else {
      this.#keep(step);
      this.#syncLater();
    }
  }

  sync(): void {
    if (this.#syncing || this.#cursor === undefined) return;
    this.#syncing = true;
    this.#cancelTimer();
    this.#ask(this.#cursor);
  }

  /** The cursor stays; the next `begin` goes on from it. */
  disconnected(): void {
    this.#syncing = false;
    this.#kept = [];
    this.#hasDropped = false;
    this.#cancelTimer();
  }

  #ask(cursor: string): void {
    this.#round += 1;
    this.#requests.start<"sync">({ type: "sync", cursor }, false, {
      done: (page) => this.#onPage(page),
      failed: (error) => this.#onFailed(error),
    });
  }

  #onPage(page: ChangesPage): void {
    if (page.reset === true) this.#events.reset();
    this.#events.applyPage(page);
    for (const event of page.events) this.#pass(event.cursor);
    this.#cursor = page.cursor;
    this.#pass(page.cursor);
    if (page.more) {
      this.#ask(page.cursor);
      return;
    }
    this.#syncing = false;
    this.#replay();
    if (!this.#hasDropped) return;
    this.#hasDropped = false;
    this.sync();
  }

  #onFailed(error: RequestError): void {
    if (!this.#syncing) return;
    this.#syncing = false;
    if (error.code !== "disconnected") this.#events.failed();
  }

  /**
   * What came while the pages did. A step that was here before the last page was asked for is in that page or before it,
   * since the store commits before it tells anybody; a younger one must fit, or another sync fetches what is before it.
   */
  #replay(): void {
    const kept = this.#kept;
    this.#kept = [];
    for (const { step, round } of kept) {
      if (round < this.#round || this.#passed.has(step.cursor)) this.#events.apply(step);
      else this.#kept.push({ step, round });
    }
    this.#takeKept();
    if (this.#kept.length > 0) this.#syncLater();
  }

  #takeKept(): void {
    for (;;) {
      const index = this.#kept.findIndex(({ step }) => step.prev === this.#cursor);
      const [next] = index < 0 ? [] : this.#kept.splice(index, 1);
      if (next === undefined) break;
      this.#take(next.step);
    }
    if (this.#kept.length === 0) this.#cancelTimer();
  }

  #take(step: ChainedStep): void {
    this.#events.apply(step);
    this.#cursor = step.cursor;
    this.#pass(step.cursor);
  }

  #keep(step: ChainedStep): void {
    this.#kept.push({ step, round: this.#round });
    if (this.#kept.length <= STEPS_KEPT) return;
    this.#kept = [];
    // While a sync runs, the steps that were dropped may lie behind its last page: look once more when it ends.
    if (this.#syncing) this.#hasDropped = true;
    else this.sync();
  }

  #syncLater(): void {
    this.#timer ??= this.#environment.after(STEP_WAIT_MS, () => {
      this.#timer = undefined;
      if (this.#syncing) this.#syncLater();
      else this.sync();
    });
  }

  #pass(cursor: string): void {
    this.#passed.add(cursor);
    const [oldest] = this.#passed;
    if (this.#passed.size > STEPS_KEPT && oldest !== undefined) this.#passed.delete(oldest);
  }

  #cancelTimer(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}

/** The acknowledgement of a repeat is not: it changed nothing. */
function isChained(step: Step): step is ChainedStep {
  return step.cursor !== undefined && step.prev !== undefined;
}

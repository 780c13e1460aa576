/**
 * Group commit. Requests of one turn of the event loop become one transaction; while it runs, the next one fills up
 * in the sockets and then here. No timer: a lone request waits for the end of its turn only. A store behind a network
 * answers later: then the next transaction begins when the one before is answered, so that the order stays.
 */

import type { Clock } from "../clock.ts";
import type { Note } from "../ports/bus.ts";
import type { UserId } from "../ports/store.ts";
import {
  type OutcomeOf,
  refusedResult,
  type WriteOutcome,
  type WriteRequest,
  type WriteResult,
} from "./requests.ts";

export interface BatchCommitter {
  /** Carried out in their order: a result for each request. Never throws or rejects, and is not called during a promise. */
  commit(requests: readonly WriteRequest[]): readonly WriteResult[] | Promise<readonly WriteResult[]>;
  /** Work that may follow when the answers are out, such as a checkpoint. Never throws. */
  maintain(): void;
}

export interface BatchingOptions {
  readonly committer: BatchCommitter;
  readonly clock: Pick<Clock, "endOfTurn">;
  readonly publish: (to: readonly UserId[], note: Note) => void;
  /** A receiver of an answer or a publication threw: a defect, but the other requests of the batch go on. */
  readonly onFault: (error: unknown) => void;
  /** Requests that may wait; one more is refused with `busy`. */
  readonly maxQueued?: number;
  /** The texts of those that may wait; with a longer one it is the same. */
  readonly maxQueuedCharacters?: number;
  /** Requests of one transaction: bounds how long readers of its answers wait. */
  readonly maxBatch?: number;
}

interface Waiting {
  readonly request: WriteRequest;
  readonly done: (outcome: WriteOutcome) => void;
}

/** Above this, a waiting request would wait for a second and more on a slow disk. */
const DEFAULT_MAX_QUEUED = 50_000;
/** Long texts are what takes memory while the store is away: two bytes for each, at most. */
const DEFAULT_MAX_QUEUED_CHARACTERS = 32 * 1_048_576;
const DEFAULT_MAX_BATCH = 1000;
/** Of a user and a time. */
const SIGHTING_CHARACTERS = 50;

export class BatchingWriter {
  readonly #options: BatchingOptions;
  readonly #maxQueued: number;
  readonly #maxQueuedCharacters: number;
  readonly #maxBatch: number;
  #queue: Waiting[] = [];
  #queuedCharacters = 0;
  #refused: Waiting[] = [];
  #scheduled = false;
  /** The batch that is under way; undefined when there is none. */
  #underWay: Promise<void> | undefined;
  #closed = false;
  #committed = 0;

  constructor(options: BatchingOptions) {
    this.#options = options;
    this.#maxQueued = options.maxQueued ?? DEFAULT_MAX_QUEUED;
    this.#maxQueuedCharacters = options.maxQueuedCharacters ?? DEFAULT_MAX_QUEUED_CHARACTERS;
    this.#maxBatch = options.maxBatch ?? DEFAULT_MAX_BATCH;
  }

  /** Requests that wait for a transaction. */
  get queued(): number {
    return this.#queue.length;
  }

  /** Requests carried out since the start, refused ones not counted. */
  get committed(): number {
    return this.#committed;
  }

  /**
   * `done` is called exactly once, never inside this call: in commit order, each one after the publication of its own
   * change and before that of the next. One refused with `busy` or, after `close`, `unavailable` may be answered
   * before requests made earlier.
   */
  submit<R extends WriteRequest>(request: R, done: (outcome: OutcomeOf<R>) => void): void {
    // The outcome always belongs to the request's own operation: the writer's switch over `op` sees to it.
    const waiting = { request, done: done as (outcome: WriteOutcome) => void };
    const characters = this.#queuedCharacters + charactersOf(request);
    const hasRoom = this.#queue.length < this.#maxQueued && characters <= this.#maxQueuedCharacters;
    if (this.#closed || !hasRoom) this.#refused.push(waiting);
    else {
      this.#queue.push(waiting);
      this.#queuedCharacters = characters;
    }
    this.#schedule();
  }

  /** Carries out what waits, and refuses everything from then on. Has ended at once unless it gives a promise. */
  close(): Promise<void> | undefined {
    this.#closed = true;
    while (this.#queue.length > 0 && this.#underWay === undefined) this.#commitBatch();
    return this.#underWay?.then(() => this.close());
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#options.clock.endOfTurn(() => {
      this.#scheduled = false;
      this.#answerRefused();
      if (this.#queue.length > 0 && this.#underWay === undefined) this.#commitBatch();
      const mayGoOn = this.#queue.length > 0 && this.#underWay === undefined;
      if (mayGoOn || this.#refused.length > 0) this.#schedule();
    });
  }

  #answerRefused(): void {
    if (this.#refused.length === 0) return;
    const refused = this.#refused;
    this.#refused = [];
    const { outcome } = refusedResult(this.#closed ? "unavailable" : "busy");
    for (const { done } of refused) this.#guard(() => done(outcome));
  }

  #commitBatch(): void {
    const batch = this.#queue.length <= this.#maxBatch ? this.#queue : this.#queue.slice(0, this.#maxBatch);
    this.#queue = batch === this.#queue ? [] : this.#queue.slice(this.#maxBatch);
    for (const { request } of batch) this.#queuedCharacters -= charactersOf(request);
    const results = this.#options.committer.commit(batch.map((waiting) => waiting.request));
    if (!(results instanceof Promise)) {
      this.#answer(batch, results);
      return;
    }
    this.#underWay = results.then((late) => {
      this.#underWay = undefined;
      this.#answer(batch, late);
      if (this.#queue.length > 0) this.#schedule();
    });
  }

  #answer(batch: readonly Waiting[], results: readonly WriteResult[]): void {
    const { committer, publish } = this.#options;
    for (let index = 0; index < batch.length; index += 1) {
      const { outcome, publish: publication } = results[index] ?? refusedResult("unavailable");
      if (outcome.ok) this.#committed += 1;
      if (publication !== undefined) this.#guard(() => publish(publication.to, publication.note));
      this.#guard(() => batch[index]?.done(outcome));
    }
    committer.maintain();
  }

  #guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#options.onFault(error);
    }
  }
}

/** About: what is not said here is short. */
function charactersOf(request: WriteRequest): number {
  switch (request.op) {
    case "append":
      return request.draft.body?.length ?? 0;
    case "note-seen":
      return request.seen.length * SIGHTING_CHARACTERS;
    default:
      return 0;
  }
}

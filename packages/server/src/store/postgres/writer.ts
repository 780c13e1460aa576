/**
 * A node's writer: its batches go to the database as transactions, on one connection, one after the other. Of several
 * nodes that change the same conversations at the same time each waits for the locks of its people (batch-state.ts).
 */
import type { Clock } from "../../clock.ts";
import type { UserId } from "../../ports/store.ts";
import { refusedResult, type WriteRequest, type WriteResult } from "../requests.ts";
import type { Connection } from "./connection.ts";
import type { Identities } from "./identities.ts";
import { HeldPeople } from "./people-locks.ts";
import { rename } from "./people-writes.ts";
import { rehearse } from "./rehearsal.ts";
import { Transaction, type TransactionMode } from "./transaction.ts";
import { judgeTrouble, type PostgresTrouble } from "./trouble.ts";

export interface PostgresWriterOptions {
  readonly clock: Pick<Clock, "now" | "monotonic" | "after" | "random" | "randomId">;
  /** A batch that meets hindrances is tried again, in smaller parts, for as long as this; what is left then is refused. */
  readonly patienceMs: number;
  /** A transaction failed; its requests were answered with `unavailable`. For the log. */
  readonly onFault: (error: unknown) => void;
}

/** The connection is gone, or no use any more. What is not in the results yet was not done, and may be tried again. */
export class ConnectionLostError extends Error {
  override readonly name = "ConnectionLostError";
}

/** Transactions that the server undid for others' sake are tried again this often. */
const MAX_REPEATS = 6;
const REPEAT_SPREAD_MS = 20;
/** After a transaction that took too long, and for each that went well since, so many more may go together again. */
const GROWTH = 1.1;
/** So long after a repeat more of them are likely. */
const REPEATED_MS = 1_000;
/** Troubles that may be those of a few, or of so many at once. */
const PARTED: ReadonlySet<PostgresTrouble> = new Set<PostgresTrouble>(["request", "known", "locked", "slow"]);

/** Texts of one transaction, in UTF-16 units: however long they are, a statement must end in its time. */
const MAX_CHARACTERS = 4_000_000;
/** Of one transaction: others' messages wait for them. */
const MAX_SIGHTINGS = 1_000;

/** They lock rows in an order of their own, and so need transactions of their own. */
type RenameRequest = Extract<WriteRequest, { op: "rename" }>;

export class PostgresWriter {
  readonly #connection: Connection;
  readonly #identities: Identities;
  readonly #options: PostgresWriterOptions;
  readonly #held: HeldPeople;
  /** Requests of one transaction: fewer after one that took too long. */
  #mostTogether = Number.POSITIVE_INFINITY;
  /** Of the last repeat, on the clock that never goes back. */
  #repeatedAt = Number.NEGATIVE_INFINITY;
  #fullness: unknown;

  /** `identities` stay right as long as the connection is the same. */
  constructor(connection: Connection, identities: Identities, options: PostgresWriterOptions) {
    this.#connection = connection;
    this.#identities = identities;
    this.#options = options;
    this.#held = new HeldPeople(options.clock);
  }

  /** What the last transaction failed of when the server had no room for it; undefined otherwise. */
  get fullness(): unknown {
    return this.#fullness;
  }

  /**
   * Sees by a transaction that leaves nothing behind whether batches can be committed. False: there is no room. Rejects
   * with ConnectionLostError.
   */
  async rehearse(): Promise<boolean> {
    try {
      await rehearse(this.#connection);
      this.#fullness = undefined;
      return true;
    } catch (error) {
      if (judgeTrouble(error) !== "full") throw lost(error);
      this.#fullness = error;
      await this.#rollBack();
      return false;
    }
  }

  /**
   * Carries the requests out in their order, and adds a result for each. Rejects with ConnectionLostError only: then
   * those that have no result yet are as if they had not been made.
   */
  async commit(requests: readonly WriteRequest[], results: WriteResult[]): Promise<void> {
    const giveUpAt = this.#options.clock.monotonic() + this.#options.patienceMs;
    const mode = { lookUpAll: this.#looksUp, isPatient: true, held: this.#held };
    const names = lastNames(requests);
    while (results.length < requests.length) {
      const start = results.length;
      const request = requests[start];
      if (this.#isTooLate(giveUpAt)) this.#refuse(requests.slice(start), results);
      else if (request?.op === "rename") {
        const name = names.get(request.user) ?? request.name;
        results.push(await this.#rename({ ...request, name }, mode));
      } else {
        const end = findEnd(requests, start, this.#mostTogether);
        await this.#together(requests.slice(start, end), results, mode, giveUpAt);
      }
    }
    this.#identities.trim();
  }

  async #together(
    requests: readonly WriteRequest[],
    results: WriteResult[],
    firstMode: TransactionMode,
    giveUpAt: number,
  ): Promise<void> {
    if (requests.length === 0) return;
    let mode = firstMode;
    for (let repeat = 0; ; repeat += 1) {
      const transaction = new Transaction(this.#connection, this.#identities, this.#options.clock, mode);
      try {
        const carriedOut = await transaction.carryOut(requests);
        for (const result of carriedOut) results.push(result);
        if (carriedOut.some(isRepeat)) this.#noteRepeat();
        this.#fullness = undefined;
        if (requests.length >= this.#mostTogether) this.#mostTogether *= GROWTH;
        return;
      } catch (error) {
        const trouble = judgeTrouble(error);
        if (trouble === "lost") {
          // Nobody knows whether it was done: whoever asks again with the same id gets the truth.
          if (transaction.isCommitting) this.#refuse(requests, results);
          throw lost(error);
        }
        await this.#rollBack();
        if (trouble === "slow") {
          this.#mostTogether = Math.max(1, Math.floor(requests.length / 2));
          // It may have waited for many rows, a little for each.
          mode = { ...mode, isPatient: false };
        }
        if (trouble === "known" && !mode.lookUpAll) mode = { ...mode, lookUpAll: true };
        else if (trouble === "locked" && mode.isPatient) mode = { ...mode, isPatient: false };
        else if (trouble === "again" && repeat < MAX_REPEATS) await this.#pause();
        else if (PARTED.has(trouble) && requests.length > 1 && !this.#isTooLate(giveUpAt)) {
          // Half of them at a time, until the one is alone that cannot be taken.
          const middle = Math.ceil(requests.length / 2);
          await this.#together(requests.slice(0, middle), results, mode, giveUpAt);
          if (this.#isTooLate(giveUpAt)) this.#refuse(requests.slice(middle), results);
          else await this.#together(requests.slice(middle), results, mode, giveUpAt);
          return;
        } else {
          this.#options.onFault(error);
          this.#refuse(requests, results);
          if (trouble === "full") this.#fullness = error;
          // Tables that are not as they should be: a new connection looks at them anew.
          if (trouble === "failed") throw lost(error);
          return;
        }
      }
    }
  }

  async #rename({ user, name }: RenameRequest, firstMode: TransactionMode): Promise<WriteResult> {
    let mode = firstMode;
    for (let repeat = 0; ; repeat += 1) {
      try {
        return await rename(this.#connection, user, name, mode);
      } catch (error) {
        const trouble = judgeTrouble(error);
        if (trouble === "lost") throw lost(error);
        await this.#rollBack();
        if (trouble === "locked" && mode.isPatient) mode = { ...mode, isPatient: false };
        else if (trouble === "again" && repeat < MAX_REPEATS) await this.#pause();
        else {
          this.#options.onFault(error);
          return refusedResult("unavailable");
        }
      }
    }
  }

  /** Who repeats once often goes on: it costs less to look all ids up than to be undone by one that is known. */
  get #looksUp(): boolean {
    return this.#options.clock.monotonic() < this.#repeatedAt + REPEATED_MS;
  }

  #noteRepeat(): void {
    this.#repeatedAt = this.#options.clock.monotonic();
  }

  #isTooLate(giveUpAt: number): boolean {
    return this.#options.clock.monotonic() >= giveUpAt;
  }

  #refuse(requests: readonly WriteRequest[], results: WriteResult[]): void {
    for (let count = requests.length; count > 0; count -= 1) results.push(refusedResult("unavailable"));
  }

  async #rollBack(): Promise<void> {
    try {
      await this.#connection.ask("ROLLBACK");
    } catch (error) {
      throw lost(error);
    }
  }

  /** At different times on different nodes. */
  #pause(): Promise<void> {
    const { clock } = this.#options;
    return new Promise((resolve) => void clock.after(clock.random() * REPEAT_SPREAD_MS, resolve));
  }
}

/** Of those that go together from `start` on: at least one, up to a rename, or to where they are too many or too long. */
function findEnd(requests: readonly WriteRequest[], start: number, most: number): number {
  let characters = 0;
  let sightings = 0;
  let end = start;
  for (; end < requests.length && end - start < most; end += 1) {
    const request = requests[end];
    if (request === undefined || request.op === "rename") break;
    if (request.op === "append") characters += request.draft.body?.length ?? 0;
    if (request.op === "note-seen") sightings += request.seen.length;
    if ((characters > MAX_CHARACTERS || sightings > MAX_SIGHTINGS) && end > start) break;
  }
  return end;
}

function isRepeat({ outcome }: WriteResult): boolean {
  return outcome.ok ? "duplicate" in outcome && outcome.duplicate : outcome.refusal === "id_conflict";
}

/**
 * Of several names that somebody takes in one batch only the last one is told, at once: the first rename brings it, and
 * the others find it there.
 */
function lastNames(requests: readonly WriteRequest[]): ReadonlyMap<UserId, string> {
  const names = new Map<UserId, string>();
  for (const request of requests) if (request.op === "rename") names.set(request.user, request.name);
  return names;
}

function lost(cause: unknown): ConnectionLostError {
  return new ConnectionLostError("the connection to the database is lost", { cause });
}

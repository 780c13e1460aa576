/**
 * A node's writer: its batches go to the database as transactions, on one connection, one after the other. Of several
 * nodes that change the same conversations at the same time each waits for the locks of its people (batch-state.ts).
 */
import type { Clock } from "../../clock.ts";
import { refusedResult, type WriteRequest, type WriteResult } from "../requests.ts";
import type { Connection } from "./connection.ts";
import type { Identities } from "./identities.ts";
import { noteSeen, rename } from "./people-writes.ts";
import { rehearse } from "./rehearsal.ts";
import { Transaction, type TransactionMode } from "./transaction.ts";
import { judgeTrouble } from "./trouble.ts";

export interface PostgresWriterOptions {
  readonly clock: Pick<Clock, "now" | "after" | "random" | "randomId">;
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

/** Texts of one transaction, in UTF-16 units: however long they are, a statement must end in its time. */
const MAX_CHARACTERS = 4_000_000;

const PLAIN: TransactionMode = Object.freeze({ lookUpAll: false, patient: true });

type AloneRequest = Extract<WriteRequest, { op: "rename" | "note-seen" }>;

export class PostgresWriter {
  readonly #connection: Connection;
  readonly #identities: Identities;
  readonly #options: PostgresWriterOptions;
  #fullness: unknown;

  /** `identities` stay right as long as the connection is the same. */
  constructor(connection: Connection, identities: Identities, options: PostgresWriterOptions) {
    this.#connection = connection;
    this.#identities = identities;
    this.#options = options;
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
    while (results.length < requests.length) {
      const start = results.length;
      const request = requests[start];
      if (request !== undefined && isAlone(request)) results.push(await this.#alone(request));
      else await this.#together(requests.slice(start, findEnd(requests, start)), results);
    }
    this.#identities.trim();
  }

  async #together(requests: readonly WriteRequest[], results: WriteResult[]): Promise<void> {
    if (requests.length === 0) return;
    let mode = PLAIN;
    for (let repeat = 0; ; repeat += 1) {
      const transaction = new Transaction(this.#connection, this.#identities, this.#options.clock, mode);
      try {
        for (const result of await transaction.carryOut(requests)) results.push(result);
        this.#fullness = undefined;
        return;
      } catch (error) {
        const trouble = judgeTrouble(error);
        if (trouble === "lost") {
          // Nobody knows whether it was done: whoever asks again with the same id gets the truth.
          if (transaction.isCommitting) this.#refuse(requests, results);
          throw lost(error);
        }
        await this.#rollBack();
        if (trouble === "known" && !mode.lookUpAll) mode = { ...mode, lookUpAll: true };
        else if (trouble === "locked" && mode.patient) mode = { ...mode, patient: false };
        else if (trouble === "again" && repeat < MAX_REPEATS) await this.#pause();
        else if ((trouble === "request" || trouble === "known") && requests.length > 1) {
          // Half of them at a time, until the one is alone that cannot be taken.
          const middle = Math.ceil(requests.length / 2);
          await this.#together(requests.slice(0, middle), results);
          await this.#together(requests.slice(middle), results);
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

  async #alone(request: AloneRequest): Promise<WriteResult> {
    for (let repeat = 0; ; repeat += 1) {
      try {
        if (request.op === "rename") return await rename(this.#connection, request.user, request.name);
        await noteSeen(this.#connection, request.seen);
        return { outcome: { ok: true }, publish: undefined };
      } catch (error) {
        const trouble = judgeTrouble(error);
        if (trouble === "lost") throw lost(error);
        await this.#rollBack();
        if (trouble === "again" && repeat < MAX_REPEATS) {
          await this.#pause();
          continue;
        }
        this.#options.onFault(error);
        return refusedResult("unavailable");
      }
    }
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

/** These lock rows in an order of their own, and so need transactions of their own. */
function isAlone(request: WriteRequest): request is AloneRequest {
  return request.op === "rename" || request.op === "note-seen";
}

/** Of those that go together from `start` on: at least one, up to one that goes alone, or to where they are too long. */
function findEnd(requests: readonly WriteRequest[], start: number): number {
  let characters = 0;
  let end = start;
  for (; end < requests.length; end += 1) {
    const request = requests[end];
    if (request === undefined || isAlone(request)) break;
    characters += request.op === "append" ? (request.draft.body?.length ?? 0) : 0;
    if (characters > MAX_CHARACTERS && end > start) break;
  }
  return end;
}

function lost(cause: unknown): ConnectionLostError {
  return new ConnectionLostError("the connection to the database is lost", { cause });
}

/** The one writer of the file. Synchronous: whoever owns it has a process, and a queue (store/batch.ts), for it. */
import { type Database, SQLiteError, type Statement } from "bun:sqlite";
import type { Clock } from "../../clock.ts";
import type { BatchCommitter } from "../batch.ts";
import { refusedResult, type WriteRequest, type WriteResult } from "../requests.ts";
import { Appender } from "./append.ts";
import { Checkpointer } from "./checkpoint.ts";
import { ConversationWrites } from "./conversation-writes.ts";
import { openWriterDatabase } from "./database.ts";
import { migrate, readEpoch } from "./migrations.ts";
import { PeopleWrites } from "./people-writes.ts";
import { WriterState } from "./state.ts";

export interface SqliteWriterOptions {
  readonly path: string;
  readonly clock: Pick<Clock, "now" | "randomId" | "random">;
  /** A transaction or a checkpoint failed; its requests were answered with `unavailable`. For the log. */
  readonly onFault: (error: unknown) => void;
  /** Users and conversations remembered; about 300 bytes each, up to twice as many. */
  readonly maxCachedUsers?: number;
  readonly maxCachedConversations?: number;
  readonly busyTimeoutMs?: number;
  /** Upper bound of the file in pages of 4096 bytes; beyond it requests are refused with `unavailable`. */
  readonly maxPages?: number | undefined;
}

const DEFAULT_CACHED = 100_000;
const DEFAULT_BUSY_TIMEOUT_MS = 5000;
/** Requests of one batch that may turn out to be what SQLite cannot take, before the whole batch is given up. */
const MAX_EXCLUDED = 8;
const EPOCH_CHARACTERS = 10;

export class SqliteWriter implements BatchCommitter, Disposable {
  /** Names this body of data. */
  readonly epoch: string;
  readonly #options: SqliteWriterOptions;
  readonly #database: Database;
  readonly #begin: Statement;
  readonly #commit: Statement;
  readonly #state: WriterState;
  readonly #appender: Appender;
  readonly #conversations: ConversationWrites;
  readonly #people: PeopleWrites;
  readonly #checkpointer: Checkpointer;
  /** A transaction failed, and what is remembered may be wrong. */
  #stale = false;
  /** Which request of the batch is being carried out; -1 outside of any. */
  #current = -1;

  constructor(options: SqliteWriterOptions) {
    this.#options = options;
    const busyTimeoutMs = options.busyTimeoutMs ?? DEFAULT_BUSY_TIMEOUT_MS;
    const database = openWriterDatabase({ path: options.path, busyTimeoutMs, maxPages: options.maxPages });
    this.#database = database;
    try {
      migrate(database, makeEpoch(options.clock));
      this.epoch = readEpoch(database);
      this.#begin = database.prepare("BEGIN IMMEDIATE");
      this.#commit = database.prepare("COMMIT");
      this.#state = new WriterState(database, {
        users: options.maxCachedUsers ?? DEFAULT_CACHED,
        conversations: options.maxCachedConversations ?? DEFAULT_CACHED,
      });
      this.#appender = new Appender(database, this.#state);
      this.#people = new PeopleWrites(database, this.#state);
      this.#conversations = new ConversationWrites(database, this.#state, this.#people, options.clock);
      this.#checkpointer = new Checkpointer(database, busyTimeoutMs);
    } catch (error) {
      database.close();
      throw error;
    }
  }

  /**
   * One transaction: a result for each request, in their order; when it returns, what was answered with success is on
   * the disk. When the disk fails, everything is rolled back and all are refused with `unavailable`. A single request
   * that SQLite cannot take is refused alone.
   */
  commit(requests: readonly WriteRequest[]): readonly WriteResult[] {
    const excluded = new Set<number>();
    for (;;) {
      try {
        return this.#transact(requests, excluded);
      } catch (error) {
        const culprit = this.#current;
        this.#rollback();
        this.#options.onFault(error);
        if (culprit < 0 || !isRequestsFault(error) || excluded.size === MAX_EXCLUDED) {
          return requests.map(() => refusedResult("unavailable"));
        }
        excluded.add(culprit);
      }
    }
  }

  maintain(): void {
    this.#state.trim();
    try {
      this.#checkpointer.run();
    } catch (error) {
      this.#options.onFault(error);
    }
  }

  close(): void {
    this.#database.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #transact(requests: readonly WriteRequest[], excluded: ReadonlySet<number>): readonly WriteResult[] {
    this.#current = -1;
    if (this.#stale) {
      this.#state.reload();
      this.#stale = false;
    }
    this.#begin.run();
    // One stamp for all: they become true together.
    const now = this.#options.clock.now();
    const results: WriteResult[] = [];
    for (let index = 0; index < requests.length; index += 1) {
      const request = requests[index];
      this.#current = index;
      const isOut = request === undefined || (excluded.size > 0 && excluded.has(index));
      results.push(isOut ? refusedResult("unavailable") : this.#carryOut(request, now));
    }
    this.#current = -1;
    this.#state.flush();
    this.#commit.run();
    return results;
  }

  #carryOut(request: WriteRequest, now: number): WriteResult {
    switch (request.op) {
      case "append":
        return this.#appender.append(request.draft, now);
      case "mark":
        return this.#conversations.mark(request.marks);
      case "open":
        return this.#conversations.open(request.open, now);
      case "create-user":
        return this.#people.createUser(request.user);
      case "rename":
        return this.#people.rename(request.user, request.name);
      case "start-session":
        return this.#people.startSession(request.session);
      case "extend-session":
        return this.#people.extendSession(request.id, request.expiresAt);
      case "end-session":
        return this.#people.endSession(request.id);
      default:
        return unknownRequest(request);
    }
  }

  #rollback(): void {
    this.#stale = true;
    this.#current = -1;
    try {
      // On some errors (SQLITE_FULL, SQLITE_IOERR) SQLite has rolled back already.
      if (this.#database.inTransaction) this.#database.run("ROLLBACK");
    } catch (error) {
      this.#options.onFault(error);
    }
  }
}

/** Whether the error comes from what the request holds, and not from the disk. */
function isRequestsFault(error: unknown): boolean {
  if (!(error instanceof SQLiteError)) return true;
  const code = error.code ?? "";
  return ["SQLITE_CONSTRAINT", "SQLITE_TOOBIG", "SQLITE_MISMATCH", "SQLITE_RANGE"].some((fault) =>
    code.startsWith(fault),
  );
}

function unknownRequest(request: never): never {
  throw new TypeError(`unknown request ${JSON.stringify(request)}`);
}

function makeEpoch(clock: Pick<Clock, "random">): string {
  let epoch = "";
  while (epoch.length < EPOCH_CHARACTERS) epoch += Math.floor(clock.random() * 36).toString(36);
  return epoch;
}

/** The one writer of the file. Synchronous: whoever owns it has a process, and a queue (store/batch.ts), for it. */
import type { Database, Statement } from "bun:sqlite";
import type { Clock } from "../../clock.ts";
import type { BatchCommitter } from "../batch.ts";
import { makeEpoch } from "../epoch.ts";
import { refusedResult, type WriteRequest, type WriteResult } from "../requests.ts";
import { Appender } from "../rules/append.ts";
import { Checkpointer, type CheckpointLimits, settleLog, withPatience } from "./checkpoint.ts";
import { ConversationWrites } from "./conversation-writes.ts";
import { openWriterDatabase } from "./database.ts";
import { SqliteEventTable } from "./event-table.ts";
import { Fence } from "./fence.ts";
import { migrate, readEpoch, readRealm, writeMeta } from "./migrations.ts";
import { PeopleWrites } from "./people-writes.ts";
import { Place } from "./place.ts";
import { SessionWrites } from "./session-writes.ts";
import { WriterState } from "./state.ts";
import { judgeFault, type Trouble } from "./trouble.ts";

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
  readonly checkpoints?: CheckpointLimits;
  /** How the file is opened; tests give one whose disk fails. */
  readonly open?: typeof openWriterDatabase;
  /**
   * The fence of a writer that stopped after a fault of the disk: this one takes over from it, under its name. Throws
   * FencedError when somebody else has meanwhile, and UnsettledLogError when the log cannot be moved into the file.
   */
  readonly predecessor?: string | undefined;
}

const DEFAULT_CACHED = 100_000;
const DEFAULT_BUSY_TIMEOUT_MS = 5000;
/** Requests of one batch that may turn out to be what SQLite cannot take, before the whole batch is given up. */
const MAX_EXCLUDED = 8;
const PROBE_WAIT_MS = 100;
const PROBE_TEXT = "x".repeat(131_072);

export class SqliteWriter implements BatchCommitter, Disposable {
  /** Names this body of data. */
  readonly epoch: string;
  /** Names whose data it is, for ever. */
  readonly realm: string;
  readonly #options: SqliteWriterOptions;
  readonly #database: Database;
  readonly #fence: Fence;
  readonly #place: Place;
  readonly #begin: Statement;
  readonly #commit: Statement;
  readonly #state: WriterState;
  readonly #appender: Appender;
  readonly #conversations: ConversationWrites;
  readonly #people: PeopleWrites;
  readonly #sessions: SessionWrites;
  readonly #checkpointer: Checkpointer;
  /** A transaction failed, and what is remembered may be wrong. */
  #stale = false;
  /** Which request of the batch is being carried out; -1 outside of any. */
  #current = -1;
  #trouble: Trouble | undefined;
  #isClosed = false;

  constructor(options: SqliteWriterOptions) {
    this.#options = options;
    const busyTimeoutMs = options.busyTimeoutMs ?? DEFAULT_BUSY_TIMEOUT_MS;
    const open = options.open ?? openWriterDatabase;
    const database = open({ path: options.path, busyTimeoutMs, maxPages: options.maxPages });
    this.#database = database;
    try {
      migrate(database, makeEpoch(options.clock));
      settleLog(database, busyTimeoutMs, options.predecessor !== undefined);
      // The same name: should anything after this fail, the next one still finds the name that it knows.
      this.#fence = new Fence(database, options.predecessor ?? options.clock.randomId(), options.predecessor);
      this.#place = new Place(options.path);
      this.epoch = readEpoch(database);
      this.realm = readRealm(database);
      this.#begin = database.prepare("BEGIN IMMEDIATE");
      this.#commit = database.prepare("COMMIT");
      this.#state = new WriterState(database, {
        users: options.maxCachedUsers ?? DEFAULT_CACHED,
        conversations: options.maxCachedConversations ?? DEFAULT_CACHED,
      });
      this.#appender = new Appender(this.#state, new SqliteEventTable(database));
      this.#people = new PeopleWrites(database, this.#state);
      this.#sessions = new SessionWrites(database);
      this.#conversations = new ConversationWrites(database, this.#state, this.#people, options.clock);
      this.#checkpointer = new Checkpointer(database, busyTimeoutMs, options.checkpoints);
    } catch (error) {
      database.close();
      throw error;
    }
  }

  /** Left in the file; see `predecessor`. */
  get fence(): string {
    return this.#fence.name;
  }

  /** What the last transaction or checkpoint failed of; undefined when it went well. After a lasting one, none follows. */
  get trouble(): Trouble | undefined {
    return this.#trouble;
  }

  /**
   * One transaction: a result for each request, in their order; when it returns, what was answered with success is on
   * the disk. When the disk fails, everything is rolled back and all are refused with `unavailable`; unless it was only
   * full, the writer is done for then: what a disk kept of a failed write or flush is not known, and a repeat that seems
   * to go well proves nothing. A single request that SQLite cannot take is refused alone.
   */
  commit(requests: readonly WriteRequest[]): readonly WriteResult[] {
    const excluded = new Set<number>();
    while (!this.#isDone) {
      try {
        const results = this.#transact(requests, excluded);
        this.#trouble = undefined;
        return results;
      } catch (error) {
        const culprit = this.#current;
        const kind = judgeFault(error);
        this.#rollback();
        this.#options.onFault(error);
        if (kind === "request" && culprit >= 0 && excluded.size < MAX_EXCLUDED) {
          excluded.add(culprit);
          continue;
        }
        this.#suffer({ kind: kind === "request" ? "passing" : kind, error });
        break;
      }
    }
    return requests.map(() => refusedResult("unavailable"));
  }

  maintain(): void {
    if (this.#isDone) return;
    this.#state.trim();
    try {
      this.#checkpointer.run();
    } catch (error) {
      this.#options.onFault(error);
      const kind = judgeFault(error);
      if (kind !== "request" && kind !== "passing") this.#suffer({ kind, error });
    }
  }

  /** Whether a transaction of a usual batch's size goes through. It leaves nothing behind. */
  probe(): boolean {
    if (this.#isDone) return false;
    try {
      withPatience(
        this.#database,
        PROBE_WAIT_MS,
        this.#options.busyTimeoutMs ?? DEFAULT_BUSY_TIMEOUT_MS,
        () => {
          this.#tryOut(() => writeMeta(this.#database, "probe", PROBE_TEXT));
          this.#tryOut(() => this.#database.run("DELETE FROM meta WHERE name = 'probe'"));
        },
      );
      this.#trouble = undefined;
      return true;
    } catch (error) {
      const kind = judgeFault(error);
      this.#rollback();
      this.#suffer({ kind: kind === "request" ? "passing" : kind, error });
      return false;
    }
  }

  /** A writer that was asleep, or whose file was taken away, finds out without being asked for anything. */
  checkStanding(): void {
    if (this.#isDone) return;
    try {
      this.#place.check();
      this.#fence.check();
    } catch (error) {
      const kind = judgeFault(error);
      if (kind !== "request" && kind !== "passing") this.#suffer({ kind, error });
    }
  }

  /** Also of one that has stopped. Throws MovedError. */
  checkDatabase(): void {
    this.#place.checkDatabase();
  }

  close(): void {
    if (!this.#isClosed) this.#database.close();
    this.#isClosed = true;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** It has stopped for good. */
  get #isDone(): boolean {
    return this.#trouble !== undefined && this.#trouble.kind !== "passing";
  }

  #tryOut(write: () => void): void {
    this.#begin.run();
    this.#fence.check();
    write();
    this.#commit.run();
  }

  #suffer(trouble: Trouble): void {
    this.#trouble = trouble;
    // What has lost its name is there as long as it is open, and can still be copied (docs/operation.md).
    if (!this.#isDone || trouble.kind === "moved") return;
    this.#isClosed = true;
    try {
      this.#database.close();
    } catch (error) {
      this.#options.onFault(error);
    }
  }

  #transact(requests: readonly WriteRequest[], excluded: ReadonlySet<number>): readonly WriteResult[] {
    this.#current = -1;
    if (this.#stale) {
      this.#state.reload();
      this.#stale = false;
    }
    this.#begin.run();
    this.#fence.check();
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
      case "note-seen":
        return this.#people.noteSeen(request.seen);
      case "start-session":
        return this.#sessions.start(request.session);
      case "extend-session":
        return this.#sessions.extend(request.id, request.expiresAt);
      case "end-session":
        return this.#sessions.end(request.id);
      case "purge-sessions":
        return this.#sessions.purge(request.expiredBefore, request.limit);
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

function unknownRequest(request: never): never {
  throw new TypeError(`unknown request ${JSON.stringify(request)}`);
}

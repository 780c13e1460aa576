/**
 * Keeps a writer at work through faults of the disk. A disk that is only full is tried again with the same writer; after
 * any other fault the writer has stopped for good, and a new one begins from what is provably on the disk (settleLog).
 * Until one of them has committed again, everything is refused, and `health` says why (docs/adr/0007).
 */
import type { Clock } from "../../clock.ts";
import type { BatchCommitter } from "../batch.ts";
import { type StoreHealth, WELL } from "../health.ts";
import { refusedResult, type WriteRequest, type WriteResult } from "../requests.ts";
import { judgeFault } from "./trouble.ts";
import { SqliteWriter, type SqliteWriterOptions } from "./writer.ts";

export interface SqliteKeeperOptions extends Omit<SqliteWriterOptions, "predecessor" | "clock"> {
  readonly clock: SqliteWriterOptions["clock"] & Pick<Clock, "monotonic">;
  /** Called when the kind changes. */
  readonly onHealth: (health: StoreHealth) => void;
}

/** From a failed attempt to begin anew to the next. */
const RETRY_MS = 3_000;

export class SqliteKeeper implements BatchCommitter, Disposable {
  readonly epoch: string;
  readonly realm: string;
  readonly #options: SqliteKeeperOptions;
  #writer: SqliteWriter;
  #health: StoreHealth = WELL;
  #retryAt = Number.NEGATIVE_INFINITY;

  /** Throws as SqliteWriter does when the file cannot be opened. */
  constructor(options: SqliteKeeperOptions) {
    this.#options = options;
    this.#writer = new SqliteWriter(options);
    this.epoch = this.#writer.epoch;
    this.realm = this.#writer.realm;
  }

  get health(): StoreHealth {
    return this.#health;
  }

  commit(requests: readonly WriteRequest[]): readonly WriteResult[] {
    // A full disk may have room for a small one, and is not asked with everybody's messages whether it has for more.
    if (this.#health.kind !== "well") return requests.map(() => refusedResult("unavailable"));
    const results = this.#writer.commit(requests);
    this.#judge();
    return results;
  }

  maintain(): void {
    if (this.#health.kind !== "well") return;
    this.#writer.maintain();
    this.#judge();
  }

  /** Tries to become well again, or sees whether it still may write; to be called about once a second. */
  recover(): void {
    const { kind } = this.#health;
    if (kind === "well") {
      this.#writer.checkStanding();
      this.#judge();
    } else if (kind === "full") {
      this.#writer.checkStanding();
      if (this.#writer.probe()) this.#become(WELL);
      else this.#judge();
    } else if (kind === "failed") this.#beginAnew();
  }

  close(): void {
    this.#writer.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #beginAnew(): void {
    const { clock, onFault } = this.#options;
    if (clock.monotonic() < this.#retryAt) return;
    try {
      // Otherwise a new one would be made under its name.
      this.#writer.checkDatabase();
      const writer = new SqliteWriter({ ...this.#options, predecessor: this.#writer.fence });
      this.#writer = writer;
      if (writer.probe()) this.#become(WELL);
      else this.#judge();
    } catch (error) {
      onFault(error);
      const kind = judgeFault(error);
      if (kind === "fenced" || kind === "damaged" || kind === "moved")
        this.#become({ kind, problem: (error as Error).message });
    }
    this.#retryAt = clock.monotonic() + RETRY_MS;
  }

  #judge(): void {
    const { trouble } = this.#writer;
    if (trouble === undefined) return;
    const problem = trouble.error instanceof Error ? trouble.error.message : String(trouble.error);
    switch (trouble.kind) {
      case "passing":
        this.#become({ kind: "full", problem });
        break;
      case "lasting":
        this.#retryAt = Math.max(this.#retryAt, this.#options.clock.monotonic());
        this.#become({ kind: "failed", problem });
        break;
      case "damaged":
      case "moved":
      case "fenced":
        this.#become({ kind: trouble.kind, problem });
        break;
      default:
        trouble.kind satisfies never;
    }
  }

  #become(health: StoreHealth): void {
    const before = this.#health.kind;
    this.#health = health;
    if (health.kind !== before) this.#options.onHealth(health);
  }
}

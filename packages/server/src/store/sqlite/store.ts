/** The whole store in one process: for tests, and for tools. The server splits it over primary and workers. */
import type { Clock } from "../../clock.ts";
import type { Note } from "../../ports/bus.ts";
import type { Store, UserId } from "../../ports/store.ts";
import { BatchingWriter } from "../batch.ts";
import { composeStore } from "../compose.ts";
import { SqliteReader } from "./reader.ts";
import { SqliteWriter } from "./writer.ts";

export interface SqliteStoreOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly publish: (to: readonly UserId[], note: Note) => void;
  readonly onFault: (error: unknown) => void;
  readonly maxQueued?: number;
  readonly maxBatch?: number;
  readonly busyTimeoutMs?: number;
  /** See SqliteWriterOptions. */
  readonly maxPages?: number | undefined;
}

export interface SqliteStore extends Store, Disposable {
  /** Carries out what waits, and closes the file. */
  close(): void;
}

export function openSqliteStore(options: SqliteStoreOptions): SqliteStore {
  const writer = new SqliteWriter(options);
  const reader = new SqliteReader(options.path);
  const batching = new BatchingWriter({ ...options, committer: writer });
  const close = (): void => {
    // It gives no promise: this writer answers at once.
    void batching.close();
    reader.close();
    writer.close();
  };
  return {
    ...composeStore(reader, (request, done) => batching.submit(request, done)),
    close,
    [Symbol.dispose]: close,
  };
}

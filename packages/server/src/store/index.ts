/** The door of the store: everything else in this folder is its own business. */
export { type BatchCommitter, type BatchingOptions, BatchingWriter } from "./batch.ts";
export { composeStore } from "./compose.ts";
export type {
  Done,
  NewSession,
  Opened,
  OutcomeOf,
  Publication,
  Submit,
  WriteOutcome,
  WriteRequest,
  WriteResult,
} from "./requests.ts";
export { ForeignDatabaseError, SchemaTooNewError } from "./sqlite/migrations.ts";
export { SqliteReader } from "./sqlite/reader.ts";
export { openSqliteStore, type SqliteStore, type SqliteStoreOptions } from "./sqlite/store.ts";
export { SqliteWriter, type SqliteWriterOptions } from "./sqlite/writer.ts";

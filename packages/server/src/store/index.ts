/** The door of the store: everything else in this folder is its own business. */
export { type BatchCommitter, BatchingWriter } from "./batch.ts";
export { composeStore } from "./compose.ts";
export {
  type Chunk,
  type ChunkDigest,
  type CopiedTableName,
  copiedTableNames,
  copiedTables,
  showRange,
} from "./copied-tables.ts";
export { makeEpoch } from "./epoch.ts";
export type { StoreHealth } from "./health.ts";
export { type PostgresAddress, showAddress } from "./postgres/address.ts";
export { type CopyPatience, CopyRefusedError, PostgresCopyTarget } from "./postgres/copy-target.ts";
export { inspectPostgres, type PostgresInspection } from "./postgres/inspection.ts";
export { PostgresKeeper } from "./postgres/keeper.ts";
export { PostgresReader } from "./postgres/reader.ts";
export { describeTrouble, NoAnswerError, WrongDatabaseError } from "./postgres/trouble.ts";
export type { Submit, WriteOutcome, WriteRequest } from "./requests.ts";
export { purgeSessions } from "./session-purge.ts";
export {
  type BackupFacts,
  copyDatabase,
  estimateCopyBytes,
  sealBackup,
  settleDatabase,
  unsealBackup,
} from "./sqlite/backup.ts";
export { SchemaTooOldError, SqliteCopySource } from "./sqlite/copy-source.ts";
export { openWriterDatabase } from "./sqlite/database.ts";
export { type Inspection, inspectDatabase } from "./sqlite/inspection.ts";
export { SqliteKeeper } from "./sqlite/keeper.ts";
export { ForeignDatabaseError, SchemaTooNewError } from "./sqlite/migrations.ts";
export { SqliteReader } from "./sqlite/reader.ts";
export { SqliteWriter } from "./sqlite/writer.ts";

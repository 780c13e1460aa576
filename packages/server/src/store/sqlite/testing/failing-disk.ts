/**
 * A disk that fails when told to, and that knows what was flushed, for tests. SQLite reaches a file through a table of
 * functions; here the table of the database's file and of its log is replaced by one that goes through us. No library is
 * preloaded and nothing is built, so it works wherever Bun does.
 */

import { CFunction, JSCallback, type Pointer, ptr, read, toArrayBuffer } from "bun:ffi";
import { type Database, constants as sqlite } from "bun:sqlite";
import type { openWriterDatabase } from "../database.ts";

/** Extended result codes of SQLite (sqlite3.h). */
export const diskFaults = {
  /** No space left on the device. */
  full: 13,
  write: 10 | (3 << 8),
  flush: 10 | (4 << 8),
  /** SQLite's word for a file that contradicts itself. */
  damage: 11,
} as const;

export type DiskFile = "database" | "log";

export type DiskOperation =
  | { readonly kind: "write"; readonly file: DiskFile; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly kind: "truncate"; readonly file: DiskFile; readonly bytes: number }
  | { readonly kind: "flush"; readonly file: DiskFile };

/** Called before each operation; a code instead of undefined makes it fail, without effect. */
export type DiskJudge = (operation: DiskOperation) => number | undefined;

/** Offsets into sqlite3_io_methods on a 64-bit machine: a number, then pointers. */
const METHODS_BYTES = 152;
const WRITE_AT = 24;
const TRUNCATE_AT = 32;
const FLUSH_AT = 40;

/** What SQLite calls until the file is closed must not be collected. */
const kept: unknown[] = [];

/** Opens as the writer does, and has every write, truncation and flush from then on pass the judge. */
export function openOn(openDatabase: typeof openWriterDatabase, judge: DiskJudge): typeof openWriterDatabase {
  return (options) => {
    const database = openDatabase(options);
    // The log is opened with the first transaction.
    database.query("SELECT count(*) FROM sqlite_schema").get();
    watch(database, sqlite.SQLITE_FCNTL_FILE_POINTER, "database", judge);
    watch(database, sqlite.SQLITE_FCNTL_JOURNAL_POINTER, "log", judge);
    return database;
  };
}

function watch(database: Database, pointerTo: number, file: DiskFile, judge: DiskJudge): void {
  const cell = new BigUint64Array(1);
  database.fileControl(pointerTo, cell);
  const handle = Number(cell[0]) as Pointer;
  const methods = Number(read.u64(handle, 0)) as Pointer;
  const original = (at: number, args: readonly ("ptr" | "i32" | "i64")[]) =>
    CFunction({ ptr: Number(read.u64(methods, at)) as Pointer, args: [...args], returns: "i32" });
  const [write, truncate, flush] = [
    original(WRITE_AT, ["ptr", "ptr", "i32", "i64"]),
    original(TRUNCATE_AT, ["ptr", "i64"]),
    original(FLUSH_AT, ["ptr", "i32"]),
  ];
  const onWrite = new JSCallback(
    (self: Pointer, from: Pointer, count: number, offset: bigint) => {
      const bytes = new Uint8Array(toArrayBuffer(from, 0, count)).slice();
      return (
        judge({ kind: "write", file, offset: Number(offset), bytes }) ?? write(self, from, count, offset)
      );
    },
    { args: ["ptr", "ptr", "i32", "i64"], returns: "i32" },
  );
  const onTruncate = new JSCallback(
    (self: Pointer, bytes: bigint) =>
      judge({ kind: "truncate", file, bytes: Number(bytes) }) ?? truncate(self, bytes),
    { args: ["ptr", "i64"], returns: "i32" },
  );
  const onFlush = new JSCallback(
    (self: Pointer, flags: number) => judge({ kind: "flush", file }) ?? flush(self, flags),
    { args: ["ptr", "i32"], returns: "i32" },
  );
  const table = Buffer.alloc(METHODS_BYTES);
  Buffer.from(toArrayBuffer(methods, 0, METHODS_BYTES)).copy(table);
  table.writeBigUInt64LE(BigInt(onWrite.ptr ?? 0), WRITE_AT);
  table.writeBigUInt64LE(BigInt(onTruncate.ptr ?? 0), TRUNCATE_AT);
  table.writeBigUInt64LE(BigInt(onFlush.ptr ?? 0), FLUSH_AT);
  kept.push(table, onWrite, onTruncate, onFlush, write, truncate, flush);
  new BigUint64Array(toArrayBuffer(handle, 0, 8))[0] = BigInt(ptr(table));
}

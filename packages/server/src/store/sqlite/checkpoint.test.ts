import type { Database } from "bun:sqlite";
import { expect, setDefaultTimeout, test } from "bun:test";
import { statSync } from "node:fs";
import { Checkpointer } from "./checkpoint.ts";
import { openReaderDatabase, openWriterDatabase } from "./database.ts";
import { temporaryFile } from "./fixture.ts";

setDefaultTimeout(60_000);

const LIMITS = { portionPages: 20, boundPages: 100 };
/** A page of 4096 bytes and its header. */
const LOG_PAGE_BYTES = 4120;

function open(path: string): { database: Database; write: (pages: number) => void; logBytes: () => number } {
  const database = openWriterDatabase({ path, busyTimeoutMs: 1, maxPages: undefined });
  database.run("CREATE TABLE page (text TEXT)");
  const insert = database.prepare("INSERT INTO page VALUES (?)");
  const text = "x".repeat(4000);
  const write = (pages: number): void => {
    for (let page = 0; page < pages; page += 1) insert.run(text);
  };
  return { database, write, logBytes: () => statSync(`${path}-wal`).size };
}

test("the log starts over again and again, and stays small", () => {
  using file = temporaryFile();
  const { database, write, logBytes } = open(file.path);
  const checkpointer = new Checkpointer(database, 1, LIMITS);
  for (let round = 0; round < 100; round += 1) {
    write(5);
    checkpointer.run();
  }
  expect(logBytes()).toBeLessThan(60 * LOG_PAGE_BYTES);
  expect(statSync(file.path).size).toBeGreaterThan(400 * 4096);
  database.close();
});

test("a log that a reader has held starts over when the reader is gone, without growing on", () => {
  using file = temporaryFile();
  const { database, write, logBytes } = open(file.path);
  const checkpointer = new Checkpointer(database, 1, LIMITS);
  const reader = beginReading(file.path);
  write(20);
  checkpointer.run();
  const held = logBytes();
  reader.close();
  for (let round = 0; round < 50; round += 1) {
    write(5);
    checkpointer.run();
  }
  expect(logBytes()).toBeLessThan(held + 60 * LOG_PAGE_BYTES);
  database.close();
});

test("a log that passes its bound is cut", () => {
  using file = temporaryFile();
  const { database, write, logBytes } = open(file.path);
  const checkpointer = new Checkpointer(database, 1, LIMITS);
  const reader = beginReading(file.path);
  write(100);
  checkpointer.run();
  expect(logBytes()).toBeGreaterThan(LIMITS.boundPages * LOG_PAGE_BYTES);
  reader.close();
  write(100);
  checkpointer.run();
  expect(logBytes()).toBe(0);
  database.close();
});

/** A reader that keeps what it sees, until it is closed. */
function beginReading(path: string): Database {
  const reader = openReaderDatabase(path);
  reader.run("BEGIN");
  expect(reader.query("SELECT count(*) AS count FROM page").get()).toEqual({ count: 0 });
  return reader;
}

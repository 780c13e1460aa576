/** Data directories of tests, gone when the tests of a file have ended; and what stands in them. */
import { Database } from "bun:sqlite";
import { afterAll, expect } from "bun:test";
import { copyFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type CommandOutcome, makeDataDirectory } from "@duologue/testing";

/** A database that the program of that version of the tables wrote. */
export function schemaFile(version: number): string {
  return join(import.meta.dir, `../fixtures/schema-${version}.db`);
}

/** Three people, nine events, three sessions. */
export const FIRST_SCHEMA: string = schemaFile(1);

const directories: string[] = [];

afterAll(() => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
  directories.length = 0;
});

export function freshDirectory(): string {
  const directory = makeDataDirectory();
  directories.push(directory);
  return directory;
}

/** A data directory without a server, written by the first version of the tables. */
export function oldDirectory(): string {
  const directory = freshDirectory();
  copyFileSync(FIRST_SCHEMA, join(directory, "duologue.db"));
  return directory;
}

/** A file as the first version wrote it, but for what the statement changes. */
export function writeChanged(path: string, statement: string): void {
  copyFileSync(FIRST_SCHEMA, path);
  const database = new Database(path);
  database.run(statement);
  database.close();
}

/** A command that failed with one line for people, and did nothing else. */
export function expectRefusal({ exitCode, stdout, stderr }: CommandOutcome, says: RegExp): void {
  expect(stderr).toMatch(says);
  expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  expect([exitCode, stdout]).toEqual([1, ""]);
}

/** Directories that are gone when the tests of a file have ended. */
import { afterAll } from "bun:test";
import { rmSync } from "node:fs";

const directories: string[] = [];

afterAll(() => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
  directories.length = 0;
});

export function removeAtEnd(directory: string): string {
  directories.push(directory);
  return directory;
}

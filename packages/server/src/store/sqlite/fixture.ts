/** A database file of its own for a test; the folder goes with it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StoreFixture, StoreSetup } from "../contract.ts";
import { openSqliteStore } from "./store.ts";

export interface TemporaryFile extends Disposable {
  readonly path: string;
}

export function temporaryFile(): TemporaryFile {
  const folder = mkdtempSync(join(tmpdir(), "duologue-store-"));
  return {
    path: join(folder, "store.db"),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** For code that must not fail at all. */
export function throwFault(error: unknown): never {
  throw error;
}

export async function makeSqliteFixture(): Promise<StoreFixture> {
  const file = temporaryFile();
  return {
    async open(setup: StoreSetup) {
      const store = openSqliteStore({ ...setup, path: file.path, onFault: throwFault });
      return { store, [Symbol.asyncDispose]: async () => store.close() };
    },
    [Symbol.asyncDispose]: async () => file[Symbol.dispose](),
  };
}

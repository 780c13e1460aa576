/** What a failed transaction says about the disk, and what may follow (docs/adr/0007). */
import { SQLiteError } from "bun:sqlite";
import { FencedError } from "./fence.ts";
import { MovedError } from "./place.ts";

/**
 * passing  nothing was written that could be half there: a full disk, somebody else's lock. The next one may go well.
 * lasting  a write, a flush or a read failed: this connection must not go on.
 * damaged  what is read is not what was written: nothing may be added to it.
 * moved    what is open is not the file under that name any more.
 * fenced   another writer has taken over.
 */
export interface Trouble {
  readonly kind: "passing" | "lasting" | "damaged" | "moved" | "fenced";
  readonly error: unknown;
}

const REQUEST_CODES = ["SQLITE_CONSTRAINT", "SQLITE_TOOBIG", "SQLITE_MISMATCH", "SQLITE_RANGE"];
const PASSING_CODES = ["SQLITE_FULL", "SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_NOMEM", "SQLITE_INTERRUPT"];
const DAMAGE_CODES = ["SQLITE_CORRUPT", "SQLITE_NOTADB"];

/** `request`: it comes from what a request holds, not from the disk. */
export function judgeFault(error: unknown): Trouble["kind"] | "request" {
  if (error instanceof FencedError) return "fenced";
  if (error instanceof MovedError) return "moved";
  if (!(error instanceof SQLiteError)) return "request";
  const code = error.code ?? "";
  const isOne = (codes: readonly string[]): boolean => codes.some((fault) => code.startsWith(fault));
  if (isOne(REQUEST_CODES)) return "request";
  if (isOne(PASSING_CODES)) return "passing";
  return isOne(DAMAGE_CODES) ? "damaged" : "lasting";
}

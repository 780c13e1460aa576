/** What a failed transaction says about the disk, and what may follow (docs/adr/0007). */
import { SQLiteError } from "bun:sqlite";
import { FencedError } from "./fence.ts";

/**
 * passing  nothing was written that could be half there: a full disk, somebody else's lock. The next one may go well.
 * lasting  a write or a flush failed, or what is read is not what was written: this connection must not go on.
 * fenced   another writer has taken over.
 */
export interface Trouble {
  readonly kind: "passing" | "lasting" | "fenced";
  readonly error: unknown;
}

const REQUEST_CODES = ["SQLITE_CONSTRAINT", "SQLITE_TOOBIG", "SQLITE_MISMATCH", "SQLITE_RANGE"];
const PASSING_CODES = ["SQLITE_FULL", "SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_NOMEM", "SQLITE_INTERRUPT"];

/** `request`: it comes from what a request holds, not from the disk. */
export function judgeFault(error: unknown): Trouble["kind"] | "request" {
  if (error instanceof FencedError) return "fenced";
  if (!(error instanceof SQLiteError)) return "request";
  const code = error.code ?? "";
  const isOne = (codes: readonly string[]): boolean => codes.some((fault) => code.startsWith(fault));
  if (isOne(REQUEST_CODES)) return "request";
  return isOne(PASSING_CODES) ? "passing" : "lasting";
}

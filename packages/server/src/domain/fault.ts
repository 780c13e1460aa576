/** Why the domain refuses something: a code of the protocol's table and what helps the client. */
import type { ErrorCode } from "@duologue/protocol";
import type { Refusal } from "../ports/store.ts";

export interface Fault {
  readonly ok: false;
  readonly code: ErrorCode;
  readonly detail?: string;
  readonly suggestion?: string;
  readonly retryAfterMs?: number;
}

export type Outcome<T> = { readonly ok: true; readonly value: T } | Fault;

/** How long a client should wait before it repeats what a busy or unreachable store refused. */
const STORE_RETRY_MS = 1_000;
const QUOTA_RETRY_MS = 60_000;

export function fault(code: ErrorCode, more: Omit<Fault, "ok" | "code"> = {}): Fault {
  return { ok: false, code, ...more };
}

/** A store's refusals bear the names of the table of errors. */
export function refused(refusal: Refusal): Fault {
  if (refusal === "busy" || refusal === "unavailable")
    return fault(refusal, { retryAfterMs: STORE_RETRY_MS });
  if (refusal === "too_many_conversations") return fault(refusal, { retryAfterMs: QUOTA_RETRY_MS });
  return fault(refusal);
}

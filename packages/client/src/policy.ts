/** What follows from a close code or a refusal; pure decisions, so that they can be read and tested in one place. */
import { type CloseName, closeTable, isReconnectClose, type ServerFrameOf } from "@duologue/protocol";

/** `closed`: the program called `close`. `refused`: a final code that this client does not know. */
export type StopReason = CloseName | "closed" | "refused";

export type AfterClose =
  /** `soon`: it was good until it was cut, by nobody's fault on this side. */
  | { readonly reconnect: true; readonly soon: boolean }
  | { readonly reconnect: false; readonly reason: StopReason };

/** The server closed because this client was too fast, too slow or one too many: coming back at once would be more of it. */
const TOLD_TO_WAIT: ReadonlySet<number> = new Set([
  closeTable.slow_consumer.code,
  closeTable.too_fast.code,
  closeTable.unavailable.code,
  1013,
]);

/** The range of the code decides (SPEC CN6); the name only tells people why. */
export function afterClose(code: number): AfterClose {
  if (isReconnectClose(code)) return { reconnect: true, soon: !TOLD_TO_WAIT.has(code) };
  for (const [name, entry] of Object.entries(closeTable)) {
    if (entry.code === code) return { reconnect: false, reason: name as CloseName };
  }
  return { reconnect: false, reason: "refused" };
}

/** Refusals of a hello after which the token is worthless for ever. */
export function endsToken(code: string): boolean {
  return code === "token_invalid" || code === "token_expired" || code === "session_ended";
}

export type AfterRefusal =
  | { readonly kind: "fail" }
  /** Try the same frame again; `everything`: the whole outbox waits, not only this conversation. */
  | {
      readonly kind: "retry";
      readonly scope: "conversation" | "everything";
      readonly delayMs: number | undefined;
      /** The server may have stored it all the same. */
      readonly isUncertain: boolean;
    };

/** What to do with a message that the server refused. `delayMs` undefined: wait as the back-off says. */
export function afterRefusal(error: ServerFrameOf<"error">): AfterRefusal {
  if (!error.retryable) return { kind: "fail" };
  const scope = error.code === "too_many_conversations" ? "conversation" : "everything";
  // The store was lost while it was at it, and its last word with it.
  const isUncertain = error.code === "unavailable";
  return { kind: "retry", scope, delayMs: error.retryAfterMs, isUncertain };
}

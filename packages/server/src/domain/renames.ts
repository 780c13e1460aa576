/** How often somebody takes another name: each is told in up to a thousand conversations. */
import type { UserId } from "../ports/store.ts";
import { type Fault, fault } from "./fault.ts";

/** Counts one; or does not, and says after how many milliseconds one is granted. */
export type TakeRename = (user: UserId) => number;

export function renamedTooOften(retryAfterMs: number): Fault {
  return fault("too_fast", { retryAfterMs, detail: "The name was changed too often." });
}

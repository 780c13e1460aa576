/** Forgets sessions that nobody can use any more, a few at a time, so that nobody waits for it. */
import type { Clock } from "../clock.ts";
import type { Submit } from "./requests.ts";

/** One costs the writer a few microseconds; a thousand of them are one usual batch. */
const PORTION = 500;
const LOOK_MS = 60 * 60_000;
const NEXT_PORTION_MS = 1_000;
/** Kept for as long as this after their end: a clock that was set wrong for an hour must not make strangers of everybody. */
const KEPT_MS = 7 * 24 * 60 * 60_000;

/** Once an hour, and as long as there are more, once a second. */
export function purgeSessions(clock: Pick<Clock, "now" | "after">, submit: Submit): void {
  const purge = (): void =>
    submit({ op: "purge-sessions", expiredBefore: clock.now() - KEPT_MS, limit: PORTION }, (outcome) => {
      const isMore = outcome.ok && outcome.count === PORTION;
      clock.after(isMore ? NEXT_PORTION_MS : LOOK_MS, purge);
    });
  clock.after(NEXT_PORTION_MS, purge);
}

/** Gives memory back when a process has become quiet: the runtime itself collects only while it allocates. */
import type { Clock } from "../clock.ts";

const CHECK_MS = 1_000;
/** Work since the last collection that makes another one worth its pause. */
const WORTH = 1_000;
/** Less than this in a second is quiet. */
const QUIET_PER_CHECK = 50;
const QUIET_CHECKS = 3;

/** `work`: a number that grows with what the process does (frames, commits). */
export function collectWhenQuiet(clock: Clock, work: () => number): void {
  let collectedAt = work();
  let last = collectedAt;
  let quietChecks = 0;
  clock.every(CHECK_MS, () => {
    const now = work();
    quietChecks = now - last < QUIET_PER_CHECK ? quietChecks + 1 : 0;
    last = now;
    if (quietChecks < QUIET_CHECKS || now - collectedAt < WORTH) return;
    collectedAt = now;
    Bun.gc(true);
  });
}

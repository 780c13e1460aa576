/** The launcher's end is the server's end, also when the launcher could not pass a signal on (SIGKILL). */
import type { Clock } from "../clock.ts";

/** Set by the launcher to its own process id. */
export const LAUNCHER_VARIABLE = "DUOLOGUE_LAUNCHER";
const CHECK_MS = 1000;

/**
 * Calls `onGone` once when the parent process is no longer the launcher. Does nothing when the variable does not name
 * the parent: the server was started by somebody else, or the variable is inherited from further up.
 */
export function watchLauncher(
  clock: Clock,
  environment: Readonly<Record<string, string | undefined>>,
  findParent: () => number,
  onGone: () => void,
): void {
  const launcher = findParent();
  if (environment[LAUNCHER_VARIABLE] !== String(launcher)) return;
  const timer = clock.every(CHECK_MS, () => {
    if (findParent() === launcher) return;
    timer.cancel();
    onGone();
  });
}

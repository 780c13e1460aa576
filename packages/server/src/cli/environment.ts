/** The environment that workers get. */

/**
 * Without our own options, which reach a worker another way, and without what would make the runtime do something else
 * than run the program: BUN_OPTIONS adds flags, BUN_BE_BUN turns a compiled program into the package manager. What a
 * service manager asks, it asks the primary.
 */
export function cleanEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string | undefined> {
  const kept = Object.entries(environment).filter(
    ([name]) => !/^(BUN_|DUOLOGUE_|NODE_OPTIONS$|NOTIFY_SOCKET$|WATCHDOG_)/.test(name),
  );
  return Object.fromEntries(kept);
}

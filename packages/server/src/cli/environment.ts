/** The environment that workers get. */

/**
 * Without our own options, which reach a worker another way, and without what would make the runtime do something else
 * than run the program: BUN_OPTIONS adds flags, BUN_BE_BUN turns a compiled program into the package manager.
 */
export function cleanEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string | undefined> {
  const kept = Object.entries(environment).filter(([name]) => !/^(BUN_|DUOLOGUE_|NODE_OPTIONS$)/.test(name));
  return Object.fromEntries(kept);
}

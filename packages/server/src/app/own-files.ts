/** Which files of a data directory are the data: nothing that a tool writes may take their place. */
import { lstatSync, readdirSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { DATABASE } from "./visit.ts";

/** The database with all that stands beside it, also while it is restored; the lock, the socket, the secret. */
const OWN = /^(duologue\.(db|lock|sock)|token-secret)/;

/** By its name, by the file that it is, and wherever symbolic links lead; the file need not be there. */
export function isOwnFile(directory: string, file: string): boolean {
  const [home, parent] = [resolveLinks(directory), resolveLinks(dirname(file))];
  if (home === undefined || parent === undefined) return false;
  if (parent === home && OWN.test(basename(file))) return true;
  // The database may be elsewhere, with its log beside it.
  const database = resolveLinks(join(home, DATABASE));
  if (database !== undefined && join(parent, basename(file)).replace(/-(wal|shm|journal)$/, "") === database)
    return true;
  const identity = identify(file);
  if (identity === undefined) return false;
  return readdirSync(home).some((name) => OWN.test(name) && identify(join(home, name)) === identity);
}

/** What a symbolic link leads to, or the path itself. Undefined for one that leads nowhere. */
export function followLink(path: string): string | undefined {
  const isLink = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
  return isLink ? resolveLinks(path) : path;
}

function resolveLinks(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

function identify(path: string): string | undefined {
  const facts = statSync(path, { bigint: true, throwIfNoEntry: false });
  return facts === undefined ? undefined : `${facts.dev} ${facts.ino}`;
}

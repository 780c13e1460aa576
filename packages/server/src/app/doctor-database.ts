/** The doctor's look at the database of a data directory. */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { ForeignDatabaseError, type Inspection, inspectDatabase, SchemaTooNewError } from "../store/index.ts";
import { type Finding, fine, type StoreFindings, wrong } from "./findings.ts";
import { sizeOf } from "./start-up.ts";
import { TOKEN_SECRET } from "./token-secret.ts";
import { DATABASE, visit } from "./visit.ts";

const RESTORE = "restore the last back-up: duologue restore FILE.";

/** `isServed`: a server that keeps its data here runs, and says so. */
export function examineDatabase(directory: string, isServed: boolean): StoreFindings {
  const path = join(directory, DATABASE);
  const gap = findGap(path, directory, isServed);
  if (gap !== undefined) return { facts: undefined, findings: [gap] };
  if (sizeOf(path) === 0) return { facts: undefined, findings: [fine("messages: none yet")] };
  try {
    using _place = visit(directory);
    const facts = inspectDatabase(path);
    return { facts: { ...facts, engine: `SQLite ${facts.sqlite}` }, findings: judge(facts) };
  } catch (error) {
    return {
      facts: undefined,
      findings: [wrong(`messages: ${(error as Error).message}`, adviceFor(error))],
    };
  }
}

/** Where there is no database, what says that there should be one. */
function findGap(path: string, directory: string, isServed: boolean): Finding | undefined {
  const isThere = existsSync(path);
  if (isThere && !statSync(path).isFile())
    return wrong(`messages: ${path} is no file`, `Move it away, and ${RESTORE}`);
  if (sizeOf(path) > 0) return undefined;
  const state = `messages: ${path} is ${isThere ? "empty" : "missing"}`;
  if (isServed)
    return wrong(
      `${state}, and a server runs here: what it holds is in no file any more`,
      "Do not stop it before you have read docs/operation.md, “The file is taken away”.",
    );
  if (sizeOf(`${path}-wal`) > 0)
    return wrong(
      `${state}, and its log ${DATABASE}-wal is there, with messages in it`,
      `Put the database back beside it, or ${RESTORE} The server does not begin before.`,
    );
  if (existsSync(join(directory, TOKEN_SECRET)))
    return wrong(
      `${state}, and ${TOKEN_SECRET} says that there was one`,
      `Put it back, or ${RESTORE} Only if nothing is to be kept, remove ${TOKEN_SECRET} too, and begin anew.`,
    );
  return undefined;
}

function judge({ damage, users, conversations, events, version }: Inspection): readonly Finding[] {
  const advice = `Stop the server, keep a copy of the directory, and ${RESTORE}`;
  if (damage.length > 0) return damage.map((problem) => wrong(`messages: ${problem}`, advice));
  if (version === 0) return [fine("messages: none yet")];
  const held = `${events} events in ${conversations} conversations of ${users} users`;
  return [fine(`messages: ${held}; pages, numbers, markers and cursors are right`)];
}

function adviceFor(error: unknown): string {
  // An old back-up would cost what was written since.
  if (error instanceof SchemaTooNewError) return "Nothing is lost: install the newer version again.";
  if (error instanceof ForeignDatabaseError)
    return "Name the data directory of a Duologue with --data, or move this file away.";
  return `If it is this program's, ${RESTORE}`;
}

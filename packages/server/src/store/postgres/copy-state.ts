/** What `duologue migrate` notes in the table meta, so that no server shows anybody half a copy, and no copy overwrites. */
import type { Connection } from "./connection.ts";
import { WrongDatabaseError } from "./trouble.ts";

/**
 * unfinished  rows are being copied, or that was broken off.
 * partial     whole, of a server that was still running: what it has taken since is missing.
 * complete    whole, of a server that had stopped.
 * served      a server has begun to work with it: from then on, it is no copy any more.
 */
export type CopyState = "unfinished" | "partial" | "complete" | "served";

export const COPY_STATE = "copy";

export function copyStateOf(meta: ReadonlyMap<string, string>): CopyState | undefined {
  return meta.get(COPY_STATE) as CopyState | undefined;
}

/** Throws WrongDatabaseError where a copy is not complete. */
export function refuseIncomplete(meta: ReadonlyMap<string, string>): void {
  const state = copyStateOf(meta);
  switch (state) {
    case undefined:
    case "complete":
    case "served":
      return;
    case "partial":
      throw new WrongDatabaseError(
        "it holds a copy of a server that was still running: stop that one, and run the same `duologue migrate` again, which adds what is missing",
      );
    case "unfinished":
      throw new WrongDatabaseError(
        "it holds an unfinished copy: wait for `duologue migrate` to end, or run it again, which goes on where it stopped",
      );
    default:
      state satisfies never;
  }
}

const CLAIM = `UPDATE meta SET value = 'served' WHERE name = '${COPY_STATE}' AND value = 'complete'`;

/**
 * To be called before a server works with the tables: after it, `duologue migrate` leaves them alone. Rejects with
 * WrongDatabaseError where they hold a copy that is not complete.
 */
export async function claimCopy(
  connection: Connection,
  readAgain: () => Promise<ReadonlyMap<string, string>>,
): Promise<void> {
  const meta = await readAgain();
  refuseIncomplete(meta);
  if (copyStateOf(meta) !== "complete") return;
  const { count } = await connection.ask(CLAIM);
  // Another node was first, or a copy has begun meanwhile.
  if (count === 0) refuseIncomplete(await readAgain());
}

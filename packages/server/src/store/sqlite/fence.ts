/**
 * Only the newest writer of a file may commit. The lock of the data directory (primary/lock.ts) keeps a second one from
 * beginning; this holds also where the lock was lost: its file removed, a file system that forgets locks. Each writer
 * leaves its name in the file, and looks in every transaction whether it is still there. A process that was stopped and
 * wakes up after another one took over finds another name, and can never write again.
 */
import type { Database, Statement } from "bun:sqlite";
import { readMeta, writeMeta } from "./migrations.ts";

/** Another writer has taken the file over. */
export class FencedError extends Error {
  override readonly name = "FencedError";
  constructor() {
    super("another Duologue has taken the message store over; this one may not write to it any more");
  }
}

export class Fence {
  readonly #select: Statement<{ value: string }, []>;

  /**
   * Takes the file over for the writer `name`. `predecessor`: only from that one; throws FencedError when it has been
   * taken over by somebody else meanwhile.
   */
  constructor(
    database: Database,
    readonly name: string,
    predecessor: string | undefined,
  ) {
    database
      .transaction(() => {
        if (predecessor !== undefined && readMeta(database, "writer") !== predecessor)
          throw new FencedError();
        writeMeta(database, "writer", name);
      })
      .immediate();
    this.#select = database.prepare("SELECT value FROM meta WHERE name = 'writer'");
  }

  /** To be called inside of each transaction that writes. Throws FencedError when the file is somebody else's by now. */
  check(): void {
    if (this.#select.get()?.value !== this.name) throw new FencedError();
  }
}

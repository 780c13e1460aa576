/**
 * The server's processes behind connections that this node has given up. One that waits within COMMIT, for a copy elsewhere
 * that is away, is ended by no timeout: it stays, holds the rows of its people and one of the server's places, and what it
 * was committing may come true at any time. So whoever connects next ends it first.
 */
import type { Clock } from "../../clock.ts";
import { numberArray, textArray } from "./arrays.ts";
import type { Backend, Connection } from "./connection.ts";

/** Ended one by one they are few; those that were given up first have had the longest time to end by themselves. */
const MAX_REMEMBERED = 16;
/** One that the operating system does not let go on ends later: it is not waited for. */
const WAIT_MS = 500;
const LOOK_MS = 20;

/**
 * Of those that are still there. That its number is still theirs is said by its start; and a pooler may have given a process that
 * was left in order to somebody else, or to this connection.
 */
const END = `
  SELECT a.pid, v.begun, pg_terminate_backend(a.pid) FROM unnest($1::int[], $2::text[]) AS v (pid, begun)
  JOIN pg_stat_activity a ON a.pid = v.pid AND extract(epoch FROM a.backend_start) = v.begun::numeric
  WHERE a.pid <> pg_backend_pid() AND a.application_name = current_setting('application_name')`;

export class Predecessors {
  #backends: readonly Backend[] = [];

  add(backend: Backend | undefined): void {
    if (backend !== undefined) this.#backends = [...this.#backends, backend].slice(-MAX_REMEMBERED);
  }

  /** When it resolves, all of them have ended, or have been told to for a while. */
  async end(connection: Connection, clock: Pick<Clock, "after">): Promise<void> {
    for (let waitedMs = 0; this.#backends.length > 0; waitedMs += LOOK_MS) {
      const asked = this.#backends;
      const there = await connection.ask<Backend>(END, [
        numberArray(asked.map(({ pid }) => pid)),
        textArray(asked.map(({ begun }) => begun)),
      ]);
      const isThere = (one: Backend): boolean => there.some(({ begun }) => begun === one.begun);
      this.#backends = this.#backends.filter((one) => !asked.includes(one) || isThere(one));
      if (there.length === 0 || waitedMs >= WAIT_MS) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      clock.after(LOOK_MS, resolve);
      await promise;
    }
  }
}

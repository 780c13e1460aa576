/** A few connections for a process's reads. Each read ends within a time: whoever asked must hear something. */
import type { Clock } from "../../clock.ts";
import { DEFAULT_TIMES, makeClient, type PostgresAddress, type PostgresTimes } from "./address.ts";
import type { Parameter } from "./connection.ts";
import { NoAnswerError } from "./trouble.ts";

export interface PoolOptions {
  readonly address: PostgresAddress;
  readonly clock: Pick<Clock, "after">;
  readonly times?: Partial<PostgresTimes> | undefined;
  /** At most this many; they are made as they are needed. */
  readonly connections?: number | undefined;
  readonly name?: string | undefined;
  /** See ClientWishes. */
  readonly looksUp?: boolean | undefined;
}

export type Ask = <Row>(text: string, parameters: readonly Parameter[]) => Promise<readonly Row[]>;

/** So that a node of several workers stays far below the hundred connections that PostgreSQL allows by default. */
export const READ_CONNECTIONS = 4;

/** One connection, made when it is first needed, and anew when it is lost. */
interface Place {
  client: Bun.SQL | undefined;
}

interface Waiting {
  readonly begin: (place: Place) => void;
}

export class Pool {
  readonly #options: PoolOptions;
  readonly #times: PostgresTimes;
  readonly #places: readonly Place[];
  readonly #free: Place[];
  readonly #waiting = new Set<Waiting>();
  #isClosed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#times = { ...DEFAULT_TIMES, ...options.times };
    const count = options.connections ?? READ_CONNECTIONS;
    this.#places = Array.from({ length: count }, () => ({ client: undefined }));
    this.#free = [...this.#places];
  }

  /** One statement sees one state. */
  ask<Row>(text: string, parameters: readonly Parameter[] = []): Promise<readonly Row[]> {
    return this.#hold((place) =>
      this.#answered(place, (client) => client.unsafe<Row[]>(text, [...parameters]).execute()),
    );
  }

  /** All statements of `read` see one state. */
  snapshot<T>(read: (ask: Ask) => Promise<T>): Promise<T> {
    return this.#hold(async (place) => {
      // A connection that is lost is made anew without a word, outside of any transaction, unless it is reserved.
      const connection = await this.#answered(place, (client) => client.reserve());
      const ask = <Row>(text: string, parameters: readonly Parameter[]): Promise<readonly Row[]> =>
        this.#answered(place, () => connection.unsafe<Row[]>(text, [...parameters]).execute());
      try {
        await ask("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", []);
        return await read(ask);
      } finally {
        await ask("ROLLBACK", []).catch(() => dropClient(place));
        connection.release();
      }
    });
  }

  close(): void {
    this.#isClosed = true;
    for (const place of this.#places) dropClient(place);
  }

  /** Waits for a free place for as long as an answer may take; then the read is not begun at all. */
  async #hold<T>(read: (place: Place) => Promise<T>): Promise<T> {
    const place = this.#free.pop() ?? (await this.#awaitPlace());
    try {
      return await read(place);
    } finally {
      const [next] = this.#waiting;
      if (next === undefined) this.#free.push(place);
      else {
        this.#waiting.delete(next);
        next.begin(place);
      }
    }
  }

  async #awaitPlace(): Promise<Place> {
    const { answerMs } = this.#times;
    const { promise, resolve, reject } = Promise.withResolvers<Place>();
    const waiting = { begin: resolve };
    this.#waiting.add(waiting);
    const timer = this.#options.clock.after(answerMs, () => {
      if (this.#waiting.delete(waiting))
        reject(new NoAnswerError(`no connection was free for ${answerMs} ms`));
    });
    try {
      return await promise;
    } finally {
      timer.cancel();
    }
  }

  /** One that hangs is given up: who reads next gets a new one. */
  async #answered<T>(place: Place, ask: (client: Bun.SQL) => Promise<T>): Promise<T> {
    const { answerMs } = this.#times;
    if (this.#isClosed) throw new NoAnswerError("the reads have ended");
    place.client ??= this.#makeClient();
    const late = Promise.withResolvers<never>();
    const timer = this.#options.clock.after(answerMs, () => {
      late.reject(new NoAnswerError(`the database did not answer within ${answerMs} ms`));
      dropClient(place);
    });
    try {
      return await Promise.race([ask(place.client), late.promise]);
    } finally {
      timer.cancel();
    }
  }

  #makeClient(): Bun.SQL {
    const { address, name = "duologue reads", looksUp } = this.#options;
    return makeClient({ address, times: this.#times, name, maxConnections: 1, looksUp });
  }
}

function dropClient(place: Place): void {
  void place.client?.close({ timeout: 0 });
  place.client = undefined;
}

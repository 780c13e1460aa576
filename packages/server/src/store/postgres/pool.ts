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
}

export type Ask = <Row>(text: string, parameters: readonly Parameter[]) => Promise<readonly Row[]>;

/** So that a node of several workers stays far below the hundred connections that PostgreSQL allows by default. */
export const READ_CONNECTIONS = 4;

export class Pool {
  readonly #options: PoolOptions;
  readonly #times: PostgresTimes;
  #client: Bun.SQL;
  #isClosed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#times = { ...DEFAULT_TIMES, ...options.times };
    this.#client = this.#makeClient();
  }

  /** One statement sees one state. */
  ask<Row>(text: string, parameters: readonly Parameter[] = []): Promise<readonly Row[]> {
    const client = this.#client;
    return this.#answered(client, async () => await client.unsafe<Row[]>(text, [...parameters]));
  }

  /** All statements of `read` see one state. */
  snapshot<T>(read: (ask: Ask) => Promise<T>): Promise<T> {
    const client = this.#client;
    return this.#answered(client, () =>
      client.begin("ISOLATION LEVEL REPEATABLE READ READ ONLY", (transaction) =>
        read(async <Row>(text: string, parameters: readonly Parameter[]) => {
          return await transaction.unsafe<Row[]>(text, [...parameters]);
        }),
      ),
    );
  }

  close(): void {
    this.#isClosed = true;
    void this.#client.close({ timeout: 0 });
  }

  async #answered<T>(client: Bun.SQL, read: () => Promise<T>): Promise<T> {
    const { answerMs } = this.#times;
    const late = Promise.withResolvers<never>();
    const timer = this.#options.clock.after(answerMs, () => {
      late.reject(new NoAnswerError(`the database did not answer within ${answerMs} ms`));
      this.#giveUp(client);
    });
    try {
      return await Promise.race([read(), late.promise]);
    } finally {
      timer.cancel();
    }
  }

  /** A connection that does not answer would be asked again and again; what the others are at is asked for anew. */
  #giveUp(client: Bun.SQL): void {
    if (client !== this.#client || this.#isClosed) return;
    this.#client = this.#makeClient();
    void client.close({ timeout: 0 });
  }

  #makeClient(): Bun.SQL {
    const { address, connections = READ_CONNECTIONS } = this.#options;
    return makeClient({ address, times: this.#times, name: "duologue reads", maxConnections: connections });
  }
}

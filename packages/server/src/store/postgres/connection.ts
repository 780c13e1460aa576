/** One connection for a node's writes. Statements are sent at once and answered in order; none is waited for without end. */
import type { Clock } from "../../clock.ts";
import { makeClient, type PostgresAddress, type PostgresTimes } from "./address.ts";
import { isConsequence, NoAnswerError, WrongDatabaseError } from "./trouble.ts";

export type Parameter = string | number | null;
export interface Answer<Row> extends ReadonlyArray<Row> {
  readonly command: string | null;
  readonly count: number;
}

/** The server's process behind a connection. Its number alone may be another one's by now. */
export interface Backend {
  readonly pid: number;
  /** Seconds since 1970, with all their digits. */
  readonly begun: string;
}

export interface ConnectionOptions {
  readonly address: PostgresAddress;
  readonly times: PostgresTimes;
  readonly clock: Pick<Clock, "after">;
  readonly name: string;
}

/** What `unnest`, identities and `INSERT … ON CONFLICT` of the statements need, and support ends for what is older. */
const OLDEST_VERSION = 150_000;

export class Connection {
  readonly #client: Bun.SQL;
  readonly #reserved: Bun.ReservedSQL;
  readonly #options: ConnectionOptions;
  #backend: Backend | undefined;
  #isClosed = false;

  private constructor(client: Bun.SQL, reserved: Bun.ReservedSQL, options: ConnectionOptions) {
    this.#client = client;
    this.#reserved = reserved;
    this.#options = options;
  }

  /** Rejects with the client's or the server's error, NoAnswerError, or WrongDatabaseError. */
  static async open(options: ConnectionOptions): Promise<Connection> {
    const { address, times, name } = options;
    const client = makeClient({ address, times, name, maxConnections: 1 });
    try {
      const reserved = await answered(options, client.reserve(), () => void client.close({ timeout: 0 }));
      const connection = new Connection(client, reserved, options);
      await connection.#prepare();
      return connection;
    } catch (error) {
      void client.close({ timeout: 0 });
      throw error;
    }
  }

  /** Undefined where the server does not say: behind a pooler that hides it. */
  get backend(): Backend | undefined {
    return this.#backend;
  }

  /**
   * Sends a statement behind those that were sent before. The promise must go into `settle`, which waits for its answer
   * with a limit; alone it has none.
   */
  send<Row>(text: string, parameters: readonly Parameter[] = []): Promise<Answer<Row>> {
    const answer: Promise<Answer<Row>> = this.#reserved.unsafe(text, [...parameters]).execute();
    // It is looked at in `settle`, which may come after other failures; until then it is nobody's.
    answer.catch(() => undefined);
    return answer;
  }

  /** All answers; when all are there and one of them is a failure, rejects with the one that made the others fail. */
  async settle<T extends readonly Promise<unknown>[]>(
    answers: readonly [...T],
  ): Promise<{ -readonly [I in keyof T]: Awaited<T[I]> }> {
    const all: readonly Promise<unknown>[] = answers;
    const outcomes = await answered(this.#options, Promise.allSettled(all), () => this.close());
    const failures = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason] : []));
    if (failures.length > 0) throw failures.find((error) => !isConsequence(error)) ?? failures[0];
    return outcomes.map((outcome) => (outcome.status === "fulfilled" ? outcome.value : undefined)) as {
      -readonly [I in keyof T]: Awaited<T[I]>;
    };
  }

  async ask<Row>(text: string, parameters: readonly Parameter[] = []): Promise<Answer<Row>> {
    const [answer] = await this.settle([this.send<Row>(text, parameters)]);
    return answer;
  }

  /** Lets go of it at once; whatever is under way fails. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    void this.#client.close({ timeout: 0 });
  }

  async #prepare(): Promise<void> {
    const [facts] = await this.ask<{
      version: number;
      encoding: string;
      commit: string;
      isReplica: boolean;
      isReadOnly: boolean;
      pid: number;
      begun: string | null;
    }>(
      `SELECT current_setting('server_version_num')::int AS version, current_setting('server_encoding') AS encoding,
        current_setting('synchronous_commit') AS commit, pg_is_in_recovery() AS "isReplica",
        current_setting('transaction_read_only')::bool AS "isReadOnly", pg_backend_pid() AS pid,
        (SELECT extract(epoch FROM backend_start)::text FROM pg_stat_activity WHERE pid = pg_backend_pid()) AS begun`,
    );
    if (facts === undefined) throw new WrongDatabaseError("the server says nothing about itself");
    const { pid, begun } = facts;
    this.#backend = begun === null ? undefined : { pid, begun };
    if (facts.version < OLDEST_VERSION)
      throw new WrongDatabaseError(
        `PostgreSQL 15 or newer is needed, and this is ${Math.floor(facts.version / 10_000)}`,
      );
    // Another one has no place for most of what people write, and would refuse it for ever.
    if (facts.encoding !== "UTF8")
      throw new WrongDatabaseError(`the database's encoding is ${facts.encoding}, and must be UTF8`);
    if (facts.isReplica) throw new WrongDatabaseError("the server is a read-only copy of another one");
    // So providers make it when its disk is nearly full.
    if (facts.isReadOnly)
      throw new WrongDatabaseError("the database is read-only (default_transaction_read_only = on)");
    // What is acknowledged is on the disk. Where more is asked for (a copy elsewhere), it stays so.
    if (facts.commit === "off") await this.ask("SET synchronous_commit = on");
  }
}

/** `giveUp` is called when no answer has come in time. */
async function answered<T>(
  { clock, times }: ConnectionOptions,
  answer: Promise<T>,
  giveUp: () => void,
): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = clock.after(times.answerMs, () => {
    late.reject(new NoAnswerError(`the database did not answer within ${times.answerMs} ms`));
    giveUp();
  });
  try {
    return await Promise.race([answer, late.promise]);
  } finally {
    timer.cancel();
  }
}

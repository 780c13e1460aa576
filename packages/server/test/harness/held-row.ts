/**
 * Somebody's row in PostgreSQL, held as another node would hold it, so that a writer comes to stand in the middle of a
 * transaction. Rows are locked in the order of their keys: whoever waits for one holds those before it.
 */
import { PATIENCE_MS, until } from "@duologue/testing";

const LOCK = "SELECT 1 FROM duologue.person WHERE id = $1 FOR UPDATE";
const LAST_OF = "SELECT id FROM duologue.person WHERE id = ANY ($1::text[]) ORDER BY key DESC LIMIT 1";
/** Who waits for this connection. */
const WAITING = `SELECT pid FROM pg_stat_activity
  WHERE application_name = 'duologue writer' AND pg_backend_pid() = ANY (pg_blocking_pids(pid))`;

export class HeldRow implements AsyncDisposable {
  readonly #client: Bun.SQL;
  #isHeld = true;

  private constructor(client: Bun.SQL) {
    this.#client = client;
  }

  /** `url`: of the database. Of these people, the one who is locked after all others. */
  static async take(url: string, people: readonly string[]): Promise<HeldRow> {
    const client = new Bun.SQL({ url, max: 1 });
    const [last] = await client.unsafe<{ id: string }[]>(LAST_OF, [client.array([...people], "TEXT")]);
    await client.unsafe("BEGIN");
    await client.unsafe(LOCK, [last?.id ?? ""]);
    return new HeldRow(client);
  }

  /** Resolves with the process of PostgreSQL that works for a writer and waits for the row. */
  async waitingWriter(timeoutMs: number = PATIENCE_MS): Promise<number> {
    let waiting: number | undefined;
    await until(
      async () => {
        const [row] = await this.#client.unsafe<{ pid: number }[]>(WAITING);
        waiting = row?.pid;
        return waiting !== undefined;
      },
      "a writer waits for the row",
      timeoutMs,
    );
    return waiting ?? 0;
  }

  /** Whoever waits for it has it. */
  async release(): Promise<void> {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    await this.#client.unsafe("ROLLBACK");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
    await this.#client.close({ timeout: 0 });
  }
}

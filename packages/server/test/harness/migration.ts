/** Copies into PostgreSQL: a database of their own, what stands in their way, and servers that would work with them. */
import { join } from "node:path";
import { type PostgresServer, until, withDeadline } from "@duologue/testing";
import { type MigrationOutcome, type MigrationProgress, migrateStore } from "../../src/app/migrate.ts";
import { systemClock } from "../../src/clock.ts";
import type { PostgresAddress } from "../../src/store/index.ts";
import { openPostgresStore, type PostgresStore } from "../../src/store/postgres/store.ts";

const MAIN = join(import.meta.dir, "../../src/main.ts");
const WAITING = "application_name = 'duologue migrate' AND wait_event_type = 'Lock'";

export function migrateInto(
  to: PostgresAddress,
  from: string,
  onProgress: (progress: MigrationProgress) => void = () => undefined,
): Promise<MigrationOutcome> {
  return migrateStore({ from, to, clock: systemClock, signal: new AbortController().signal, onProgress });
}

/** Of a copy that is tried while something stands in its way. Throws when it succeeds. */
export async function refusalInto(to: PostgresAddress, from: string): Promise<string> {
  const { signal } = new AbortController();
  const patience = { lockMs: 50, nodesMs: 50 };
  const onProgress = (): void => undefined;
  try {
    await migrateStore({ from, to, clock: systemClock, signal, onProgress, patience });
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("the copy was made");
}

/** As a node opens it when it starts. */
export function openCluster(address: PostgresAddress): Promise<PostgresStore> {
  const facts = {
    epoch: systemClock.randomId(),
    realm: systemClock.randomId(),
    secret: systemClock.randomId(),
  };
  return openPostgresStore({
    address,
    clock: systemClock,
    publish: () => undefined,
    onFault: (error) => {
      throw error;
    },
    proposal: facts,
    readConnections: 1,
  });
}

export interface RunningMigration {
  readonly hasEnded: boolean;
  kill(signal: NodeJS.Signals): void;
  ended(): Promise<{ readonly exitCode: number; readonly stderr: string }>;
}

export function spawnMigration(from: string, to: string): RunningMigration {
  const child = Bun.spawn([process.execPath, MAIN, "migrate", "--from", from], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
    env: { PATH: process.env.PATH ?? "", DUOLOGUE_STORE: to },
  });
  const stderr = new Response(child.stderr).text();
  return {
    get hasEnded() {
      return child.exitCode !== null || child.signalCode !== null;
    },
    kill: (signal) => child.kill(signal),
    ended: async () => {
      try {
        const exitCode = await withDeadline(child.exited, () => "duologue migrate did not end");
        return { exitCode, stderr: await stderr };
      } finally {
        child.kill("SIGKILL");
      }
    },
  };
}

/** A database of its own. */
export class TargetDatabase {
  readonly address: PostgresAddress;
  readonly #server: PostgresServer;
  readonly #name: string;

  private constructor(server: PostgresServer, name: string) {
    this.#server = server;
    this.#name = name;
    this.address = { url: server.url(name), ca: undefined };
  }

  static async create(server: PostgresServer): Promise<TargetDatabase> {
    return new TargetDatabase(server, await server.createDatabase());
  }

  /** Made at once, where a database takes a while; its connections are seen from others of the same database. */
  static schema(server: PostgresServer): PostgresAddress {
    return { url: server.url(), ca: undefined, schema: `s_${systemClock.uuid().replaceAll("-", "")}` };
  }

  async query(text: string): Promise<void> {
    await this.#server.query(text, this.#name);
  }

  /** Nobody reads or writes it until it is disposed of, which may be done twice. */
  lockTable(name: string): Promise<AsyncDisposable> {
    return this.#hold(`BEGIN; LOCK TABLE duologue.${name} IN ACCESS EXCLUSIVE MODE`);
  }

  advisoryLock(name: string): Promise<AsyncDisposable> {
    return this.#hold(`SELECT pg_advisory_lock(hashtextextended('${name}', 0))`);
  }

  /** Resolves with the process of the database in which the copy waits for a lock. */
  async whenWaiting(copy: RunningMigration): Promise<number> {
    let pid = 0;
    await until(async () => {
      if (copy.hasEnded) throw new Error(`the copy has ended: ${(await copy.ended()).stderr}`);
      const rows = await this.#server.query<{ pid: number }>(
        `SELECT pid FROM pg_stat_activity WHERE datname = '${this.#name}' AND ${WAITING}`,
      );
      pid = rows[0]?.pid ?? 0;
      return pid > 0;
    }, "the copy waits for a lock");
    return pid;
  }

  async #hold(statement: string): Promise<AsyncDisposable> {
    const client = new Bun.SQL({ url: this.address.url, max: 1 });
    const connection = await client.reserve();
    for (const part of statement.split("; ")) await connection.unsafe(part);
    let closing: Promise<void> | undefined;
    // It must be reachable from what is returned: Bun closes a reserved connection that is collected.
    const close = async (): Promise<void> => {
      connection.release();
      await client.close({ timeout: 0 });
    };
    return {
      [Symbol.asyncDispose]: () => {
        closing ??= close();
        return closing;
      },
    };
  }
}

/** What PostgreSQL and nats-server count about themselves, as differences over a time. */
import { SQL } from "bun";

export interface MeterSource {
  readonly postgresUrl: string;
  readonly natsMonitorUrl: string | undefined;
}

export interface MeterReading {
  /** Transactions that wrote something. */
  readonly writeTransactions: number;
  /** All that were committed, reading ones too; PostgreSQL counts them up to a second late. */
  readonly transactions: number;
  /** Written to the write-ahead log, full pages included. */
  readonly walBytes: number;
  /** Tables, indexes and what belongs to them. */
  readonly databaseBytes: number;
  /** What came to nats-server, and what went out of it. */
  readonly busInMessages: number;
  readonly busOutMessages: number;
  readonly busInBytes: number;
  readonly busOutBytes: number;
  /** Subjects that somebody wants to hear of. */
  readonly busSubscriptions: number;
}

/** The fields of nats-server's /varz that are read. */
interface Varz {
  readonly in_msgs: number;
  readonly out_msgs: number;
  readonly in_bytes: number;
  readonly out_bytes: number;
  readonly subscriptions: number;
}

interface PostgresCounters {
  readonly write_transactions: number;
  readonly transactions: number;
  readonly wal_bytes: number;
  readonly database_bytes: number;
}

export class MeterError extends Error {
  override readonly name = "MeterError";
}

const NO_BUS: Varz = { in_msgs: 0, out_msgs: 0, in_bytes: 0, out_bytes: 0, subscriptions: 0 };

export class Meters implements AsyncDisposable {
  private readonly sql: SQL;
  private before: MeterReading | undefined;

  private readonly source: MeterSource;

  constructor(source: MeterSource) {
    this.source = source;
    this.sql = new SQL(source.postgresUrl, { max: 1 });
  }

  async begin(): Promise<void> {
    this.before = await this.read();
  }

  /** Throws MeterError without a beginning. */
  async sinceBegin(): Promise<MeterReading> {
    const { before } = this;
    if (before === undefined) throw new MeterError("the meters were not begun");
    const after = await this.read();
    const names = Object.keys(after) as (keyof MeterReading)[];
    const differences = names.map((name) => [name, after[name] - before[name]] as const);
    return Object.fromEntries(differences) as unknown as MeterReading;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sql.close();
  }

  private async read(): Promise<MeterReading> {
    const [[counters], bus] = await Promise.all([this.readPostgres(), this.readBus()]);
    if (counters === undefined) throw new MeterError("PostgreSQL says nothing about itself");
    return {
      writeTransactions: Number(counters.write_transactions),
      transactions: Number(counters.transactions),
      walBytes: Number(counters.wal_bytes),
      databaseBytes: Number(counters.database_bytes),
      busInMessages: bus.in_msgs,
      busOutMessages: bus.out_msgs,
      busInBytes: bus.in_bytes,
      busOutBytes: bus.out_bytes,
      busSubscriptions: bus.subscriptions,
    };
  }

  private async readPostgres(): Promise<readonly PostgresCounters[]> {
    return (await this.sql`
      SELECT (pg_snapshot_xmax(pg_current_snapshot())::text)::float8 AS write_transactions,
             (SELECT xact_commit::float8 FROM pg_stat_database WHERE datname = current_database()) AS transactions,
             pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 AS wal_bytes,
             pg_database_size(current_database())::float8 AS database_bytes`) as readonly PostgresCounters[];
  }

  private async readBus(): Promise<Varz> {
    if (this.source.natsMonitorUrl === undefined) return NO_BUS;
    const answer = await fetch(new URL("/varz", this.source.natsMonitorUrl));
    if (!answer.ok) throw new MeterError(`nats-server's monitor answers ${answer.status}`);
    return (await answer.json()) as Varz;
  }
}

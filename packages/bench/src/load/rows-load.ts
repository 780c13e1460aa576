/**
 * Yardstick: rows into PostgreSQL through `unnest`, as bare as a durable message can be: one table with the two unique
 * indexes that numbers and repeats need, nothing read, nobody told.
 */
import { SQL } from "bun";
import type { BenchClock } from "../clock.ts";
import { LatencyHistogram } from "./histogram.ts";
import type { RowsJob, RowsResult } from "./job.ts";
import { measurePhase } from "./measured-phase.ts";
import { messageText } from "./message-text.ts";

const CONVERSATIONS = 100;

export async function runRows(clock: BenchClock, job: RowsJob): Promise<RowsResult> {
  const sql = new SQL(job.postgresUrl, { max: job.connections });
  try {
    await sql`DROP TABLE IF EXISTS bare_row`.simple();
    await sql`
      CREATE TABLE bare_row (
        conversation bigint, seq bigint, client_id uuid, sender bigint, time bigint, body text,
        PRIMARY KEY (conversation, seq), UNIQUE (client_id, sender)
      )`.simple();
    return await new RowsLoad(clock, job, sql).run();
  } finally {
    await sql.close();
  }
}

class RowsLoad {
  private readonly commit = new LatencyHistogram();
  private nextRow = 0;
  private committed = 0;
  private measuring = false;
  private stopped = false;

  private readonly clock: BenchClock;
  private readonly job: RowsJob;
  private readonly sql: SQL;

  constructor(clock: BenchClock, job: RowsJob, sql: SQL) {
    this.clock = clock;
    this.job = job;
    this.sql = sql;
  }

  async run(): Promise<RowsResult> {
    const { job } = this;
    const loops = Promise.all(Array.from({ length: job.connections }, () => this.insertOnAndOn()));
    const watched = {
      serverPids: [],
      beside: [{ name: "postgres", pid: job.postgresPid }],
      meters: { postgresUrl: job.postgresUrl, natsMonitorUrl: undefined },
    };
    const phase = await measurePhase(this.clock, watched, job, {
      begin: () => {
        this.measuring = true;
      },
      end: () => {
        this.measuring = false;
      },
    });
    this.stopped = true;
    await loops;
    return { kind: "rows", rows: this.committed, commit: this.commit.summary(), ...phase };
  }

  private async insertOnAndOn(): Promise<void> {
    while (!this.stopped) {
      const beganMs = this.clock.monotonic();
      await this.insert();
      if (!this.measuring) continue;
      this.committed += this.job.batch;
      this.commit.record(this.clock.monotonic() - beganMs);
    }
  }

  private async insert(): Promise<void> {
    const rows = Array.from({ length: this.job.batch }, (_, index) => this.nextRow + index);
    this.nextRow += this.job.batch;
    const now = this.clock.now();
    const time = now.toString(16).padStart(12, "0");
    const id = (row: number): string =>
      `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${row.toString(16).padStart(12, "0")}`;
    const { sql } = this;
    await sql`
      INSERT INTO bare_row
      SELECT * FROM unnest(
        ${sql.array(
          rows.map((row) => row % CONVERSATIONS),
          "BIGINT",
        )},
        ${sql.array(
          rows.map((row) => Math.floor(row / CONVERSATIONS)),
          "BIGINT",
        )},
        ${sql.array(rows.map(id), "UUID")},
        ${sql.array(
          rows.map((row) => row % CONVERSATIONS),
          "BIGINT",
        )},
        ${sql.array(
          rows.map(() => now),
          "BIGINT",
        )},
        ${sql.array(
          rows.map((row) => JSON.stringify({ kind: "text", text: messageText(row % 200, row) })),
          "TEXT",
        )})`;
  }
}

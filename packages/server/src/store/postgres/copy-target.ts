/** The database that a copy goes into: how it is taken, compared with the source, and let go of. */
import type { Clock } from "../../clock.ts";
import {
  type Chunk,
  type ChunkDigest,
  type CopiedRow,
  type CopiedTable,
  type CopiedTableName,
  copiedTableNames,
  copiedTables,
  hashOf,
  keyOf,
  lineOf,
  type RowKey,
} from "../copied-tables.ts";
import { DEFAULT_TIMES, type PostgresAddress, schemaOf } from "./address.ts";
import { Connection } from "./connection.ts";
import { COPY_STATE, type CopyState, copyStateOf } from "./copy-state.ts";
import { ANALYZE, askDigest, askRowDigests, sendDelete, sendInsert, setIdentity } from "./copy-statements.ts";
import { type DataFacts, migrate, readMeta } from "./migrations.ts";
import { judgeTrouble } from "./trouble.ts";

/** The database is not one that this copy may go into; the message is for people. */
export class CopyRefusedError extends Error {
  override readonly name = "CopyRefusedError";
}

export interface CopyTargetOptions {
  readonly address: PostgresAddress;
  readonly clock: Pick<Clock, "after">;
  readonly patience?: Partial<CopyPatience> | undefined;
}

export interface ChunkOutcome {
  /** Rows that were sent, because they were missing or another text stood there. */
  readonly written: number;
  /** Something was written or removed. */
  readonly isChanged: boolean;
  /** What the source holds there. */
  readonly digest: ChunkDigest;
}

/** Counting and hashing whole tables, and waiting for disks. */
const PATIENCE_MS = 600_000;
export interface CopyPatience {
  /** What a run that was killed has sent last may still be carried out, and holds the lock until then. */
  readonly lockMs: number;
  /** Connections of a server that has just stopped go away by themselves. */
  readonly nodesMs: number;
}

const DEFAULT_PATIENCE: CopyPatience = { lockMs: 5_000, nodesMs: 2_000 };
const LOCK = "SELECT pg_advisory_lock(hashtextextended($1, 0))";
const NODES_PAUSE_MS = 100;
const SETTINGS = `SELECT current_setting('server_encoding') AS encoding, current_setting('synchronous_commit') AS commit`;
const HAS_ROWS = `SELECT ${copiedTableNames.map((name) => `EXISTS (SELECT 1 FROM ${name})`).join(" OR ")} AS found`;
const NODES = `SELECT count(*)::float8 AS count FROM pg_stat_activity
  WHERE datname = current_database() AND application_name IN ('duologue writer', 'duologue reads')`;
const MARK_FIRST = `INSERT INTO meta (name, value) VALUES ('${COPY_STATE}', $1) ON CONFLICT (name) DO NOTHING`;
const MARK = `UPDATE meta SET value = $1 WHERE name = '${COPY_STATE}' AND value <> 'served'`;
const UNMARK = `DELETE FROM meta WHERE name = '${COPY_STATE}'`;
const EMPTY = `TRUNCATE ${copiedTableNames.join(", ")}`;
const KEEP_FACT = "UPDATE meta SET value = $2 WHERE name = $1";

export class PostgresCopyTarget implements Disposable {
  readonly #connection: Connection;
  readonly #schema: string;
  readonly #options: { readonly clock: Pick<Clock, "after">; readonly patience: CopyPatience };
  #durableCommit = "on";
  /** What was sent and not waited for yet. */
  #sent: Promise<unknown>[] = [];

  private constructor(connection: Connection, options: CopyTargetOptions) {
    this.#connection = connection;
    this.#schema = schemaOf(options.address);
    this.#options = { clock: options.clock, patience: { ...DEFAULT_PATIENCE, ...options.patience } };
  }

  /** Rejects with the server's or the client's error, NoAnswerError, WrongDatabaseError or CopyRefusedError. */
  static async open(options: CopyTargetOptions): Promise<PostgresCopyTarget> {
    const { address, clock } = options;
    const times = { ...DEFAULT_TIMES, answerMs: PATIENCE_MS, statementMs: PATIENCE_MS, lockMs: PATIENCE_MS };
    // To be let in, nobody waits for so long.
    const probe = await Connection.open({ address, clock, times: DEFAULT_TIMES, name: "duologue migrate" });
    probe.close();
    const connection = await Connection.open({ address, clock, times, name: "duologue migrate" });
    return new PostgresCopyTarget(connection, options);
  }

  /**
   * Makes the tables, or takes those that a copy of the same data has left or that hold nothing, and empties them where
   * the data have another epoch since; until `finish`, no server works with them. Where `facts` have no secret, the one that is there stays. Rejects like `open`, and then nothing
   * has changed.
   */
  async begin(
    facts: Omit<DataFacts, "secret">,
    secret: string | undefined,
    newSecret: string,
  ): Promise<void> {
    await this.#prepare();
    const found = await readMeta(this.#connection, this.#schema);
    this.#refuseOthers(found, facts.realm);
    const all = { ...facts, secret: secret ?? found.get("secret") ?? newSecret };
    await migrate(this.#connection, this.#schema, all, { [COPY_STATE]: "unfinished" });
    // Where there was nothing, a server may have made the tables at the same time: then they bear no mark.
    const state = copyStateOf(found.size > 0 ? found : await readMeta(this.#connection, this.#schema));
    await this.#take(state);
    await this.#refuseNodes(state === undefined);
    // The source was restored since: what has another key now would be in the way of what bears its name.
    if (state !== undefined && found.get("epoch") !== facts.epoch) await this.#connection.ask(EMPTY);
    await this.#connection.settle(Object.entries(all).map((fact) => this.#connection.send(KEEP_FACT, fact)));
    // A copy that an outage of power cuts short is unfinished anyway; its end is flushed, and all before with it.
    await this.#connection.ask("SET synchronous_commit = off");
  }

  /** Makes the range hold what the chunk holds. What it writes may still be under way when it resolves. */
  async bring(name: CopiedTableName, chunk: Chunk): Promise<ChunkOutcome> {
    const table: CopiedTable = copiedTables[name];
    // First, so that both sides compute at the same time.
    const answer = this.digest(name, chunk);
    const lines = chunk.rows.map((row) => lineOf(table, row));
    const digest = { count: lines.length, hash: hashOf(lines) };
    const there = await answer;
    if (there.count === digest.count && there.hash === digest.hash)
      return { written: 0, isChanged: false, digest };
    const { changed, gone } =
      there.count === 0 ? { changed: chunk.rows, gone: [] } : await this.#compare(table, chunk, lines);
    if (gone.length > 0) this.#sent.push(sendDelete(this.#connection, table, gone));
    if (changed.length > 0) this.#sent.push(sendInsert(this.#connection, table, changed));
    return { written: changed.length, isChanged: true, digest };
  }

  /** Of what the range holds here, all that was sent before included. */
  async digest(name: CopiedTableName, chunk: Pick<Chunk, "after" | "upTo">): Promise<ChunkDigest> {
    const answer = askDigest(this.#connection, copiedTables[name], chunk);
    await this.#connection.settle([...this.#sent.splice(0), answer]);
    const [row] = await answer;
    return { count: row?.count ?? 0, hash: row?.hash ?? "" };
  }

  /** When it resolves, all is on the disk, and servers may work with it if it is complete. */
  async finish(state: Extract<CopyState, "partial" | "complete">): Promise<void> {
    await this.#connection.settle(this.#sent.splice(0));
    await this.#refuseNodes(false);
    const identities = copiedTableNames.filter((name) => copiedTables[name].hasIdentity);
    await this.#connection.settle(identities.map((name) => this.#connection.send(setIdentity(name))));
    await this.#connection.ask(ANALYZE);
    await this.#connection.ask(`SET synchronous_commit = ${this.#durableCommit}`);
    await this.#mark(state);
  }

  [Symbol.dispose](): void {
    this.#connection.close();
  }

  async #prepare(): Promise<void> {
    const [settings] = await this.#connection.ask<{ encoding: string; commit: string }>(SETTINGS);
    if (settings?.encoding !== "UTF8")
      throw new CopyRefusedError(
        `its encoding is ${settings?.encoding}, which cannot hold every text: make one with ENCODING 'UTF8'`,
      );
    this.#durableCommit = settings.commit;
    try {
      await this.#connection.ask(`SET lock_timeout = ${this.#options.patience.lockMs}`);
      await this.#connection.ask(LOCK, [`duologue migrate ${this.#schema}`]);
      await this.#connection.ask(`SET lock_timeout = ${PATIENCE_MS}`);
    } catch (error) {
      if (judgeTrouble(error) !== "locked") throw error;
      throw new CopyRefusedError("another `duologue migrate` is copying into it");
    }
  }

  #refuseOthers(meta: ReadonlyMap<string, string>, realm: string): void {
    const state = copyStateOf(meta);
    if (state === "served")
      throw new CopyRefusedError(
        "a server has worked with the copy already, and what was written there would be overwritten. Go on with that server; or, to throw all of that away, DROP SCHEMA " +
          `${this.#schema} CASCADE and copy anew`,
      );
    if (state !== undefined && meta.get("realm") !== realm)
      throw new CopyRefusedError(
        `it holds a copy of other data: choose another database, or DROP SCHEMA ${this.#schema} CASCADE`,
      );
  }

  async #take(state: CopyState | undefined): Promise<void> {
    if (state !== undefined) return this.#mark("unfinished");
    const [rows] = await this.#connection.ask<{ found: boolean }>(HAS_ROWS);
    if (rows?.found !== false)
      throw new CopyRefusedError(
        "it holds users and messages of a cluster of its own, and a copy goes into an empty database only: choose another one",
      );
    const { count } = await this.#connection.ask(MARK_FIRST, ["unfinished"]);
    if (count === 0) throw new CopyRefusedError("another `duologue migrate` has begun with it");
  }

  async #mark(state: CopyState): Promise<void> {
    const { count } = await this.#connection.ask(MARK, [state]);
    if (count === 0) throw new CopyRefusedError("a server has begun to work with it meanwhile");
  }

  /** Nodes that came before the mark do not see it; one that comes now is refused by itself. */
  async #refuseNodes(isMarkedNow: boolean): Promise<void> {
    for (let waitedMs = 0; waitedMs <= this.#options.patience.nodesMs; waitedMs += NODES_PAUSE_MS) {
      const [nodes] = await this.#connection.ask<{ count: number }>(NODES);
      if (nodes?.count === 0) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#options.clock.after(NODES_PAUSE_MS, resolve);
      await promise;
    }
    if (isMarkedNow) await this.#connection.ask(UNMARK);
    throw new CopyRefusedError(
      "servers are at work with it: stop them (`duologue stop` on each machine) first",
    );
  }

  /** Which rows are not there as they should be, and the keys of those that have to go. */
  async #compare(
    table: CopiedTable,
    chunk: Chunk,
    lines: readonly string[],
  ): Promise<{ changed: readonly CopiedRow[]; gone: readonly RowKey[] }> {
    const there = await askRowDigests(this.#connection, table, chunk);
    const same = new Set<string>();
    const changed = chunk.rows.filter((row, index) => {
      const name = JSON.stringify(keyOf(table, row));
      const isSame = there.get(name)?.hash === hashOf([lines[index] ?? ""]);
      if (isSame) same.add(name);
      return !isSame;
    });
    const gone = [...there].flatMap(([name, { key }]) => (same.has(name) ? [] : [key]));
    return { changed, gone };
  }
}

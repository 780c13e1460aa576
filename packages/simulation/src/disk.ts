/** The disk of the simulated server: it refuses, fails or is full when the faults say so, and SQLite hears of it as of a real one. */
import type { Database, Statement } from "bun:sqlite";
import { statSync } from "node:fs";
import { openWriterDatabase } from "duologue";
import type { World } from "./world.ts";

type Options = Parameters<typeof openWriterDatabase>[0];

const PAGE_BYTES = 4_096;
const INSERT_EVENT = /^\s*INSERT INTO event\b/;
/** As many as SQLite takes. */
const ENDLESS_PAGES = 4_294_967_294;

export class ServerDisk {
  readonly #world: World;
  readonly #path: string;
  #database: Database | undefined;
  #maxPages = ENDLESS_PAGES;
  /** What is being committed, for who wants a fault at a certain occasion. */
  batch = "";

  constructor(world: World, path: string) {
    this.#world = world;
    this.#path = path;
  }

  /** As the writer does, and has its transactions and checkpoints pass the faults. */
  readonly open: typeof openWriterDatabase = (options: Options) => {
    const database = openWriterDatabase({ ...options, maxPages: this.#maxPages });
    this.#database = database;
    const close = database.close.bind(database);
    database.close = (...parameters) => {
      if (this.#database === database) this.#database = undefined;
      close(...parameters);
    };
    const prepare = database.prepare.bind(database);
    database.prepare = ((sql: string, ...rest: []) => {
      if (this.#world.faults.strikes("openFailure", sql)) throw diskError("SQLITE_IOERR_READ");
      const statement = prepare(sql, ...rest);
      if (sql === "BEGIN IMMEDIATE") this.#refuseSome(statement);
      if (sql === "COMMIT") this.#failSome(statement);
      if (INSERT_EVENT.test(sql)) this.#excludeSome(statement);
      return statement;
    }) as typeof database.prepare;
    return database;
  };

  /** The file may grow by so many pages; undefined: there is room. */
  fill(sparePages: number | undefined): void {
    const pages = Math.ceil(statSync(this.#path).size / PAGE_BYTES);
    this.#maxPages = sparePages === undefined ? ENDLESS_PAGES : pages + sparePages;
    this.#database?.run(`PRAGMA max_page_count = ${this.#maxPages}`);
  }

  /** No room, or somebody else's lock: nothing is written, and the next one may go well. */
  #refuseSome(begin: Statement): void {
    const run = begin.run.bind(begin);
    begin.run = (...parameters) => {
      if (this.#world.faults.strikes("diskFailure", this.batch)) throw diskError("SQLITE_FULL");
      return run(...parameters);
    };
  }

  /** One message cannot be taken, the others of its batch can. */
  #excludeSome(insert: Statement): void {
    const run = insert.run.bind(insert);
    insert.run = (...parameters) => {
      if (this.#world.faults.strikes("requestFailure", this.batch)) throw diskError("SQLITE_TOOBIG");
      return run(...parameters);
    };
  }

  /** The flush fails: what was to be committed may be there all the same, and the writer must not go on. */
  #failSome(commit: Statement): void {
    const run = commit.run.bind(commit);
    commit.run = (...parameters) => {
      if (!this.#world.faults.strikes("flushFailure", this.batch)) return run(...parameters);
      if (this.#world.random.chance(0.5)) run(...parameters);
      throw diskError("SQLITE_IOERR_FSYNC");
    };
  }
}

/** SQLite's errors cannot be made by anybody else; `instanceof SQLiteError` goes by the name. */
function diskError(code: string): Error {
  return Object.assign(new Error(`the simulated disk: ${code}`), { name: "SQLiteError", code });
}

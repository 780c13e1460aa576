/**
 * Keeps a node's writer connected. When the connection is lost, requests wait for a new one for as long as `outageMs` from
 * then on, and after that are refused at once, until the database has answered again.
 */
import type { Clock } from "../../clock.ts";
import type { BatchCommitter } from "../batch.ts";
import { makeEpoch } from "../epoch.ts";
import { type StoreHealth, WELL } from "../health.ts";
import { refusedResult, type WriteRequest, type WriteResult } from "../requests.ts";
import { DEFAULT_TIMES, type PostgresAddress, type PostgresTimes, schemaOf } from "./address.ts";
import { Attempts } from "./attempts.ts";
import { Connection } from "./connection.ts";
import { claimCopy, refuseIncomplete } from "./copy-state.ts";
import { Identities } from "./identities.ts";
import { type DataFacts, migrate, readMeta, toFacts } from "./migrations.ts";
import { Predecessors } from "./predecessors.ts";
import { followTimeline } from "./timeline.ts";
import { describeTrouble, WrongDatabaseError } from "./trouble.ts";
import { ConnectionLostError, PostgresWriter } from "./writer.ts";

export interface PostgresKeeperOptions {
  readonly address: PostgresAddress;
  readonly clock: Clock;
  /** A transaction or a connection failed. For the log. */
  readonly onFault: (error: unknown) => void;
  /** Called when the kind changes. */
  readonly onHealth: (health: StoreHealth) => void;
  /** The same data, without their last changes: `facts` have another epoch now, and what was read before is worth nothing. */
  readonly onNewEpoch: () => void;
  readonly times?: Partial<PostgresTimes> | undefined;
  /** Names the data, where there are none yet. */
  readonly proposal: DataFacts;
}

/** Making tables, or waiting for another node that makes them. */
const MIGRATION_MS = 60_000;
/** Without a commit for this long, it is asked whether it is still there. */
const QUIET_MS = 1_000;

/** A connection that may be written on. */
interface Candidate {
  readonly connection: Connection;
  readonly writer: PostgresWriter;
  readonly facts: DataFacts;
}

export class PostgresKeeper implements BatchCommitter {
  readonly #options: PostgresKeeperOptions;
  readonly #times: PostgresTimes;
  #connection: Connection | undefined;
  #writer: PostgresWriter | undefined;
  #health: StoreHealth = WELL;
  /** On the clock that never goes back; undefined while there is a connection. */
  #lostAt: number | undefined;
  #answeredAt: number;
  /** A batch is under way, which notices by itself. */
  #isBusy = false;
  #isAsked = false;
  #isClosed = false;
  #waiting: (() => void)[] = [];
  readonly #predecessors = new Predecessors();
  readonly #attempts: Attempts<Candidate>;
  #facts: DataFacts;

  private constructor(
    options: PostgresKeeperOptions,
    times: PostgresTimes,
    facts: DataFacts,
    connection: Connection,
    writer: PostgresWriter,
  ) {
    this.#options = options;
    this.#times = times;
    this.#facts = facts;
    this.#connection = connection;
    this.#writer = writer;
    this.#attempts = new Attempts({
      clock: options.clock,
      attempt: () => this.#connect(),
      onFailure: (error) => this.#become({ kind: "failed", problem: describeTrouble(error) }),
      onSuccess: (candidate) => this.#adopt(candidate),
      discard: ({ connection: spare }) => this.#giveUp(spare),
    });
    this.#answeredAt = options.clock.monotonic();
    this.#health = healthOf(writer);
  }

  /** Rejects with the server's or the client's error, or with WrongDatabaseError, whose message is for people. */
  static async open(options: PostgresKeeperOptions): Promise<PostgresKeeper> {
    const times = { ...DEFAULT_TIMES, ...options.times };
    await prepareTables(options, times);
    const connection = await connect(options, times);
    try {
      // By now `duologue migrate` sees that somebody is here; so whichever of the two is first, the other one is told.
      await claimCopy(connection, () => readMeta(connection, schemaOf(options.address)));
      const facts = await takeUp(connection, options);
      const writer = await makeWriter(connection, options, times);
      return new PostgresKeeper(options, times, facts, connection, writer);
    } catch (error) {
      connection.close();
      throw causeOf(error);
    }
  }

  get facts(): DataFacts {
    return this.#facts;
  }

  get health(): StoreHealth {
    return this.#health;
  }

  /** Never rejects. */
  async commit(requests: readonly WriteRequest[]): Promise<readonly WriteResult[]> {
    const results: WriteResult[] = [];
    const { clock } = this.#options;
    // It may have room for a small one, and is not asked with everybody's messages whether it has for more.
    if (this.#health.kind === "full") return requests.map(() => refusedResult("unavailable"));
    let giveUpAt = Number.POSITIVE_INFINITY;
    this.#isBusy = true;
    while (results.length < requests.length) {
      const writer = this.#writer ?? (await this.#awaitWriter());
      if (writer === undefined || clock.monotonic() > giveUpAt) {
        while (results.length < requests.length) results.push(refusedResult("unavailable"));
        break;
      }
      const begunAt = clock.monotonic();
      try {
        await writer.commit(requests, results);
        this.#answeredAt = clock.monotonic();
        // By a batch, and not by a connection, which may be of no use.
        this.#attempts.reset();
        if (writer.fullness !== undefined && this.#writer === writer) this.#become(healthOf(writer));
      } catch (error) {
        // A database that comes and goes is one outage, too.
        giveUpAt = Math.min(giveUpAt, begunAt + this.#times.outageMs);
        // A question on the same connection may have noticed first: there may be another one by now.
        if (this.#writer === writer) this.#lose(causeOf(error), begunAt);
      }
    }
    this.#isBusy = false;
    return results;
  }

  maintain(): void {
    // The server looks after itself.
  }

  /** Sees whether the database is still there, or has room again; to be called about once a second. */
  recover(): void {
    const [connection, writer] = [this.#connection, this.#writer];
    if (connection === undefined || writer === undefined || this.#isBusy || this.#isAsked) return;
    const now = this.#options.clock.monotonic();
    const isFull = this.#health.kind === "full";
    if (!isFull && now - this.#answeredAt < QUIET_MS) return;
    this.#isAsked = true;
    void (isFull ? writer.rehearse() : connection.ask("SELECT 1").then(() => true))
      .then((isWell) => {
        this.#answeredAt = this.#options.clock.monotonic();
        if (isWell && isFull && this.#connection === connection) this.#become(WELL);
      })
      .catch((error: unknown) => {
        if (this.#connection === connection) this.#lose(causeOf(error), now);
      })
      .finally(() => {
        this.#isAsked = false;
      });
  }

  close(): void {
    this.#isClosed = true;
    this.#attempts.end();
    this.#connection?.close();
    this.#connection = undefined;
    this.#writer = undefined;
    this.#wake();
  }

  /** Undefined when the outage lasts for too long already. */
  async #awaitWriter(): Promise<PostgresWriter | undefined> {
    const { clock } = this.#options;
    const restMs = (this.#lostAt ?? clock.monotonic()) + this.#times.outageMs - clock.monotonic();
    if (restMs > 0 && !this.#isClosed) {
      const woken = Promise.withResolvers<void>();
      const timer = clock.after(restMs, woken.resolve);
      this.#waiting.push(woken.resolve);
      await woken.promise;
      timer.cancel();
    }
    return this.#writer;
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  async #connect(): Promise<Candidate> {
    const connection = await connect(this.#options, this.#times);
    try {
      await this.#predecessors.end(connection, this.#options.clock);
      const facts = await takeUp(connection, this.#options);
      // Tokens and cursors are theirs only.
      if (facts.realm !== this.#facts.realm || facts.secret !== this.#facts.secret)
        throw new WrongDatabaseError("the database holds other data than at the start: restart the server");
      return { connection, facts, writer: await makeWriter(connection, this.#options, this.#times) };
    } catch (error) {
      this.#giveUp(connection);
      throw causeOf(error);
    }
  }

  #adopt({ connection, writer, facts }: Candidate): void {
    const hasNewEpoch = facts.epoch !== this.#facts.epoch;
    this.#facts = facts;
    this.#connection = connection;
    this.#writer = writer;
    this.#lostAt = undefined;
    this.#answeredAt = this.#options.clock.monotonic();
    if (hasNewEpoch) this.#options.onNewEpoch();
    this.#become(healthOf(writer));
    this.#wake();
  }

  #lose(error: unknown, since: number): void {
    if (this.#connection !== undefined) this.#giveUp(this.#connection);
    this.#connection = undefined;
    this.#writer = undefined;
    this.#lostAt = since;
    if (this.#isClosed) return;
    this.#options.onFault(error);
    this.#become({ kind: "failed", problem: describeTrouble(error) });
    this.#attempts.begin();
  }

  #giveUp(connection: Connection): void {
    connection.close();
    this.#predecessors.add(connection.backend);
  }

  #become(health: StoreHealth): void {
    const before = this.#health.kind;
    this.#health = health;
    if (health.kind !== before) this.#options.onHealth(health);
  }
}

function connect({ address, clock }: PostgresKeeperOptions, times: PostgresTimes): Promise<Connection> {
  return Connection.open({ address, clock, times, name: "duologue writer" });
}

/** A server that lets itself be read may yet take nothing. */
async function makeWriter(
  connection: Connection,
  { clock, onFault }: PostgresKeeperOptions,
  { outageMs }: PostgresTimes,
): Promise<PostgresWriter> {
  // Nothing is remembered of before: somebody may have restored the tables meanwhile, with other keys.
  const writer = new PostgresWriter(connection, new Identities(), { clock, onFault, patienceMs: outageMs });
  await writer.rehearse();
  return writer;
}

function healthOf({ fullness }: PostgresWriter): StoreHealth {
  return fullness === undefined ? WELL : { kind: "full", problem: describeTrouble(fullness) };
}

function causeOf(error: unknown): unknown {
  return error instanceof ConnectionLostError ? error.cause : error;
}

/** What the database holds, if servers may work with it. */
async function takeUp(connection: Connection, { address, clock }: PostgresKeeperOptions): Promise<DataFacts> {
  const meta = await readMeta(connection, schemaOf(address));
  refuseIncomplete(meta);
  const isSettled = await followTimeline(connection, meta, makeEpoch(clock));
  return toFacts(isSettled ? meta : await readMeta(connection, schemaOf(address)));
}

async function prepareTables(options: PostgresKeeperOptions, times: PostgresTimes): Promise<void> {
  const { address, clock, proposal } = options;
  const patient = { ...times, statementMs: MIGRATION_MS, lockMs: MIGRATION_MS, answerMs: MIGRATION_MS };
  const connection = await Connection.open({ address, clock, times: patient, name: "duologue start" });
  try {
    await migrate(connection, schemaOf(address), proposal);
  } finally {
    connection.close();
  }
}

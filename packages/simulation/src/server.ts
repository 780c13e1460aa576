/** The simulated server: the real parts of primary and workers, each in a process that may die between any two steps. */
import { SQLiteError } from "bun:sqlite";
import { statSync } from "node:fs";
import { join } from "node:path";
import { defaultLimits, type Limits } from "@duologue/protocol";
import {
  type ClientSocket,
  type Connection,
  encodeStatement,
  type LineConnection,
  PrimaryLink,
  type PrimaryParts,
  SqliteReader,
  SqliteWriter,
  sweep,
  tags,
  type WorkerParts,
  type WorkerSettings,
  wirePrimary,
  wireWorker,
} from "duologue";
import { SimulatedClock } from "./clocks.ts";
import { watchfulLog } from "./log.ts";
import { Life } from "./schedule.ts";
import { Stream } from "./stream.ts";
import { OrderedTokens } from "./tokens.ts";
import type { Listener } from "./wire.ts";
import type { World } from "./world.ts";

const SECOND_MS = 1_000;
const PAGE_BYTES = 4_096;
const RESTART_MS = 400;
/** As the real worker: from the end of its link to its own. */
const EXIT_MS = 200;
const DRAIN_MS = 300;
/** A note that the bus delays or repeats comes within this time. */
const NOTE_DELAY_MS = 2_500;
const TOKEN_SECRET = "a-secret-that-is-the-same-after-a-restart";

export interface ServerOptions {
  /** Of the database; the simulator's own. */
  readonly directory: string;
  readonly workers: number;
  readonly limits: Partial<Limits>;
}

export class SimulatedServer {
  readonly databasePath: string;
  readonly #world: World;
  readonly #options: ServerOptions;
  #primary: Primary | undefined;
  #workers: Worker[] = [];
  #sparePages: number | undefined;
  #nextSerial = 1;
  #nextPrimary = 1;
  /** Told when a worker's process is gone. */
  onWorkerGone: (life: Life) => void = () => undefined;

  constructor(world: World, options: ServerOptions) {
    this.#world = world;
    this.#options = options;
    this.databasePath = join(options.directory, "duologue.db");
  }

  get limits(): Limits {
    return { ...defaultLimits, ...this.#options.limits };
  }

  get readyWorkers(): readonly Worker[] {
    return this.#workers.filter((worker) => worker.isListening);
  }

  get isWhole(): boolean {
    return this.#primary !== undefined && this.readyWorkers.length === this.#options.workers;
  }

  get primary(): Primary | undefined {
    return this.#primary;
  }

  start(): void {
    const primary: Primary = new Primary(this.#world, this.#nextPrimary++, this, () => this.crashPrimary());
    this.#primary = primary;
    for (let index = 0; index < this.#options.workers; index += 1) this.#startWorker();
  }

  /** As by SIGKILL: what is not committed is lost, with all that the process remembers. */
  crashPrimary(): void {
    const primary = this.#primary;
    if (primary === undefined) return;
    this.#sparePages = undefined;
    this.#world.schedule.note(primary.life, "crashes");
    this.#primary = undefined;
    primary.end();
    this.#world.schedule.after(
      this.#world.random.exponential(RESTART_MS),
      systemLife,
      "primary restarts",
      () => {
        for (const worker of [...this.#workers]) this.crashWorker(worker);
        this.start();
      },
    );
  }

  /** The next primary finds so much room on the disk, until it crashes. */
  fillDisk(sparePages: number): void {
    this.crashPrimary();
    this.#sparePages = sparePages;
  }

  /** There is room again; a primary that found none is started anew. */
  clearDisk(): void {
    if (this.#sparePages !== undefined) this.crashPrimary();
    this.#sparePages = undefined;
  }

  /** The file may not grow beyond this; undefined: there is room. */
  get maxPages(): number | undefined {
    if (this.#sparePages === undefined) return undefined;
    return Math.ceil(statSync(this.databasePath).size / PAGE_BYTES) + this.#sparePages;
  }

  crashWorker(worker: Worker): void {
    if (!this.#workers.includes(worker)) return;
    this.#world.schedule.note(worker.life, "crashes");
    this.#workers = this.#workers.filter((other) => other !== worker);
    worker.end();
    this.onWorkerGone(worker.life);
    const delayMs = this.#world.random.exponential(RESTART_MS);
    this.#world.schedule.after(delayMs, systemLife, "worker restarts", () => {
      if (this.#primary !== undefined && this.#workers.length < this.#options.workers) this.#startWorker();
    });
  }

  /** What is committed, read by nobody that was there. */
  openReader(): SqliteReader {
    return new SqliteReader(this.databasePath);
  }

  end(): void {
    this.#primary?.end();
    for (const worker of this.#workers) worker.end();
  }

  #startWorker(): void {
    const primary = this.#primary;
    if (primary === undefined) return;
    const worker: Worker = new Worker(this.#world, this.#nextSerial++, primary, () =>
      this.crashWorker(worker),
    );
    this.#workers.push(worker);
  }
}

/** Who starts processes again; nothing ends it. */
const systemLife = new Life("system");

export class Primary {
  readonly life: Life;
  readonly clock: SimulatedClock;
  readonly parts: PrimaryParts;
  readonly #server: SimulatedServer;
  readonly #database: SqliteWriter;
  readonly #streams = new Set<Stream>();

  constructor(world: World, number: number, server: SimulatedServer, crash: () => void) {
    this.#server = server;
    this.life = new Life(`primary-${number}`);
    const { life } = this;
    this.clock = new SimulatedClock(world, life, crash);
    const { clock } = this;
    let isOpen = false;
    const failingClock = {
      // Asked for once in each transaction, after its beginning: a throw there is a disk that refuses.
      now: () => {
        if (world.faults.strikes("diskFailure")) throw new RangeError("the simulated disk refuses");
        return clock.now();
      },
      // And for a new conversation: a throw here is a single request that cannot be carried out.
      randomId: (bytes?: number) => {
        if (isOpen && world.faults.strikes("diskFailure")) throw new RangeError("the simulated disk refuses");
        return clock.randomId(bytes);
      },
      random: () => clock.random(),
    };
    this.#database = new SqliteWriter({
      path: server.databasePath,
      clock: failingClock,
      ...(server.maxPages === undefined ? {} : { maxPages: server.maxPages }),
      onFault: (error) => {
        const isFull = error instanceof SQLiteError && error.code === "SQLITE_FULL";
        world.schedule.note(life, `the disk ${isFull ? "is full" : "refuses"}`);
        if (!isFull && !(error instanceof RangeError)) world.violate(`the store failed: ${String(error)}`);
      },
    });
    isOpen = true;
    this.parts = wirePrimary({
      clock,
      log: watchfulLog(world, life),
      committer: this.#database,
      classicUsers: server.limits.classicUsers,
      lobbyUsers: server.limits.lobbyUsers,
      events: { onReady: () => undefined, onStatistics: () => undefined, onGone: () => undefined },
    });
    clock.every(SECOND_MS, () => this.parts.hub.heartbeat({ storeWell: true }));
  }

  /** A worker's process connects; it says first who it is. */
  accept(stream: Stream, connection: LineConnection): void {
    this.#streams.add(stream);
    const { hub } = this.parts;
    let serial: number | undefined;
    connection.receiver = {
      onLine: (line) => {
        if (serial !== undefined) {
          hub.receive(serial, connection, line);
          return;
        }
        serial = Number(line.slice(2));
        hub.register(serial, connection, this.#settings());
      },
      onClose: (reason) => {
        this.#streams.delete(stream);
        if (serial !== undefined) hub.gone(serial, reason);
      },
    };
  }

  end(): void {
    this.life.isOver = true;
    for (const stream of this.#streams) stream.endOf(this.life);
    this.#database.close();
  }

  #settings(): Omit<WorkerSettings, "page"> {
    const { limits, databasePath } = this.#server;
    return {
      host: "",
      port: 0,
      workers: 0,
      store: { kind: "embedded", path: databasePath },
      tokenSecret: TOKEN_SECRET,
      hostLogin: undefined,
      guests: true,
      embedOrigins: [],
      classic: "off",
      origins: [],
      trustedProxies: [],
      limits,
      ...this.parts.lobby(),
    };
  }
}

export class Worker implements Listener {
  readonly life: Life;
  readonly clock: SimulatedClock;
  readonly stream: Stream;
  readonly #world: World;
  readonly #serial: number;
  readonly #exit: () => void;
  #reader: SqliteReader | undefined;
  #parts: WorkerParts | undefined;
  #isLeaving = false;
  #outboxBytes = 0;

  constructor(world: World, serial: number, primary: Primary, exit: () => void) {
    this.#world = world;
    this.#serial = serial;
    this.#exit = exit;
    this.life = new Life(`worker-${serial}`);
    this.clock = new SimulatedClock(world, this.life, exit);
    this.stream = new Stream(world, this, primary);
    const [connection, primaryEnd] = this.stream.connections;
    primary.accept(this.stream, primaryEnd);
    const link = new PrimaryLink(connection);
    connection.receiver = {
      onLine: (line) => this.#onLine(link, line),
      onClose: () => {
        link.fail();
        this.leave("lost_bus", EXIT_MS);
      },
    };
    link.onStatement(tags.settings, (settings) => this.#begin(settings, link));
    link.state(tags.hello, serial);
  }

  get isListening(): boolean {
    return this.#parts !== undefined && !this.#isLeaving;
  }

  get outboxBytes(): number {
    return this.#outboxBytes;
  }

  get connections(): number {
    return this.#parts?.gateway.connections.open.size ?? 0;
  }

  /** Sends its clients away, and is gone after this time. */
  leave(why: "lost_bus" | "server_stopping", afterMs: number = DRAIN_MS): void {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    for (const connection of this.#parts?.gateway.connections.open ?? []) connection.close(why);
    this.clock.after(afterMs, () => this.#exit());
  }

  end(): void {
    this.life.isOver = true;
    this.stream.endOf(this.life);
    this.#reader?.close();
  }

  accept(socket: ClientSocket): Connection | undefined {
    if (!this.isListening || this.life.isOver) return undefined;
    const connection = this.#parts?.clients.add(
      { protocol: "v1", state: { name: "hello-expected" } },
      "",
      "",
    );
    if (connection !== undefined) connection.socket = socket;
    return connection;
  }

  receive(connection: Connection, text: string): void {
    this.#parts?.clients.receive(connection, text);
  }

  drained(connection: Connection): void {
    this.#parts?.clients.drained(connection);
  }

  closed(connection: Connection): void {
    this.#parts?.clients.closed(connection);
  }

  #begin(settings: WorkerSettings, link: PrimaryLink): void {
    const { clock, life } = this;
    const { store } = settings;
    if (store.kind !== "embedded") throw new TypeError("a simulated store is a file");
    const reader = new SqliteReader(store.path);
    const tokens = new OrderedTokens(this.#world, life, settings.tokenSecret, reader.epoch, clock);
    const log = watchfulLog(this.#world, life);
    this.#reader = reader;
    this.#outboxBytes = settings.limits.outboxBytes;
    this.#parts = wireWorker({ clock, log, serial: this.#serial, settings, link, reader, tokens });
    const { gateway } = this.#parts;
    clock.every(SECOND_MS, () => {
      sweep(gateway, clock);
      const { messagesIn } = gateway.statistics;
      link.send(
        encodeStatement(tags.statistics, {
          memoryBytes: 0,
          connections: 0,
          users: 0,
          messagesIn,
          messagesOut: 0,
        }),
      );
    });
    link.send(tags.ready);
  }

  /** Committed changes and other notes are the bus's, which may lose, delay, repeat and reorder; the rest is not. */
  #onLine(link: PrimaryLink, line: string): void {
    const { faults, schedule, random } = this.#world;
    const isNote = line.startsWith(tags.event) || line.startsWith(tags.note);
    if (!isNote) {
      link.receive(line);
      return;
    }
    const later = (what: string): void =>
      void schedule.after(random.next() * NOTE_DELAY_MS, this.life, what, () => link.receive(line));
    if (faults.strikes("repeatNote")) later("bus: a note again");
    if (faults.strikes("loseNote")) schedule.note(this.life, `bus: lost ${line.slice(0, 60)}`);
    else if (faults.strikes("delayNote")) later("bus: a note, late");
    else link.receive(line);
  }
}

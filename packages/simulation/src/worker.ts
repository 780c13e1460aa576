/** A worker's process: the real parts of a worker, between a simulated link and simulated sockets. */
import {
  type ClientSocket,
  type Connection,
  closeAll,
  drain,
  EXIT_MS,
  PrimaryLink,
  SqliteReader,
  sweep,
  tags,
  type WorkerParts,
  type WorkerSettings,
  wireWorker,
} from "duologue";
import { SimulatedClock } from "./clocks.ts";
import { watchfulLog } from "./log.ts";
import type { Primary } from "./primary.ts";
import { Life } from "./schedule.ts";
import { Stream } from "./stream.ts";
import { OrderedTokens } from "./tokens.ts";
import type { Listener } from "./wire.ts";
import type { World } from "./world.ts";

const SECOND_MS = 1_000;
/** Until a new process has connected to its primary, on average. */
const START_MS = 120;
/** A note that the bus delays or repeats comes within this time. */
const NOTE_DELAY_MS = 2_500;

export interface WorkerOptions {
  readonly name: string;
  readonly serial: number;
  readonly primary: Primary;
  /** The process is gone; called once. */
  readonly gone: (code: number | null, signal: string | null) => void;
}

export class Worker implements Listener {
  readonly life: Life;
  readonly clock: SimulatedClock;
  readonly #world: World;
  readonly #options: WorkerOptions;
  #stream: Stream | undefined;
  #link: PrimaryLink | undefined;
  #reader: SqliteReader | undefined;
  #parts: WorkerParts | undefined;
  #isListening = false;
  #isLeaving = false;
  #outboxBytes = 0;

  constructor(world: World, options: WorkerOptions) {
    this.#world = world;
    this.#options = options;
    this.life = new Life(options.name);
    const { life } = this;
    this.clock = new SimulatedClock(world, life, () => this.exit(null, "SIGKILL"));
    world.schedule.after(world.random.exponential(START_MS), life, "begins", () => this.#connect());
  }

  get primary(): Primary {
    return this.#options.primary;
  }

  get isListening(): boolean {
    return this.#isListening && !this.life.isOver;
  }

  get outboxBytes(): number {
    return this.#outboxBytes;
  }

  /** The link to the primary breaks. */
  cutLink(): void {
    this.#stream?.cut();
  }

  /** As by SIGTERM, or when the primary asks for it. */
  leave(): void {
    const [link, gateway] = [this.#link, this.#parts?.gateway];
    if (this.#isLeaving || link === undefined || gateway === undefined) return;
    this.#isLeaving = true;
    const server = {
      stopListening: () => {
        this.#isListening = false;
      },
    };
    void drain({ gateway, server, link, takeoverMs: 0 }).then(() => this.exit(0, null));
  }

  exit(code: number | null, signal: string | null): void {
    if (this.life.isOver) return;
    this.life.isOver = true;
    this.#world.schedule.note(this.life, `is gone (${signal ?? code})`);
    this.#stream?.endOf(this.life);
    this.#reader?.close();
    this.#options.gone(code, signal);
  }

  accept(socket: ClientSocket): Connection | undefined {
    if (!this.isListening) return undefined;
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

  #connect(): void {
    const { primary, serial } = this.#options;
    if (primary.life.isOver) {
      this.exit(1, null);
      return;
    }
    const stream = new Stream(this.#world, this, primary);
    this.#stream = stream;
    const [connection, primaryEnd] = stream.connections;
    primary.accept(stream, primaryEnd);
    const link = new PrimaryLink(connection);
    this.#link = link;
    connection.receiver = {
      onLine: (line) => this.#onLine(link, line),
      onClose: () => {
        link.fail();
        if (this.#parts !== undefined) closeAll(this.#parts.gateway, "lost_bus");
        this.clock.after(EXIT_MS, () => this.exit(1, null));
      },
    };
    link.onStatement(tags.settings, (settings) => this.#begin(settings, link));
    link.on(tags.drain, () => this.leave());
    link.state(tags.hello, serial);
  }

  #begin(settings: WorkerSettings, link: PrimaryLink): void {
    const { clock, life } = this;
    const { store } = settings;
    if (store.kind !== "embedded") throw new TypeError("a simulated store is a file");
    const reader = new SqliteReader(store.path);
    const tokens = new OrderedTokens(this.#world, life, settings.tokenSecret, reader.realm, clock);
    const log = watchfulLog(this.#world, life);
    this.#reader = reader;
    this.#outboxBytes = settings.limits.outboxBytes;
    this.#parts = wireWorker({ clock, log, serial: this.#options.serial, settings, link, reader, tokens });
    this.#isListening = true;
    const { gateway } = this.#parts;
    const report = (): void => {
      const { messagesIn } = gateway.statistics;
      link.state(tags.statistics, {
        memoryBytes: 0,
        connections: 0,
        users: 0,
        messagesIn,
        messagesOut: 0,
      });
    };
    clock.every(SECOND_MS, () => {
      sweep(gateway, clock);
      report();
    });
    link.send(tags.ready);
    report();
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

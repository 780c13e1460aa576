/** The primary's process: the real keeper of the store, hub and supervisor, on simulated time, a simulated disk and simulated workers. */
import type { Limits } from "@duologue/protocol";
import {
  decodeStatement,
  type LineConnection,
  type PrimaryParts,
  purgeSessions,
  SqliteKeeper,
  StoreWatch,
  Supervisor,
  tags,
  type WorkerSettings,
  wirePrimary,
} from "duologue";
import { SimulatedClock } from "./clocks.ts";
import type { ServerDisk } from "./disk.ts";
import { watchfulLog } from "./log.ts";
import { Life } from "./schedule.ts";
import type { Stream, StreamSide } from "./stream.ts";
import type { World } from "./world.ts";

type Launch = ConstructorParameters<typeof Supervisor>[0]["launch"];

/** A run writes few pages; so that they are moved all the same. */
const CHECKPOINTS = { portionPages: 64, boundPages: 256 };
const TOKEN_SECRET = "a-secret-that-is-the-same-after-a-restart";

export interface PrimaryOptions {
  readonly name: string;
  readonly databasePath: string;
  readonly disk: ServerDisk;
  readonly workers: number;
  readonly limits: Limits;
  readonly launch: (primary: Primary, ...parameters: Parameters<Launch>) => ReturnType<Launch>;
  /** Told of each message that the store refuses. */
  readonly refused: (id: string) => void;
  /** The process is gone; called at most once, perhaps inside of any other call. */
  readonly gone: () => void;
}

export class Primary implements StreamSide {
  readonly life: Life;
  readonly clock: SimulatedClock;
  readonly parts: PrimaryParts;
  readonly #options: PrimaryOptions;
  readonly #keeper: SqliteKeeper;
  readonly #supervisor: Supervisor;
  readonly #streams = new Set<Stream>();
  #isStopping = false;

  /** Throws what SQLite throws when the disk refuses the file. */
  constructor(world: World, options: PrimaryOptions) {
    const { name, databasePath, disk, workers, limits } = options;
    this.#options = options;
    this.life = new Life(name);
    const { life } = this;
    this.clock = new SimulatedClock(world, life, () => this.crash());
    const { clock } = this;
    const log = watchfulLog(world, life);
    this.#keeper = new SqliteKeeper({
      path: databasePath,
      clock,
      open: disk.open,
      checkpoints: CHECKPOINTS,
      onFault: (error) => {
        world.schedule.note(
          life,
          `the store failed: ${error instanceof Error ? error.message : String(error)}`,
        );
        if (!isOfDisk(error)) world.violate(`the store failed: ${String(error)}`);
      },
      onHealth: (health) => {
        world.schedule.note(life, `the store is ${health.kind}`);
        if (health.kind === "damaged" || health.kind === "fenced")
          world.violate(`the store is ${health.kind}: ${health.problem}`);
        watch.changed(health);
      },
    });
    const keeper = this.#keeper;
    this.#supervisor = new Supervisor({
      clock,
      log,
      workers,
      launch: (serial, onExit) => options.launch(this, serial, onExit),
      drain: (serial) => this.parts.hub.drain(serial),
    });
    this.parts = wirePrimary({
      clock,
      log,
      committer: {
        commit: (requests) => {
          disk.batch = requests.map(({ op }) => op).join(" ");
          const results = keeper.commit(requests);
          for (const [index, request] of requests.entries()) {
            if (request.op === "append" && results[index]?.outcome.ok === false)
              options.refused(request.draft.id);
          }
          return results;
        },
        maintain: () => keeper.maintain(),
      },
      classicUsers: limits.classicUsers,
      lobbyUsers: limits.lobbyUsers,
      events: {
        onReady: (serial) => this.#supervisor.onReady(serial),
        onStatistics: (serial, statistics) => this.#supervisor.onStatistics(serial, statistics),
        onGone: (serial, reason) => this.#supervisor.onLinkGone(serial, reason),
      },
    });
    const { hub, writer } = this.parts;
    const watch = new StoreWatch({ clock, log, hub, store: keeper, end: () => void this.stop() });
    purgeSessions(clock, (request, done) => writer.submit(request, done));
    void this.#supervisor.start();
  }

  get isWell(): boolean {
    return !this.life.isOver && this.#keeper.health.kind === "well";
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
        serial = decodeStatement(tags.hello, line);
        if (this.#supervisor.isKnown(serial)) hub.register(serial, connection, this.#settings());
        else connection.close("a worker that this primary did not start");
      },
      onClose: (reason) => {
        this.#streams.delete(stream);
        if (serial !== undefined) hub.gone(serial, reason);
      },
    };
  }

  /** Each worker is replaced in turn. */
  async reload(): Promise<void> {
    const steps = this.#supervisor.reload();
    while ((await steps.next()).done !== true);
  }

  /** As by SIGTERM. */
  async stop(): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    await this.#supervisor.stop();
    if (this.life.isOver) return;
    const { seenTimes, registry, writer } = this.parts;
    seenTimes.endWith(registry.all());
    await writer.close();
    this.crash();
  }

  /** As by SIGKILL: what is not committed is lost, with all that the process remembers. */
  crash(): void {
    if (this.life.isOver) return;
    this.life.isOver = true;
    for (const stream of this.#streams) stream.endOf(this.life);
    this.#keeper.close();
    this.#options.gone();
  }

  #settings(): Omit<WorkerSettings, "page"> {
    const { limits, databasePath, workers } = this.#options;
    return {
      host: "",
      port: 0,
      workers,
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

/** One that the faults brought about. */
function isOfDisk(error: unknown): boolean {
  return error instanceof Error && ["SQLiteError", "UnsettledLogError"].includes(error.name);
}

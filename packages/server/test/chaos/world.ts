/** A real server with its workers, a proxy in front of it, and people who talk: what the faults are inflicted on. */
import { rmSync } from "node:fs";
import {
  isAlive,
  killQuietly,
  limits,
  makeDataDirectory,
  type Server,
  startServer,
  until,
} from "@duologue/testing";
import { systemClock } from "../../src/clock.ts";
import type { Pace, Talker } from "../harness/traffic.ts";
import { Group, RECOVERY_MS } from "./group.ts";
import { combine, type Verdict } from "./oracle.ts";
import { FaultyProxy } from "./proxy.ts";

export interface WorldOptions {
  readonly workers: number;
  /** Conversations; each has two people. */
  readonly conversations: number;
  /** Devices in each conversation, at least two. */
  readonly devices: number;
  /** Which devices go through the proxy: every second one (half), unless said. */
  readonly way?: "half" | "proxy" | "direct";
  /** Limits of the server other than the usual ones. */
  readonly limits?: Readonly<Record<string, number>>;
  /** Further options of the command line. */
  readonly serverOptions?: readonly string[];
  /** Words before the server's command line, which must lead to the same process. */
  readonly prefix?: (dataDirectory: string) => readonly string[];
}

/** How long the port may stay taken after the primary was killed: its workers must end by themselves. */
const ORPHANS_MS = 2_000;

/** In one of so many conversations, nobody says that they have read anything. */
const SILENT_EVERY = 3;

export class World implements AsyncDisposable {
  server: Server;
  readonly proxy: FaultyProxy;
  groups: Group[] = [];
  /** Of all who talk, now and later. */
  readonly pace: Pace = { pauseMs: 0, window: 1 };
  readonly #options: WorldOptions;
  readonly #stops = new Stops();
  readonly #dataDirectory: string;

  private constructor(options: WorldOptions, dataDirectory: string, server: Server) {
    this.#options = options;
    this.#dataDirectory = dataDirectory;
    this.server = server;
    this.proxy = new FaultyProxy(server.port);
  }

  static async begin(options: WorldOptions): Promise<World> {
    const dataDirectory = makeDataDirectory();
    try {
      const world = new World(
        options,
        dataDirectory,
        await startServer(serverOptions(options, dataDirectory)),
      );
      await world.meet();
      return world;
    } catch (error) {
      rmSync(dataDirectory, { recursive: true, force: true });
      throw error;
    }
  }

  /** New people, who begin to talk. */
  async meet(): Promise<void> {
    const { conversations, devices, way = "half" } = this.#options;
    const isProxied = (index: number): boolean => (way === "half" ? index % 2 === 0 : way === "proxy");
    const urls = Array.from({ length: devices }, (_, index) =>
      isProxied(index) ? this.proxy.url : this.server.url,
    );
    const meetings = Array.from({ length: conversations }, (_, index) =>
      Group.meet({ urls, pace: this.pace, reads: (index + 1) % SILENT_EVERY > 0 }),
    );
    this.groups.push(...(await Promise.all(meetings)));
    for (const group of this.groups) group.begin();
  }

  get talkers(): readonly Talker[] {
    return this.groups.flatMap(({ talkers }) => talkers);
  }

  get dataDirectory(): string {
    return this.#dataDirectory;
  }

  /** Resolves when the primary was killed, its workers have ended, and a new one serves on the same port. */
  async restartAfterKill(): Promise<void> {
    await this.kill();
    await this.startAgain();
  }

  /** Resolves when the primary was killed (`by`: by somebody else), its workers have ended, and the port is free. */
  async kill(by?: (pid: number) => Promise<unknown>): Promise<void> {
    const { server } = this;
    const orphans = server.workerPids();
    await by?.(server.pid);
    await server.killPrimary();
    await until(() => !orphans.some(isAlive) && canListen(server.port), "the orphans have ended", ORPHANS_MS);
    await server[Symbol.asyncDispose]();
  }

  /** Resolves when a new server says that it serves on the same port. */
  async startAgain(): Promise<void> {
    const { port } = this.server;
    this.server = await startServer({ ...serverOptions(this.#options, this.#dataDirectory), port });
  }

  /** How long something of the server has been stopped so far. */
  get stoodStillMs(): number {
    return this.#stops.totalMs;
  }

  /** While this runs, something of the server is stopped, and nobody can expect an answer. */
  standStill(run: () => Promise<void>): Promise<void> {
    return this.#stops.during(run);
  }

  killWorkers(pids: readonly number[], signal: NodeJS.Signals = "SIGKILL"): void {
    for (const pid of pids) killQuietly(pid, signal);
  }

  /** Resolves when what each device writes is acknowledged again: two messages, since one may have been on its way. */
  async talkAgain(): Promise<void> {
    await Promise.all(
      this.talkers.map(async (talker) => {
        const before = talker.log.acknowledged.size;
        await talker.when(
          () => talker.log.acknowledged.size >= before + 2,
          "acknowledged again",
          RECOVERY_MS,
        );
      }),
    );
  }

  /** Everybody stops writing, catches up, and the judge speaks. */
  async verdict(): Promise<Verdict> {
    await Promise.all(this.groups.map((group) => group.settle()));
    const verdicts: Verdict[] = [];
    for (const group of this.groups) verdicts.push(await group.judge(this.server.url));
    return combine(verdicts);
  }

  /** These people leave. */
  part(): void {
    for (const group of this.groups) group[Symbol.dispose]();
    this.groups = [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.part();
    this.proxy[Symbol.dispose]();
    await this.server[Symbol.asyncDispose]();
    rmSync(this.#dataDirectory, { recursive: true, force: true });
  }
}

/** Times that may overlap. */
class Stops {
  #ended = 0;
  #count = 0;
  #beganAt = 0;

  get totalMs(): number {
    return this.#ended + (this.#count > 0 ? systemClock.monotonic() - this.#beganAt : 0);
  }

  async during(run: () => Promise<void>): Promise<void> {
    if (this.#count === 0) this.#beganAt = systemClock.monotonic();
    this.#count += 1;
    try {
      await run();
    } finally {
      this.#ended = this.#count === 1 ? this.totalMs : this.#ended;
      this.#count -= 1;
    }
  }
}

function serverOptions(options: WorldOptions, dataDirectory: string) {
  return {
    workers: options.workers,
    dataDirectory,
    ...(options.prefix === undefined ? {} : { prefix: options.prefix(dataDirectory) }),
    options: [...limits(options.limits ?? {}), ...(options.serverOptions ?? [])],
  };
}

export function canListen(port: number): boolean {
  try {
    Bun.listen({ hostname: "127.0.0.1", port, socket: { data: () => undefined } }).stop(true);
    return true;
  } catch {
    return false;
  }
}

/**
 * The primary: owns the data directory, the one writer and the hub, and keeps the workers. It holds no client's socket.
 */
import { rmSync } from "node:fs";
import type { NatsLink } from "../bus/nats/nats-link.ts";
import { type Clock, systemClock } from "../clock.ts";
import type { Config } from "../config/index.ts";
import type { ControlReply, ControlRequest } from "../link/control-types.ts";
import type { LineConnection, LineReceiver } from "../link/lines.ts";
import { decodeStatement, encodeStatement, tags } from "../link/messages.ts";
import { socketPath } from "../link/socket-path.ts";
import type { PageFile, WorkerSettings } from "../link/worker-types.ts";
import type { Logger } from "../log.ts";
import type { HostLogin } from "../ports/host-login.ts";
import type { ClusterPresence } from "../primary/cluster-presence.ts";
import type { Federation } from "../primary/federation.ts";
import type { Hub } from "../primary/hub.ts";
import type { Registry } from "../primary/registry.ts";
import type { SeenTimes } from "../primary/seen.ts";
import { launchWith, Supervisor } from "../primary/supervisor.ts";
import { type BatchingWriter, purgeSessions, type StoreHealth } from "../store/index.ts";
import { version } from "../version.ts";
import { type PrimaryParts, wirePrimary } from "./primary-parts.ts";
import { collectWhenQuiet } from "./quiet.ts";
import {
  buildFiles,
  buildFirst,
  findHostLogin,
  findPort,
  listen,
  prepareDirectory,
  StartError,
  takeLock,
  withRoomForTokens,
} from "./start-up.ts";
import { openStore, type PrimaryStore } from "./store.ts";
import { StoreWatch } from "./store-watch.ts";

export interface PrimaryOptions {
  readonly config: Config;
  readonly log: Logger;
  /** The command line that starts a worker; the primary adds the socket's path and the worker's number. */
  readonly workerCommand: readonly string[];
  readonly environment: Record<string, string | undefined>;
  /** Prints the block that says where the server is. */
  readonly announce: (where: { address: string; dataDirectory: string; workers: number }) => void;
}

/** Resolves when the server has stopped. Throws StartError when it cannot begin. */
export async function runPrimary(options: PrimaryOptions): Promise<void> {
  const primary = await Primary.begin(options);
  const stop = (): void => primary.stop();
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  process.on("SIGHUP", () => void primary.reload(() => undefined));
  // A limit on the size of files (ulimit -f) makes a write fail, which the store knows how to take; it ends nobody.
  process.on("SIGXFSZ", () => undefined);
  await primary.closed;
}

class Primary {
  readonly stopped: Promise<void>;
  /** Stopped, and the store too. */
  closed: Promise<void>;
  private readonly clock: Clock = systemClock;
  private readonly startedAt = systemClock.monotonic();
  private readonly ended = Promise.withResolvers<void>();
  private readonly registry: Registry;
  private readonly lobby: PrimaryParts["lobby"];
  private readonly hub: Hub;
  private readonly seenTimes: SeenTimes;
  private readonly federation: Federation | undefined;
  private readonly cluster: ClusterPresence | undefined;
  private readonly supervisor: Supervisor;
  private readonly writer: BatchingWriter;
  private readonly storeWatch: StoreWatch;
  private page: Promise<readonly PageFile[]>;
  private readonly workerLinks = new Set<LineConnection>();
  private stopping = false;

  static async begin(options: PrimaryOptions): Promise<Primary> {
    const { config } = options;
    const hostLogin = findHostLogin(config);
    const directory = prepareDirectory(config.data);
    const lock = takeLock(directory);
    const port = await findPort(config.host, config.port);
    const { log } = options;
    const onHealth = (health: StoreHealth): void => primary.storeWatch.changed(health);
    const onNewSource = (): void => primary.sourceChanged();
    const store = await openStore({ config, directory, clock: systemClock, log, onHealth, onNewSource });
    const bus = await enterBus(config, store, log);
    const primary = new Primary(options, directory, port, hostLogin, store, bus);
    await buildFirst(primary.page);
    const path = socketPath(directory);
    listen(path, (connection) => primary.accept(connection));
    primary.closed = primary.stopped.then(async () => {
      // Whoever has taken the directory over listens there now.
      if (store.health.kind !== "fenced") rmSync(path, { force: true });
      await primary.closeStore();
      await bus?.end();
      lock.release();
    });
    if (!(await primary.supervisor.start())) {
      primary.stop();
      await primary.closed;
      throw new StartError("A worker could not begin; the log above says why.");
    }
    options.announce({ address: primary.address, dataDirectory: directory, workers: config.workers });
    return primary;
  }

  private constructor(
    private readonly options: PrimaryOptions,
    private readonly directory: string,
    private readonly port: number,
    private hostLogin: HostLogin | undefined,
    private readonly store: PrimaryStore,
    private readonly bus: NatsLink | undefined,
  ) {
    const { config, log } = options;
    const { clock } = this;
    this.stopped = this.ended.promise;
    this.closed = this.stopped;
    this.page = buildFiles();
    this.supervisor = new Supervisor({
      clock,
      log,
      workers: config.workers,
      launch: launchWith([...options.workerCommand, socketPath(directory)], options.environment),
      drain: (serial) => this.hub.drain(serial),
    });
    const { writer, registry, hub, seenTimes, lobby, federation, cluster } = wirePrimary({
      clock,
      log,
      committer: store.committer,
      classicUsers: config.limits.classicUsers,
      lobbyUsers: config.limits.lobbyUsers,
      events: {
        onReady: (serial) => this.supervisor.onReady(serial),
        onStatistics: (serial, statistics) => this.supervisor.onStatistics(serial, statistics),
        onGone: (serial, reason) => this.supervisor.onLinkGone(serial, reason),
      },
      link: bus,
    });
    this.writer = writer;
    this.registry = registry;
    this.lobby = lobby;
    this.hub = hub;
    this.seenTimes = seenTimes;
    this.federation = federation;
    this.cluster = cluster;
    collectWhenQuiet(clock, () => this.writer.committed);
    purgeSessions(clock, (request, done) => this.writer.submit(request, done));
    this.storeWatch = new StoreWatch({ clock, log, hub, store, end: () => this.stop() });
  }

  private async closeStore(): Promise<void> {
    this.seenTimes.endWith(this.registry.all());
    await this.writer.close();
    this.store.close();
  }

  /** Each worker counts by the epoch that it began with. Their clients come back to new ones, and load anew. */
  private sourceChanged(): void {
    this.options.log.warn(
      "the database has lost its last changes (a fail-over, or a restore): clients load anew",
    );
    for (const link of this.workerLinks) link.close("the data have another epoch");
  }

  private get address(): string {
    const { host } = this.options.config;
    const name = ["0.0.0.0", "::", "127.0.0.1", "::1"].includes(host) ? "localhost" : host;
    return `http://${name.includes(":") ? `[${name}]` : name}:${this.port}`;
  }

  stop(): void {
    if (this.stopping) return;
    this.stopping = true;
    this.options.log.info("stopping");
    void this.supervisor.stop().then(() => this.ended.resolve());
  }

  /** Replaces every worker by one that runs the code, and has the secret of host login, as they are on disk now. */
  async reload(tell: (text: string) => void): Promise<boolean> {
    try {
      const [hostLogin, page] = [findHostLogin(this.options.config), buildFiles()];
      // Broken sources on disk must not reach the workers, nor end the ones that run.
      await page;
      this.hostLogin = hostLogin;
      this.page = page;
    } catch (error) {
      this.options.log.error({ error }, "no reload");
      return false;
    }
    const steps = this.supervisor.reload();
    for (;;) {
      const step = await steps.next();
      if (step.done) return step.value;
      this.options.log.info(step.value);
      tell(step.value);
    }
  }

  /** A new connection on the socket says first who it is: a worker or the command line. */
  private accept(connection: LineConnection): LineReceiver {
    let serial: number | undefined;
    return {
      onLine: (line) => {
        if (serial !== undefined) this.hub.receive(serial, connection, line);
        else if (line.startsWith(`${tags.hello} `)) {
          serial = decodeStatement(tags.hello, line);
          this.workerLinks.add(connection);
          this.introduce(serial, connection).catch((error: unknown) => {
            this.options.log.error({ error }, "a worker cannot begin");
            connection.close("there are no settings for it");
          });
        } else if (line.startsWith(`${tags.control} `))
          void this.control(connection, decodeStatement(tags.control, line));
        else connection.close("an unknown greeting");
      },
      onClose: (reason) => {
        this.workerLinks.delete(connection);
        if (serial !== undefined) this.hub.gone(serial, reason);
      },
    };
  }

  private async introduce(serial: number, connection: LineConnection): Promise<void> {
    if (!this.supervisor.isKnown(serial)) {
      connection.close("a worker that this primary did not start");
      return;
    }
    const page = await this.page;
    const { config } = this.options;
    const guests = config.guests === "auto" ? this.hostLogin === undefined : config.guests === "on";
    const settings: WorkerSettings = {
      host: config.host,
      port: this.port,
      workers: config.workers,
      store: this.store.source,
      tokenSecret: this.store.tokenSecret,
      hostLogin: this.hostLogin,
      guests,
      embedOrigins: config.embedOrigins,
      // Its users are guests, all of them.
      classic: guests ? config.classic : "off",
      origins: config.origins,
      trustedProxies: config.trustedProxies,
      limits: this.hostLogin === undefined ? config.limits : withRoomForTokens(config.limits),
      page,
      ...this.lobby(),
    };
    this.hub.register(serial, connection, settings);
  }

  private async control(connection: LineConnection, request: ControlRequest): Promise<void> {
    const reply = (message: ControlReply): void =>
      connection.send(encodeStatement(tags.controlReply, message));
    switch (request.type) {
      case "status":
        reply(this.status());
        break;
      case "reload": {
        const done = await this.reload((text) => reply({ type: "progress", text }));
        reply(
          done
            ? { type: "done" }
            : { type: "refused", reason: "The reload did not end well; see the server's log." },
        );
        break;
      }
      case "stop":
        // The end of the connection, which is the end of this process, says that it is done.
        this.stop();
        return;
      default:
        request satisfies never;
    }
    connection.flush();
    connection.close("answered");
  }

  private status(): ControlReply {
    const { writer, clock, directory } = this;
    return {
      type: "status",
      primary: {
        pid: process.pid,
        uptimeMs: clock.monotonic() - this.startedAt,
        memoryBytes: process.memoryUsage.rss(),
        version,
        address: this.address,
        dataDirectory: directory,
      },
      workers: this.supervisor.status().map(({ number, pid, uptimeMs, statistics }) => {
        return { number, pid, uptimeMs, ...statistics };
      }),
      store: {
        ...this.store.place,
        queued: writer.queued,
        committed: writer.committed,
        health: this.store.health,
      },
      ...this.clusterStatus(),
    };
  }

  private clusterStatus(): Pick<Extract<ControlReply, { type: "status" }>, "bus" | "cluster"> {
    const { bus, federation, cluster } = this;
    if (bus === undefined || federation === undefined || cluster === undefined) return {};
    const { address, isRefused } = bus;
    return { bus: { address, isRefused, ...federation.statistics }, cluster: cluster.status };
  }
}

/** What is not needed on a single machine is not loaded there. */
async function enterBus(config: Config, store: PrimaryStore, log: Logger): Promise<NatsLink | undefined> {
  if (config.bus.kind === "local") return undefined;
  const { openBus } = await import("./bus.ts");
  return await openBus(config, store.realm, systemClock, log);
}

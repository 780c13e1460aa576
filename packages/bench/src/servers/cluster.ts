/** PostgreSQL, nats-server and several nodes of duologue, all on this machine, as processes of their own. */
import { NatsServer, PostgresServer } from "@duologue/testing";
import type { BenchClock } from "../clock.ts";
import type { NodeAddress } from "../load/job.ts";
import type { ProcessGroup } from "../system/processes.ts";
import type { Children } from "./children.ts";
import { LaunchError, type LaunchOptions, launchServer } from "./launch.ts";

export interface ClusterOptions extends Pick<LaunchOptions, "workers" | "limits" | "dataParent"> {
  readonly nodes: number;
  /** local: a single node, which publishes to nobody. */
  readonly bus: "nats" | "local";
}

export interface RunningCluster extends AsyncDisposable {
  readonly nodes: readonly NodeAddress[];
  /** What stands beside the nodes. */
  readonly beside: readonly ProcessGroup[];
  readonly postgresUrl: string;
  readonly natsMonitorUrl: string | undefined;
}

/** As on a small server of its own: commits are flushed, dead rows are cleared away, a replica could follow. */
const PARAMETERS: Readonly<Record<string, string>> = {
  shared_buffers: "256MB",
  max_connections: "100",
  autovacuum: "on",
  wal_level: "replica",
  max_wal_size: "4GB",
};
export const POSTGRES_NOTE =
  "PostgreSQL: fsync and synchronous_commit on, shared_buffers 256 MB, wal_level replica, autovacuum on";

/** The store's and the bus's servers, which stay from run to run; every cluster gets an empty database. */
export class ClusterHost implements AsyncDisposable {
  private readonly clock: BenchClock;
  private readonly children: Children;
  readonly postgres: PostgresServer;
  readonly nats: NatsServer;
  readonly natsMonitorUrl: string;

  private constructor(
    clock: BenchClock,
    children: Children,
    postgres: PostgresServer,
    nats: NatsServer,
    natsMonitorUrl: string,
  ) {
    this.clock = clock;
    this.children = children;
    this.postgres = postgres;
    this.nats = nats;
    this.natsMonitorUrl = natsMonitorUrl;
  }

  static async start(clock: BenchClock, children: Children): Promise<ClusterHost> {
    const postgres = children.adopt(await PostgresServer.start({ parameters: PARAMETERS }));
    try {
      const monitor = `127.0.0.1:${freePort()}`;
      const nats = children.adopt(await NatsServer.start({ configuration: `http: "${monitor}"` }));
      return new ClusterHost(clock, children, postgres, nats, `http://${monitor}`);
    } catch (error) {
      await children.dispose(postgres);
      throw error;
    }
  }

  get postgresPid(): number {
    const { pid } = this.postgres;
    if (pid === undefined) throw new LaunchError("PostgreSQL has ended");
    return pid;
  }

  async startCluster(options: ClusterOptions): Promise<RunningCluster> {
    const { clock, children } = this;
    const database = await this.postgres.createDatabase();
    const postgresUrl = this.postgres.url(database);
    const environment = {
      DUOLOGUE_STORE: postgresUrl,
      ...(options.bus === "nats" ? { DUOLOGUE_BUS: this.nats.url } : {}),
    };
    const stack = new AsyncDisposableStack();
    stack.defer(() => this.postgres.dropDatabase(database));
    const nodes: NodeAddress[] = [];
    try {
      for (let node = 0; node < options.nodes; node += 1) {
        const server = await launchServer(clock, children, "duologue", { ...options, environment });
        stack.use(server);
        nodes.push({ host: server.host, port: server.port, pid: server.pid });
      }
    } catch (error) {
      await stack.disposeAsync();
      throw error;
    }
    const beside = [{ name: "postgres", pid: this.postgresPid }];
    if (options.bus === "nats") beside.push({ name: "nats", pid: this.nats.pid });
    return {
      nodes,
      beside,
      postgresUrl,
      natsMonitorUrl: options.bus === "nats" ? this.natsMonitorUrl : undefined,
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.children.dispose(this.nats);
    await this.children.dispose(this.postgres);
  }
}

/** Two nats-servers that are one bus. */
export class NatsPair implements AsyncDisposable {
  private readonly children: Children;
  private readonly both: NatsServer[] = [];
  private readonly monitors: string[] = [];

  private constructor(children: Children) {
    this.children = children;
  }

  static async start(children: Children): Promise<NatsPair> {
    const pair = new NatsPair(children);
    const ports = [freePort(), freePort()];
    try {
      for (const port of ports) {
        const monitor = `127.0.0.1:${freePort()}`;
        const routes = ports.filter((other) => other !== port).map((other) => `nats://127.0.0.1:${other}`);
        const configuration = [
          `http: "${monitor}"`,
          `cluster { name: bench, listen: "127.0.0.1:${port}", routes: [${routes.join()}] }`,
        ].join("\n");
        pair.both.push(children.adopt(await NatsServer.start({ configuration })));
        pair.monitors.push(`http://${monitor}`);
      }
      return pair;
    } catch (error) {
      await pair[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The first is the one that a subscriber is at. */
  get servers(): readonly (ProcessGroup & { readonly url: string; readonly monitorUrl: string })[] {
    return this.both.map((server, index) => ({
      name: index === 0 ? "its own" : "the other",
      pid: server.pid,
      url: server.url,
      monitorUrl: this.monitors[index] ?? "",
    }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.both) await this.children.dispose(server);
  }
}

function freePort(): number {
  const probe = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
  const { port } = probe;
  probe.stop(true);
  return port;
}

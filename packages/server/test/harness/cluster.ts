/** A cluster as it is run: one PostgreSQL, one nats-server, and nodes of their own processes. */
import {
  NatsServer,
  type NatsServerOptions,
  PostgresServer,
  type Server,
  type ServerOptions,
  startServer,
} from "@duologue/testing";

export interface ClusterOptions {
  readonly nodes?: number;
  /** Of each node. */
  readonly workers?: number;
  readonly options?: readonly string[];
  /** How nats-server is configured, and the words by which a node enters it. */
  readonly nats?: NatsServerOptions;
  readonly busWords?: (url: string) => readonly string[];
  /** One that is there already, in which a database is made; otherwise one is started. */
  readonly postgres?: PostgresServer;
}

export class Cluster implements AsyncDisposable {
  readonly nodes: Server[] = [];
  readonly #options: ClusterOptions;
  readonly #ownsPostgres: boolean;

  private constructor(
    readonly postgres: PostgresServer,
    readonly nats: NatsServer,
    readonly database: string,
    options: ClusterOptions,
  ) {
    this.#options = options;
    this.#ownsPostgres = options.postgres === undefined;
  }

  static async start(options: ClusterOptions = {}): Promise<Cluster> {
    const [postgres, nats] = await Promise.all([
      options.postgres ?? PostgresServer.start(),
      NatsServer.start(options.nats),
    ]);
    const cluster = new Cluster(postgres, nats, await postgres.createDatabase(), options);
    try {
      // At the same moment, as after an outage of power: one of them makes the tables.
      await Promise.all(Array.from({ length: options.nodes ?? 2 }, () => cluster.addNode()));
      return cluster;
    } catch (reason) {
      await cluster[Symbol.asyncDispose]();
      throw reason;
    }
  }

  get urls(): readonly string[] {
    return this.nodes.map(({ url }) => url);
  }

  node(index: number): Server {
    const node = this.nodes[index];
    if (node === undefined) throw new Error(`there is no node ${index}`);
    return node;
  }

  async addNode(further: ServerOptions = {}): Promise<Server> {
    const node = await startServer({
      workers: this.#options.workers ?? 1,
      ...further,
      options: [...this.serveOptions, ...(this.#options.options ?? []), ...(further.options ?? [])],
    });
    this.nodes.push(node);
    return node;
  }

  get serveOptions(): readonly string[] {
    const { busWords = (url: string) => ["--bus", url] } = this.#options;
    return ["--store", this.postgres.url(this.database), ...busWords(this.nats.url)];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map((node) => node[Symbol.asyncDispose]()));
    await this.nats[Symbol.asyncDispose]();
    if (this.#ownsPostgres) await this.postgres[Symbol.asyncDispose]();
  }
}

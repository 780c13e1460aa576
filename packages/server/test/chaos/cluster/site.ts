/** Three nodes, PostgreSQL and NATS, each in a network of its own, and a balancer before the nodes. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import {
  isAlive,
  killQuietly,
  limits,
  NatsServer,
  PostgresServer,
  runCommand,
  type Server,
  startServer,
  until,
} from "@duologue/testing";
import { answersReady, Balancer } from "./balancer.ts";
import { Elders } from "./elders.ts";
import type { Host, Network } from "./network.ts";

export const CLIENTS = "clients";
export const POSTGRES = "postgres";
export const NATS = "nats";
const NODES = ["node1", "node2", "node3"] as const;
/** In the order in which they are laid. */
export const HOSTS: readonly string[] = [CLIENTS, POSTGRES, NATS, ...NODES];

const NODE_PORT = 8080;
/** A node must say within this that it is ready, from its start, or from the return of what it needs. */
const READY_MS = 30_000;
/** It reads everything, and a long run leaves much. */
const DOCTOR_MS = 300_000;
const STORY_LINES = 8;

/** All clients have one address here, and there are many. */
const MANY_CLIENTS = { guestsPerMinute: 1_000_000, connectionsPerAddress: 100_000 };
/** Devices may write as fast as they like. */
export const HASTY = { framesPerSecond: 100_000, framesBurst: 100_000 };
/** What a rolling upgrade leads to. */
const NEXT_VERSION = new URL("../../harness/next-version.ts", import.meta.url).pathname;

export interface SiteOptions {
  readonly network: Network;
  readonly directory: string;
  /** Of each node. */
  readonly workers: number;
  /** Other than the usual ones. */
  readonly limits?: Readonly<Record<string, number>>;
}

export class Site implements AsyncDisposable {
  readonly network: Network;
  readonly postgres: PostgresServer;
  readonly nats: NatsServer;
  readonly nodes: readonly SiteNode[];
  readonly balancer: Balancer;
  readonly #store: string;
  #elders: Elders | undefined;

  private constructor(
    { network, directory, workers, limits: wished = {} }: SiteOptions,
    postgres: PostgresServer,
    nats: NatsServer,
    store: string,
  ) {
    this.#store = store;
    this.network = network;
    this.postgres = postgres;
    this.nats = nats;
    const options = ["--store", store, "--bus", nats.url, ...limits({ ...MANY_CLIENTS, ...wished })];
    this.nodes = NODES.map((name) => new SiteNode(network, network.host(name), directory, workers, options));
    this.balancer = new Balancer(this.nodes.map(({ host }) => ({ hostname: host.address, port: NODE_PORT })));
  }

  static async begin(options: SiteOptions): Promise<Site> {
    const { network } = options;
    const at = (name: string) => {
      const { address, prefix } = network.host(name);
      return { host: address, prefix };
    };
    const postgres = await PostgresServer.start(at(POSTGRES));
    const nats = await NatsServer.start(at(NATS));
    const site = new Site(options, postgres, nats, postgres.url(await postgres.createDatabase()));
    // All at once, as after a loss of power: one of them makes the tables.
    try {
      await Promise.all(site.nodes.map((node) => node.start()));
      site.#elders = await Elders.meet(site.nodes[0]?.url ?? "", site.#store);
      return site;
    } catch (error) {
      await site[Symbol.asyncDispose]();
      throw error;
    }
  }

  get elders(): Elders {
    if (this.#elders === undefined) throw new TypeError("nobody has met yet");
    return this.#elders;
  }

  /** Whether its nodes are, or soon will be, of the next version: there is no way back. */
  get isUpgraded(): boolean {
    return this.nodes.some(({ isUpgraded }) => isUpgraded);
  }

  /** What `duologue doctor` finds in the database: a reading of all of it that knows no client. */
  async examine(): Promise<{ readonly isSound: boolean; readonly said: readonly string[] }> {
    const words = ["doctor", "--store", this.#store];
    const version = this.isUpgraded ? NEXT_VERSION : undefined;
    // Whatever becomes of it, what was found before is to be told.
    const { exitCode, stdout, stderr } = await runCommand(words, DOCTOR_MS, [], version).catch((error) => ({
      exitCode: undefined,
      stdout: "",
      stderr: String(error),
    }));
    const isSound = exitCode === 0;
    const lines = `${stdout}\n${stderr}`.split("\n");
    return { isSound, said: isSound ? lines.filter((line) => line.includes("messages:")) : lines };
  }

  /** What the nodes have said last, for who looks for a cause. */
  story(): string[] {
    return this.nodes.flatMap(({ name, log }) => log.slice(-STORY_LINES).map((line) => `${name}: ${line}`));
  }

  async whenReady(): Promise<void> {
    await until(() => this.balancer.areReady(), "every node is ready", READY_MS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#elders?.[Symbol.dispose]();
    this.balancer[Symbol.dispose]();
    await Promise.all(this.nodes.map((node) => node[Symbol.asyncDispose]()));
    await this.nats[Symbol.asyncDispose]();
    await this.postgres[Symbol.asyncDispose]();
  }
}

export class SiteNode implements AsyncDisposable {
  readonly host: Host;
  readonly #network: Network;
  readonly #dataDirectory: string;
  readonly #workers: number;
  readonly #options: readonly string[];
  isUpgraded = false;
  #server: Server | undefined;

  constructor(network: Network, host: Host, directory: string, workers: number, options: readonly string[]) {
    this.host = host;
    this.#network = network;
    this.#dataDirectory = join(directory, host.name);
    this.#workers = workers;
    this.#options = options;
    mkdirSync(this.#dataDirectory, { recursive: true, mode: 0o700 });
  }

  get name(): string {
    return this.host.name;
  }

  get url(): string {
    return `http://${this.host.address}:${NODE_PORT}`;
  }

  /** Of its present life. */
  get log(): readonly string[] {
    return this.#server?.output.log ?? [];
  }

  get server(): Server {
    if (this.#server === undefined) throw new Error(`${this.name} has not been started`);
    return this.#server;
  }

  /** Resolves when it is ready, which it can only be with a store. */
  async start(): Promise<void> {
    this.#server = await startServer({
      workers: this.#workers,
      dataDirectory: this.#dataDirectory,
      host: this.host.address,
      port: NODE_PORT,
      prefix: this.host.prefix,
      options: this.#options,
      preload: this.isUpgraded ? NEXT_VERSION : undefined,
    });
    await until(() => this.isReady(), `${this.name} is ready`, READY_MS);
  }

  /** As it says itself. */
  isReady(): Promise<boolean> {
    return answersReady({ hostname: this.host.address, port: NODE_PORT });
  }

  /** Every process of it at once, as when the machine dies. */
  async kill(): Promise<void> {
    const pids = this.#network.processes(this.name);
    for (const pid of pids) killQuietly(pid);
    await until(() => !pids.some(isAlive), `${this.name} is dead`);
    await this.#server?.[Symbol.asyncDispose]();
    this.#server = undefined;
  }

  /** As an operator does; its exit code. */
  stop(timeoutMs: number): Promise<number> {
    return this.server.stop(timeoutMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]();
  }
}

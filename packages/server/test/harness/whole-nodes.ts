/**
 * Nodes of a cluster in this process, whole but for sockets: primary and worker of each, wired as the program wires them,
 * on one bus in memory and one database; and clients, each frame of which is read by the schemas of the protocol.
 */
import { join } from "node:path";
import { decodeServerFrame, defaultLimits, type Limits, type ServerFrame } from "@duologue/protocol";
import { type PrimaryParts, wirePrimary } from "../../src/app/primary-parts.ts";
import { type WorkerParts, wireWorker } from "../../src/app/worker-parts.ts";
import { MemoryBus, type MemoryLink } from "../../src/bus/memory-link.ts";
import { Tokens } from "../../src/domain/tokens.ts";
import type { Connection, Session } from "../../src/gateway/connection.ts";
import { PrimaryLink } from "../../src/link/client.ts";
import { tags } from "../../src/link/messages.ts";
import { createLogger } from "../../src/log.ts";
import { SqliteReader, SqliteWriter } from "../../src/store/index.ts";
import { freshDirectory } from "./directories.ts";
import { FakeClock } from "./fake-clock.ts";
import { connectionPair, settingsFor } from "./in-process.ts";

const STEP_MS = 100;
/** Promises of a chain that is longer than any here. */
const TURNS = 24;
const ignore = (): void => undefined;

/** Signed by nobody: the runtime signs in threads of its own, whose moment a clock that stands still does not own. */
class PlainTokens extends Tokens {
  override async sign({ user, session }: Parameters<Tokens["sign"]>[0]): Promise<string> {
    return `${user}.${session}`;
  }
}

export class WholeNode {
  readonly link: MemoryLink;
  readonly primary: PrimaryParts;
  readonly log: string[] = [];
  #worker: WorkerParts | undefined;
  #nextPort = 1_024;

  constructor(
    readonly cluster: WholeCluster,
    readonly serial: number,
  ) {
    const { bus, clock, limits, writer } = cluster;
    this.link = bus.connect(`node-${serial}`);
    const log = createLogger({
      level: "debug",
      format: "json",
      name: "test",
      destination: { write: (line) => this.log.push(line) },
    });
    this.primary = wirePrimary({
      clock,
      log,
      committer: writer,
      classicUsers: limits.classicUsers,
      lobbyUsers: limits.lobbyUsers,
      events: { onReady: ignore, onStatistics: ignore, onGone: ignore },
      link: this.link,
    });
    const { hub } = this.primary;
    const [atWorker, atPrimary] = connectionPair(clock);
    const link = new PrimaryLink(atWorker);
    atWorker.receiver = { onLine: (line) => link.receive(line), onClose: ignore };
    atPrimary.receiver = { onLine: (line) => hub.receive(serial, atPrimary, line), onClose: ignore };
    link.onStatement(tags.settings, (settings) => {
      const { reader } = cluster;
      const tokens = new PlainTokens("a secret of this test and of no other", reader.realm, clock);
      this.#worker = wireWorker({ clock, log, serial, settings, link, reader, tokens });
    });
    hub.register(serial, atPrimary, { ...settingsFor(limits, ""), ...this.primary.lobby() });
  }

  get worker(): WorkerParts {
    if (this.#worker === undefined) throw new Error("the worker has not begun");
    return this.#worker;
  }

  get refused(): number {
    const { unknown = 0, broken = 0 } = this.primary.federation?.statistics ?? {};
    return unknown + broken;
  }

  /** A v1 client that has logged in. */
  async login(nickname: string): Promise<WholeClient> {
    const client = this.#connect({ protocol: "v1", state: { name: "hello-expected" } });
    client.send({ type: "hello", version: 1, nickname });
    await this.cluster.pass(STEP_MS);
    return client;
  }

  async loginClassic(name: string): Promise<WholeClient> {
    const client = this.#connect({ protocol: "classic", state: { name: "anonymous" } });
    client.sendText(`login:${name}`);
    await this.cluster.pass(STEP_MS);
    return client;
  }

  #connect(session: Session): WholeClient {
    const connection = this.worker.clients.add(session, `10.0.0.1:${this.#nextPort++}`, "");
    return new WholeClient(this, connection);
  }
}

export class WholeClient {
  /** v1: as they were read; a frame that the protocol does not know ends the test. */
  readonly frames: ServerFrame[] = [];
  readonly texts: string[] = [];
  /** What could not be read. */
  readonly unreadable: string[] = [];

  constructor(
    private readonly node: WholeNode,
    readonly connection: Connection,
  ) {
    connection.socket = {
      remoteAddress: "10.0.0.1",
      sendText: (text) => this.#receive(text),
      cork: (send) => send(),
      close: () => undefined,
      terminate: () => undefined,
      getBufferedAmount: () => 0,
    };
  }

  get id(): string {
    return this.all("welcome")[0]?.user.id ?? "";
  }

  all<T extends ServerFrame["type"]>(type: T): Extract<ServerFrame, { type: T }>[] {
    return this.frames.filter((frame) => frame.type === type) as Extract<ServerFrame, { type: T }>[];
  }

  send(frame: object): void {
    this.sendText(JSON.stringify(frame));
  }

  sendText(text: string): void {
    this.node.worker.clients.receive(this.connection, text);
  }

  close(): void {
    this.node.worker.clients.closed(this.connection);
  }

  #receive(text: string): number {
    this.texts.push(text);
    if (this.connection.session.protocol === "classic") {
      if (!/^(msg:|notice:|users:\{)/.test(text)) this.unreadable.push(text);
      if (text.startsWith("users:")) JSON.parse(text.slice("users:".length));
      return text.length;
    }
    const decoded = decodeServerFrame(text);
    if (decoded.ok) this.frames.push(decoded.frame);
    else this.unreadable.push(`${text} (${decoded.problem})`);
    return text.length;
  }
}

export class WholeCluster implements Disposable {
  readonly clock = new FakeClock();
  readonly bus = new MemoryBus({ clock: this.clock });
  readonly nodes: WholeNode[] = [];
  readonly limits: Limits;
  readonly writer: SqliteWriter;
  readonly reader: SqliteReader;

  constructor(limits: Partial<Limits> = {}) {
    this.limits = { ...defaultLimits, framesPerSecond: 10_000, framesBurst: 10_000, ...limits };
    const path = join(freshDirectory(), "duologue.db");
    const onFault = (error: unknown): never => {
      throw error;
    };
    this.writer = new SqliteWriter({ path, clock: this.clock, onFault });
    this.reader = new SqliteReader(path);
  }

  /** With so many nodes that know each other. */
  static async start(count: number, limits: Partial<Limits> = {}): Promise<WholeCluster> {
    const cluster = new WholeCluster(limits);
    for (let index = 0; index < count; index += 1) cluster.add();
    await cluster.pass(1_100);
    return cluster;
  }

  add(): WholeNode {
    const node = new WholeNode(this, this.nodes.length + 1);
    this.nodes.push(node);
    return node;
  }

  node(index: number): WholeNode {
    const node = this.nodes[index];
    if (node === undefined) throw new Error(`there is no node ${index}`);
    return node;
  }

  async pass(byMs: number): Promise<void> {
    await this.settle();
    for (let leftMs = byMs; leftMs > 0; leftMs -= STEP_MS) {
      this.clock.advance(Math.min(STEP_MS, leftMs));
      await this.settle();
    }
  }

  /** Everything that needs no time. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < TURNS; turn += 1) {
      this.clock.endTurn();
      await Promise.resolve();
    }
  }

  [Symbol.dispose](): void {
    this.reader.close();
    this.writer.close();
  }
}

/**
 * The link between nodes over core NATS. The library's own return is not used: after a silent end of the connection it
 * may wait for ever for its last write. Here a connection that is no good is thrown away and a new one made.
 */
import {
  errors,
  type Msg,
  type NatsConnection,
  type Subscription as NatsSubscription,
} from "@nats-io/transport-node";
import type { Clock, Timer } from "../../clock.ts";
import type { Logger } from "../../log.ts";
import type { Answer, NodeId, NodeLink, Receive, Subscription } from "../../ports/node-link.ts";
import { BusError, describeAddresses, type NatsAccess, openConnection } from "./connection.ts";
import { describeRefusal } from "./rights.ts";

export interface NatsLinkOptions {
  readonly access: NatsAccess;
  /** Whose data the nodes share; nodes of another realm are not heard. [A-Za-z0-9_-] */
  readonly realm: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Written and not yet confirmed by the bus; more is dropped. */
  readonly waitingBytes?: number;
}

const HEARTBEAT_MS = 1_000;
/** Heartbeats without an answer after which the connection is dead: noticed within four seconds. */
const SILENT_HEARTBEATS = 3;
const RETRY_MS = 250;
const END_TIMEOUT_MS = 500;
const WAITING_BYTES = 16 * 1_048_576;
/** What a line of the protocol adds to subject and payload, roughly. */
const LINE_BYTES = 32;
const DEFAULT_PAYLOAD_BYTES = 1_048_576;

interface Topic {
  readonly subject: string;
  readonly receive: Receive;
  /** On the connection of now. */
  current: NatsSubscription | undefined;
}

interface Line {
  readonly connection: NatsConnection;
  /** Bytes written since the last confirmation was asked for, and those that one waits for. */
  unasked: number;
  asked: number;
  isAsking: boolean;
  silentHeartbeats: number;
}

export class NatsLink implements NodeLink {
  readonly node: NodeId;
  dropped = 0;
  private line: Line | undefined;
  private isReady = false;
  private isClosed = false;
  private retry: Timer | undefined;
  private readonly heartbeat: Timer;
  private readonly topics = new Set<Topic>();
  private readonly returns: (() => void)[] = [];
  /** What the bus does not let this user do, on this connection. */
  private readonly refusals = new Set<string>();
  private readonly encoder = new TextEncoder();
  private readonly decoder = new TextDecoder();
  private readonly prefix: string;
  private readonly waitingBytes: number;
  private payloadBytes = DEFAULT_PAYLOAD_BYTES;

  /** Throws BusError when the bus cannot be entered now. */
  static async connect(options: NatsLinkOptions): Promise<NatsLink> {
    const link = new NatsLink(options);
    try {
      await link.open();
      return link;
    } catch (error) {
      link.close();
      throw error instanceof BusError
        ? error
        : new BusError("away", `${link.address} closed the connection at once`);
    }
  }

  private constructor(private readonly options: NatsLinkOptions) {
    const { clock, realm, waitingBytes } = options;
    this.node = clock.randomId(9);
    this.prefix = `duologue.${realm}.`;
    this.waitingBytes = waitingBytes ?? WAITING_BYTES;
    this.heartbeat = clock.every(HEARTBEAT_MS, () => this.beat());
  }

  get isConnected(): boolean {
    return this.isReady;
  }

  get maxPayloadBytes(): number {
    return this.payloadBytes;
  }

  /** Something that a node must do is refused to this user. */
  get isRefused(): boolean {
    return this.refusals.size > 0;
  }

  /** For people: where the bus is, without secrets. */
  get address(): string {
    return describeAddresses(this.options.access.urls);
  }

  publish(subject: string, payload: string): boolean {
    const data = this.encoder.encode(payload);
    const line = this.lineFor(subject, data);
    if (line === undefined) return false;
    line.connection.publish(this.prefix + subject, data);
    return true;
  }

  subscribe(subject: string, receive: Receive): Subscription {
    const topic: Topic = { subject, receive, current: undefined };
    this.topics.add(topic);
    if (this.line !== undefined) this.listen(topic, this.line.connection);
    return {
      close: () => {
        this.topics.delete(topic);
        topic.current?.unsubscribe();
        topic.current = undefined;
      },
    };
  }

  async request(subject: string, payload: string, timeoutMs: number): Promise<Answer> {
    const data = this.encoder.encode(payload);
    const line = this.lineFor(subject, data);
    if (line === undefined) return { kind: "unknown" };
    try {
      const message = await line.connection.request(this.prefix + subject, data, { timeout: timeoutMs });
      return { kind: "answered", payload: this.decoder.decode(message.data) };
    } catch (error) {
      return { kind: isNobody(error) ? "nobody" : "unknown" };
    }
  }

  async settle(timeoutMs: number): Promise<void> {
    const { line } = this;
    if (!this.isReady || line === undefined) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const deadline = this.options.clock.after(timeoutMs, resolve);
    line.connection.flush().then(resolve, () => resolve());
    await promise;
    deadline.cancel();
  }

  onReturn(receive: () => void): void {
    this.returns.push(receive);
  }

  /** Closes it when what was published has gone out, or after a short while. */
  async end(): Promise<void> {
    await this.settle(END_TIMEOUT_MS);
    this.close();
  }

  close(): void {
    this.isClosed = true;
    this.heartbeat.cancel();
    this.retry?.cancel();
    this.abandon();
  }

  /** The line, if it takes this, which counts as written; otherwise it counts as dropped. */
  private lineFor(subject: string, data: Uint8Array): Line | undefined {
    const { line } = this;
    const bytes = data.length + this.prefix.length + subject.length + LINE_BYTES;
    const fits =
      this.isReady &&
      line !== undefined &&
      data.length <= this.payloadBytes &&
      line.unasked + line.asked + bytes <= this.waitingBytes;
    if (!fits || line.connection.isClosed()) {
      this.dropped += 1;
      return undefined;
    }
    line.unasked += bytes;
    if (!line.isAsking) {
      line.isAsking = true;
      this.options.clock.endOfTurn(() => this.confirm(line));
    }
    return line;
  }

  /** Asks the bus whether it has read what was written: that, and not what a buffer takes, shows how far behind it is. */
  private confirm(line: Line): void {
    line.asked = line.unasked;
    line.unasked = 0;
    const answered = (): void => {
      line.silentHeartbeats = 0;
      line.asked = 0;
      if (line.unasked > 0 && this.line === line) this.confirm(line);
      else line.isAsking = false;
    };
    line.connection.flush().then(answered, () => undefined);
  }

  private beat(): void {
    const { line } = this;
    if (line === undefined) return;
    if (line.silentHeartbeats >= SILENT_HEARTBEATS) {
      this.lost("it does not answer");
      return;
    }
    // Counted and not timed: a process that was stopped for a while has not listened, and the answer may be there.
    line.silentHeartbeats += 1;
    line.connection.flush().then(
      () => {
        line.silentHeartbeats = 0;
      },
      () => undefined,
    );
  }

  private async open(): Promise<void> {
    const { access } = this.options;
    const wishes = { name: `duologue ${this.node}`, prefix: this.prefix, echo: false };
    const connection = await openConnection(access, wishes);
    this.refusals.clear();
    if (this.isClosed) {
      void connection.close();
      return;
    }
    const line: Line = { connection, unasked: 0, asked: 0, isAsking: false, silentHeartbeats: 0 };
    this.line = line;
    this.payloadBytes = connection.info?.max_payload ?? DEFAULT_PAYLOAD_BYTES;
    void this.watch(connection);
    void connection.closed().then((error) => {
      if (this.line === line) this.lost(error === undefined ? "it was closed" : String(error));
    });
    for (const topic of this.topics) this.listen(topic, connection);
    await connection.flush();
    // What was subscribed holds from here on.
    if (this.line === line) this.isReady = true;
  }

  private listen(topic: Topic, connection: NatsConnection): void {
    topic.current = connection.subscribe(this.prefix + topic.subject, {
      callback: (error, message) => {
        // A refusal is said by `watch`.
        if (error === null) this.receive(topic, message);
      },
    });
  }

  private receive(topic: Topic, message: Msg): void {
    if (!this.topics.has(topic)) return;
    try {
      const isRequest = message.reply !== undefined && message.reply !== "";
      const answer = isRequest ? (payload: string): void => void message.respond(payload) : undefined;
      topic.receive(this.decoder.decode(message.data), answer);
    } catch (error) {
      this.options.log.error(
        { error, subject: topic.subject },
        "a note of another node could not be handled",
      );
    }
  }

  /** Logs what the server says; a connection that ends says so by `closed`. */
  private async watch(connection: NatsConnection): Promise<void> {
    for await (const status of connection.status()) if (status.type === "error") this.onError(status.error);
  }

  /** Each refusal once for each kind of subject: it comes again with every note. */
  private onError(error: Error): void {
    const refusal = describeRefusal(error);
    if (refusal === undefined) {
      this.options.log.error({ problem: error.message }, "the bus reports an error");
      return;
    }
    if (this.refusals.has(refusal)) return;
    this.refusals.add(refusal);
    this.options.log.error(
      { refusal },
      "the bus does not let this user do what a node must: allow it to publish and subscribe duologue.>",
    );
  }

  private lost(reason: string): void {
    if (this.isReady)
      this.options.log.error(
        { reason },
        "the bus is gone: messages are stored, and go to other nodes when it is back",
      );
    this.abandon();
    this.retryLater(0);
  }

  private abandon(): void {
    const { line } = this;
    this.line = undefined;
    this.isReady = false;
    for (const topic of this.topics) topic.current = undefined;
    // Not drained: nothing that waits could still be of use.
    if (line !== undefined) void line.connection.close();
  }

  private retryLater(delayMs: number): void {
    if (this.isClosed) return;
    const { clock } = this.options;
    this.retry?.cancel();
    this.retry = clock.after(delayMs + clock.random() * RETRY_MS, () => void this.tryAgain());
  }

  private async tryAgain(): Promise<void> {
    try {
      await this.open();
    } catch (error) {
      this.options.log.debug({ error }, "the bus is still gone");
      this.abandon();
      this.retryLater(RETRY_MS);
      return;
    }
    if (!this.isReady) return;
    this.options.log.info({ address: this.address }, "the bus is back");
    for (const receive of this.returns) receive();
  }
}

function isNobody(error: unknown): boolean {
  return (
    error instanceof errors.NoRespondersError ||
    (error instanceof errors.RequestError && error.isNoResponders())
  );
}

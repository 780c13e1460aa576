/**
 * A whole server in this process, without ports: primary and worker as the program wires them (wirePrimary, wireWorker),
 * with a store of their own and the link between them in memory. For what can be seen only from inside.
 */
import { join } from "node:path";
import { defaultLimits, type Limits } from "@duologue/protocol";
import { Inbox, withDeadline } from "@duologue/testing";
import { wirePrimary } from "../../src/app/primary-parts.ts";
import { type WorkerParts, wireWorker } from "../../src/app/worker-parts.ts";
import { type Clock, systemClock } from "../../src/clock.ts";
import { Tokens } from "../../src/domain/tokens.ts";
import type { ClientSocket, Session } from "../../src/gateway/connection.ts";
import { PrimaryLink } from "../../src/link/client.ts";
import { LineConnection, type LineReceiver } from "../../src/link/lines.ts";
import { tags } from "../../src/link/messages.ts";
import { linkLimits } from "../../src/link/socket-path.ts";
import type { WorkerSettings } from "../../src/link/worker-types.ts";
import { createLogger, type Logger } from "../../src/log.ts";
import { SqliteKeeper, SqliteReader } from "../../src/store/index.ts";
import { freshDirectory } from "./directories.ts";
import type { PeerSocket } from "./peer.ts";
import type { CloseInfo, SocketOptions } from "./socket.ts";

const SERIAL = 1;
const clock = systemClock;
const ignore = (): void => undefined;

export class InProcessServer implements Disposable {
  /** Warnings and errors, as the log has them. */
  readonly log: string[] = [];
  readonly #keeper: SqliteKeeper;
  readonly #reader: SqliteReader;
  readonly #parts: WorkerParts;
  readonly #end: () => void;

  constructor(limits: Partial<Limits> = {}) {
    const destination = { write: (line: string) => this.log.push(line) };
    const log = createLogger({ level: "warn", format: "json", name: "in process", destination });
    const path = join(freshDirectory(), "duologue.db");
    this.#keeper = new SqliteKeeper({
      path,
      clock,
      onFault: (error) => log.error({ error }, "store failed"),
      onHealth: ignore,
    });
    this.#reader = new SqliteReader(path);
    const settings = settingsFor({ ...defaultLimits, ...limits }, path);
    [this.#parts, this.#end] = wire(this.#keeper, this.#reader, settings, log);
  }

  /** As `Place` in peer.ts. */
  open({ protocol }: SocketOptions): Promise<PeerSocket> {
    const session: Session =
      protocol === undefined
        ? { protocol: "classic", state: { name: "anonymous" } }
        : { protocol: "v1", state: { name: "hello-expected" } };
    const received = new Inbox<string>("socket in this process", (frame) => frame);
    const closed = Promise.withResolvers<CloseInfo>();
    const { clients } = this.#parts;
    const connection = clients.add(session, protocol === undefined ? "127.0.0.1:1" : "", "");
    const end = (code: number): void => {
      if (connection.socket === undefined) return;
      clients.closed(connection);
      received.end(`closed with ${code}`);
      closed.resolve({ code, reason: "" });
    };
    connection.socket = socketOf((frame) => received.push(frame), end);
    return Promise.resolve({
      received,
      closed: closed.promise,
      send: (data) => clients.receive(connection, typeof data === "string" ? data : Buffer.from(data)),
      whenClosed: (timeoutMs) => withDeadline(closed.promise, () => "the server did not close", timeoutMs),
      close: () => Promise.resolve(end(1000)),
      terminate: () => end(1006),
    });
  }

  [Symbol.dispose](): void {
    this.#end();
    this.#reader.close();
    this.#keeper.close();
  }
}

function socketOf(push: (frame: string) => void, end: (code: number) => void): ClientSocket {
  return {
    remoteAddress: "127.0.0.1",
    sendText(frame) {
      push(frame);
      return frame.length;
    },
    cork: (send) => send(),
    close: (code) => end(code),
    terminate: () => end(1006),
    getBufferedAmount: () => 0,
  };
}

/** The worker's parts, and how to end the link between it and the primary. */
function wire(
  keeper: SqliteKeeper,
  reader: SqliteReader,
  settings: Omit<WorkerSettings, "lobby">,
  log: Logger,
): [WorkerParts, () => void] {
  const { limits, tokenSecret } = settings;
  const primary = wirePrimary({
    clock,
    log,
    committer: keeper,
    classicUsers: limits.classicUsers,
    lobbyUsers: limits.lobbyUsers,
    events: { onReady: ignore, onStatistics: ignore, onGone: ignore },
  });
  const [workerEnd, primaryEnd] = connectionPair(clock);
  primaryEnd.receiver = {
    onLine: (line) => primary.hub.receive(SERIAL, primaryEnd, line),
    onClose: (reason) => primary.hub.gone(SERIAL, reason),
  };
  const link = new PrimaryLink(workerEnd);
  workerEnd.receiver = { onLine: (line) => link.receive(line), onClose: () => link.fail() };
  let parts: WorkerParts | undefined;
  link.onStatement(tags.settings, (given) => {
    const tokens = new Tokens(tokenSecret, reader.realm, clock);
    parts = wireWorker({ clock, log, serial: SERIAL, settings: given, link, reader, tokens });
    link.send(tags.ready);
  });
  primary.hub.register(SERIAL, primaryEnd, { ...settings, ...primary.lobby() });
  primaryEnd.flush();
  if (parts === undefined) throw new TypeError("the worker was not given its settings");
  return [parts, () => primaryEnd.close("the server ends")];
}

/** What one end writes, the other has at once. */
export function connectionPair(clock: Clock): [LineConnection, LineConnection] {
  const receiver: LineReceiver = { onLine: ignore, onClose: ignore };
  const end = (peer: () => LineConnection): LineConnection =>
    new LineConnection(
      {
        write(bytes) {
          peer().receive(bytes);
          return bytes.length;
        },
        end: () => peer().close("the other side closed the connection"),
      },
      clock,
      linkLimits,
      receiver,
    );
  const one: LineConnection = end(() => other);
  const other: LineConnection = end(() => one);
  return [one, other];
}

/** Of one worker that listens nowhere. */
export function settingsFor(limits: Limits, path: string): Omit<WorkerSettings, "lobby"> {
  return {
    host: "",
    port: 0,
    workers: 1,
    store: { kind: "embedded", path },
    tokenSecret: "a secret of thirty-two characters",
    hostLogin: undefined,
    guests: true,
    embedOrigins: [],
    classic: "on",
    origins: [],
    trustedProxies: [],
    limits,
    page: [],
  };
}

/**
 * Lines of text over a Unix socket: what primary and workers speak. What one turn of the event loop brings is written
 * at once. Every line is bounded, and so is what waits: a peer that does not read is cut off, not waited for.
 */
import type { Clock } from "../clock.ts";

export interface LineLimits {
  /** A longer incoming line ends the connection. */
  readonly lineBytes: number;
  /** More than this waiting for a peer that does not read ends the connection. */
  readonly queueBytes: number;
}

/** What a connection needs of Bun's Socket; the simulator has one of its own. */
export interface ByteSocket {
  /** How many bytes were taken: perhaps only a part of them, perhaps none. */
  write(bytes: Buffer): number;
  end(): void;
}

export interface LineReceiver {
  onLine(line: string): void;
  onClose(reason: string): void;
}

const NEWLINE = 10;
const EMPTY = Buffer.alloc(0);

export class LineConnection {
  private queue: string[] = [];
  private queueLength = 0;
  /** What the socket has not taken; a peer that stands still for seconds must not cost a copy of it each turn. */
  private unsent: Buffer[] = [];
  private unsentBytes = 0;
  private partial: Buffer = EMPTY;
  private closed = false;
  private flushing = false;

  constructor(
    private readonly socket: ByteSocket,
    private readonly clock: Clock,
    private readonly limits: LineLimits,
    public receiver: LineReceiver,
  ) {}

  get isOpen(): boolean {
    return !this.closed;
  }

  /** The line must not contain a line break. Sent at the end of this turn. */
  send(line: string): void {
    if (this.closed) return;
    this.queue.push(line);
    this.queueLength += line.length + 1;
    if (!this.flushing) {
      this.flushing = true;
      this.clock.endOfTurn(() => this.flush());
    }
  }

  /** Writes at once what waits; used before an exit. */
  flush(): void {
    this.flushing = false;
    if (this.closed || this.queue.length === 0) return;
    if (this.queueLength + this.unsentBytes > this.limits.queueBytes) {
      this.close("it does not read what is sent to it");
      return;
    }
    const bytes = Buffer.from(`${this.queue.join("\n")}\n`);
    this.queue = [];
    this.queueLength = 0;
    this.unsent.push(bytes);
    this.unsentBytes += bytes.length;
    this.write();
  }

  /** A raw Bun socket may take only a part of what it is given; the rest goes on `drain`. */
  write(): void {
    const { unsent } = this;
    let whole = 0;
    for (const bytes of unsent) {
      const taken = Math.max(0, this.socket.write(bytes));
      this.unsentBytes -= taken;
      if (taken < bytes.length) {
        unsent[whole] = bytes.subarray(taken);
        break;
      }
      whole += 1;
    }
    unsent.splice(0, whole);
  }

  receive(chunk: Buffer): void {
    const end = chunk.lastIndexOf(NEWLINE);
    if (end < 0) {
      this.keep(chunk);
      return;
    }
    const complete =
      this.partial.length === 0
        ? chunk.subarray(0, end)
        : Buffer.concat([this.partial, chunk.subarray(0, end)]);
    this.partial = EMPTY;
    if (end + 1 < chunk.length) this.keep(chunk.subarray(end + 1));
    for (const line of complete.toString("utf8").split("\n")) {
      if (this.closed) return;
      this.receiver.onLine(line);
    }
  }

  private keep(rest: Buffer): void {
    // Copied: Bun may use the chunk's memory again after the call-back.
    this.partial = Buffer.concat([this.partial, rest]);
    if (this.partial.length > this.limits.lineBytes) this.close("a line is longer than allowed");
  }

  close(reason: string): void {
    if (this.closed) return;
    this.closed = true;
    this.queue = [];
    this.unsent = [];
    this.socket.end();
    this.receiver.onClose(reason);
  }
}

/** Connects to a Unix socket. Rejects when nobody listens there. */
export async function connectLines(
  path: string,
  clock: Clock,
  limits: LineLimits,
  receiver: LineReceiver,
): Promise<LineConnection> {
  const socket = await Bun.connect<LineConnection>({
    unix: path,
    socket: {
      // Here, and not when the promise goes on: by then, the other side may have written, or closed it.
      open(opened) {
        opened.data = new LineConnection(opened, clock, limits, receiver);
      },
      data: ({ data }, chunk) => data.receive(chunk),
      drain: ({ data }) => data.write(),
      close: ({ data }) => data.close("the other side closed the connection"),
      error: ({ data }, error) => data.close(error.message),
      connectError: () => undefined,
    },
  });
  return socket.data;
}

export interface LineServer {
  stop(): void;
}

/** Listens on a Unix socket; `accept` gives each connection its receiver. */
export function listenLines(
  path: string,
  clock: Clock,
  limits: LineLimits,
  accept: (connection: LineConnection) => LineReceiver,
): LineServer {
  const ignore: LineReceiver = { onLine: () => undefined, onClose: () => undefined };
  const listener = Bun.listen<LineConnection>({
    unix: path,
    socket: {
      open(socket) {
        socket.data = new LineConnection(socket, clock, limits, ignore);
        socket.data.receiver = accept(socket.data);
      },
      data: (socket, chunk) => socket.data.receive(chunk),
      drain: (socket) => socket.data.write(),
      close: (socket) => socket.data.close("the other side closed the connection"),
      error: (socket, error) => socket.data.close(error.message),
    },
  });
  return { stop: () => listener.stop(true) };
}

import { Inbox, withDeadline } from "@duologue/testing";

export interface CloseInfo {
  readonly code: number;
  readonly reason: string;
}

export interface SocketOptions {
  readonly protocol?: string;
  readonly origin?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Bun's client takes headers, and can drop a connection; the DOM's types, which win, know neither. */
type BunWebSocket = WebSocket & { terminate(): void };
const BunWebSocket = WebSocket as unknown as new (url: string, options: Bun.WebSocketOptions) => BunWebSocket;

/** A WebSocket as a well-behaved client opens it, with what came in an inbox. */
export class Socket implements AsyncDisposable {
  readonly received: Inbox<string>;
  readonly closed: Promise<CloseInfo>;
  readonly #socket: BunWebSocket;

  private constructor(socket: BunWebSocket, name: string) {
    this.#socket = socket;
    this.received = new Inbox(name, (frame) => frame);
    const { promise, resolve } = Promise.withResolvers<CloseInfo>();
    this.closed = promise;
    socket.addEventListener("message", ({ data }: MessageEvent<unknown>) => {
      this.received.push(typeof data === "string" ? data : `(binary frame: ${String(data)})`);
    });
    socket.addEventListener("close", ({ code, reason }) => {
      this.received.end(`closed with ${code} ${reason}`);
      resolve({ code, reason });
    });
  }

  static async open(url: string, options: SocketOptions = {}): Promise<Socket> {
    const headers: Record<string, string> = { ...options.headers };
    if (options.origin !== undefined) headers.origin = options.origin;
    const inner = new BunWebSocket(url.replace(/^http/, "ws"), {
      headers,
      ...(options.protocol === undefined ? {} : { protocols: [options.protocol] }),
    });
    inner.binaryType = "arraybuffer";
    const socket = new Socket(inner, options.protocol ?? "classic socket");
    const opened = new Promise<void>((resolve, reject) => {
      inner.addEventListener("open", () => resolve());
      inner.addEventListener("error", () => reject(new Error(`${url} refused the WebSocket`)));
      inner.addEventListener("close", ({ code }) => reject(new Error(`${url} closed at once with ${code}`)));
    });
    await withDeadline(opened, () => `${url} did not answer the WebSocket handshake`);
    return socket;
  }

  send(data: string | Uint8Array<ArrayBuffer>): void {
    this.#socket.send(data);
  }

  /** How the server closed the connection; rejects if it stays open. */
  whenClosed(timeoutMs?: number): Promise<CloseInfo> {
    return withDeadline(
      this.closed,
      () => `the server did not close; it sent ${this.received.log.length} frames`,
      timeoutMs,
    );
  }

  /** Resolves when the closing handshake is over. */
  async close(): Promise<void> {
    this.#socket.close(1000);
    await withDeadline(this.closed, () => "the closing handshake did not end");
  }

  /** Drops the connection without a closing handshake, as a network does. */
  terminate(): void {
    this.#socket.terminate();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

export const openSocket = Socket.open;

/** One WebSocket connection over a raw TCP socket: the opening handshake, partial writes, and pings answered. */
import { createHash, randomBytes } from "node:crypto";
import type { Socket } from "bun";
import { FrameReader } from "./frame-reader.ts";
import { maskedFrame, Opcode } from "./masked-frame.ts";

export interface Target {
  readonly host: string;
  readonly port: number;
  /** Asked for in the handshake; absent for the classic protocol. */
  readonly subprotocol?: string;
}

export interface RawSocketEvents {
  /** A text or binary frame. `bytes` is valid only during the call; the payload lies from `start` to before `end`. */
  message(bytes: Uint8Array, start: number, end: number): void;
  /** Once, however the connection ended; a close code when the server gave one. */
  closed(reason: string): void;
}

export class HandshakeError extends Error {
  override readonly name = "HandshakeError";
}

const ACCEPT_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const RESPONSE_LIMIT_BYTES = 16_384;
const NOTHING = new Uint8Array(0);

export class RawSocket {
  /** Bytes that came in, framing included. */
  receivedBytes = 0;
  private readonly reader: FrameReader;
  private socket: Socket<RawSocket> | undefined;
  /** What the kernel did not take yet. */
  private unsent: Uint8Array = NOTHING;
  private handshake:
    | { readonly key: string; response: string; resolve(): void; reject(error: Error): void }
    | undefined;
  private ended = false;

  private readonly events: RawSocketEvents;

  private constructor(events: RawSocketEvents) {
    this.events = events;
    this.reader = new FrameReader({
      frame: (opcode, bytes, start, end) => this.onFrame(opcode, bytes, start, end),
    });
  }

  /** Resolves when the upgrade is done; throws HandshakeError when the server refuses it. */
  static async open(target: Target, events: RawSocketEvents): Promise<RawSocket> {
    const connection = new RawSocket(events);
    const key = randomBytes(16).toString("base64");
    const upgraded = new Promise<void>((resolve, reject) => {
      connection.handshake = { key, response: "", resolve, reject };
    });
    // Observed at once: the connection may be refused before anybody awaits it.
    upgraded.catch(() => undefined);
    connection.socket = await Bun.connect<RawSocket>({
      hostname: target.host,
      port: target.port,
      data: connection,
      socket: handlers,
    });
    connection.write(new TextEncoder().encode(upgradeRequest(target, key)));
    await upgraded;
    return connection;
  }

  get localPort(): number {
    return this.socket?.localPort ?? 0;
  }

  /** True while bytes wait for the kernel: what is written now goes behind them. */
  get isBlocked(): boolean {
    return this.unsent.length > 0;
  }

  /** The bytes may be reused after the call: what the kernel does not take at once is copied. */
  write(bytes: Uint8Array, length: number = bytes.length): void {
    if (this.ended || this.socket === undefined) return;
    if (this.unsent.length > 0) {
      this.unsent = Buffer.concat([this.unsent, bytes.subarray(0, length)]);
      return;
    }
    const taken = Math.max(this.socket.write(bytes, 0, length), 0);
    if (taken < length) this.unsent = bytes.slice(taken, length);
  }

  /** Cuts the connection without a closing handshake, as a closed laptop does. */
  cut(): void {
    this.socket?.terminate();
  }

  onData(chunk: Uint8Array): void {
    this.receivedBytes += chunk.length;
    if (this.handshake === undefined) this.reader.push(chunk);
    else this.onHandshake(chunk);
  }

  onDrain(): void {
    if (this.unsent.length === 0 || this.socket === undefined) return;
    const taken = Math.max(this.socket.write(this.unsent), 0);
    this.unsent = taken >= this.unsent.length ? NOTHING : this.unsent.subarray(taken);
  }

  onEnd(reason: string): void {
    if (this.ended) return;
    this.ended = true;
    this.handshake?.reject(new HandshakeError(`the connection ended during the handshake: ${reason}`));
    this.handshake = undefined;
    this.events.closed(reason);
  }

  private onHandshake(chunk: Uint8Array): void {
    const handshake = this.handshake;
    if (handshake === undefined) return;
    // Latin-1 keeps one character per byte, so that an index into the text is one into the bytes.
    handshake.response += Buffer.from(chunk).toString("latin1");
    const end = handshake.response.indexOf("\r\n\r\n");
    if (end < 0 && handshake.response.length < RESPONSE_LIMIT_BYTES) return;
    this.handshake = undefined;
    const head = handshake.response.slice(0, end);
    const accept = createHash("sha1")
      .update(handshake.key + ACCEPT_GUID)
      .digest("base64");
    if (!head.startsWith("HTTP/1.1 101") || !head.includes(accept)) {
      handshake.reject(new HandshakeError(`no upgrade: ${head.split("\r\n", 1)[0]}`));
      this.cut();
      return;
    }
    handshake.resolve();
    const rest = handshake.response.length - end - 4;
    if (rest > 0) this.reader.push(Buffer.from(handshake.response.slice(end + 4), "latin1"));
  }

  private onFrame(opcode: number, bytes: Uint8Array, start: number, end: number): void {
    switch (opcode) {
      case Opcode.text:
      case Opcode.binary:
        this.events.message(bytes, start, end);
        return;
      case Opcode.ping:
        this.write(maskedFrame(bytes.slice(start, end), Opcode.pong));
        return;
      case Opcode.close: {
        const code = end - start >= 2 ? ((bytes[start] ?? 0) << 8) | (bytes[start + 1] ?? 0) : 1005;
        this.onEnd(`close ${code} ${Buffer.from(bytes.subarray(start + 2, end)).toString()}`);
        this.socket?.end();
        return;
      }
      default:
        return;
    }
  }
}

const handlers = {
  data: (socket: Socket<RawSocket>, chunk: Uint8Array): void => socket.data.onData(chunk),
  drain: (socket: Socket<RawSocket>): void => socket.data.onDrain(),
  close: (socket: Socket<RawSocket>): void => socket.data.onEnd("closed"),
  end: (socket: Socket<RawSocket>): void => socket.data.onEnd("ended by the server"),
  error: (socket: Socket<RawSocket>, error: Error): void => socket.data.onEnd(error.message),
} as const;

function upgradeRequest(target: Target, key: string): string {
  const lines = [
    "GET / HTTP/1.1",
    `Host: ${target.host}:${target.port}`,
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Key: ${key}`,
    "Sec-WebSocket-Version: 13",
  ];
  if (target.subprotocol !== undefined) lines.push(`Sec-WebSocket-Protocol: ${target.subprotocol}`);
  return `${lines.join("\r\n")}\r\n\r\n`;
}

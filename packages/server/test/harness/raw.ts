import { Inbox, withDeadline } from "@duologue/testing";
/** WebSocket by hand over TCP (RFC 6455), for what no well-behaved client sends, and for HTTP refusals. */

export const opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface RawFrame {
  readonly fin: boolean;
  readonly opcode: number;
  readonly payload: Buffer;
}

export interface FrameOptions {
  readonly opcode?: number;
  readonly fin?: boolean;
  /** Clients must mask (RFC 6455 §5.1); false breaks the rule. */
  readonly masked?: boolean;
  /** The three reserved bits, 0–7; anything but 0 breaks the rule, as no extension was agreed. */
  readonly reserved?: number;
  /** What the header claims, when that is not the payload's length. */
  readonly claimedBytes?: bigint;
}

export interface Handshake {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

export interface RawOptions {
  readonly protocol?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly path?: string;
}

const MASK = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);

export function encodeRawFrame(payload: string | Buffer, options: FrameOptions = {}): Buffer {
  const bytes = typeof payload === "string" ? Buffer.from(payload) : payload;
  const masked = options.masked ?? true;
  const first =
    ((options.fin ?? true) ? 0x80 : 0) | ((options.reserved ?? 0) << 4) | (options.opcode ?? opcode.text);
  const size = options.claimedBytes ?? BigInt(bytes.length);
  const maskBit = masked ? 0x80 : 0;
  let head: Buffer;
  if (size < 126n) {
    head = Buffer.from([first, maskBit | Number(size)]);
  } else if (size < 65_536n) {
    head = Buffer.alloc(4);
    head.writeUInt16BE(Number(size), 2);
    head[1] = maskBit | 126;
  } else {
    head = Buffer.alloc(10);
    head.writeBigUInt64BE(size, 2);
    head[1] = maskBit | 127;
  }
  head[0] = first;
  if (!masked) return Buffer.concat([head, bytes]);
  const hidden = Buffer.from(bytes);
  applyMask(hidden, MASK);
  return Buffer.concat([head, MASK, hidden]);
}

/** One frame from the start of `bytes`, masked or not, or undefined while it is incomplete. */
export function takeFrame(bytes: Buffer): { frame: RawFrame; size: number } | undefined {
  if (bytes.length < 2) return undefined;
  const [first, second] = [bytes[0] as number, bytes[1] as number];
  const isMasked = (second & 0x80) !== 0;
  let offset = 2;
  let length = second & 0x7f;
  if (length === 126) {
    if (bytes.length < 4) return undefined;
    length = bytes.readUInt16BE(2);
    offset = 4;
  } else if (length === 127) {
    if (bytes.length < 10) return undefined;
    length = Number(bytes.readBigUInt64BE(2));
    offset = 10;
  }
  const mask = bytes.subarray(offset, offset + 4);
  if (isMasked) offset += 4;
  if (bytes.length < offset + length) return undefined;
  const payload = Buffer.from(bytes.subarray(offset, offset + length));
  if (isMasked) applyMask(payload, mask);
  return { frame: { fin: (first & 0x80) !== 0, opcode: first & 0x0f, payload }, size: offset + length };
}

function applyMask(bytes: Buffer, mask: Buffer): void {
  for (let index = 0; index < bytes.length; index += 1)
    bytes[index] = (bytes[index] as number) ^ (mask[index % 4] as number);
}

/** A TCP connection whose writes are never cut short: what the kernel does not take waits for `drain`. */
export class RawSocket implements AsyncDisposable {
  readonly frames = new Inbox<RawFrame>("raw socket", (frame) => `${frame.opcode}: ${String(frame.payload)}`);
  readonly texts = new Inbox<string>("raw socket", (text) => text);
  /** Resolves with the code of the close frame; undefined when the connection was cut without one. */
  readonly closed: Promise<number | undefined>;
  handshake: Handshake = { status: 0, headers: new Map(), body: "" };
  #tcp: Bun.Socket | undefined;
  #unread = Buffer.alloc(0);
  #unwritten = Buffer.alloc(0);
  #closeCode: number | undefined;
  #isUpgraded = false;
  readonly #ended = Promise.withResolvers<number | undefined>();
  readonly #answered = Promise.withResolvers<void>();

  constructor() {
    this.closed = this.#ended.promise;
  }

  async connect(url: string): Promise<void> {
    const { hostname, port } = new URL(url);
    this.#tcp = await Bun.connect({
      hostname,
      port: Number(port),
      socket: {
        data: (_, bytes) => this.#onData(Buffer.from(bytes)),
        drain: () => this.#flush(),
        end: () => this.#onEnd(),
        close: () => this.#onEnd(),
        error: () => this.#onEnd(),
      },
    });
  }

  /** The port of our end: with classic, half of the address under which others reach us. */
  get localPort(): number {
    return this.#tcp?.localPort ?? 0;
  }

  /** What waits because the other side does not read. */
  get unwrittenBytes(): number {
    return this.#unwritten.length;
  }

  async upgrade(url: string, options: RawOptions = {}): Promise<Handshake> {
    const lines = [
      `GET ${options.path ?? "/"} HTTP/1.1`,
      `Host: ${new URL(url).host}`,
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      `Sec-WebSocket-Key: ${Buffer.alloc(16, 7).toString("base64")}`,
    ];
    if (options.protocol !== undefined) lines.push(`Sec-WebSocket-Protocol: ${options.protocol}`);
    for (const [name, value] of Object.entries(options.headers ?? {})) lines.push(`${name}: ${value}`);
    return await this.request(lines);
  }

  /** Sends the lines of a request, whatever they are. */
  async request(lines: readonly string[]): Promise<Handshake> {
    this.write(Buffer.from(`${lines.join("\r\n")}\r\n\r\n`));
    await withDeadline(this.#answered.promise, () => "no answer to the handshake");
    return this.handshake;
  }

  write(bytes: Buffer): void {
    this.#unwritten = Buffer.concat([this.#unwritten, bytes]);
    this.#flush();
  }

  sendText(text: string): void {
    this.write(encodeRawFrame(text));
  }

  sendFrame(payload: string | Buffer, options: FrameOptions): void {
    this.write(encodeRawFrame(payload, options));
  }

  /** Stops reading, so that the server's bytes pile up in front of us. */
  pause(): void {
    this.#tcp?.pause();
  }

  resume(): void {
    this.#tcp?.resume();
  }

  whenClosed(timeoutMs?: number): Promise<number | undefined> {
    return withDeadline(this.closed, () => "the server did not close the connection", timeoutMs);
  }

  /** With the closing handshake. */
  async close(): Promise<void> {
    if (this.#isUpgraded) this.sendFrame(Buffer.from([0x03, 0xe8]), { opcode: opcode.close });
    else this.#tcp?.end();
    await this.whenClosed();
  }

  /** Cuts the connection at once. */
  terminate(): void {
    this.#tcp?.terminate();
    this.#onEnd();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.terminate();
    return Promise.resolve();
  }

  #flush(): void {
    const tcp = this.#tcp;
    if (tcp === undefined || this.#unwritten.length === 0) return;
    const written = tcp.write(this.#unwritten);
    if (written > 0) this.#unwritten = this.#unwritten.subarray(written);
  }

  #onData(bytes: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, bytes]);
    if (!this.#isUpgraded && !this.#readHandshake()) return;
    for (let taken = takeFrame(this.#unread); taken !== undefined; taken = takeFrame(this.#unread)) {
      this.#unread = this.#unread.subarray(taken.size);
      this.#onFrame(taken.frame);
    }
  }

  #onFrame(frame: RawFrame): void {
    this.frames.push(frame);
    if (frame.opcode === opcode.text) this.texts.push(String(frame.payload));
    if (frame.opcode === opcode.ping) this.sendFrame(frame.payload, { opcode: opcode.pong });
    if (frame.opcode === opcode.close) {
      this.#closeCode = frame.payload.length >= 2 ? frame.payload.readUInt16BE(0) : 1005;
      this.#tcp?.end();
    }
  }

  /** True once the connection speaks WebSocket. A refusal's body is read to its declared length. */
  #readHandshake(): boolean {
    const end = this.#unread.indexOf("\r\n\r\n");
    if (end < 0) return false;
    const [statusLine = "", ...headerLines] = this.#unread.subarray(0, end).toString("latin1").split("\r\n");
    const headers = new Map<string, string>();
    for (const line of headerLines) {
      const colon = line.indexOf(":");
      headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
    }
    const status = Number(statusLine.split(" ")[1]);
    const body = this.#unread.subarray(end + 4);
    if (status !== 101 && body.length < Number(headers.get("content-length") ?? 0)) return false;
    this.handshake = { status, headers, body: status === 101 ? "" : String(body) };
    this.#isUpgraded = status === 101;
    this.#unread = this.#isUpgraded ? body : Buffer.alloc(0);
    this.#answered.resolve();
    return this.#isUpgraded;
  }

  #onEnd(): void {
    this.frames.end("the connection ended");
    this.texts.end("the connection ended");
    this.#answered.resolve();
    this.#ended.resolve(this.#closeCode);
  }
}

/** Opens a WebSocket by hand; throws when the server refuses it. */
export async function openRaw(url: string, options: RawOptions = {}): Promise<RawSocket> {
  const socket = new RawSocket();
  await socket.connect(url);
  const { status } = await socket.upgrade(url, options);
  if (status !== 101) throw new Error(`${url} refused the upgrade with status ${status}`);
  return socket;
}

/** The server's answer to a request for an upgrade, whatever it is. */
export async function requestUpgrade(url: string, options: RawOptions = {}): Promise<Handshake> {
  await using socket = new RawSocket();
  await socket.connect(url);
  return await socket.upgrade(url, options);
}

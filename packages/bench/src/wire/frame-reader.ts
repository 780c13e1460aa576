/**
 * Splits a server's byte stream into WebSocket frames (RFC 6455 §5.2) with as little work as possible: a frame that
 * lies whole in one chunk is handed on without a copy.
 */
export interface FrameSink {
  /** `bytes` is valid only during the call; the payload lies from `start` to before `end`. */
  frame(opcode: number, bytes: Uint8Array, start: number, end: number): void;
}

/** Above this, a server's frame is taken for a broken stream. */
const PAYLOAD_LIMIT_BYTES = 64 * 1024 * 1024;
const NOTHING = new Uint8Array(0);

export class ServerFrameError extends Error {
  override readonly name = "ServerFrameError";
}

export class FrameReader {
  /** The beginning of a frame that is not whole yet: `filled` bytes of it are valid. */
  private partial: Uint8Array = NOTHING;
  private filled = 0;

  private readonly sink: FrameSink;

  constructor(sink: FrameSink) {
    this.sink = sink;
  }

  push(chunk: Uint8Array): void {
    let offset = 0;
    if (this.filled > 0) {
      offset = this.completePartial(chunk);
      if (offset < 0) return;
    }
    offset = this.readWhole(chunk, offset);
    if (offset < chunk.length) this.keep(chunk, offset);
  }

  /** Hands on every frame that lies whole in `chunk` from `offset`; answers where the first incomplete one begins. */
  private readWhole(chunk: Uint8Array, from: number): number {
    const length = chunk.length;
    let offset = from;
    while (offset + 2 <= length) {
      // The second byte decides in nearly every case: no mask bit, so it is the length itself.
      let payload = chunk[offset + 1] as number;
      let start = offset + 2;
      if (payload >= 126) {
        const header = headerBytes(payload);
        if (offset + header > length) return offset;
        payload = longLength(chunk, offset, payload);
        start = offset + header;
      }
      const end = start + payload;
      if (end > length) return offset;
      const first = chunk[offset] as number;
      if ((first & 0xf0) !== 0x80)
        throw new ServerFrameError(`a fragment or reserved bits: 0x${first.toString(16)}`);
      this.sink.frame(first & 0x0f, chunk, start, end);
      offset = end;
    }
    return offset;
  }

  /** Adds to the partial frame; answers how far `chunk` was used, or -1 when all of it was and more is missing. */
  private completePartial(chunk: Uint8Array): number {
    let used = 0;
    for (;;) {
      const needed = frameBytes(this.partial, this.filled);
      // A stage of the header is asked for only while it is not whole, so this is the length of the whole frame.
      if (this.filled >= needed) break;
      if (used === chunk.length) return -1;
      const take = Math.min(needed - this.filled, chunk.length - used);
      this.reserve(needed);
      this.partial.set(chunk.subarray(used, used + take), this.filled);
      this.filled += take;
      used += take;
    }
    const whole = this.partial;
    const length = this.filled;
    this.partial = NOTHING;
    this.filled = 0;
    this.readWhole(length === whole.length ? whole : whole.subarray(0, length), 0);
    return used;
  }

  private keep(chunk: Uint8Array, offset: number): void {
    const rest = chunk.length - offset;
    this.reserve(Math.max(rest, 16));
    this.partial.set(offset === 0 ? chunk : chunk.subarray(offset), 0);
    this.filled = rest;
    const needed = frameBytes(this.partial, rest);
    if (needed > rest) this.reserve(needed);
  }

  private reserve(bytes: number): void {
    if (this.partial.length >= bytes) return;
    const grown = new Uint8Array(bytes);
    grown.set(this.partial.subarray(0, this.filled));
    this.partial = grown;
  }
}

/** How many bytes the frame at the beginning of `bytes` has, or how many are needed to know that. */
function frameBytes(bytes: Uint8Array, filled: number): number {
  if (filled < 2) return 2;
  const payload = bytes[1] as number;
  const header = headerBytes(payload);
  if (filled < header) return header;
  return header + (payload < 126 ? payload : longLength(bytes, 0, payload));
}

function headerBytes(lengthByte: number): number {
  if (lengthByte < 126) return 2;
  if (lengthByte === 126) return 4;
  if (lengthByte === 127) return 10;
  throw new ServerFrameError("a server's frame must not be masked");
}

function longLength(bytes: Uint8Array, offset: number, lengthByte: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, lengthByte === 126 ? 4 : 10);
  const length = lengthByte === 126 ? view.getUint16(2) : Number(view.getBigUint64(2));
  if (length > PAYLOAD_LIMIT_BYTES) throw new ServerFrameError(`a payload of ${length} bytes`);
  return length;
}

/**
 * What each TCP peer has sent us, as the kernel counted it (Linux; tcp(7), TCP_INFO). Bun calls nobody for a WebSocket
 * frame that completes no message, so that floods of such frames can be seen here only.
 */
import { type Library as Opened, ptr } from "bun:ffi";
import type { TcpCount } from "../gateway/hidden-frames.ts";
import { openLibrary } from "./c-library.ts";

const SOL_TCP = 6;
const TCP_INFO = 11;
const FIONREAD = 0x541b;
const AF_INET = 2;
/** `struct tcp_info` up to and with `tcpi_bytes_received`, which is at 128 (linux/tcp.h; since Linux 4.1). */
const INFO_BYTES = 136;
const RECEIVED_AT = 128;
/** Descriptors past the number of connections: the runtime's own files, and holes that closed ones left. */
const SPARE_DESCRIPTORS = 512;

const functions = {
  getsockopt: { args: ["i32", "i32", "i32", "ptr", "ptr"], returns: "i32" },
  getpeername: { args: ["i32", "ptr", "ptr"], returns: "i32" },
  ioctl: { args: ["i32", "u64", "ptr"], returns: "i32" },
} as const;

type Library = Opened<typeof functions>["symbols"];

export class TcpCounts {
  private readonly info = Buffer.alloc(INFO_BYTES);
  private readonly name = Buffer.alloc(28);
  private readonly length = Buffer.alloc(4);
  private readonly unread = Buffer.alloc(4);
  /** By file descriptor: what had come at the last look. */
  private seen = new Float64Array(SPARE_DESCRIPTORS);

  private constructor(private readonly library: Library) {}

  /** Undefined where the kernel cannot be asked. */
  static open(): TcpCounts | undefined {
    if (process.platform !== "linux") return undefined;
    try {
      return new TcpCounts(openLibrary(functions).symbols);
    } catch {
      return undefined;
    }
  }

  /**
   * The connections that brought at least `bytesSince` since the last call. One system call for each descriptor, and two
   * more for each of these: cheap enough for once a second. `connections`: how many there may be.
   */
  *busySince(bytesSince: number, connections: number): Generator<TcpCount> {
    const descriptors = Math.max(this.seen.length, connections + SPARE_DESCRIPTORS);
    if (descriptors > this.seen.length) this.seen = this.grown(descriptors);
    for (let descriptor = 0; descriptor < descriptors; descriptor += 1) {
      const bytes = this.received(descriptor);
      const before = this.seen[descriptor] ?? 0;
      this.seen[descriptor] = bytes;
      // Fewer than before: another connection has got the descriptor meanwhile.
      if (bytes - (bytes < before ? 0 : before) < bytesSince) continue;
      const peer = this.peerOf(descriptor);
      if (peer !== undefined) yield { ...peer, readBytes: bytes - this.unreadOf(descriptor) };
    }
  }

  private grown(length: number): Float64Array<ArrayBuffer> {
    const grown = new Float64Array(length);
    grown.set(this.seen);
    return grown;
  }

  /** 0 for what is no TCP connection. */
  private received(descriptor: number): number {
    this.length.writeUInt32LE(INFO_BYTES);
    const failed = this.library.getsockopt(descriptor, SOL_TCP, TCP_INFO, ptr(this.info), ptr(this.length));
    if (failed !== 0 || this.length.readUInt32LE() < INFO_BYTES) return 0;
    return Number(this.info.readBigUInt64LE(RECEIVED_AT));
  }

  /** What lies in the kernel still. */
  private unreadOf(descriptor: number): number {
    return this.library.ioctl(descriptor, FIONREAD, ptr(this.unread)) === 0 ? this.unread.readUInt32LE() : 0;
  }

  private peerOf(descriptor: number): { address: string; port: number } | undefined {
    this.length.writeUInt32LE(this.name.length);
    if (this.library.getpeername(descriptor, ptr(this.name), ptr(this.length)) !== 0) return undefined;
    const port = this.name.readUInt16BE(2);
    if (this.name.readUInt16LE() === AF_INET) return { address: this.name.subarray(4, 8).join("."), port };
    const groups = Array.from({ length: 8 }, (_, at) => this.name.readUInt16BE(8 + 2 * at).toString(16));
    return { address: groups.join(":"), port };
  }
}

/**
 * Frames that nobody is told of. A WebSocket message may come in any number of fragments, empty ones too (RFC 6455 §5.4),
 * and the runtime reports whole messages only; so the rate limit counts none of them, and a single peer could keep a
 * worker busy for ever. What the kernel has received shows it: bytes that no message accounts for.
 */
import { formatAddress } from "./address.ts";
import type { Connection } from "./connection.ts";
import type { Gateway } from "./context.ts";

/** What one TCP peer has sent so far. */
export interface TcpCount {
  /** In any of its forms. */
  readonly address: string;
  readonly port: number;
  /** Read by this process since the connection began. */
  readonly readBytes: number;
}

/** The connections that brought at least `bytesSince` since the last call, of at most `connections`. */
export type BusySince = (bytesSince: number, connections: number) => Iterable<TcpCount>;

/** Per second; slower floods cost less than the frames that the rate limit allows. */
const BUSY_BYTES = 131_072;
/** Header and mask of a message's only frame (RFC 6455 §5.2). */
const HEADER_BYTES = 14;
/** A UTF-16 unit takes at most so many bytes in UTF-8. */
const BYTES_PER_UNIT = 3;
/** Control frames carry at most 125 bytes (RFC 6455 §5.5). */
export const CONTROL_FRAME_BYTES = 125 + HEADER_BYTES;

/** What a message may have taken on the wire when it came in one frame; a text is measured in UTF-16 units. */
export function wireBytes(data: string | Buffer): number {
  return HEADER_BYTES + (typeof data === "string" ? data.length * BYTES_PER_UNIT : data.length);
}

/** Cuts every connection that, since it was busy first, brought far more than its messages, and one unfinished, account for. */
export function cutHiddenFloods(gateway: Gateway, busySince: BusySince): void {
  const { open } = gateway.connections;
  let byPort: Map<number, Connection[]> | undefined;
  for (const { address, port, readBytes } of busySince(BUSY_BYTES, open.size)) {
    byPort ??= Map.groupBy(open, ({ peerPort }) => peerPort);
    const peer = formatAddress(address, port);
    for (const connection of byPort.get(port) ?? []) {
      const remote = connection.socket?.remoteAddress;
      if (remote === undefined || formatAddress(remote, port) !== peer) continue;
      const hidden = readBytes - connection.accountedBytes;
      // A proxy may have sent requests over the connection before it became a WebSocket, so the first look is where it begins.
      connection.hiddenBytes ??= hidden;
      if (hidden <= connection.hiddenBytes + 2 * gateway.limits.frameBytes) continue;
      gateway.log.warn({ connection: connection.id }, "frames that make no messages; connection cut");
      connection.cut("too_fast");
    }
  }
}

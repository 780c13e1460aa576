/**
 * A reload without a refused connection. Workers share the port by SO_REUSEPORT, and a listener that closes takes with it
 * whoever is in its queue; Bun moreover cuts connections that have not sent their request yet. So before a listener
 * closes, the kernel must have stopped giving it connections.
 *
 * Listeners of one port are numbered from 0 in the order in which they came. With n workers, number n exists only while a
 * new worker stands beside the one it replaces, and it is the new one. A filter that always answers n therefore sends
 * everybody to the newcomer during that time; at any other time the number does not exist and the kernel spreads
 * connections by its hash, as without a filter (socket(7), SO_ATTACH_REUSEPORT_CBPF; Linux, net/core/sock_reuseport.c).
 */
import { ptr } from "bun:ffi";
import { readdirSync, readlinkSync } from "node:fs";
import { openLibrary } from "./c-library.ts";

const SOL_SOCKET = 1;
const SO_ATTACH_REUSEPORT_CBPF = 51;
/** "Return this number", the one instruction of the filter (linux/bpf_common.h). */
const RETURN_CONSTANT = 0x06;
const functions = { setsockopt: { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" } } as const;

/**
 * For the port that this process listens on. False where it cannot be had; then a reload may refuse a connection that
 * comes at the wrong moment.
 */
export function preferNewestListener(workers: number): boolean {
  try {
    const { symbols, close } = openLibrary(functions);
    // struct sock_filter { u16 code; u8 jt, jf; u32 k; } and struct sock_fprog { u16 len; sock_filter *filter; }
    const instruction = Buffer.alloc(8);
    instruction.writeUInt16LE(RETURN_CONSTANT, 0);
    instruction.writeUInt32LE(workers, 4);
    const program = Buffer.alloc(16);
    program.writeUInt16LE(1, 0);
    program.writeBigUInt64LE(BigInt(ptr(instruction)), 8);
    const attach = (socket: number): boolean =>
      symbols.setsockopt(socket, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, ptr(program), program.length) === 0;
    // Bun does not tell the listener's file descriptor; the kernel refuses the filter on every other socket.
    const isAttached = openSockets().some(attach);
    close();
    return isAttached;
  } catch {
    return false;
  }
}

function openSockets(): number[] {
  return readdirSync("/proc/self/fd")
    .filter((name) => targetOf(`/proc/self/fd/${name}`).startsWith("socket:"))
    .map(Number);
}

/** Empty for one that was closed since it was listed. */
function targetOf(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    return "";
  }
}

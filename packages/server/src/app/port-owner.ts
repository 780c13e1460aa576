/** Who listens on a port of this machine, as far as this user may know (Linux: proc(5)). */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** TCP_LISTEN in the kernel's tables. */
const LISTENING = "0A";

/** `pid 12 (nginx)` of each, no one twice; empty when it cannot be known. */
export function findListeners(port: number): readonly string[] {
  const sockets = new Set(
    ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((table) => listeningSockets(table, port)),
  );
  if (sockets.size === 0) return [];
  const processes = list("/proc").filter((name) => /^\d+$/.test(name));
  return processes
    .filter((pid) => list(`/proc/${pid}/fd`).some((file) => sockets.has(targetOf(`/proc/${pid}/fd/${file}`))))
    .map((pid) => `pid ${pid} (${read(`/proc/${pid}/comm`).trim()})`);
}

function listeningSockets(table: string, port: number): string[] {
  const hexadecimal = port.toString(16).toUpperCase().padStart(4, "0");
  return read(table)
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([, address, , state]) => state === LISTENING && address?.endsWith(`:${hexadecimal}`))
    .map((fields) => `socket:[${fields[9]}]`);
}

/** What is gone meanwhile, or not ours to see, is empty. */
function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function targetOf(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    return "";
  }
}

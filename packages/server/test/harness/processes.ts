/** What the kernel tells of a process. */
import { readdirSync, readFileSync } from "node:fs";

/** Undefined for one that has ended. */
export function rssMegabytesOf(pid: number): number | undefined {
  try {
    const size = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return size === undefined ? undefined : Number(size) / 1024;
  } catch {
    return undefined;
  }
}

export function openFilesOf(pid: number): number | undefined {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return undefined;
  }
}

/** Running, sleeping, stopped: the letter of proc(5). Undefined for one that has ended. */
export function stateOf(pid: number): string | undefined {
  try {
    return /^State:\s+(\S)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  } catch {
    return undefined;
  }
}

/** Connections of this machine that have one of these ports and bytes that wait in the kernel, on either of its two ends. */
export function waitingInKernel(ports: readonly number[]): readonly string[] {
  return readFileSync("/proc/net/tcp", "utf8")
    .split("\n")
    .slice(1)
    .flatMap((line) => {
      const [, local = "", remote = "", , queues = ""] = line.trim().split(/\s+/);
      const [sending = 0, unread = 0] = queues.split(":").map((hex) => Number.parseInt(hex, 16));
      const [from, to] = [portOf(local), portOf(remote)];
      if (sending + unread === 0 || !(ports.includes(from) || ports.includes(to))) return [];
      return [`${from} → ${to}: ${sending} bytes to be taken by the other side, ${unread} unread`];
    });
}

function portOf(address: string): number {
  return Number.parseInt(address.slice(address.indexOf(":") + 1), 16);
}

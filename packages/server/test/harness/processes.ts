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

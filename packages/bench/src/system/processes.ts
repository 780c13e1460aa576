/** CPU time and memory of a process and all its descendants, read from Linux's /proc. */
import { readdirSync, readFileSync } from "node:fs";

export interface ProcessCpu {
  readonly pid: number;
  readonly name: string;
  /** User and system time since its start. */
  readonly cpuMs: number;
}

/** A process and all its descendants, under one name. */
export interface ProcessGroup {
  readonly name: string;
  readonly pid: number;
}

export interface GroupCpu {
  readonly name: string;
  readonly cpuMs: number;
}

export interface ProcessMemory {
  readonly pid: number;
  readonly rssKb: number;
  /** Proportional set size: pages shared between processes are counted once in the sum over them. */
  readonly pssKb: number;
}

/** USER_HZ, which is 100 in every Linux ABI that Bun and Node run on (man 5 proc, `sysconf(_SC_CLK_TCK)`). */
const TICKS_PER_SECOND = 100;

/** The root first, then its descendants. Processes that end meanwhile are left out. */
export function processTree(rootPid: number): number[] {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const parent = parentOf(Number(entry));
    if (parent === undefined) continue;
    const siblings = children.get(parent);
    if (siblings === undefined) children.set(parent, [Number(entry)]);
    else siblings.push(Number(entry));
  }
  const tree = [rootPid];
  for (let index = 0; index < tree.length; index += 1) tree.push(...(children.get(tree[index] ?? -1) ?? []));
  return tree;
}

export function cpuOf(pids: readonly number[]): ProcessCpu[] {
  return pids.flatMap((pid) => {
    const stat = statOf(pid);
    if (stat === undefined) return [];
    const ticks = Number(stat.fields[11]) + Number(stat.fields[12]);
    return [{ pid, name: stat.name, cpuMs: (ticks * 1000) / TICKS_PER_SECOND }];
  });
}

/** CPU time spent since `before`, process by process, in the order of `before`. */
export function cpuSince(before: readonly ProcessCpu[]): ProcessCpu[] {
  const now = new Map(cpuOf(before.map(({ pid }) => pid)).map((cpu) => [cpu.pid, cpu.cpuMs]));
  return before.map((cpu) => ({ ...cpu, cpuMs: (now.get(cpu.pid) ?? cpu.cpuMs) - cpu.cpuMs }));
}

/** CPU time that a process and its descendants have used in all, those included that have ended meanwhile. */
export function treeCpuMs(rootPid: number): number {
  const ticks = processTree(rootPid).reduce((sum, pid) => {
    // utime, stime, and the same of children that have ended and been waited for.
    const times = statOf(pid)?.fields.slice(11, 15).map(Number) ?? [];
    return times.reduce((own, time) => own + time, sum);
  }, 0);
  return (ticks * 1000) / TICKS_PER_SECOND;
}

/**
 * CPU time of the whole machine since its start, in which processes ran or were held up by the host (user, nice,
 * system, steal); without interrupts, whose time belongs to nobody.
 */
export function machineCpuMs(): number {
  const fields =
    (readOptional("/proc/stat") ?? "").split("\n", 1)[0]?.trim().split(/\s+/).slice(1).map(Number) ?? [];
  const [user = 0, nice = 0, system = 0, , , , , steal = 0] = fields;
  return ((user + nice + system + steal) * 1000) / TICKS_PER_SECOND;
}

export function memoryOf(pids: readonly number[]): ProcessMemory[] {
  return pids.flatMap((pid) => {
    const rollup = readOptional(`/proc/${pid}/smaps_rollup`);
    if (rollup === undefined) return [];
    return [{ pid, rssKb: fieldKb(rollup, "Rss"), pssKb: fieldKb(rollup, "Pss") }];
  });
}

function fieldKb(rollup: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(rollup)?.[1] ?? Number.NaN);
}

function parentOf(pid: number): number | undefined {
  const parent = statOf(pid)?.fields[1];
  return parent === undefined ? undefined : Number(parent);
}

/** The fields after the name, which stands in parentheses and may hold spaces and parentheses itself (man 5 proc). */
function statOf(pid: number): { name: string; fields: string[] } | undefined {
  const stat = readOptional(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  const close = stat.lastIndexOf(")");
  return { name: stat.slice(stat.indexOf("(") + 1, close), fields: stat.slice(close + 2).split(" ") };
}

function readOptional(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

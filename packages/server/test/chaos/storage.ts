/**
 * A disk that fails for real: libfiu lets the primary's system calls fail, and a file system of its own runs full, while
 * people talk. Needs Linux, root (for a mount of its own) and Debian's package fiu-utils.
 */
import { closeSync, existsSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { elapsed, makeDataDirectory, runCommand, until } from "@duologue/testing";
import { systemClock } from "../../src/clock.ts";
import type { Verdict } from "./oracle.ts";
import { World } from "./world.ts";

export interface StorageRound {
  readonly name: string;
  /** From the fault until every worker says that it is not ready; undefined for one that comes and goes. */
  readonly noticedMs: number | undefined;
  /** Messages acknowledged from then until the fault is mended: there must be none, unless it comes and goes. */
  readonly acknowledged: number | undefined;
  /** From the mending until every device's messages are acknowledged again. */
  readonly wholeMs: number;
}

export interface StorageReport {
  readonly rounds: readonly StorageRound[];
  readonly verdict: Verdict;
  /** What `doctor` finds wrong afterwards. */
  readonly damage: readonly string[];
}

/** What is broken while it lasts. */
interface DiskFault {
  readonly name: string;
  /** Every call fails, and not some of them. */
  readonly isSteady: boolean;
  begin(disk: Disk): Promise<void>;
  end(disk: Disk): Promise<void>;
}

/** Numbers of errno(3) on Linux. */
const [EIO, ENOSPC] = [5, 28];
const LIBRARIES = ["fiu_run_preload.so", "fiu_posix_preload.so"].map((name) => join("/usr/lib/fiu", name));
const PROGRAMS: readonly string[] = ["fiu-ctrl", "unshare", "nsenter", "mount"];
/** Room for the log (up to 33 MB) and what people say meanwhile. */
const DISK_BYTES = 134_217_728;
const PORTION = new Uint8Array(65_536);
/** How long a fault goes on after it was noticed. */
const SOMETIMES = 0.2;
const HOLD_MS = 3_000;
const ON_ITS_WAY_MS = 300;
const DOCTOR_MS = 60_000;
const NOTICE_MS = 20_000;
const WHOLE_MS = 60_000;

const diskFaults: readonly DiskFault[] = [
  callFault("fsync fails (EIO)", "posix/io/sync/fsync", EIO),
  callFault("write fails (EIO)", "posix/io/rw/pwrite", EIO),
  callFault("write finds no room (ENOSPC)", "posix/io/rw/pwrite", ENOSPC),
  callFault("one fsync in five fails (EIO)", "posix/io/sync/fsync", EIO, SOMETIMES),
  callFault("one write in five fails (EIO)", "posix/io/rw/pwrite", EIO, SOMETIMES),
  {
    name: "the file system is full",
    isSteady: true,
    begin: (disk) => Promise.resolve(disk.fill()),
    end: (disk) => Promise.resolve(disk.makeRoom()),
  },
];

function callFault(name: string, point: string, errno: number, probability = 1): DiskFault {
  const what = `name=${point},failinfo=${errno}`;
  return {
    name,
    isSteady: probability === 1,
    begin: (disk) =>
      disk.control(probability === 1 ? `enable ${what}` : `enable_random ${what},probability=${probability}`),
    end: (disk) => disk.control(`disable name=${point}`),
  };
}

/** Undefined where this can be run. */
export function whyNoStorage(): string | undefined {
  if (process.platform !== "linux") return "the faults of the disk need Linux";
  if (process.getuid?.() !== 0) return "the faults of the disk need root, for a mount of their own";
  const missing = [
    ...LIBRARIES.filter((library) => !existsSync(library)),
    ...PROGRAMS.filter((name) => Bun.which(name) === null),
  ];
  if (missing.length === 0) return undefined;
  return `${missing.join(", ")}: missing; Debian has them in fiu-utils, util-linux and mount`;
}

/** Each fault so many times, in turn. */
export async function runStorage(times: number, progress: (line: string) => void): Promise<StorageReport> {
  const place = makeDataDirectory();
  try {
    await using world = await World.begin({
      workers: 2,
      conversations: 3,
      devices: 4,
      prefix: (dataDirectory) => prefixOf(dataDirectory, join(place, "fiu")),
    });
    const disk = new Disk(world, join(place, "fiu"));
    const rounds: StorageRound[] = [];
    for (const fault of Array.from({ length: times }, () => diskFaults).flat()) {
      const round = await inflict(world, disk, fault);
      progress(tell(round));
      rounds.push(round);
    }
    const verdict = await world.verdict();
    return { rounds, verdict, damage: await disk.damage() };
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

function tell({ name, noticedMs, acknowledged, wholeMs }: StorageRound): string {
  const meanwhile =
    noticedMs === undefined
      ? ""
      : `not ready after ${Math.round(noticedMs)} ms, ${acknowledged} acknowledged meanwhile, `;
  return `${name}: ${meanwhile}all whole ${Math.round(wholeMs)} ms after it was mended`;
}

/** A file system of its own for the data, which ends with the server; and libfiu before the C library. */
function prefixOf(dataDirectory: string, fifo: string): readonly string[] {
  const script = `mount -t tmpfs -o mode=0700,size=${DISK_BYTES} tmpfs "$0" && cd "$0" && exec "$@"`;
  const preload = [`LD_PRELOAD=${LIBRARIES.join(" ")}`, `FIU_CTRL_FIFO=${fifo}`];
  return ["unshare", "--mount", "sh", "-c", script, dataDirectory, "env", ...preload];
}

class Disk {
  readonly #world: World;
  readonly #fifo: string;

  constructor(world: World, fifo: string) {
    this.#world = world;
    this.#fifo = fifo;
  }

  /** Of the primary only: the workers do not write. */
  async control(command: string): Promise<void> {
    await succeed(["fiu-ctrl", "-c", command, "-f", this.#fifo, String(this.#world.server.pid)]);
  }

  fill(): void {
    const file = openSync(this.#ballast, "w");
    try {
      for (;;) writeSync(file, PORTION);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    } finally {
      closeSync(file);
    }
  }

  makeRoom(): void {
    rmSync(this.#ballast);
  }

  async damage(): Promise<readonly string[]> {
    const { server, dataDirectory } = this.#world;
    const { pid, port } = server;
    const prefix = ["nsenter", "--mount", "--target", String(pid)];
    const words = ["doctor", "--port", String(port), "--data", dataDirectory];
    const { stdout } = await runCommand(words, DOCTOR_MS, prefix);
    const lines = stdout.split("\n").filter((line) => line.startsWith("✗"));
    return stdout.includes("events") ? lines : [...lines, `doctor did not look: ${stdout}`];
  }

  /** As the server's own mount has it. */
  get #ballast(): string {
    const { server, dataDirectory } = this.#world;
    return join(`/proc/${server.pid}/root`, dataDirectory, "ballast");
  }
}

async function inflict(world: World, disk: Disk, fault: DiskFault): Promise<StorageRound> {
  await world.talkAgain();
  const beganAt = systemClock.monotonic();
  await fault.begin(disk);
  const seen = fault.isSteady ? await standStill(world, fault, beganAt) : await comeAndGo();
  await fault.end(disk);
  const mendedAt = systemClock.monotonic();
  await until(() => allSay(world, 200), `${fault.name}: not ready again`, WHOLE_MS);
  await world.talkAgain();
  return { name: fault.name, ...seen, wholeMs: systemClock.monotonic() - mendedAt };
}

async function standStill(
  world: World,
  fault: DiskFault,
  beganAt: number,
): Promise<Pick<StorageRound, "noticedMs" | "acknowledged">> {
  const acknowledged = (): number => world.talkers.reduce((sum, { log }) => sum + log.acknowledged.size, 0);
  await until(() => allSay(world, 503), `${fault.name}: nobody noticed`, NOTICE_MS);
  const noticedMs = systemClock.monotonic() - beganAt;
  // What was committed before it may still be on its way.
  await elapsed(ON_ITS_WAY_MS);
  const before = acknowledged();
  await elapsed(HOLD_MS);
  return { noticedMs, acknowledged: acknowledged() - before };
}

async function comeAndGo(): Promise<Pick<StorageRound, "noticedMs" | "acknowledged">> {
  await elapsed(HOLD_MS);
  return { noticedMs: undefined, acknowledged: undefined };
}

/** Of several questions in a row, any worker may answer each. */
async function allSay(world: World, status: number): Promise<boolean> {
  const answers = await Promise.all(
    Array.from({ length: 8 }, async () => (await fetch(`${world.server.url}/readyz`)).status),
  );
  return answers.every((answer) => answer === status);
}

async function succeed(words: readonly string[]): Promise<void> {
  const child = Bun.spawn([...words], { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  const [exitCode, stderr] = await Promise.all([child.exited, new Response(child.stderr).text()]);
  if (exitCode !== 0) throw new Error(`${words[0]} failed: ${stderr}`);
}

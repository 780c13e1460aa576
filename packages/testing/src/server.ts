/** A real server in its own processes, on a port of its own, with a data directory of its own. */
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Inbox, readLines, until, withDeadline } from "./inbox.ts";

const MAIN = join(import.meta.dir, "../../server/src/main.ts");

export interface ServerOptions {
  readonly workers?: number;
  /** Further command-line options, e.g. `["--limit", "helloMs=300"]`. */
  readonly options?: readonly string[];
  /** Given: used, and left in place at the end. Not given: a temporary one, removed at the end. */
  readonly dataDirectory?: string;
  readonly port?: number;
  /** The address it listens on; 127.0.0.1 unless said. */
  readonly host?: string;
  /** Words before the command, e.g. to run it in a network of its own; they must lead to the same process. */
  readonly prefix?: readonly string[];
  /** The program's main file, where it is not this repository's. */
  readonly main?: string;
  /** A module that changes the program before it begins, in all of its processes, e.g. into another version. */
  readonly preload?: string | undefined;
}

export interface CommandOutcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Limits as command-line options. */
export function limits(values: Readonly<Record<string, number>>): string[] {
  return Object.entries(values).flatMap(([name, value]) => ["--limit", `${name}=${value}`]);
}

export function makeDataDirectory(): string {
  return mkdtempSync(join(tmpdir(), "duologue-test-"));
}

function programOf(preload: string | undefined, main = MAIN): string[] {
  return [process.execPath, ...(preload === undefined ? [] : ["--preload", preload]), main];
}

/** The environment without what the machine or an operator may have set for a server of their own. */
function plainEnvironment(): Record<string, string> {
  const entries = Object.entries(process.env).filter(([name]) => !name.startsWith("DUOLOGUE_"));
  return Object.fromEntries(entries) as Record<string, string>;
}

/** Runs `duologue …` to its end, e.g. `status`. `prefix`, `preload`: see ServerOptions. */
export async function runCommand(
  parameters: readonly string[],
  timeoutMs = 20_000,
  prefix: readonly string[] = [],
  preload?: string,
): Promise<CommandOutcome> {
  const child = Bun.spawn([...prefix, ...programOf(preload), ...parameters], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: plainEnvironment(),
  });
  try {
    const outcome = Promise.all([
      child.exited,
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    const [exitCode, stdout, stderr] = await withDeadline(
      outcome,
      () => `duologue ${parameters.join(" ")} did not end`,
      timeoutMs,
    );
    return { exitCode, stdout, stderr };
  } finally {
    child.kill("SIGKILL");
  }
}

/** Processes whose parent is `pid`. */
export function childrenOf(pid: number): number[] {
  const children: number[] = [];
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = readProcessStat(entry);
    if (stat?.parent === pid && stat.state !== "Z") children.push(Number(entry));
  }
  return children;
}

/** Processes with this word on their command line. */
export function processesNaming(word: string): number[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry) && commandLineOf(entry).includes(word))
    .map(Number);
}

/** Processes that work in this directory, by its real path. */
export function processesIn(directory: string): number[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => worksIn(pid, directory));
}

/** Empty for one that has ended. */
function commandLineOf(pid: string): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    return [];
  }
}

export function isAlive(pid: number): boolean {
  const stat = readProcessStat(String(pid));
  return stat !== undefined && stat.state !== "Z";
}

function readProcessStat(pid: string): { state: string; parent: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field is the command in parentheses and may hold anything, so count from the last one.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return { state: fields[0] ?? "", parent: Number(fields[1]) };
  } catch {
    return undefined;
  }
}

export class Server implements AsyncDisposable {
  readonly dataDirectory: string;
  readonly pid: number;
  /** Lines of stdout and stderr, for those who wait for one. */
  readonly output = new Inbox<string>("server output", (line) => line);
  readonly exited: Promise<number>;
  url = "";
  readonly #child: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly #isTemporary: boolean;
  readonly #preload: string | undefined;
  #knownWorkers: number[] = [];

  private constructor(options: ServerOptions) {
    this.#isTemporary = options.dataDirectory === undefined;
    this.#preload = options.preload;
    this.dataDirectory = options.dataDirectory ?? makeDataDirectory();
    const parameters = ["serve", "--host", options.host ?? "127.0.0.1", "--port", String(options.port ?? 0)];
    parameters.push("--workers", String(options.workers ?? 1), "--data", this.dataDirectory);
    this.#child = Bun.spawn(
      [
        ...(options.prefix ?? []),
        ...programOf(options.preload, options.main),
        ...parameters,
        ...(options.options ?? []),
      ],
      {
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
        cwd: this.dataDirectory,
        env: plainEnvironment(),
      },
    );
    this.pid = this.#child.pid;
    this.exited = this.#child.exited;
    const streams = [this.#child.stdout, this.#child.stderr].map((stream) => readLines(stream, this.output));
    void Promise.all(streams).then(() => this.output.end("the server's output ended"));
  }

  /** Resolves when the server says where it listens, and answers there. */
  static async start(options: ServerOptions = {}): Promise<Server> {
    const server = new Server(options);
    try {
      const line = await server.output.next(
        (text) => /https?:\/\/[^\s/]+:\d+/.test(text),
        "line that names the address",
        30_000,
      );
      const port = Number(/https?:\/\/[^\s/]+:(\d+)/.exec(line)?.[1]);
      server.url = `http://${options.host ?? "127.0.0.1"}:${port}`;
      await until(async () => childrenOf(server.pid).length >= (options.workers ?? 1), "all workers started");
      server.#knownWorkers = server.workerPids();
    } catch (reason) {
      await server[Symbol.asyncDispose]();
      throw reason;
    }
    return server;
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  workerPids(): number[] {
    const pids = childrenOf(this.pid);
    this.#knownWorkers = [...new Set([...this.#knownWorkers, ...pids])];
    return pids;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** As an operator does. Resolves with the exit code. */
  async stop(timeoutMs = 15_000): Promise<number> {
    this.signal("SIGTERM");
    return await withDeadline(this.exited, () => "the server did not end after SIGTERM", timeoutMs);
  }

  /** The primary dies without a chance to clean up; the workers must notice by themselves. */
  async killPrimary(): Promise<readonly number[]> {
    const workers = this.workerPids();
    this.signal("SIGKILL");
    await this.exited;
    return workers;
  }

  run(command: string, ...options: readonly string[]): Promise<CommandOutcome> {
    const words = [command, "--data", this.dataDirectory, ...options];
    return runCommand(words, undefined, undefined, this.#preload);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.workerPids();
    if (isAlive(this.pid)) {
      this.signal("SIGTERM");
      await withDeadline(this.exited, () => "SIGTERM had no effect", 8000).catch(() =>
        this.signal("SIGKILL"),
      );
    }
    await this.exited;
    const directory = realpathSync(this.dataDirectory);
    for (const pid of this.#knownWorkers) {
      if (worksIn(pid, directory)) killQuietly(pid);
    }
    if (this.#isTemporary) rmSync(this.dataDirectory, { recursive: true, force: true });
  }
}

export const startServer = Server.start;

/** A pid may have been given to a stranger since; a worker of ours still stands in our directory. */
function worksIn(pid: number, directory: string): boolean {
  try {
    return readlinkSync(`/proc/${pid}/cwd`) === directory;
  } catch {
    return false;
  }
}

export function killQuietly(pid: number, signal: NodeJS.Signals = "SIGKILL"): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended meanwhile, which is what we wanted.
  }
}

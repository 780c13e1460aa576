/** Starts the servers that are compared, each as a process of its own, on a free port of the loopback interface. */
import { existsSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import type { LimitName } from "@duologue/protocol";
import type { Subprocess } from "bun";
import { type BenchClock, within } from "../clock.ts";
import type { Children } from "./children.ts";

export type ServerName = "duologue" | "ws" | "bun-relay";

export interface RunningServer extends AsyncDisposable {
  readonly name: ServerName;
  readonly host: string;
  readonly port: number;
  readonly pid: number;
}

export interface LaunchOptions {
  /** duologue only. */
  readonly workers: number;
  /** duologue only: limits other than the default ones. */
  readonly limits: Readonly<Partial<Record<LimitName, number>>>;
  /** The processor core to stay on; all when absent. */
  readonly core?: number;
  /** Beside what this process was given. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Where duologue's temporary data directory is made: on a real disk, or durability costs nothing. */
  readonly dataParent: string;
}

export class LaunchError extends Error {
  override readonly name = "LaunchError";
}

const HOST = "127.0.0.1";
const START_LIMIT_MS = 20_000;
const OUTPUT_KEPT_CHARACTERS = 20_000;
const serverMain = new URL("../../../server/src/main.ts", import.meta.url).pathname;
const yardsticks = new URL("../yardsticks/", import.meta.url).pathname;

export async function launchServer(
  clock: BenchClock,
  children: Children,
  name: ServerName,
  options: LaunchOptions,
): Promise<RunningServer> {
  const dataDirectory = await mkdtemp(join(options.dataParent, "duologue-bench-"));
  children.addDirectory(dataDirectory);
  const command = [...pinned(options.core), ...serverCommand(name, options, dataDirectory)];
  const child = children.add(
    Bun.spawn(command, {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      env: { ...process.env, ...options.environment },
    }),
  );
  const stop = async (): Promise<void> => {
    await children.stop(child);
    children.removeDirectory(dataDirectory);
  };
  try {
    const port = await within(clock, START_LIMIT_MS, `start of ${name}`, listeningPort(child));
    return { name, host: HOST, port, pid: child.pid, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** `taskset` replaces itself by the command, so the process id stays. */
export function pinned(core: number | undefined): string[] {
  return core === undefined ? [] : ["taskset", "--cpu-list", String(core)];
}

export function canPin(): boolean {
  return navigator.hardwareConcurrency >= 2 && Bun.which("taskset") !== null;
}

function serverCommand(name: ServerName, options: LaunchOptions, dataDirectory: string): string[] {
  switch (name) {
    case "duologue":
      if (!existsSync(serverMain)) throw new LaunchError(`there is no server at ${serverMain}`);
      return [
        ...[process.execPath, serverMain, "serve", "--host", HOST, "--port", "0"],
        ...["--workers", String(options.workers), "--data", dataDirectory],
        ...Object.entries(options.limits).flatMap(([limit, value]) => ["--limit", `${limit}=${value}`]),
      ];
    case "ws":
      return ["node", join(yardsticks, "ws-relay.mjs")];
    case "bun-relay":
      return [process.execPath, join(yardsticks, "bun-relay.ts"), "immediate"];
  }
}

/** Reads the address that the server prints, and goes on reading, so that a full pipe never stops the server. */
function listeningPort(child: Subprocess<"ignore", "pipe", "pipe">): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  let output = "";
  const read = async (stream: ReadableStream<Uint8Array>): Promise<void> => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      if (output.length > OUTPUT_KEPT_CHARACTERS) continue;
      output += decoder.decode(chunk, { stream: true });
      const port = /https?:\/\/[^\s/:]+:(\d+)/.exec(output)?.[1];
      if (port !== undefined) resolve(Number(port));
    }
  };
  void Promise.all([read(child.stdout), read(child.stderr)]).then(() =>
    reject(new LaunchError(`the server ended before it listened:\n${output}`)),
  );
  return promise;
}

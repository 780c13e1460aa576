/** What the primary needs to begin: its directory, its port, its files. Each failure is a StartError, one line for people. */
import { chmodSync, existsSync, lstatSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import type { Limits } from "@duologue/protocol";
import { buildPage } from "@duologue/web";
import { systemClock } from "../clock.ts";
import type { Config } from "../config/index.ts";
import { type LineConnection, type LineReceiver, listenLines } from "../link/lines.ts";
import { linkLimits } from "../link/socket-path.ts";
import type { PageFile } from "../link/worker-types.ts";
import type { HostLogin } from "../ports/host-login.ts";
import { DirectoryInUseError, lockDirectory } from "../primary/lock.ts";
import { SqliteKeeper, type StoreHealth } from "../store/index.ts";
import { HostLoginError, readHostLogin } from "./host-login.ts";
import { makeTokenSecret, readTokenSecret, TOKEN_SECRET, UnusableSecretError } from "./token-secret.ts";

/** The server cannot start; the message is one line for people. */
export class StartError extends Error {
  override readonly name = "StartError";
}

const HOST_HELLO_BYTES = 4_096;

export function findHostLogin(config: Config): HostLogin | undefined {
  try {
    return readHostLogin(config);
  } catch (error) {
    if (error instanceof HostLoginError) throw new StartError(`Host login: ${error.message}`);
    throw error;
  }
}

/** The absolute path of a directory that is there and can be written. */
export function prepareDirectory(path: string): string {
  const directory = resolve(path);
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    writeFileSync(join(directory, ".writable"), "");
    rmSync(join(directory, ".writable"));
    return directory;
  } catch (error) {
    throw new StartError(
      `The data directory ${directory} cannot be written (${(error as Error).message}). Choose another one with --data.`,
    );
  }
}

export function takeLock(directory: string): { release(): void } {
  try {
    return lockDirectory(directory);
  } catch (error) {
    if (!(error instanceof DirectoryInUseError)) throw error;
    throw new StartError(
      `Another Duologue is already running on ${directory}. Stop it with \`duologue stop --data ${directory}\`, or choose another directory with --data.`,
    );
  }
}

/**
 * The port the workers will share. Without SO_REUSEPORT here, a port that anybody listens on is refused, even by
 * another Duologue whose workers would let us in beside them.
 */
export async function findPort(host: string, port: number): Promise<number> {
  try {
    const probe = Bun.listen({ hostname: host, port, socket: { data: () => undefined } });
    const found = probe.port;
    probe.stop(true);
    return found;
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    if (code === "EADDRINUSE") {
      throw new StartError(
        `Port ${port} on ${host} is in use by another program. Choose another one with --port.`,
      );
    }
    throw new StartError(
      `Cannot listen on ${host}:${port} (${code ?? message}). Choose others with --host and --port.`,
    );
  }
}

export async function buildFirst(page: Promise<readonly PageFile[]>): Promise<void> {
  try {
    await page;
  } catch (error) {
    throw new StartError(`The page cannot be built: ${(error as Error).message}`);
  }
}

/** A site's token signed with RSA, with claims of its own, does not fit what a guest's hello may have. */
export function withRoomForTokens(limits: Limits): Limits {
  return {
    ...limits,
    helloBytes: Math.max(limits.helloBytes, Math.min(HOST_HELLO_BYTES, limits.frameBytes)),
  };
}

/** A log without its database holds messages that would be lost with it: SQLite would discard it, and begin anew. */
export function refuseLogAlone(path: string): void {
  if (sizeOf(path) > 0 || sizeOf(`${path}-wal`) === 0) return;
  throw new StartError(
    `${path} is ${existsSync(path) ? "empty" : "missing"}, but its log ${basename(path)}-wal is there, with messages in it. Put the database back beside it, or restore the last back-up (\`duologue restore\`).`,
  );
}

export function openDatabase(
  path: string,
  onFault: (error: unknown) => void,
  onHealth: (health: StoreHealth) => void,
): SqliteKeeper {
  try {
    return new SqliteKeeper({ path, clock: systemClock, onFault, onHealth });
  } catch (error) {
    throw new StartError(
      `The message store ${path} cannot be opened: ${(error as Error).message}. \`duologue doctor\` looks into it.`,
    );
  }
}

/**
 * The temporary directory is everybody's: whoever makes ours there first, under the name that we would choose, could put
 * a socket of theirs into its place (CWE-377). A data directory is the operator's own choice.
 */
export function checkOwner(directory: string): void {
  const { uid, mode } = lstatSync(directory);
  const own = process.getuid?.();
  if (own === undefined || dirname(directory) !== tmpdir()) return;
  if (uid === own && (mode & 0o077) === 0) return;
  throw new StartError(
    `${directory} is not this user's alone. Remove it, or choose a data directory with a shorter path with --data.`,
  );
}

/** Mode 0600 from the first moment: whoever can write to it is a worker. */
export function listen(path: string, accept: (connection: LineConnection) => LineReceiver): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  checkOwner(dirname(path));
  if (existsSync(path)) rmSync(path);
  const before = process.umask(0o177);
  try {
    listenLines(path, systemClock, linkLimits, accept);
  } finally {
    process.umask(before);
  }
  chmodSync(path, 0o600);
}

/** Undefined when there is none yet. */
export function findTokenSecret(directory: string): string | undefined {
  try {
    return readTokenSecret(directory);
  } catch (error) {
    if (!(error instanceof UnusableSecretError)) throw error;
    throw new StartError(
      `The secret of tokens, ${join(directory, TOKEN_SECRET)}, cannot be used: ${error.message}. Put it back from a back-up (\`duologue restore\`); or remove it, and every guest will be a stranger.`,
    );
  }
}

export function newTokenSecret(directory: string): string {
  try {
    return makeTokenSecret(directory, systemClock);
  } catch (error) {
    throw new StartError(
      `The secret of tokens, ${join(directory, TOKEN_SECRET)}, cannot be written (${(error as Error).message}).`,
    );
  }
}

export async function buildFiles(): Promise<readonly PageFile[]> {
  const files = await buildPage();
  const toBase64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
  return files.map(({ path, contentType, body, encodings, immutable }) => {
    const texts = Object.entries(encodings).map(([name, bytes]) => [name, toBase64(bytes)]);
    return { path, contentType, base64: toBase64(body), encodings: Object.fromEntries(texts), immutable };
  });
}

export function sizeOf(path: string): number {
  return existsSync(path) ? statSync(path).size : 0;
}

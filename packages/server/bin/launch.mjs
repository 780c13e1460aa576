/**
 * Finds Bun and hands over to it. Plain JavaScript for any Node from 20 on, without dependencies: it must work before
 * and without npm's install scripts. The tools in the repository's root use it too.
 */
import { spawn } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const packageDirectory = dirname(here);

/** The one version of Bun that this program was tested with. */
export const bunVersion = readJson(join(packageDirectory, "package.json")).dependencies.bun;

/** There is no Bun to run with; the message is one line for people. */
export class BunMissingError extends Error {
  name = "BunMissingError";
}

/**
 * The path of Bun's binary. npm unpacks it into a package per platform; the install script of the package `bun`, where
 * scripts are run, moves it from there into that package. Both places are looked at.
 */
export function findBun(platform = process.platform, architecture = process.arch) {
  const names = platformNames(platform, architecture);
  if (names.length === 0) {
    throw new BunMissingError(
      `there is no Bun for ${platform} on ${architecture}; Duologue runs on Linux, macOS, Windows and FreeBSD with x64, and on the first three with arm64.`,
    );
  }
  const manifest = resolveFrom(import.meta.url, "bun/package.json");
  if (manifest === undefined)
    throw new BunMissingError(`Bun ${bunVersion} is not installed: ${installHint()}`);
  const candidates = names.flatMap((name) => {
    const found = resolveFrom(manifest, `@oven/${name}/package.json`);
    return found === undefined ? [] : [candidate(found, platform === "win32" ? "bin/bun.exe" : "bin/bun")];
  });
  const unpacked = candidates.filter(isBinary);
  const chosen = unpacked.length > 1 ? unpacked[isMusl() ? 1 : 0] : unpacked[0];
  const bun = chosen ?? [candidate(manifest, "bin/bun.exe")].find(isBinary);
  if (bun === undefined) {
    throw new BunMissingError(
      `Bun's binary for this machine (${names[0]}) is not installed: ${installHint()}`,
    );
  }
  if (bun.version !== bunVersion) {
    throw new BunMissingError(
      `Bun ${bunVersion} is needed, but ${bun.version} is installed: ${installHint()}`,
    );
  }
  return bun.path;
}

/** What Node's own names are in Bun's package names; on Linux, the second is for musl (Alpine). */
function platformNames(platform, architecture) {
  const cpu = { x64: "x64", arm64: "aarch64" }[architecture];
  if (cpu === undefined) return [];
  switch (platform) {
    case "linux":
      return [`bun-linux-${cpu}`, `bun-linux-${cpu}-musl`];
    case "android":
      return [`bun-linux-${cpu}-android`];
    case "darwin":
      return [`bun-darwin-${cpu}`];
    case "win32":
      return [`bun-windows-${cpu}`];
    case "freebsd":
      return cpu === "x64" ? ["bun-freebsd-x64"] : [];
    default:
      return [];
  }
}

/** Only asked when both were installed: making the report takes milliseconds. */
function isMusl() {
  process.report.excludeNetwork = true;
  return process.report.getReport().header.glibcVersionRuntime === undefined;
}

/** Undefined when it is not there. */
function resolveFrom(from, specifier) {
  try {
    return createRequire(from).resolve(specifier);
  } catch {
    return undefined;
  }
}

function candidate(manifest, binary) {
  return { path: join(dirname(manifest), binary), version: readJson(manifest).version };
}

const SMALLEST_BINARY_BYTES = 1_000_000;

/** The package `bun` holds a placeholder of a few bytes until its install script has run. */
function isBinary({ path }) {
  return existsSync(path) && statSync(path).size > SMALLEST_BINARY_BYTES;
}

function installHint() {
  return `run \`npm install --include=optional\` in ${dirname(dirname(packageDirectory))}`;
}

function readJson(path) {
  return JSON.parse(readFileSync(path, "utf8"));
}

/**
 * Flags that go before the script: without them Bun would run what the `bunfig.toml` and read what the `.env` of the
 * working directory say, which are somebody else's, and would fetch missing packages from the network.
 */
export const bunFlags = ["--no-env-file", `--config=${join(here, "bunfig.toml")}`, "--no-install"];

/** Without the variables that make Bun do something else than run the script. */
export function bunEnvironment(environment = process.env) {
  const kept = Object.entries(environment).filter(([name]) => !/^(BUN_|NODE_OPTIONS$)/.test(name));
  return Object.fromEntries(kept);
}

const FORWARDED = ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * Runs a command in our place: with our terminal, our signals and, in the end, its exit code. Resolves when it has
 * ended. When this process dies first, the server notices by itself (DUOLOGUE_LAUNCHER).
 */
export function handOver(command, parameters, environment) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, parameters, {
      stdio: "inherit",
      env: { ...environment, DUOLOGUE_LAUNCHER: String(process.pid) },
    });
    const handlers = FORWARDED.map((signal) => {
      const forward = () => child.kill(whatToSend(signal));
      process.on(signal, forward);
      return () => process.off(signal, forward);
    });
    const stopWatching = watchParent(() => child.kill("SIGTERM"));
    const end = () => {
      stopWatching();
      for (const remove of handlers) remove();
    };
    child.on("error", (error) => {
      end();
      reject(error);
    });
    child.on("exit", (code, signal) => {
      end();
      resolve(code ?? 128 + (constants.signals[signal] ?? 0));
    });
  });
}

/** SIGHUP means "reload" to a service, but on a terminal it means that the terminal is gone. */
function whatToSend(signal) {
  const isOnTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  return signal === "SIGHUP" && isOnTerminal ? "SIGTERM" : signal;
}

const PARENT_CHECK_MS = 500;

/** npm may be killed without passing it on. Started by anybody else, we do not end with our parent. */
function watchParent(onGone) {
  if (process.env.npm_lifecycle_event === undefined) return () => undefined;
  const before = findNpm();
  const timer = setInterval(() => {
    if (findNpm() !== before) onGone();
  }, PARENT_CHECK_MS);
  return () => clearInterval(timer);
}

/** Its process id: our parent, or the parent of the shell that npm puts between. Where /proc is missing, our parent. */
function findNpm() {
  try {
    const stat = readFileSync(`/proc/${process.ppid}/stat`, "utf8");
    // The name stands in parentheses and may hold anything: pid (name) state ppid …
    const [, name = "", parent = ""] = /^\d+ \((.*)\) \S (\d+) /s.exec(stat) ?? [];
    return name.endsWith("sh") ? Number(parent) : process.ppid;
  } catch {
    return process.ppid;
  }
}

/** Runs a TypeScript file under the pinned Bun. Resolves with the exit code; what prevents it is one line on stderr. */
export async function runScript(script, parameters, flags = bunFlags) {
  try {
    return await handOver(findBun(), [...flags, script, ...parameters], bunEnvironment());
  } catch (error) {
    const reason =
      error instanceof BunMissingError ? error.message : `Bun cannot be started: ${error.message}`;
    process.stderr.write(`duologue: ${reason}\n`);
    return 1;
  }
}

/** Installs what is missing, and only then. Plain Node without dependencies: it runs in a fresh clone. */
import { spawn } from "node:child_process";
import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { findBun } from "../packages/server/bin/launch.mjs";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const OLDEST_NODE = 20;
const PROGRESS_MS = 1000;
const PROGRESS_LINE_SECONDS = 5;

/**
 * `run`: what the server needs; `all`: what tests and checks need too. Returns whether it is there now; if not, stderr
 * says why.
 */
export async function ensureInstalled(mode) {
  if (Number(process.versions.node.split(".")[0]) < OLDEST_NODE) {
    return fail(`Node ${OLDEST_NODE} or newer is needed; this is ${process.versions.node}.`);
  }
  if (isInstalled(root, mode)) return true;
  const what =
    mode === "run"
      ? "what the server needs (about 110 MB)"
      : "everything for tests and checks (about 450 MB)";
  process.stderr.write(`Installing ${what} with npm. This happens once.\n`);
  if (!(await install(mode))) return false;
  return isInstalled(root, mode) || explainMissing();
}

/**
 * npm leaves a record of what it has put into node_modules, written last; everything that the lock file asks for must
 * be in it. What is optional may be for other platforms; of that, only Bun's binary is looked for.
 */
export function isInstalled(directory, mode) {
  const installed = readPackages(join(directory, "node_modules/.package-lock.json"));
  if (installed === undefined) return false;
  const locked = readPackages(join(directory, "package-lock.json"));
  const needed = Object.entries(locked ?? {}).filter(([path, entry]) => {
    return path.startsWith("node_modules/") && !entry.optional && (mode === "all" || !entry.dev);
  });
  return needed.every(([path, entry]) => isSame(installed[path], entry)) && hasBun();
}

function isSame(installed, locked) {
  return installed !== undefined && installed.version === locked.version && installed.link === locked.link;
}

function readPackages(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8")).packages;
  } catch {
    return undefined;
  }
}

function hasBun() {
  try {
    return findBun() !== undefined;
  } catch {
    return false;
  }
}

function explainMissing() {
  try {
    findBun();
  } catch (error) {
    return fail(error.message);
  }
  return fail(
    `node_modules does not hold what package-lock.json asks for; remove ${join(root, "node_modules")} and try again.`,
  );
}

function fail(reason) {
  process.stderr.write(`duologue: ${reason}\n`);
  return false;
}

/**
 * In an empty node_modules, `npm ci`. Otherwise only what is missing is added, since `npm ci` would first remove what
 * a server that runs from this directory is using.
 */
function npmParameters(mode) {
  const installed = readPackages(join(root, "node_modules/.package-lock.json"));
  const keepsDev = mode === "all" || Object.values(installed ?? {}).some((entry) => entry.dev);
  const command = installed === undefined ? ["ci"] : ["install", "--no-save"];
  return [
    ...command,
    keepsDev ? "--include=dev" : "--omit=dev",
    "--include=optional",
    "--ignore-scripts",
    // What is made for newer versions of Node runs under Bun.
    "--no-engine-strict",
    "--no-audit",
    "--no-fund",
    "--no-progress",
    "--no-update-notifier",
    "--loglevel=error",
    "--prefer-offline",
  ];
}

async function install(mode) {
  const parameters = npmParameters(mode);
  const cache = temporaryCache();
  const npm = spawnNpm(cache === undefined ? parameters : [...parameters, "--cache", cache]);
  const forward = (signal) => npm.kill(signal);
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, forward);
  const stopProgress = showProgress();
  const output = [];
  npm.stdout.on("data", (chunk) => output.push(chunk));
  npm.stderr.on("data", (chunk) => output.push(chunk));
  const outcome = await new Promise((resolve) => {
    npm.on("error", (error) => resolve(error.message));
    npm.on("close", (code, signal) => resolve(code === 0 ? "" : (signal ?? `exit code ${code}`)));
  });
  for (const signal of ["SIGINT", "SIGTERM"]) process.off(signal, forward);
  stopProgress(outcome === "");
  if (cache !== undefined) rmSync(cache, { recursive: true, force: true });
  if (outcome === "") return true;
  process.stderr.write(Buffer.concat(output));
  return fail(`installing failed: \`npm ${parameters[0]}\` ended with ${outcome}; npm's message is above.`);
}

function spawnNpm(parameters) {
  const options = { cwd: root, stdio: ["ignore", "pipe", "pipe"] };
  // Under `npm start`, the same npm; the variable may also name another package manager.
  const own = process.env.npm_execpath;
  if (own !== undefined && basename(own) === "npm-cli.js")
    return spawn(process.execPath, [own, ...parameters], options);
  if (process.platform === "win32") return spawn("npm.cmd", parameters, { ...options, shell: true });
  return spawn("npm", parameters, options);
}

/** A cache of our own, removed afterwards, when npm's cannot be written (a service user without a home). */
function temporaryCache() {
  const usual =
    process.env.npm_config_cache ??
    join(homedir(), process.platform === "win32" ? "AppData/Local/npm-cache" : ".npm");
  try {
    mkdirSync(usual, { recursive: true });
    // What root has left there cannot be written either.
    for (const directory of [usual, join(usual, "_cacache"), join(usual, "_cacache/tmp")]) {
      if (existsSync(directory)) accessSync(directory, constants.W_OK);
    }
    return undefined;
  } catch {
    return mkdtempSync(join(tmpdir(), "duologue-npm-"));
  }
}

/** Elapsed seconds: in place on a terminal, otherwise a line now and then. */
function showProgress() {
  const isTerminal = process.stderr.isTTY === true;
  const startedAt = performance.now();
  const seconds = () => Math.round((performance.now() - startedAt) / 1000);
  const timer = setInterval(() => {
    if (isTerminal) process.stderr.write(`\r  ${seconds()} s `);
    else if (seconds() % PROGRESS_LINE_SECONDS === 0) process.stderr.write(`  ${seconds()} s\n`);
  }, PROGRESS_MS);
  return (isDone) => {
    clearInterval(timer);
    process.stderr.write(`${isTerminal ? "\r" : ""}${isDone ? `  Installed in ${seconds()} s.\n` : ""}`);
  };
}

/**
 * `npm test`: installs what is missing and runs every test of the workspaces and the tools under the pinned Bun. Words
 * after `--` go to `bun test`: `npm test -- packages/server -t "a repeated send"`. The last line is
 * `N passed, N failed`. Tests with a real nats-server, which no npm package brings, are in files `*.nats.test.ts`; where
 * it is missing they are left out, and the line before the last says so. Those with older versions of PostgreSQL
 * (`*.versions.test.ts`) run in .ci/run, which installs them, or when they are named.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { bunEnvironment, bunFlags, findBun, handOver } from "../packages/server/bin/launch.mjs";
import { ensureInstalled, root } from "./install.mjs";

/** Some tests start servers and a browser; a machine that builds something else at the same time is slow. */
const TEST_TIMEOUT_MS = 30_000;
/** Files at a time: they wait for servers and pages more than they compute, but a browser each takes memory. */
const PARALLEL_FILES = Math.min(4, Math.ceil(1.5 * availableParallelism()));

const NOT_RUN =
  "NOT RUN: the tests of several machines, since nats-server is missing (Debian: apt-get install nats-server).";

process.exitCode = (await ensureInstalled("all")) ? await runTests(process.argv.slice(2)) : report(0, 1);

async function runTests(words) {
  const directory = mkdtempSync(join(tmpdir(), "duologue-tests-"));
  const results = join(directory, "results.xml");
  const where = words.some((word) => !word.startsWith("-")) ? [] : ["./packages", "./tools"];
  const natsServer = findNatsServer();
  process.chdir(root);
  try {
    const code = await handOver(
      findBun(),
      [
        ...bunFlags,
        "test",
        `--timeout=${TEST_TIMEOUT_MS}`,
        `--parallel=${PARALLEL_FILES}`,
        "--reporter=junit",
        `--reporter-outfile=${results}`,
        ...(natsServer === undefined ? ["--path-ignore-patterns=**/*.nats.test.ts"] : []),
        ...(where.length === 0 ? [] : ["--path-ignore-patterns=**/*.versions.test.ts"]),
        ...where,
        ...words,
      ],
      bunEnvironment(),
    );
    const text = read(results);
    const { passed, failed } = count(text);
    // Once more at the end: whoever sees only the last lines of a long run wants to know what failed, and why.
    for (const failure of failures(text)) process.stdout.write(`${failure}\n\n`);
    if (natsServer === undefined) process.stdout.write(`${NOT_RUN}\n`);
    // A file that cannot be loaded, or a crash, is not in the results, but in the exit code.
    report(passed, code === 0 ? failed : Math.max(failed, 1));
    return code;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Debian's stands in a folder that is on the path of root only. */
function findNatsServer() {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/local/bin"];
  return folders.map((folder) => join(folder, "nats-server")).find((path) => existsSync(path));
}

function read(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** Where each failed test stands, and what it said. */
function* failures(text) {
  const cases = /<testcase name="([^"]*)"[^>]*? file="([^"]*)" line="(\d+)"[^>]*>\s*<failure[^>]*>([^<]*)/g;
  for (const [, name, file, line, said] of text.matchAll(cases))
    yield unescaped(`FAILED ${file}:${line} ${name}\n${said.trim()}`);
}

function unescaped(text) {
  const characters = {
    lt: "<",
    gt: ">",
    quot: '"',
    apos: "'",
    "#10": "\n",
    "#9": "\t",
    "#13": "\r",
    "#39": "'",
  };
  // The ampersand last, since it may stand before what looks like another one.
  return text
    .replace(/&(lt|gt|quot|apos|#10|#9|#13|#39);/g, (_, code) => characters[code])
    .replaceAll("&amp;", "&");
}

function count(text) {
  const head = /<testsuites[^>]*>/.exec(text)?.[0] ?? "";
  const number = (name) => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(head)?.[1] ?? 0);
  const failed = number("failures");
  return { passed: number("tests") - failed - number("skipped"), failed };
}

function report(passed, failed) {
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  return failed === 0 ? 0 : 1;
}

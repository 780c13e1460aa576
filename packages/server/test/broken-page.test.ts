/** A reload takes the page as it is on disk now; what is on disk may be half-edited. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { cpSync, mkdirSync, readdirSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isAlive, killQuietly, runCommand, startServer, until } from "@duologue/testing";
import { freshDirectory } from "./harness/directories.ts";
import { Peer } from "./harness/peer.ts";

setDefaultTimeout(60_000);

const ROOT = join(import.meta.dir, "../../..");
const COPIED = ["protocol", "client", "web", "server"];

/** The repository's sources in a directory of their own, so that a test may spoil them; what npm installed is shared. */
function copySources(): string {
  const root = realpathSync(freshDirectory());
  const isSource = (path: string): boolean =>
    !/\/(node_modules|dist|test)(\/|$)/.test(path.slice(ROOT.length));
  for (const name of ["package.json", "tsconfig.json"]) cpSync(join(ROOT, name), join(root, name));
  for (const name of COPIED) {
    cpSync(join(ROOT, "packages", name), join(root, "packages", name), { recursive: true, filter: isSource });
  }
  const modules = join(root, "node_modules");
  mkdirSync(join(modules, "@duologue"), { recursive: true });
  for (const name of readdirSync(join(ROOT, "node_modules"))) {
    if (name !== "@duologue" && name !== "duologue") {
      symlinkSync(realpathSync(join(ROOT, "node_modules", name)), join(modules, name));
    }
  }
  for (const name of COPIED) symlinkSync(join(root, "packages", name), join(modules, "@duologue", name));
  return root;
}

test("[CN9] a reload whose page does not build is refused; the workers and the page stay, and the next reload may go well", async () => {
  const root = copySources();
  const main = join(root, "packages/server/src/main.ts");
  await using server = await startServer({ workers: 2, main });
  const workers = server.workerPids();
  await using ann = await Peer.connect(server.url);
  const page = await (await fetch(server.url)).text();
  const broken = join(root, "packages/web/src/page/page.ts");
  const source = await Bun.file(broken).text();
  writeFileSync(broken, `${source}\nexport const half = (`);
  const refused = await runCommand(["reload", "--data", server.dataDirectory]);
  expect(refused.exitCode).toBe(1);
  expect(refused.stderr).toMatch(/did not end well/);
  await ann.settled();
  expect(server.workerPids().sort()).toEqual(workers.sort());
  expect(await (await fetch(server.url)).text()).toBe(page);
  // One that dies meanwhile is replaced as ever, with the page that there is.
  const [victim = 0] = workers;
  killQuietly(victim);
  await until(() => server.workerPids().length === 2 && !isAlive(victim), "the worker was replaced");
  const isNewcomer = (line: string): boolean =>
    !workers.includes(Number(/"workerPid":(\d+)/.exec(line)?.[1] ?? victim));
  await server.output.next(
    (line) => line.includes("worker ready") && isNewcomer(line),
    "a new worker that is ready",
  );
  expect(await (await fetch(server.url)).text()).toBe(page);
  writeFileSync(broken, source);
  expect((await runCommand(["reload", "--data", server.dataDirectory])).exitCode).toBe(0);
  expect(server.workerPids().filter((pid) => workers.includes(pid))).toEqual([]);
  await using ben = await Peer.connect(server.url);
  await ben.settled();
});

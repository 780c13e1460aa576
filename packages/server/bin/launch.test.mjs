import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { childrenOf, isAlive, killQuietly, until } from "@duologue/testing";
import manifest from "../package.json";
import { BunMissingError, bunEnvironment, findBun } from "./launch.mjs";

const launcher = join(import.meta.dir, "duologue.mjs");
const node = Bun.which("node") ?? "node";

function temporaryDirectory() {
  const path = mkdtempSync(join(tmpdir(), "duologue-launch-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** The launcher under Node, and everything below it ended when the test is over. */
function launch(words, options = {}) {
  const child = Bun.spawn([node, launcher, ...words], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    ...options,
  });
  const known = new Set([child.pid]);
  const look = () => {
    for (const pid of known) for (const found of childrenOf(pid)) known.add(found);
    return [...known];
  };
  return {
    child,
    look,
    async outcome() {
      const [stdout, stderr] = await Promise.all([
        new Response(child.stdout).text(),
        new Response(child.stderr).text(),
      ]);
      return { stdout, stderr, exitCode: await child.exited };
    },
    /** Resolves with the server's process id when it tells its address. */
    async serving() {
      let text = "";
      for await (const chunk of child.stdout) {
        text += new TextDecoder().decode(chunk);
        if (/Open +http:/.test(text)) break;
      }
      return look()[1];
    },
    async [Symbol.asyncDispose]() {
      for (const pid of look().reverse()) killQuietly(pid);
      await child.exited;
    },
  };
}

const serve = (directory) => [
  "serve",
  "--host",
  "127.0.0.1",
  "--port",
  "0",
  "--workers",
  "2",
  "--data",
  directory,
];

describe("the launcher", () => {
  test("finds the pinned Bun by itself", () => {
    const { stdout } = Bun.spawnSync([findBun(), "--version"]);
    expect(stdout.toString().trim()).toBe(manifest.dependencies.bun);
  });

  test.each([
    ["linux", "riscv64"],
    ["sunos", "x64"],
    ["freebsd", "arm64"],
  ])("says in one line that there is no Bun for %s on %s", (platform, architecture) => {
    expect(() => findBun(platform, architecture)).toThrow(BunMissingError);
    expect(() => findBun(platform, architecture)).toThrow(/^[^\n]+$/);
  });

  test("is not led astray by .env and bunfig.toml of the working directory, nor by Bun's own variables", async () => {
    using directory = temporaryDirectory();
    writeFileSync(join(directory.path, ".env"), "DUOLOGUE_DATA=/from/dot/env\n");
    writeFileSync(join(directory.path, "bunfig.toml"), 'preload = ["./preload.ts"]\n');
    writeFileSync(join(directory.path, "preload.ts"), 'console.log("preloaded");\n');
    const env = { ...process.env, BUN_OPTIONS: "--print 1", BUN_BE_BUN: "1", NODE_OPTIONS: "" };
    await using run = launch(["status"], { cwd: directory.path, env });
    const { stdout, stderr, exitCode } = await run.outcome();
    expect({ stdout, exitCode }).toEqual({ stdout: "", exitCode: 1 });
    expect(stderr).toContain(join(directory.path, "data"));
  });

  test("keeps other variables", () => {
    expect(bunEnvironment({ PATH: "/bin", BUN_OPTIONS: "x", NODE_OPTIONS: "y", DUOLOGUE_PORT: "1" })).toEqual(
      {
        PATH: "/bin",
        DUOLOGUE_PORT: "1",
      },
    );
  });

  test("passes words, output and exit code on", async () => {
    await using run = launch(["--version"]);
    expect(await run.outcome()).toEqual({ stdout: `${manifest.version}\n`, stderr: "", exitCode: 0 });
    await using misused = launch(["serve", "--port", "x"]);
    expect((await misused.outcome()).exitCode).toBe(2);
  });

  test("under Bun runs the server in the same process", async () => {
    const child = Bun.spawn([process.execPath, launcher, "--version"], { stdout: "pipe" });
    expect(await new Response(child.stdout).text()).toBe(`${manifest.version}\n`);
    expect(await child.exited).toBe(0);
  });

  test.each(["SIGTERM", "SIGINT"])("ends the server and its workers on %s", async (signal) => {
    using directory = temporaryDirectory();
    await using run = launch(serve(directory.path));
    await run.serving();
    const pids = run.look();
    expect(pids.length).toBe(4);
    run.child.kill(signal);
    expect(await run.child.exited).toBe(0);
    expect(pids.filter(isAlive)).toEqual([]);
  });

  test("leaves nothing running when it is killed", async () => {
    using directory = temporaryDirectory();
    mkdirSync(directory.path, { recursive: true });
    await using run = launch(serve(directory.path));
    await run.serving();
    const pids = run.look();
    run.child.kill("SIGKILL");
    await until(() => !pids.some(isAlive), "everything has ended");
  });
});

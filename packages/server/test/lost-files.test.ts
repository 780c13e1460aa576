/** What becomes of a server whose files somebody takes away, and of one that is to begin with what is left of them. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { killQuietly, runCommand, type Server, startServer, until } from "@duologue/testing";
import { expectRefusal, FIRST_SCHEMA, freshDirectory, oldDirectory } from "./harness/directories.ts";
import { freshId, Pair, Peer, textBody } from "./harness/peer.ts";

setDefaultTimeout(60_000);

const DATABASE = "duologue.db";

async function untilAllSay(server: Server, status: number): Promise<void> {
  const ask = async (): Promise<number> => (await fetch(`${server.url}/readyz`)).status;
  await until(
    async () => (await Promise.all(Array.from({ length: 8 }, ask))).every((one) => one === status),
    `every worker says ${status}`,
  );
}

function doctor(directory: string) {
  return runCommand(["doctor", "--port", "0", "--data", directory]);
}

function serve(directory: string) {
  return runCommand(["serve", "--host", "127.0.0.1", "--port", "0", "--data", directory]);
}

/** The directory of a server that was killed, with what it took in its log. */
async function killedDirectory(): Promise<string> {
  const directory = freshDirectory();
  await using server = await startServer({ dataDirectory: directory });
  await using pair = await Pair.connect(server.url);
  await pair.ann.say(pair.conversation, "in the log");
  await server.killPrimary();
  return directory;
}

describe("[CV3] while a server runs", () => {
  test.each([
    ["removed", (path: string): void => rmSync(path)],
    ["replaced by a back-up", replace],
  ])(
    "its database is %s: not ready within moments, nothing is acknowledged, and status, doctor and log say so",
    async (_, takeAway) => {
      await using server = await startServer({ workers: 2 });
      await using pair = await Pair.connect(server.url);
      const { ann, conversation } = pair;
      await ann.say(conversation, "before");
      takeAway(join(server.dataDirectory, DATABASE));
      await untilAllSay(server, 503);
      const late = { type: "send", id: freshId(), conversation, body: textBody("late") } as const;
      expect(await ann.write(late)).toMatchObject({ type: "error", code: "unavailable", retryable: true });
      expect((await server.run("status")).stdout).toContain(
        "NOT READY, takes no messages: duologue.db was removed",
      );
      const { exitCode, stdout } = await server.run("doctor", "--port", String(server.port));
      expect(exitCode).toBe(1);
      expect(stdout).toMatch(/✗ server: takes no messages: .* → Do not stop it/);
      expect(server.output.log.join("\n")).toContain("is not under its name any more");
    },
  );

  test("its database is removed: as long as it runs, the data can be saved as operation.md says, to the last message", async () => {
    const page = readFileSync(join(import.meta.dir, "../../../docs/operation.md"), "utf8");
    const [, script = ""] = /```\n( +for file in \/proc\/PID.*? done\n)/s.exec(page) ?? [];
    const [safe, directory] = [freshDirectory(), freshDirectory()];
    await using server = await startServer({ dataDirectory: directory });
    await using pair = await Pair.connect(server.url);
    for (let count = 0; count < 3; count += 1) await pair.ann.say(pair.conversation, `number ${count}`);
    for (const ending of ["", "-wal", "-shm"]) rmSync(join(directory, DATABASE + ending));
    await untilAllSay(server, 503);
    const words = script.replaceAll("/proc/PID", `/proc/${server.pid}`).replaceAll("/safe", safe);
    expect(Bun.spawnSync(["sh", "-c", words]).exitCode).toBe(0);
    await server.stop();
    const restored = await runCommand(["restore", join(safe, DATABASE), "--data", directory]);
    expect(restored.stdout).toContain("3 events");
    await using again = await startServer({ dataDirectory: directory });
    await using ann = await Peer.connect(again.url, { token: pair.ann.token });
    expect((await ann.say(pair.conversation, "after")).seq).toBe(4);
  });

  test("and its database is missing, doctor says so", async () => {
    await using server = await startServer();
    rmSync(join(server.dataDirectory, DATABASE));
    const { exitCode, stdout } = await server.run("doctor", "--port", "0");
    expect([exitCode, /✗ messages: .*duologue\.db is missing, and a server runs here/.test(stdout)]).toEqual([
      1,
      true,
    ]);
  });

  test("[HL3] its token-secret is removed: every worker goes on with the same, also those that begin later", async () => {
    await using server = await startServer({ workers: 2 });
    await using ann = await Peer.connect(server.url);
    rmSync(join(server.dataDirectory, "token-secret"));
    const [victim = 0] = server.workerPids();
    killQuietly(victim);
    const begun = (): number => server.output.log.filter((line) => line.includes("worker ready")).length;
    await until(() => begun() === 3, "another worker began in its place");
    const peers = await Promise.all(
      Array.from({ length: 16 }, () => Peer.connect(server.url, { token: ann.token })),
    );
    for (const peer of peers) {
      expect(peer.id).toBe(ann.id);
      await peer.close();
    }
  });
});

describe("what is left", () => {
  test.each([
    ["missing", (path: string): void => rmSync(path)],
    ["empty", (path: string): void => writeFileSync(path, "")],
  ])(
    "[CV3] of a killed server is the log, its database %s: it does not begin and discard it, and doctor says why",
    async (state, takeAway) => {
      const directory = await killedDirectory();
      takeAway(join(directory, DATABASE));
      const log = readFileSync(join(directory, `${DATABASE}-wal`));
      expect(log.length).toBeGreaterThan(0);
      expectRefusal(await serve(directory), new RegExp(`${state}, but its log duologue\\.db-wal is there`));
      expect((await doctor(directory)).stdout).toMatch(
        new RegExp(`✗ messages: .*duologue\\.db is ${state}, and its log`),
      );
      expect(readFileSync(join(directory, `${DATABASE}-wal`)).equals(log)).toBe(true);
    },
  );

  test.each([
    ["missing", (path: string): void => rmSync(path)],
    ["empty", (path: string): void => writeFileSync(path, "")],
  ])(
    "of a killed server is the log, its database %s: a restore keeps it, apart from the new data",
    async (_, takeAway) => {
      const directory = await killedDirectory();
      takeAway(join(directory, DATABASE));
      const log = readFileSync(join(directory, `${DATABASE}-wal`));
      const restored = await runCommand(["restore", FIRST_SCHEMA, "--data", directory]);
      expect(restored).toMatchObject({ exitCode: 0, stderr: "" });
      expect(await doctor(directory)).toMatchObject({
        exitCode: 0,
        stdout: expect.stringContaining("9 events"),
      });
      const [kept = ""] = readdirSync(directory).filter((name) => /before-restore-.*-wal$/.test(name));
      expect(readFileSync(join(directory, kept)).equals(log)).toBe(true);
    },
  );

  test.each([
    ["missing", (path: string): void => rmSync(path)],
    ["empty", (path: string): void => writeFileSync(path, "")],
  ])("is token-secret, the database %s: doctor says that there was one", async (state, takeAway) => {
    const directory = oldDirectory();
    writeFileSync(join(directory, "token-secret"), "x".repeat(43), { mode: 0o600 });
    takeAway(join(directory, DATABASE));
    const { exitCode, stdout } = await doctor(directory);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(
      new RegExp(`✗ messages: .*duologue\\.db is ${state}, and token-secret says that there was one`),
    );
  });

  test.each([
    ["empty", (path: string): void => writeFileSync(path, "", { mode: 0o600 }), /it is empty/],
    [
      "cut off",
      (path: string): void => writeFileSync(path, "x".repeat(31), { mode: 0o600 }),
      /it has 31 characters, and at least 32 are needed/,
    ],
    ["a directory", (path: string): void => void mkdirSync(path, { mode: 0o700 }), /it is no file/],
  ])(
    "is a token-secret that is %s: refused in one line at the start, and doctor says so",
    async (_, make, says) => {
      const directory = oldDirectory();
      make(join(directory, "token-secret"));
      expectRefusal(await serve(directory), says);
      const { exitCode, stdout } = await doctor(directory);
      expect(exitCode).toBe(1);
      expect(stdout).toMatch(new RegExp(`✗ secret: .*${says.source} → Put it back`));
      // Its data are still worth a back-up.
      const file = join(freshDirectory(), "backup");
      const { stdout: told } = await runCommand(["backup", file, "--data", directory]);
      expect(told).toMatch(new RegExp(`not token-secret: ${says.source}`));
      const elsewhere = freshDirectory();
      expect((await runCommand(["restore", file, "--data", elsewhere])).exitCode).toBe(0);
      expect(existsSync(join(elsewhere, "token-secret"))).toBe(false);
    },
  );

  test("of a start that was killed while it wrote the secret is no hindrance", async () => {
    const directory = freshDirectory();
    writeFileSync(join(directory, "token-secret.new"), "half");
    chmodSync(join(directory, "token-secret.new"), 0o400);
    await using server = await startServer({ dataDirectory: directory });
    await using _ann = await Peer.connect(server.url);
    expect(readFileSync(join(directory, "token-secret"), "utf8")).toHaveLength(43);
    expect(statSync(join(directory, "token-secret")).mode & 0o777).toBe(0o600);
    expect(readdirSync(directory)).not.toContain("token-secret.new");
  });
});

function replace(path: string): void {
  copyFileSync(FIRST_SCHEMA, `${path}.new`);
  renameSync(`${path}.new`, path);
}

/** The doctor, and upgrades: what an operator finds in a data directory. */
import { Database } from "bun:sqlite";
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { killQuietly, runCommand, startServer, until } from "@duologue/testing";
import { expectRefusal, freshDirectory, oldDirectory, writeChanged } from "./harness/directories.ts";
import { Pair, Peer } from "./harness/peer.ts";

setDefaultTimeout(60_000);

describe("the doctor", () => {
  test("finds nothing wrong beside a server at work, and one line is one finding", async () => {
    await using server = await startServer({ workers: 2 });
    await using pair = await Pair.connect(server.url);
    await pair.ann.say(pair.conversation, "hello");
    const before = readdirSync(server.dataDirectory).sort();
    const { exitCode, stdout, stderr } = await server.run("doctor", "--port", String(server.port));
    expect([exitCode, stderr]).toEqual([0, ""]);
    for (const line of stdout.trimEnd().split("\n")) expect(line).toMatch(/^[✓!] /);
    expect(stdout).toContain(`pid ${server.pid} with 2 workers`);
    expect(stdout).toContain("1 events in 1 conversations of 2 users");
    expect(stdout).toContain(`port: ${server.port} is this server's`);
    expect(readdirSync(server.dataDirectory).sort()).toEqual(before);
    expect((await pair.ben.say(pair.conversation, "still here")).seq).toBe(2);
  });

  test.each([
    ["a hole in a conversation", "DELETE FROM event WHERE seq = 2", "numbers are not 1 to the last"],
    ["a marker that ran ahead", "UPDATE conversation SET a_read = 99, a_delivered = 99", "marker is ahead"],
    ["a count that is off", "UPDATE conversation SET b_unread = b_unread + 1", "unread messages is wrong"],
    ["a text that should be gone", "UPDATE event SET body = '{}' WHERE retracted = 1", "still there"],
  ])("says what is wrong and what to do: %s", async (_, statement, says) => {
    const directory = freshDirectory();
    writeChanged(join(directory, "duologue.db"), statement);
    const { exitCode, stdout } = await runCommand(["doctor", "--port", "0", "--data", directory]);
    expect(exitCode).toBe(1);
    const lines = stdout.split("\n").filter((line) => line.startsWith("✗"));
    expect(lines.join("\n")).toContain(says);
    for (const line of lines) expect(line).toMatch(/ → .*restore/);
  });

  // An old back-up in its place would cost what was written since it was taken.
  test("of a newer version says that it is to be installed again, and not that a back-up is to be restored", async () => {
    const directory = freshDirectory();
    writeChanged(join(directory, "duologue.db"), "PRAGMA user_version = 99");
    const { exitCode, stdout } = await runCommand(["doctor", "--port", "0", "--data", directory]);
    const [line = ""] = stdout.split("\n").filter((one) => one.startsWith("✗"));
    expect([exitCode, line.includes("restore")]).toEqual([1, false]);
    expect(line).toMatch(/newer Duologue → Nothing is lost: install the newer version again/);
  });

  test.each([
    ["a file as data directory", makeFile, /✗ data: .* is no directory →/],
    ["another program's database", makeForeign, /✗ messages: .*another program → Name the data directory/],
    ["an empty database", makeEmpty, /✓ messages: none yet/],
  ])("of %s says what it is", async (_, make, says) => {
    const { stdout } = await runCommand(["doctor", "--port", "0", "--data", make()]);
    expect(stdout).toMatch(says);
  });

  test("says who has the port, that the secret is open to all, and what is wrong in the configuration, all at once", async () => {
    const directory = oldDirectory();
    writeFileSync(join(directory, "token-secret"), "x".repeat(43));
    chmodSync(join(directory, "token-secret"), 0o644);
    const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
    try {
      const words = ["doctor", "--host", "127.0.0.1", "--port", String(listener.port), "--data", directory];
      const { exitCode, stdout } = await runCommand(words);
      expect(exitCode).toBe(1);
      expect(stdout).toMatch(new RegExp(`✗ port: .*${listener.port}.*pid ${process.pid} `));
      expect(stdout).toMatch(/✗ secret: .*chmod 600/);
      const misconfigured = await runCommand([...words, "--workers", "many"]);
      expect(misconfigured.exitCode).toBe(1);
      expect(misconfigured.stdout).toMatch(/✗ configuration: --workers/);
      expect(misconfigured.stdout).toContain("9 events");
    } finally {
      listener.stop(true);
    }
  });

  test("of a server that does not answer says so, and of a directory that is not there yet that it will be made", async () => {
    await using server = await startServer();
    killQuietly(server.pid, "SIGSTOP");
    try {
      const { exitCode, stdout } = await server.run("doctor", "--port", "0");
      expect([exitCode, /✗ server: .*does not answer/.test(stdout)]).toEqual([1, true]);
    } finally {
      killQuietly(server.pid, "SIGCONT");
    }
    await until(async () => (await fetch(`${server.url}/readyz`)).ok, "ready again");
    const missing = join(freshDirectory(), "missing");
    const { exitCode, stdout } = await runCommand(["doctor", "--port", "0", "--data", missing]);
    expect([exitCode, stdout.includes("first `duologue serve` makes it")]).toEqual([0, true]);
    expect(existsSync(missing)).toBe(false);
  });
});

function makeFile(): string {
  const file = join(freshDirectory(), "file");
  writeFileSync(file, "");
  return file;
}

function makeForeign(): string {
  const directory = freshDirectory();
  const database = new Database(join(directory, "duologue.db"));
  database.run("CREATE TABLE bookmark (url TEXT)");
  database.close();
  return directory;
}

function makeEmpty(): string {
  const directory = freshDirectory();
  writeFileSync(join(directory, "duologue.db"), "");
  return directory;
}

describe("an upgrade", () => {
  test("happens at the first start: a directory of the first version is served, and is of this version afterwards", async () => {
    const directory = oldDirectory();
    {
      await using server = await startServer({ dataDirectory: directory });
      await using ann = await Peer.connect(server.url);
      const { users } = await ann.ask({ type: "search", query: "wang" }, "users");
      expect(users.map(({ name }) => name)).toEqual(["Cid Wang"]);
    }
    const { exitCode, stdout } = await runCommand(["doctor", "--port", "0", "--data", directory]);
    expect([exitCode, /✓ versions: .*tables 3$/m.test(stdout), stdout.includes("9 events")]).toEqual([
      0,
      true,
      true,
    ]);
  });

  test("does not go backwards: a directory of a newer version is refused in one line, and stays as it is", async () => {
    const directory = freshDirectory();
    writeChanged(join(directory, "duologue.db"), "PRAGMA user_version = 99");
    const bytes = readFileSync(join(directory, "duologue.db"));
    const outcome = await runCommand(["serve", "--host", "127.0.0.1", "--port", "0", "--data", directory]);
    expectRefusal(outcome, /version 99.*newer Duologue/);
    expect(readFileSync(join(directory, "duologue.db")).equals(bytes)).toBe(true);
  });
});

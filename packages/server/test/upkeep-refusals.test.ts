/** What back-up and restore do not do, and how they say so: a slip of the operator's costs no data. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { runCommand, startServer } from "@duologue/testing";
import { expectRefusal, FIRST_SCHEMA, freshDirectory, oldDirectory } from "./harness/directories.ts";
import { Pair, Peer } from "./harness/peer.ts";

setDefaultTimeout(60_000);

/** Words before a command by which it is nobody's, where the tests are root's, for whom every file can be read. */
const asNobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs"];

function backup(file: string, directory: string, ...more: string[]) {
  return runCommand(["backup", file, "--data", directory, ...more]);
}

describe("a back-up onto the data themselves", () => {
  test("[CV3] is refused under whatever name, with --force too, and the server goes on with everything", async () => {
    const directory = freshDirectory();
    {
      await using server = await startServer({ workers: 2, dataDirectory: directory });
      await using pair = await Pair.connect(server.url);
      const { ann, ben, conversation } = pair;
      await ann.say(conversation, "first");
      const elsewhere = freshDirectory();
      symlinkSync(directory, join(elsewhere, "the-same"));
      symlinkSync(join(directory, "duologue.db"), join(elsewhere, "to-the-database"));
      linkSync(join(directory, "duologue.db"), join(elsewhere, "also-the-database"));
      const names = [
        ...[
          "duologue.db",
          "duologue.db-wal",
          "duologue.db-shm",
          "duologue.db-journal",
          "duologue.db.restoring",
        ],
        ...["token-secret", "duologue.lock", "duologue.lock-journal", "duologue.sock"],
      ];
      const files = [
        ...names.map((name) => join(directory, name)),
        join(elsewhere, "the-same", "duologue.db"),
        join(elsewhere, "to-the-database"),
        join(elsewhere, "also-the-database"),
        join(directory, "..", directory.split("/").at(-1) ?? "", "duologue.db"),
      ];
      const before = readdirSync(directory).sort();
      for (const file of files)
        expectRefusal(await backup(file, directory, "--force"), /file of the data directory|is no file/);
      expect(readdirSync(directory).sort()).toEqual(before);
      expect((await ben.say(conversation, "second")).seq).toBe(2);
    }
    await using again = await startServer({ dataDirectory: directory });
    await using peer = await Peer.connect(again.url);
    expect(peer.id).not.toBe("");
    const { stdout } = await again.run("doctor", "--port", String(again.port));
    expect(stdout).toContain("2 events");
  });

  test("is refused where a symbolic link leads to the database in another place, for that place and its log", async () => {
    const directory = oldDirectory();
    const elsewhere = realpathSync(freshDirectory());
    renameSync(join(directory, "duologue.db"), join(elsewhere, "real.db"));
    symlinkSync(join(elsewhere, "real.db"), join(directory, "duologue.db"));
    for (const name of ["real.db", "real.db-wal", "real.db-journal"])
      expectRefusal(await backup(join(elsewhere, name), directory, "--force"), /file of the data directory/);
    expect((await backup(join(elsewhere, "other.db"), directory)).exitCode).toBe(0);
  });

  test("is taken beside them under another name", async () => {
    const directory = oldDirectory();
    expect((await backup(join(directory, "duologue.backup"), directory)).exitCode).toBe(0);
  });
});

describe("a back-up", () => {
  test.each([
    ["a directory", (path: string): void => mkdirSync(path), /is a directory\. Name a file in it/],
    ["a device", (path: string): void => symlinkSync("/dev/null", path), /\/dev\/null is no file/],
    ["a link that leads nowhere", (path: string): void => symlinkSync(`${path}.gone`, path), /leads nowhere/],
  ])("to %s is refused, with --force too, and leaves it as it is", async (_, make, says) => {
    const folder = freshDirectory();
    const path = join(folder, "target");
    make(path);
    for (const more of [[], ["--force"]]) expectRefusal(await backup(path, oldDirectory(), ...more), says);
    expect(readdirSync(folder)).toEqual(["target"]);
  });

  test("to a link replaces what the link leads to, and not the link", async () => {
    const folder = freshDirectory();
    const [file, link] = [join(folder, "monday"), join(folder, "newest")];
    writeFileSync(file, "older");
    symlinkSync("monday", link);
    expectRefusal(await backup(link, oldDirectory()), /monday is there already.*--force/);
    expect((await backup(link, oldDirectory(), "--force")).exitCode).toBe(0);
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(readFileSync(file, "latin1").startsWith("SQLite format 3")).toBe(true);
  });

  test("of a file, or of a directory that may not be looked into, says so, and not that there are no data", async () => {
    const file = join(freshDirectory(), "file");
    writeFileSync(file, "");
    const target = join(freshDirectory(), "backup");
    expectRefusal(await backup(target, file), /file is no directory\. .*--data/);
    const directory = oldDirectory();
    chmodSync(directory, 0o000);
    const prefix = process.getuid?.() === 0 ? asNobody : [];
    const outcome = await runCommand(["backup", target, "--data", directory], undefined, prefix);
    chmodSync(directory, 0o700);
    expectRefusal(outcome, /cannot be used \(.*permission denied.*Run this as the server's user/i);
  });

  test("of a directory that is named is made, though the store of this machine's server is PostgreSQL by now", async () => {
    const directory = oldDirectory();
    const file = join(freshDirectory(), "backup");
    const prefix = ["env", "DUOLOGUE_STORE=postgres://nobody@127.0.0.1:1/nothing"];
    const outcome = await runCommand(["backup", file, "--data", directory], undefined, prefix);
    expect(outcome).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("9 events") });
    const unnamed = ["env", ...prefix.slice(1), `DUOLOGUE_DATA=${directory}`];
    expectRefusal(
      await runCommand(["backup", `${file}.2`], undefined, unnamed),
      /in PostgreSQL: .*pg_dump.*--data/,
    );
  });
});

describe("a restore", () => {
  test.each([
    ["a directory", (): string => freshDirectory(), /is a directory\. Name the back-up itself/],
    ["a device", (): string => "/dev/null", /is no file/],
    ["no file", (): string => join(freshDirectory(), "nothing"), /There is no file/],
    ["what is no database", notADatabase, /not a database/],
  ])("of %s into a new directory is refused, and leaves no directory", async (_, makeFile, says) => {
    const folder = freshDirectory();
    const directory = join(folder, "new", "data");
    expectRefusal(await runCommand(["restore", makeFile(), "--data", directory]), says);
    expect(readdirSync(folder)).toEqual([]);
  });

  test("of what a killed restore has left does not remove it first", async () => {
    const directory = oldDirectory();
    const left = join(directory, "duologue.db.restoring");
    writeFileSync(left, readFileSync(FIRST_SCHEMA));
    expectRefusal(await runCommand(["restore", left, "--data", directory]), /killed.*Give it another name/);
    expect(existsSync(left)).toBe(true);
  });

  test.each(["duologue.db", "token-secret"])(
    "moves a directory out of the way that stands in the place of %s",
    async (name) => {
      const directory = oldDirectory();
      writeFileSync(join(directory, "token-secret"), "x".repeat(43), { mode: 0o600 });
      const file = join(freshDirectory(), "backup");
      expect((await backup(file, directory)).exitCode).toBe(0);
      rmSync(join(directory, name));
      mkdirSync(join(directory, name));
      const doctor = await runCommand(["doctor", "--port", "0", "--data", directory]);
      expect(doctor.stdout).toMatch(/^✗ .* is no file →|^✗ secret: .* it is no file →/m);
      expect(await runCommand(["restore", file, "--data", directory])).toMatchObject({
        exitCode: 0,
        stderr: "",
      });
      expect(readFileSync(join(directory, "token-secret"), "utf8")).toBe("x".repeat(43));
      const [kept = ""] = readdirSync(directory).filter((one) => one.startsWith(`${name}.before-restore-`));
      expect(lstatSync(join(directory, kept)).isDirectory()).toBe(true);
      expect((await runCommand(["doctor", "--port", "0", "--data", directory])).exitCode).toBe(0);
    },
  );

  test("for which there is no room says how much it needs, and how much there is", async () => {
    const file = join(freshDirectory(), "huge");
    writeFileSync(file, "");
    // Of a file that takes no room itself.
    truncateSync(file, 8 * 2 ** 40);
    const directory = join(freshDirectory(), "new");
    expectRefusal(
      await runCommand(["restore", file, "--data", directory]),
      /not enough room in .*: the restore needs about 8\.0 TB, and [\d.]+ .B are free/,
    );
    expect(existsSync(directory)).toBe(false);
  });

  test("of a back-up without token-secret says whether there is one", async () => {
    const directory = oldDirectory();
    const words = ["restore", FIRST_SCHEMA, "--data", directory];
    expect((await runCommand(words)).stdout).toContain("put the one that belongs to it into");
    rmSync(join(directory, "duologue.db"));
    writeFileSync(join(directory, "token-secret"), "x".repeat(43), { mode: 0o600 });
    expect((await runCommand(words)).stdout).toContain("the one in the data directory stays");
  });
});

function notADatabase(): string {
  const file = join(freshDirectory(), "file");
  writeFileSync(file, "x".repeat(10_000));
  return file;
}

/** Back-up and restore, as an operator uses them on real servers. */
import { Database } from "bun:sqlite";
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isAlive, runCommand, startServer, until } from "@duologue/testing";
import { backUp } from "../src/app/backup.ts";
import { systemClock } from "../src/clock.ts";
import {
  expectRefusal,
  FIRST_SCHEMA,
  freshDirectory,
  oldDirectory,
  writeChanged,
} from "./harness/directories.ts";
import { Pair, Peer, textBody } from "./harness/peer.ts";
import { Talker } from "./harness/traffic.ts";

setDefaultTimeout(60_000);

const MAIN = join(import.meta.dir, "../src/main.ts");

/** Everything in the directory: names and bytes. */
function snapshot(directory: string): Record<string, string> {
  const names = readdirSync(directory).filter((name) => name !== "duologue.lock");
  return Object.fromEntries(
    names.map((name) => [name, readFileSync(join(directory, name)).toString("base64")]),
  );
}

/** Message id → number. */
function readNumbers(path: string): ReadonlyMap<string, number> {
  const database = new Database(path, { readonly: true });
  const rows = database
    .query<{ id: string; seq: number }, []>("SELECT client_id AS id, seq FROM event")
    .all();
  database.close();
  return new Map(rows.map(({ id, seq }) => [id, seq]));
}

describe("a back-up", () => {
  test("of a server at work is whole, for its owner only, and does not keep messages from being acknowledged", async () => {
    await using server = await startServer({ workers: 2 });
    const talkers = [new Talker(server.url), new Talker(server.url)] as const;
    try {
      await talkers[0].meet(talkers[1]);
      for (const talker of talkers) talker.begin();
      await talkers[0].when(() => talkers[0].log.acknowledged.size > 20, "talking");
      const file = join(freshDirectory(), "backup");
      const before = new Map(talkers.flatMap(({ log }) => [...log.acknowledged]));
      const outcome = await server.run("backup", file);
      const after = talkers[0].log.acknowledged.size + talkers[1].log.acknowledged.size;
      // A copy that takes longer than a moment tells its progress.
      expect(outcome.stderr).toMatch(/^(.* of about .* \(\d+ %\)\n)*$/);
      expect(outcome).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("running server") });
      expect(after).toBeGreaterThan(before.size);
      expect(statSync(file).mode & 0o777).toBe(0o600);
      expect(readdirSync(join(file, ".."))).toEqual(["backup"]);
      const directory = freshDirectory();
      const restored = await runCommand(["restore", file, "--data", directory]);
      expect(restored).toMatchObject({ exitCode: 0, stderr: "" });
      const numbers = readNumbers(join(directory, "duologue.db"));
      const events = numbers.size;
      expect(restored.stdout).toContain(`${events} events`);
      // Every message that was acknowledged before it began, under its number; and no other than was sent.
      expect([...before].filter(([id, seq]) => numbers.get(id) !== seq)).toEqual([]);
      const sent = new Set(talkers.flatMap(({ log }) => [...log.sent]));
      expect([...numbers.keys()].filter((id) => !sent.has(id))).toEqual([]);
      expect(events).toBeLessThanOrEqual(after + 2);
      const doctor = await runCommand(["doctor", "--port", "0", "--data", directory]);
      expect(doctor).toMatchObject({ exitCode: 0, stdout: expect.stringContaining(`${events} events`) });
    } finally {
      for (const talker of talkers) talker[Symbol.dispose]();
    }
  });

  test("of a stopped server leaves the directory as it was", async () => {
    const directory = oldDirectory();
    const before = snapshot(directory);
    const file = join(freshDirectory(), "backup");
    const outcome = await runCommand(["backup", file, "--data", directory]);
    expect(outcome).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining("9 events, of the stopped"),
    });
    expect(snapshot(directory)).toEqual(before);
  });

  test("[CV3] of a server that was killed holds what was acknowledged, and the server goes on from its log afterwards", async () => {
    const directory = freshDirectory();
    const file = join(freshDirectory(), "backup");
    const server = await startServer({ workers: 2, dataDirectory: directory });
    const pair = await Pair.connect(server.url);
    const { conversation } = pair;
    for (let count = 0; count < 5; count += 1) await pair.ann.say(conversation, `number ${count}`);
    const { token } = pair.ann;
    const workers = await server.killPrimary();
    await until(() => !workers.some(isAlive), "the workers ended");
    await server[Symbol.asyncDispose]();
    expect(statSync(join(directory, "duologue.db-wal")).size).toBeGreaterThan(0);
    const doctor = await runCommand(["doctor", "--port", "0", "--data", directory]);
    expect(doctor).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("5 events") });
    const outcome = await runCommand(["backup", file, "--data", directory]);
    expect(outcome).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining("5 events, of the stopped"),
    });
    await using again = await startServer({ dataDirectory: directory });
    await using ann = await Peer.connect(again.url, { token });
    expect((await ann.say(conversation, "after")).seq).toBe(6);
  });

  test("replaces no file unless it is told to", async () => {
    const directory = oldDirectory();
    const file = join(freshDirectory(), "backup");
    writeFileSync(file, "precious");
    expectRefusal(await runCommand(["backup", file, "--data", directory]), /there already.*--force/);
    expect(readFileSync(file, "utf8")).toBe("precious");
    expect((await runCommand(["backup", file, "--force", "--data", directory])).exitCode).toBe(0);
    expect(readFileSync(file, "latin1").startsWith("SQLite format 3")).toBe(true);
  });

  test.each([
    ["no data", (): string => freshDirectory(), "backup", /no duologue\.db/],
    ["an empty database", emptyDirectory, "backup", /duologue\.db is empty/],
    ["no directory for it", oldDirectory, join("nowhere", "backup"), /no directory/],
  ])("with %s is refused in one line", async (_, makeDirectory, name, says) => {
    const file = join(freshDirectory(), name);
    expectRefusal(await runCommand(["backup", file, "--data", makeDirectory()]), says);
    expect(existsSync(file)).toBe(false);
  });

  test("tells how far it is", async () => {
    const told: [number, number][] = [];
    await backUp({
      dataDirectory: oldDirectory(),
      file: join(freshDirectory(), "backup"),
      force: false,
      copyCommand: [process.execPath, MAIN, "copy"],
      clock: {
        ...systemClock,
        every: (_, run) => {
          run();
          return { cancel: run };
        },
      },
      onProgress: (copiedBytes, totalBytes) => told.push([copiedBytes, totalBytes]),
    });
    expect(told).toEqual([
      [0, 65_536],
      [65_536, 65_536],
    ]);
  });

  test.each([
    ["ends half-way", "process.exit(1)"],
    ["is broken off by Ctrl-C", `process.kill(process.ppid, "SIGINT"); setInterval(() => undefined, 1000)`],
  ])("whose copying %s leaves nothing behind", async (_, end) => {
    const target = freshDirectory();
    const half = `require("node:fs").writeFileSync(process.argv.at(-1), "half"); ${end}`;
    const outcome = backUp({
      dataDirectory: oldDirectory(),
      file: join(target, "backup"),
      force: false,
      copyCommand: [process.execPath, "-e", half],
      clock: systemClock,
      onProgress: () => undefined,
    });
    await expect(outcome).rejects.toThrow(/could not be written/);
    expect(readdirSync(target)).toEqual([]);
  });

  test("that was killed leaves a file behind, which the next one an hour later removes, and nothing else", async () => {
    const target = freshDirectory();
    const dataDirectory = oldDirectory();
    const half = `require("node:fs").writeFileSync(process.argv.at(-1), "half"); process.kill(process.ppid, "SIGKILL")`;
    const main = `
      import { backUp } from ${JSON.stringify(join(import.meta.dir, "../src/app/backup.ts"))};
      import { systemClock } from ${JSON.stringify(join(import.meta.dir, "../src/clock.ts"))};
      const copyCommand = [process.execPath, "-e", ${JSON.stringify(half)}];
      const [dataDirectory, file] = process.argv.slice(-2);
      await backUp({ dataDirectory, file, force: false, copyCommand, clock: systemClock, onProgress() {} });`;
    const child = Bun.spawn([process.execPath, "-e", main, dataDirectory, join(target, "first")]);
    await child.exited;
    expect(child.signalCode).toBe("SIGKILL");
    const [left = ""] = readdirSync(target);
    const long = new Date(systemClock.now() - 2 * 3_600_000);
    const others = [".duologue-backup.mine", "backup.AbCdEf12"];
    for (const name of others) {
      writeFileSync(join(target, name), "");
      utimesSync(join(target, name), long, long);
    }
    const makeAnother = (name: string) => runCommand(["backup", join(target, name), "--data", dataDirectory]);
    // It may be being made by somebody else.
    expect(await makeAnother("second")).toMatchObject({ exitCode: 0 });
    expect(readdirSync(target).sort()).toEqual([...others, left, "second"].sort());
    utimesSync(join(target, left), long, long);
    expect(await makeAnother("third")).toMatchObject({ exitCode: 0 });
    expect(readdirSync(target).sort()).toEqual([...others, "second", "third"].sort());
  });
});

describe("a restore", () => {
  test("[SY3] gives the data a new epoch: clients that saw more are told to load anew, and everybody ends with the same", async () => {
    const directory = freshDirectory();
    const file = join(freshDirectory(), "backup");
    const first = await startServer({ workers: 2, dataDirectory: directory });
    const { port } = first;
    const [ann, ben] = [new Talker(first.url), new Talker(first.url)];
    try {
      await ann.meet(ben);
      const { conversation } = ann;
      const texts = (talker: Talker): readonly unknown[] =>
        talker.client.timeline(conversation).entries.map(({ body }) => body);
      const say = async (talker: Talker, text: string, lastSeq: number): Promise<void> => {
        talker.client.send(conversation, text);
        for (const one of [ann, ben]) {
          await one.when(
            ({ conversation: find }) => find.call(one.client, conversation)?.lastSeq === lastSeq,
            text,
          );
        }
      };
      await say(ann, "kept 1", 1);
      await say(ben, "kept 2", 2);
      expect((await first.run("backup", file)).exitCode).toBe(0);
      await say(ann, "lost 3", 3);
      await say(ben, "lost 4", 4);
      await using raw = await Peer.connect(first.url, { token: ann.token });
      const { cursor } = raw.welcome;
      await first[Symbol.asyncDispose]();
      const restored = await runCommand(["restore", file, "--data", directory]);
      expect(restored).toMatchObject({ exitCode: 0, stderr: "" });
      await using second = await startServer({ workers: 2, dataDirectory: directory, port });
      await using again = await Peer.connect(second.url, { token: ann.token, cursor });
      expect(again.welcome.changes).toMatchObject({ reset: true });
      for (const talker of [ann, ben]) {
        const isAsBefore = (): boolean =>
          JSON.stringify(texts(talker)) === JSON.stringify(["kept 1", "kept 2"].map(textBody));
        await talker.when(isAsBefore, "shows what was restored");
      }
      await say(ben, "new 3", 3);
      for (const talker of [ann, ben]) {
        expect(texts(talker)).toEqual(["kept 1", "kept 2", "new 3"].map(textBody));
      }
      // By now, the numbers have come as far as the old cursor says: it must not count as one of this data.
      await say(ann, "new 4", 4);
      await say(ben, "new 5", 5);
      await using late = await Peer.connect(second.url, { token: ann.token, cursor });
      expect(late.welcome.changes).toMatchObject({ reset: true });
      const page = await again.ask({ type: "history", conversation }, "history");
      expect(page.events.map(({ body }) => body)).toEqual(
        ["kept 1", "kept 2", "new 3", "new 4", "new 5"].map(textBody),
      );
    } finally {
      for (const talker of [ann, ben]) talker[Symbol.dispose]();
      await first[Symbol.asyncDispose]();
    }
  });

  test("[HL3] on another machine: guests are who they were, by the secret that came with the back-up", async () => {
    const file = join(freshDirectory(), "backup");
    let token: string;
    {
      await using server = await startServer();
      await using pair = await Pair.connect(server.url);
      await pair.ann.say(pair.conversation, "hello");
      ({ token } = pair.ann);
      expect((await server.run("backup", file)).exitCode).toBe(0);
    }
    const directory = join(freshDirectory(), "data");
    expect((await runCommand(["restore", file, "--data", directory])).exitCode).toBe(0);
    expect(statSync(join(directory, "token-secret")).mode & 0o777).toBe(0o600);
    await using elsewhere = await startServer({ dataDirectory: directory });
    await using ann = await Peer.connect(elsewhere.url, { token });
    const { conversations } = await ann.ask({ type: "conversations" }, "conversations");
    expect(conversations.map(({ lastSeq }) => lastSeq)).toEqual([1]);
    // The secret is where it belongs, and nowhere in the database.
    const secret = readFileSync(join(directory, "token-secret"), "latin1");
    expect(readFileSync(join(directory, "duologue.db"), "latin1").includes(secret)).toBe(false);
  });

  test("keeps the old data beside the new, under a dated name that can be restored in its turn", async () => {
    const directory = oldDirectory();
    const old = readFileSync(join(directory, "duologue.db"));
    const file = join(freshDirectory(), "backup");
    expect((await runCommand(["backup", file, "--data", directory])).exitCode).toBe(0);
    const outcome = await runCommand(["restore", file, "--data", directory]);
    expect(outcome.exitCode).toBe(0);
    const [kept = ""] = readdirSync(directory).filter((name) =>
      /^duologue\.db\.before-restore-\d{8}T\d{6}Z$/.test(name),
    );
    expect(outcome.stdout).toContain(kept);
    expect(readFileSync(join(directory, kept)).equals(old)).toBe(true);
    const other = freshDirectory();
    expect((await runCommand(["restore", join(directory, kept), "--data", other])).exitCode).toBe(0);
    expect((await runCommand(["doctor", "--port", "0", "--data", other])).stdout).toContain("9 events");
  });

  test.each(["duologue.db.restoring", "duologue.db.before-restore"])(
    "that is killed when %s appears leaves the old data or the new, whole, and can be repeated",
    async (appears) => {
      const directory = oldDirectory();
      const file = join(freshDirectory(), "backup");
      expect((await runCommand(["backup", file, "--data", directory])).exitCode).toBe(0);
      const words = ["restore", file, "--data", directory];
      const child = Bun.spawn([process.execPath, MAIN, ...words], { stdout: "ignore", stderr: "ignore" });
      const isThere = (): boolean => readdirSync(directory).some((name) => name.startsWith(appears));
      // The moment may be missed: then it ended well, or is killed later.
      await until(() => isThere() || child.exitCode !== null, appears);
      child.kill("SIGKILL");
      await child.exited;
      const doctor = await runCommand(["doctor", "--port", "0", "--data", directory]);
      expect(doctor).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("9 events") });
      await until(
        async () => (await runCommand(words)).exitCode === 0,
        "the date of the name is another second's",
      );
      expect(readdirSync(directory).filter((name) => name.includes("restoring"))).toEqual([]);
    },
  );

  test("is refused while a server runs on the directory", async () => {
    await using server = await startServer();
    expectRefusal(await server.run("restore", FIRST_SCHEMA), /server is running.*duologue stop/);
    await using ann = await Peer.connect(server.url);
    await ann.settled();
  });

  test.each([
    ["no database", (path: string): void => writeFileSync(path, "x".repeat(10_000)), /not a database/],
    ["an empty file", (path: string): void => writeFileSync(path, ""), /holds no data/],
    ["no file", (): void => undefined, /no file/],
    ["another program's database", makeForeign, /another program/],
    [
      "a newer version's",
      (path: string): void => writeChanged(path, "PRAGMA user_version = 99"),
      /newer Duologue/,
    ],
    [
      "one with a hole",
      (path: string): void => writeChanged(path, "DELETE FROM event WHERE seq = 2"),
      /without a hole/,
    ],
    ["one with broken pages", breakPages, /damaged|malformed/],
  ])("of %s is refused, and the directory stays as it is", async (_, makeFile, says) => {
    const directory = oldDirectory();
    const before = snapshot(directory);
    const file = join(freshDirectory(), "file");
    makeFile(file);
    expectRefusal(await runCommand(["restore", file, "--data", directory]), says);
    expect(snapshot(directory)).toEqual(before);
  });
});

function emptyDirectory(): string {
  const directory = freshDirectory();
  writeFileSync(join(directory, "duologue.db"), "");
  return directory;
}

function makeForeign(path: string): void {
  const database = new Database(path);
  database.run("CREATE TABLE bookmark (url TEXT)");
  database.close();
}

function breakPages(path: string): void {
  const bytes = readFileSync(FIRST_SCHEMA);
  bytes.fill(0x5a, 3 * 4096, 8 * 4096);
  writeFileSync(path, bytes);
}

test.each(["backup", "restore", "doctor"])("%s has a help of its own", async (command) => {
  const { exitCode, stdout } = await runCommand([command, "--help"]);
  expect([exitCode, stdout.includes(`duologue ${command}`), stdout.includes("--data")]).toEqual([
    0,
    true,
    true,
  ]);
});

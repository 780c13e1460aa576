/** What the doctor says of the machine: room, owner, clock, open files. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { limits, runCommand, startServer } from "@duologue/testing";
import { examine } from "../src/app/doctor.ts";
import type { Finding } from "../src/app/findings.ts";
import { systemClock } from "../src/clock.ts";
import { freshDirectory, oldDirectory, writeChanged } from "./harness/directories.ts";
import { openMany } from "./harness/raw-pool.ts";
import { Socket } from "./harness/socket.ts";

setDefaultTimeout(60_000);

const MEGABYTE = 1_048_576;

interface Circumstances {
  readonly directory?: string;
  readonly freeBytes?: number;
  readonly userId?: number;
  readonly now?: number;
}

/** The finding that begins with this word. */
async function find(
  word: string,
  { directory = oldDirectory(), freeBytes = 2_048 * MEGABYTE, userId, now }: Circumstances,
): Promise<Finding[]> {
  const found: Finding[] = [];
  const patient = {
    dataDirectory: directory,
    config: undefined,
    problems: [],
    clock: { ...systemClock, now: () => now ?? systemClock.now() },
    machine: { freeBytes: () => freeBytes, userId: () => userId ?? process.getuid?.() },
  };
  for await (const finding of examine(patient)) if (finding.text.startsWith(`${word}:`)) found.push(finding);
  return found;
}

/** A log beside the database that takes so much room, and holds nothing. */
function withLog(megabytes: number): string {
  const directory = oldDirectory();
  const log = join(directory, "duologue.db-wal");
  writeFileSync(log, "");
  truncateSync(log, megabytes * MEGABYTE);
  return directory;
}

test.each([
  [2_048, 0, "fine", "2.0 GB free; the messages take 64 KB, their log 0 B"],
  [900, 0, "worth", "900 MB free"],
  [63, 0, "wrong", "63 MB free"],
  // A back-up takes what is in the log too.
  [2_048, 3_000, "worth", "their log 2.9 GB"],
])(
  "with %d MB free and a log of %d MB, the room is a finding of grade %s",
  async (free, log, grade, says) => {
    const [room] = await find("room", { directory: withLog(log), freeBytes: free * MEGABYTE });
    expect(room).toMatchObject({ grade, text: expect.stringContaining(says) });
  },
);

test("a directory of another user is worth a word, and one's own is none", async () => {
  const [, foreign] = await find("data", { userId: 4_711 });
  expect(foreign).toMatchObject({
    grade: "worth",
    text: expect.stringMatching(/belongs to user \d+, .* user 4711/),
  });
  expect(await find("data", {})).toHaveLength(1);
});

test.each([
  ["that was never set", 0, "wrong", "is long past"],
  ["that is behind the last message", Date.UTC(2024, 0, 2), "wrong", "the last message is from 2024-01-03"],
  ["that is right", undefined, "fine", "clock: 20"],
])("a clock %s", async (_, now, grade, says) => {
  const directory = freshDirectory();
  const last = Date.UTC(2024, 0, 3);
  writeChanged(join(directory, "duologue.db"), `UPDATE conversation SET last_time = ${last}`);
  const [clock] = await find("clock", { directory, ...(now === undefined ? {} : { now }) });
  expect(clock).toMatchObject({ grade, text: expect.stringContaining(says) });
});

test("the open files are those that the running server may have, and not those of whoever asks", async () => {
  const few = (count: number): string[] => ["sh", "-c", `ulimit -n ${count} && exec "$0" "$@"`];
  await using server = await startServer({ prefix: few(300) });
  const { stdout } = await server.run("doctor", "--port", "0");
  expect(stdout).toMatch(
    /! files: a process of the server may have 300 open, enough for 236 connections .* → Raise/,
  );
  // Enough for what is allowed is enough.
  await using small = await startServer({ prefix: few(300), options: limits({ connectionsPerWorker: 200 }) });
  const words = ["--port", "0", ...limits({ connectionsPerWorker: 200 })];
  expect((await small.run("doctor", ...words)).stdout).toContain(
    "✓ files: a process of the server may have 300",
  );
  const sockets = await openMany(150, () => Socket.open(small.url));
  const [worker = 0] = small.workerPids();
  const full = await small.run("doctor", ...words);
  expect(full.stdout).toMatch(new RegExp(`! files: pid ${worker} has \\d+ of 300 open → Raise`));
  await Promise.all(sockets.map((socket) => socket.close()));
});

test("without a server the limit of whoever asks counts, as a server started from there would have it", async () => {
  const words = ["doctor", "--port", "0", "--data", freshDirectory()];
  const prefix = ["sh", "-c", 'ulimit -n 500 && exec "$0" "$@"'];
  expect((await runCommand(words, undefined, prefix)).stdout).toMatch(
    /! files: a server started from here may have 500 open, enough for 436 /,
  );
});

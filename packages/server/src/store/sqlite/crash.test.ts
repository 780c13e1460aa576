import { Database } from "bun:sqlite";
import { expect, setDefaultTimeout, test } from "bun:test";
import { dirname, join } from "node:path";
import { systemClock } from "../../clock.ts";
import { DirectoryInUseError, lockDirectory } from "../../primary/lock.ts";
import { temporaryFile, throwFault } from "./fixture.ts";
import { SqliteReader } from "./reader.ts";
import { seededRandom } from "./testing/seeded.ts";
import { expectWhole } from "./testing/whole.ts";
import { SqliteWriter } from "./writer.ts";

setDefaultTimeout(60_000);

interface Answered {
  readonly conversation: string;
  /** What the child had answered when it died: id by number. */
  readonly ids: ReadonlyMap<number, string>;
}

/** Runs the child until it kills itself in a batch, or until it has answered so many messages and is killed. */
async function runUntilKilled(path: string, fatalBatch: number, answers: number): Promise<Answered> {
  const child = Bun.spawn(
    [process.execPath, join(import.meta.dir, "crash-child.ts"), path, String(fatalBatch)],
    {
      stdout: "pipe",
    },
  );
  let output = "";
  const decoder = new TextDecoder();
  for await (const chunk of child.stdout) {
    output += decoder.decode(chunk, { stream: true });
    if (fatalBatch === 0 && output.split("\n").length > answers) child.kill("SIGKILL");
  }
  await child.exited;
  expect(child.signalCode).toBe("SIGKILL");
  const [conversation = "", ...lines] = output.split("\n");
  const ids = new Map<number, string>();
  // The last line may have been cut by the kill.
  for (const line of lines.slice(0, -1)) {
    const [seq = "", id = ""] = line.split(" ");
    ids.set(Number(seq), id);
  }
  return { conversation, ids };
}

async function expectNothingLost(path: string, { conversation, ids }: Answered): Promise<void> {
  using writer = new SqliteWriter({ path, clock: systemClock, onFault: throwFault });
  const database = new Database(path, { readonly: true });
  expect(database.query("PRAGMA integrity_check").all()).toEqual([{ integrity_check: "ok" }]);
  const rows = database
    .query<{ seq: number; id: string }, []>("SELECT seq, client_id AS id FROM event ORDER BY seq")
    .all();
  database.close();
  expect(rows.map((row) => row.seq)).toEqual(rows.map((_, index) => index + 1));
  // A batch is there as a whole or not at all.
  expect(rows.length % 100).toBe(0);
  const stored = new Map(rows.map((row) => [row.seq, row.id]));
  const missing = [...ids].filter(([seq, id]) => stored.get(seq) !== id);
  expect(missing).toEqual([]);
  using reader = new SqliteReader(path);
  expect((await reader.conversation("u_bob", conversation))?.lastSeq).toBe(rows.length);
  const [next] = writer.commit([
    {
      op: "append",
      draft: {
        conversation,
        sender: "u_bob",
        id: systemClock.uuid(),
        kind: "message",
        body: "{}",
        replyTo: undefined,
        target: undefined,
        origin: 1,
        onlyRepeat: false,
      },
    },
  ]);
  expect(next?.outcome).toMatchObject({ seq: rows.length + 1, prev: (await reader.position("u_ann")) - 1 });
}

for (const fatalBatch of [1, 2, 9]) {
  test(`[CV3] killed within transaction ${fatalBatch}, nothing answered is lost and nothing is half there`, async () => {
    using file = temporaryFile();
    const answered = await runUntilKilled(file.path, fatalBatch, 0);
    expect(answered.ids.size).toBe((fatalBatch - 1) * 100);
    await expectNothingLost(file.path, answered);
  });
}

for (const answers of [1, 3000, 20_000]) {
  test(`[CV3] killed at any moment after ${answers} answers, nothing answered is lost`, async () => {
    using file = temporaryFile();
    const answered = await runUntilKilled(file.path, 0, answers);
    expect(answered.ids.size).toBeGreaterThanOrEqual(answers - 1);
    await expectNothingLost(file.path, answered);
  });
}

/** CRASH_ROUNDS=200 makes it the full one. */
const rounds = Number(process.env.CRASH_ROUNDS ?? 20);
/** Disk operations among which the fatal one is chosen: some two hundred batches, with their checkpoints. */
const OPERATIONS = 1500;
const BACK_MS = 2000;

test(`[CV3] killed in the middle of a disk operation, ${rounds} times: whole, nothing acknowledged is lost, and back at once`, async () => {
  const random = seededRandom(systemClock.random() * 2 ** 32);
  const backsMs: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    using file = temporaryFile();
    const words = [
      file.path,
      String(Math.floor(random() * 2 ** 32)),
      String(1 + Math.floor(random() * OPERATIONS)),
    ];
    const ids = await runStorm(words);
    try {
      backsMs.push(expectWhole(file.path, ids).backMs);
    } catch (error) {
      throw new Error(`storm-child ${words.slice(1).join(" ")}`, { cause: error });
    }
  }
  backsMs.sort((one, other) => one - other);
  const [middle = 0, longest = 0] = [backsMs[rounds >> 1], backsMs.at(-1)];
  process.stdout.write(
    `crashes: ${rounds}; back after ${middle.toFixed(0)} ms, longest ${longest.toFixed(0)} ms\n`,
  );
  // The longest is at the mercy of whoever else uses this machine.
  expect(middle).toBeLessThan(BACK_MS);
}, 300_000);

function startStorm(words: readonly string[]): Bun.Subprocess<"ignore", "pipe", "inherit"> {
  return Bun.spawn([process.execPath, join(import.meta.dir, "storm-child.ts"), ...words], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
}

/** What was acknowledged before it died: ids by number. */
async function runStorm(words: readonly string[]): Promise<ReadonlyMap<number, string>> {
  const child = startStorm(words);
  const output = await new Response(child.stdout).text();
  await child.exited;
  expect(child.signalCode).toBe("SIGKILL");
  // The last line may have been cut by the kill.
  const lines = output.split("\n").slice(1, -1);
  return new Map(lines.map((line) => line.split(" ")).map(([seq, id]) => [Number(seq), id ?? ""]));
}

test("a second server is refused while the first one lives, stopped or not, and let in when it is dead", async () => {
  using file = temporaryFile();
  const directory = dirname(file.path);
  const child = startStorm([file.path, "1", "0"]);
  try {
    for await (const chunk of child.stdout) if (chunk.length > 0) break;
    expect(() => lockDirectory(directory)).toThrow(DirectoryInUseError);
    child.kill("SIGSTOP");
    expect(() => lockDirectory(directory)).toThrow(DirectoryInUseError);
  } finally {
    child.kill("SIGKILL");
    await child.exited;
  }
  lockDirectory(directory).release();
});

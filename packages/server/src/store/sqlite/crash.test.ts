import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { join } from "node:path";
import { systemClock } from "../../clock.ts";
import { temporaryFile, throwFault } from "./fixture.ts";
import { SqliteReader } from "./reader.ts";
import { SqliteWriter } from "./writer.ts";

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

/** The writer is killed under load, over and over; `npm run chaos -- --writer-kills 200` does it for longer. */
import { Database } from "bun:sqlite";
import { expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { endsWithinTransaction, lookInto } from "./chaos/remains.ts";
import { runWriterKills } from "./chaos/writer-kills.ts";
import { BACK_MS, renderWriterKills } from "./chaos/writer-kills-report.ts";
import { freshDirectory, oldDirectory, writeChanged } from "./harness/directories.ts";

setDefaultTimeout(240_000);

const KILLS = 5;
const seed = Number(process.env.CHAOS_SEED ?? 7);

test(`[CV3] killed ${KILLS} times under load (seed ${seed}), the writer leaves whole files with all that was acknowledged, and the next one begins at once and alone`, async () => {
  const report = await runWriterKills({ kills: KILLS, seed });
  expect(report.violations).toEqual([]);
  expect(report.kills).toHaveLength(KILLS);
  expect(report.kills.some(({ isAimed }) => isAimed)).toBe(true);
  expect(report.acknowledged).toBeGreaterThan(100);
  // Of five, the others are at the mercy of whoever else uses this machine.
  expect(Math.min(...report.kills.map(({ startMs }) => startMs))).toBeLessThan(BACK_MS);
  process.stdout.write(`${renderWriterKills(report)}\n`);
});

test("what a dead writer left is examined: damage is told, and whether it died within a transaction", () => {
  expect(lookInto(oldDirectory())).toMatchObject({ problems: [], isWithinTransaction: false });
  const damaged = freshDirectory();
  writeChanged(join(damaged, "duologue.db"), "DELETE FROM event WHERE seq = 2");
  expect(lookInto(damaged).problems.join()).toContain("numbers are not 1 to the last");
  const path = join(freshDirectory(), "log.db");
  const database = new Database(path);
  const look = (): boolean => endsWithinTransaction(readFileSync(`${path}-wal`));
  database.run("PRAGMA journal_mode = WAL");
  database.run("CREATE TABLE t (x)");
  expect(look()).toBe(false);
  // So small a cache that pages go to the log before the end.
  database.run("PRAGMA cache_size = 10");
  database.run("BEGIN");
  for (let count = 0; count < 100; count += 1) database.run("INSERT INTO t VALUES (randomblob(4000))");
  expect(look()).toBe(true);
  database.run("COMMIT");
  expect(look()).toBe(false);
  database.close();
});

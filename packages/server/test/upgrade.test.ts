/** Directories of every earlier version of the tables, served by this one: nobody is a stranger, and nobody loads anew. */
import { Database } from "bun:sqlite";
import { expect, setDefaultTimeout, test } from "bun:test";
import { copyFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startServer } from "@duologue/testing";
import { systemClock } from "../src/clock.ts";
import { Tokens } from "../src/domain/tokens.ts";
import { encodeCursor } from "../src/ports/store.ts";
import { freshDirectory, schemaFile } from "./harness/directories.ts";
import { Peer } from "./harness/peer.ts";

setDefaultTimeout(60_000);

const SECRET = "a secret of this test, and of no other test";
const HOUR_MS = 3_600_000;

const versions = readdirSync(join(import.meta.dir, "fixtures")).flatMap((name) => {
  const [, version] = /^schema-(\d+)\.db$/.exec(name) ?? [];
  return version === undefined ? [] : [Number(version)];
});

test.each(versions)("[HL3, SY1] tokens and cursors of version %d stay good", async (version) => {
  const directory = freshDirectory();
  const path = join(directory, "duologue.db");
  copyFileSync(schemaFile(version), path);
  writeFileSync(join(directory, "token-secret"), SECRET, { mode: 0o600 });
  const expiresAt = systemClock.now() + HOUR_MS;
  const { epoch, realm, last } = lookInto(path, expiresAt);
  const token = await new Tokens(SECRET, realm, systemClock).sign({
    user: "u_ann",
    session: "s_ann",
    expiresAt,
  });
  await using server = await startServer({ dataDirectory: directory });
  await using ann = await Peer.connect(server.url, { token, cursor: encodeCursor(epoch, last - 1) });
  expect(ann.id).toBe("u_ann");
  expect(ann.welcome.changes).toMatchObject({
    events: [{ cursor: encodeCursor(epoch, last) }],
  });
  expect(ann.welcome.changes).not.toHaveProperty("reset");
  const { conversations } = await ann.ask({ type: "conversations" }, "conversations");
  expect(conversations).toHaveLength(2);
});

/** What the client of that time had, with a session that has not ended yet. */
function lookInto(path: string, expiresAt: number): { epoch: string; realm: string; last: number } {
  const database = new Database(path);
  const meta = (name: string): string | undefined =>
    database.query<{ value: string }, [string]>("SELECT value FROM meta WHERE name = ?").get(name)?.value;
  database.run("UPDATE session SET expires_at = ? WHERE id = 's_ann'", [expiresAt]);
  const [epoch = "", realm] = [meta("epoch"), meta("realm")];
  const last =
    database.query<{ last: number }, []>("SELECT max(position) AS last FROM event").get()?.last ?? 0;
  database.close();
  return { epoch, realm: realm ?? epoch, last };
}

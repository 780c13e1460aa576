/** Whether two stores answer alike, whatever anybody may ask them. */
import { Database } from "bun:sqlite";
import { expect } from "bun:test";
import { join } from "node:path";
import { systemClock } from "../../src/clock.ts";
import type { StoreReads } from "../../src/ports/store.ts";
import {
  inspectPostgres,
  type PostgresAddress,
  PostgresReader,
  SqliteReader,
} from "../../src/store/index.ts";
import { DEFAULT_TIMES, schemaOf } from "../../src/store/postgres/address.ts";
import { Connection } from "../../src/store/postgres/connection.ts";
import { readMeta } from "../../src/store/postgres/migrations.ts";

const ALL = 100_000;
const PAGE = 200;

/** The directory must have no server. */
export async function expectSameStores(directory: string, address: PostgresAddress): Promise<void> {
  const path = join(directory, "duologue.db");
  const inspection = await inspectPostgres(address, systemClock);
  expect(inspection.damage).toEqual([]);
  const meta = await metaOf(address);
  const epoch = meta.get("epoch") ?? "";
  const realm = meta.get("realm") ?? "";
  using embedded = new SqliteReader(path);
  using copy = new PostgresReader({ address, clock: systemClock, epoch, realm, connections: 1 });
  expect([epoch, realm]).toEqual([embedded.epoch, embedded.realm]);
  using database = new Database(path, { readonly: true });
  const ids = (table: string): string[] =>
    database
      .query<{ id: string }, []>(`SELECT id FROM ${table}`)
      .all()
      .map(({ id }) => id);
  const users = ids("user");
  // Everybody's position and name; all that a few of them see.
  for (const [index, user] of users.entries())
    expect(await describeUser(copy, user, index < 6)).toEqual(await describeUser(embedded, user, index < 6));
  for (const conversation of ids("conversation").slice(0, 12))
    expect(await copy.history(conversation, undefined, ALL)).toEqual(
      await embedded.history(conversation, undefined, ALL),
    );
  const sessions = ids("session");
  expect(await copy.endedSessions(sessions)).toEqual(await embedded.endedSessions(sessions));
  for (const id of sessions.slice(0, 5)) expect(await copy.session(id)).toEqual(await embedded.session(id));
  for (const query of ["a", "mil", "李"]) {
    const find = async (reads: StoreReads): Promise<string[]> =>
      (await reads.findUsers(query, ALL)).map(({ id }) => id).sort();
    expect(await find(copy)).toEqual(await find(embedded));
  }
}

async function describeUser(reads: StoreReads, id: string, isThorough: boolean): Promise<unknown> {
  const known = { user: await reads.user(id), position: await reads.position(id) };
  if (!isThorough) return known;
  const pages: unknown[] = [];
  let since = 0;
  for (;;) {
    const page = await reads.changes(id, since, PAGE, ALL);
    pages.push(page);
    if (page === undefined || !page.more) break;
    since = page.position;
  }
  return { ...known, conversations: await reads.conversations(id, undefined, ALL), pages };
}

async function metaOf(address: PostgresAddress): Promise<ReadonlyMap<string, string>> {
  const connection = await Connection.open({
    address,
    clock: systemClock,
    times: DEFAULT_TIMES,
    name: "a test",
  });
  try {
    return await readMeta(connection, schemaOf(address));
  } finally {
    connection.close();
  }
}

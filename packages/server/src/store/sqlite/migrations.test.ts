import { Database } from "bun:sqlite";
import { expect, setDefaultTimeout, test } from "bun:test";
import { copyFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../clock.ts";
import { encodeCursor } from "../../ports/store.ts";
import { type TemporaryFile, temporaryFile, throwFault } from "./fixture.ts";
import { findDamage } from "./invariants.ts";
import { ForeignDatabaseError, readEpoch, SCHEMA_VERSION, SchemaTooNewError } from "./migrations.ts";
import { SqliteReader } from "./reader.ts";
import { says } from "./testing/requests.ts";
import { SqliteWriter } from "./writer.ts";

setDefaultTimeout(60_000);

function openWriter(path: string): SqliteWriter {
  return new SqliteWriter({ path, clock: systemClock, onFault: throwFault });
}

test("a new file gets the newest version, and opening it again changes nothing", () => {
  using file = temporaryFile();
  const { epoch } = openAndClose(file.path);
  const schema = readSchema(file.path);
  expect(schema.version).toBe(SCHEMA_VERSION);
  expect(openAndClose(file.path).epoch).toBe(epoch);
  expect(readSchema(file.path)).toEqual(schema);
});

test("a file of a newer Duologue is refused with both versions, and left as it is", () => {
  using file = temporaryFile();
  openAndClose(file.path);
  const database = new Database(file.path);
  database.run("PRAGMA user_version = 99");
  database.close();
  const schema = readSchema(file.path);
  expect(() => openWriter(file.path)).toThrow(SchemaTooNewError);
  expect(() => openWriter(file.path)).toThrow(
    new RegExp(`version 99.*up to ${SCHEMA_VERSION}.*newer Duologue`),
  );
  expect(readSchema(file.path)).toEqual(schema);
});

test("another program's database is refused, and left as it is", () => {
  using file = temporaryFile();
  const database = new Database(file.path);
  database.run("CREATE TABLE bookmark (url TEXT)");
  database.close();
  expect(() => openWriter(file.path)).toThrow(ForeignDatabaseError);
  expect(readSchema(file.path)).toEqual({ version: 0, tables: ["bookmark"] });
});

/**
 * Written by the program of each earlier version. 1: three people, two conversations with events, three sessions. 2: the
 * same brought to it, with a message more, backed up and restored, and again a message more.
 */
const earlierVersions: readonly number[] = Array.from(
  { length: SCHEMA_VERSION - 1 },
  (_, index) => index + 1,
);

function fileOf(version: number): string {
  return join(import.meta.dir, `../../../test/fixtures/schema-${version}.db`);
}

function schemaOf(version: number): TemporaryFile {
  const file = temporaryFile();
  copyFileSync(fileOf(version), file.path);
  return file;
}

test("whoever adds a version keeps a file that the one before wrote", () => {
  expect(earlierVersions.filter((version) => !existsSync(fileOf(version)))).toEqual([]);
  for (const version of earlierVersions) {
    using file = schemaOf(version);
    expect(readSchema(file.path).version).toBe(version);
  }
});

type Row = Readonly<Record<string, unknown>>;

/** Every row of every table, but for the name of who wrote last. */
function readRows(path: string): ReadonlyMap<string, readonly Row[]> {
  const database = new Database(path, { readonly: true });
  const tables = database
    .query<{ name: string }, []>("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
    .all();
  const rows = tables.map(({ name }) => {
    const condition = name === "meta" ? "name <> 'writer'" : "true";
    return [name, database.query<Row, []>(`SELECT * FROM ${name} WHERE ${condition}`).all()] as const;
  });
  database.close();
  return new Map(rows);
}

function metaOf(rows: ReadonlyMap<string, readonly Row[]>, name: string): unknown {
  return rows.get("meta")?.find((row) => row.name === name)?.value;
}

test.each(earlierVersions)(
  "a file of version %d keeps every row, what names its cursors, and whose its tokens are",
  async (version) => {
    using file = schemaOf(version);
    const before = readRows(file.path);
    {
      using _writer = openWriter(file.path);
      using reader = new SqliteReader(file.path);
      expect(reader.epoch).toBe(String(metaOf(before, "epoch")));
      expect(reader.realm).toBe(String(metaOf(before, "realm") ?? metaOf(before, "epoch")));
      const positions = (before.get("event") ?? []).map((row) => Number(row.position));
      const changes = await reader.changes("u_ann", positions.at(-3) ?? 0, 100, 100);
      expect(changes?.events.map(({ cursor }) => cursor)).toEqual(
        positions.slice(-2).map((position) => encodeCursor(reader.epoch, position)),
      );
    }
    const after = readRows(file.path);
    for (const [name, rows] of before) {
      const added = after.get(name) ?? [];
      for (const row of rows) expect(added).toContainEqual(expect.objectContaining(row));
      if (name !== "meta") expect(added).toHaveLength(rows.length);
    }
    expect(findDamageIn(file.path)).toEqual([]);
  },
);

function findDamageIn(path: string): readonly string[] {
  const database = new Database(path, { readonly: true });
  try {
    return findDamage(database, true);
  } finally {
    database.close();
  }
}

test("a file of the first version is brought to this one with everything in it, and tokens and cursors still count", async () => {
  using file = schemaOf(1);
  const before = new Database(file.path, { readonly: true });
  const epoch = readEpoch(before);
  const { id } = before.query<{ id: string }, []>("SELECT id FROM conversation WHERE last_seq = 7").get() ?? {
    id: "",
  };
  before.close();
  using writer = openWriter(file.path);
  using reader = new SqliteReader(file.path);
  expect(readSchema(file.path).version).toBe(SCHEMA_VERSION);
  expect([reader.epoch, reader.realm]).toEqual([epoch, epoch]);
  const { events } = await reader.history(id, undefined, 100);
  expect(events.map(({ seq, kind, retracted }) => [seq, kind, retracted ?? false])).toEqual([
    [1, "message", false],
    [2, "message", false],
    [3, "message", false],
    [4, "edit", false],
    [5, "message", true],
    [6, "retract", false],
    [7, "message", false],
  ]);
  expect(await reader.conversation("u_ann", id)).toMatchObject({
    mine: { delivered: 7, read: 4 },
    unread: 1,
    lastSeq: 7,
  });
  expect((await reader.findUsers("wang", 10)).map((user) => user.name)).toEqual(["Cid Wang"]);
  expect([await reader.session("s_ann"), await reader.session("s_out")]).toMatchObject([
    { ended: false },
    { ended: true },
  ]);
  expect(writer.commit([says(id, "from the new version")])).toMatchObject([
    { outcome: { ok: true, seq: 8 } },
  ]);
  expect(findDamageIn(file.path)).toEqual([]);
});

test("in a file of the first version it is not known when people were last there, until they leave", async () => {
  using file = schemaOf(1);
  using writer = openWriter(file.path);
  using reader = new SqliteReader(file.path);
  const [before] = await reader.conversations("u_ann", undefined, 1);
  if (before === undefined) throw new Error("no conversation");
  expect(before.peerSeenAt).toBeUndefined();
  const user = before.peer.id;
  expect(writer.commit([{ op: "note-seen", seen: [{ user, at: 1_700_000_000_000 }] }])).toMatchObject([
    { outcome: { ok: true } },
  ]);
  const [after] = await reader.conversations("u_ann", undefined, 1);
  expect(after).toEqual({ ...before, peerSeenAt: 1_700_000_000_000 });
});

test("killed at any operation of the way to this version, a file is of the old one or of the new one, and whole", async () => {
  const versions: number[] = [];
  for (let fatal = 1, isKilled = true; isKilled; fatal += 1) {
    using file = schemaOf(1);
    const child = Bun.spawn([
      process.execPath,
      join(import.meta.dir, "migrate-child.ts"),
      file.path,
      String(fatal),
    ]);
    await child.exited;
    isKilled = child.signalCode === "SIGKILL";
    const { version, tables } = readSchema(file.path);
    versions.push(version);
    expect(tables.includes("session_expiry")).toBe(version >= 2);
    expect(hasSeenTimes(file.path)).toBe(version >= 3);
    expect(findDamageIn(file.path)).toEqual([]);
    openAndClose(file.path);
    expect(readSchema(file.path).version).toBe(SCHEMA_VERSION);
    expect(findDamageIn(file.path)).toEqual([]);
  }
  expect(versions).toEqual(versions.toSorted());
  expect([...new Set(versions)]).toEqual([1, 2, SCHEMA_VERSION]);
  expect(versions.length).toBeGreaterThan(5);
});

function openAndClose(path: string): { readonly epoch: string } {
  using writer = openWriter(path);
  return { epoch: writer.epoch };
}

function readSchema(path: string): { readonly version: number; readonly tables: readonly string[] } {
  const database = new Database(path, { readonly: true });
  const version =
    database.query<{ user_version: number }, []>("PRAGMA user_version").get()?.user_version ?? -1;
  const rows = database.query<{ name: string }, []>("SELECT name FROM sqlite_schema ORDER BY name").all();
  database.close();
  return { version, tables: rows.map((row) => row.name) };
}

function hasSeenTimes(path: string): boolean {
  const database = new Database(path, { readonly: true });
  const columns = database.query<{ name: string }, []>("SELECT name FROM pragma_table_info('user')").all();
  database.close();
  return columns.some(({ name }) => name === "seen_at");
}

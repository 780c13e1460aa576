import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { systemClock } from "../../clock.ts";
import { temporaryFile, throwFault } from "./fixture.ts";
import { ForeignDatabaseError, SCHEMA_VERSION, SchemaTooNewError } from "./migrations.ts";
import { SqliteWriter } from "./writer.ts";

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
  expect(() => openWriter(file.path)).toThrow(/version 99.*up to 2.*newer Duologue/);
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

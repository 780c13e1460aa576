/** The statements of a copy, made from what the tables are. */
import type {
  ChunkDigest,
  CopiedColumn,
  CopiedRow,
  CopiedTable,
  KeyRange,
  RowKey,
} from "../copied-tables.ts";
import { copiedTableNames, lineExpression } from "../copied-tables.ts";
import { numberArray, textArray } from "./arrays.ts";
import type { Answer, Connection, Parameter } from "./connection.ts";

/** Without it, the first queries would be planned as if the tables were empty. */
export const ANALYZE = `ANALYZE ${copiedTableNames.join(", ")}`;

/** The next key is one more than the last one. */
export function setIdentity(table: string): string {
  return `SELECT setval(pg_get_serial_sequence('${table}', 'key'), coalesce(max(key), 1), max(key) IS NOT NULL) FROM ${table}`;
}

export function askDigest(
  connection: Connection,
  table: CopiedTable,
  range: KeyRange,
): Promise<Answer<ChunkDigest>> {
  const { key, where, parameters } = within(table, range);
  return connection.send<ChunkDigest>(
    `SELECT count(*)::float8 AS count,
      ${sha256(`coalesce(string_agg(line, E'\\n' ORDER BY ${key}), '')`)} AS hash
    FROM (SELECT ${key}, ${lineExpression(table)} AS line FROM ${table.name} ${where}) AS r`,
    parameters,
  );
}

export interface RowDigest {
  readonly key: RowKey;
  readonly hash: string;
}

/** By the JSON text of their keys. */
export async function askRowDigests(
  connection: Connection,
  table: CopiedTable,
  range: KeyRange,
): Promise<ReadonlyMap<string, RowDigest>> {
  const { where, parameters } = within(table, range);
  const columns = keyColumns(table);
  const read = columns.map(
    ({ name, type }, index) => `${type === "text" ? name : `${name}::float8`} AS k${index}`,
  );
  const rows = await connection.ask<{ k0: string | number; k1?: string | number; hash: string }>(
    `SELECT ${read.join(", ")}, ${sha256(lineExpression(table))} AS hash FROM ${table.name} ${where}`,
    parameters,
  );
  return new Map(
    rows.map(({ k0, k1, hash }) => {
      const key = k1 === undefined ? [k0] : [k0, k1];
      return [JSON.stringify(key), { key, hash }];
    }),
  );
}

export function sendInsert(
  connection: Connection,
  table: CopiedTable,
  rows: readonly CopiedRow[],
): Promise<unknown> {
  const { name, columns, hasIdentity } = table;
  const values = columns.map((column, index) =>
    arrayOf(
      column,
      rows.map((row) => row[index] ?? null),
    ),
  );
  return connection.send(
    `INSERT INTO ${name} (${columns.map((column) => column.name).join(", ")})
    ${hasIdentity ? "OVERRIDING SYSTEM VALUE" : ""} SELECT * FROM unnest(${arrayPlaces(columns)})`,
    values,
  );
}

export function sendDelete(
  connection: Connection,
  table: CopiedTable,
  keys: readonly RowKey[],
): Promise<unknown> {
  const columns = keyColumns(table);
  const values = columns.map((column, index) =>
    arrayOf(
      column,
      keys.map((key) => key[index] ?? null),
    ),
  );
  const names = columns.map(({ name }) => name).join(", ");
  return connection.send(
    `DELETE FROM ${table.name} WHERE (${names}) IN (SELECT * FROM unnest(${arrayPlaces(columns)}))`,
    values,
  );
}

function within(
  table: CopiedTable,
  { after, upTo }: KeyRange,
): { key: string; where: string; parameters: readonly Parameter[] } {
  const columns = keyColumns(table);
  const key = columns.map(({ name }) => name).join(", ");
  const parameters: Parameter[] = [];
  const bound = (sign: string, values: RowKey): string => {
    const places = columns.map(({ type }, index) => {
      parameters.push(values[index] ?? null);
      return `$${parameters.length}::${type}`;
    });
    return `(${key}) ${sign} (${places.join(", ")})`;
  };
  const bounds = [
    ...(after === undefined ? [] : [bound(">", after)]),
    ...(upTo === undefined ? [] : [bound("<=", upTo)]),
  ];
  return { key, where: bounds.length === 0 ? "" : `WHERE ${bounds.join(" AND ")}`, parameters };
}

function keyColumns({ columns, keyLength }: CopiedTable): readonly CopiedColumn[] {
  return columns.slice(0, keyLength);
}

function arrayPlaces(columns: readonly CopiedColumn[]): string {
  return columns.map(({ type }, index) => `$${index + 1}::${type}[]`).join(", ");
}

function arrayOf({ type }: CopiedColumn, cells: readonly (string | number | null)[]): string {
  return type === "text" || type === "uuid"
    ? textArray(cells as readonly (string | null)[])
    : numberArray(cells as readonly (number | null)[]);
}

function sha256(expression: string): string {
  return `encode(sha256(convert_to(${expression}, 'UTF8')), 'hex')`;
}

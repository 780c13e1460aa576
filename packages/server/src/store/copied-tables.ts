/**
 * What a copy from one kind of store into another is made of: the tables as both hold them, and one form in which their
 * rows are written down, so that each side computes the same hash of the same rows by itself.
 */

export type Cell = string | number | null;
/** In the order of the table's columns. */
export type CopiedRow = readonly Cell[];
/** The cells of the key's columns. */
export type RowKey = readonly (string | number)[];

export interface CopiedColumn {
  /** In PostgreSQL. */
  readonly name: string;
  readonly type: "bigint" | "smallint" | "text" | "uuid";
}

export interface CopiedTable {
  /** In PostgreSQL. */
  readonly name: string;
  /** As people call what it holds. */
  readonly label: string;
  /** The key's columns first. */
  readonly columns: readonly CopiedColumn[];
  readonly keyLength: 1 | 2;
  /** The key is one that PostgreSQL gives by itself, and goes on from the last one. */
  readonly hasIdentity: boolean;
}

/** Rows next to each other in the order of their keys: after `after` and up to `upTo`; undefined: without an end there. */
export interface KeyRange {
  readonly after: RowKey | undefined;
  readonly upTo: RowKey | undefined;
}

/** All rows of a range. */
export interface Chunk extends KeyRange {
  readonly rows: readonly CopiedRow[];
}

export interface ChunkDigest {
  readonly count: number;
  /** SHA-256 of the rows' lines, in hexadecimal digits. */
  readonly hash: string;
}

/** More rows are not held at once; nor are they hashed, sent or compared at once. */
export const CHUNK_ROWS = 4_096;
/** A chunk ends behind the row with which its texts are so long. */
export const CHUNK_CHARACTERS = 2 * 1_048_576;

function columns(type: CopiedColumn["type"], ...names: readonly string[]): readonly CopiedColumn[] {
  return names.map((name) => ({ name, type }));
}

export const copiedTables = {
  person: {
    name: "person",
    label: "users",
    columns: [
      ...columns("bigint", "key"),
      ...columns("text", "id", "name", "kind"),
      ...columns("bigint", "created_at", "seen_at", "position"),
    ],
    keyLength: 1,
    hasIdentity: true,
  },
  person_word: {
    name: "person_word",
    label: "words of names",
    columns: [...columns("text", "word"), ...columns("bigint", "person")],
    keyLength: 2,
    hasIdentity: false,
  },
  session: {
    name: "session",
    label: "sessions",
    columns: [
      ...columns("text", "id"),
      ...columns("bigint", "person", "expires_at"),
      ...columns("smallint", "ended"),
    ],
    keyLength: 1,
    hasIdentity: false,
  },
  conversation: {
    name: "conversation",
    label: "conversations",
    columns: [
      ...columns("bigint", "key"),
      ...columns("text", "id"),
      ...columns(
        "bigint",
        "a",
        "b",
        "opener",
        "created_at",
        "last_seq",
        "last_time",
        "last_message",
        "changed",
      ),
      ...columns("bigint", "a_delivered", "a_read", "b_delivered", "b_read", "a_unread", "b_unread"),
    ],
    keyLength: 1,
    hasIdentity: true,
  },
  event: {
    name: "event",
    label: "events",
    columns: [
      ...columns("bigint", "conversation", "seq", "position", "sender"),
      ...columns("uuid", "client_id"),
      ...columns("bigint", "time", "target", "reply_to", "revision"),
      ...columns("smallint", "kind", "retracted"),
      ...columns("text", "body"),
    ],
    keyLength: 2,
    hasIdentity: false,
  },
} as const satisfies Record<string, CopiedTable>;

export type CopiedTableName = keyof typeof copiedTables;

/** Those that others point to come first. */
export const copiedTableNames: readonly CopiedTableName[] = [
  "person",
  "person_word",
  "session",
  "conversation",
  "event",
];

export function keyOf({ keyLength }: CopiedTable, row: CopiedRow): RowKey {
  return row.slice(0, keyLength).map((cell) => cell ?? 0);
}

/**
 * A row as one line, of which there is no second reading: numbers as digits, texts behind their length in bytes of UTF-8,
 * what is not there as a hyphen, a space between.
 */
export function lineOf({ columns: all }: CopiedTable, row: CopiedRow): string {
  return all.map(({ type }, index) => wordOf(type, row[index] ?? null)).join(" ");
}

function wordOf(type: CopiedColumn["type"], cell: Cell): string {
  if (cell === null) return "-";
  return type === "text" ? `${Buffer.byteLength(String(cell))}:${cell}` : String(cell);
}

/** `lineOf` as an expression of PostgreSQL. */
export function lineExpression({ columns: all }: CopiedTable): string {
  const words = all.map(({ name, type }) => {
    const text = type === "text" ? `octet_length(${name}) || ':' || ${name}` : `${name}::text`;
    return `coalesce(${text}, '-')`;
  });
  return words.join(" || ' ' || ");
}

export function hashOf(lines: readonly string[]): string {
  return new Bun.CryptoHasher("sha256").update(lines.join("\n")).digest("hex");
}

/** For people. */
export function showRange(
  { columns: all, keyLength, label }: CopiedTable,
  { after, upTo }: KeyRange,
): string {
  const names = all
    .slice(0, keyLength)
    .map(({ name }) => name)
    .join(", ");
  const show = (key: RowKey): string => JSON.stringify(key).slice(0, 200);
  const parts = [
    ...(after === undefined ? [] : [`after ${show(after)}`]),
    ...(upTo === undefined ? [] : [`up to ${show(upTo)}`]),
  ];
  return parts.length === 0 ? `any of the ${label}` : `${label} with (${names}) ${parts.join(" and ")}`;
}

/**
 * What nodes say to each other about who is there, as JSON. Whoever can publish on the bus can write anything: reading
 * is total, and what it lets through is as its type says and no longer than a list may be.
 */
import { BUS_VERSION } from "../bus/version.ts";
import type { NodeId } from "../ports/node-link.ts";
import { type PresentUser, sharedKind } from "../ports/presence.ts";
import type { UserId, UserKind } from "../ports/store.ts";

const MAX_ENTRIES = 100_000;
const MAX_PARTS = 10_000;
const IDENTIFIER = /^[A-Za-z0-9_-]{1,64}$/;
/** Time of login in ms with 13 digits, node, the node's counter with ten. */
const ORDER = /^\d{13} [A-Za-z0-9_-]{1,64} \d{10}$/;
const ADDRESS = /^[0-9A-Za-z.:[\]%_-]{1,80}$/;
const CONTROL = /[\u0000-\u001f\u007f]/;
const KINDS: readonly string[] = ["guest", "member", "classic"] satisfies UserKind[];

/** Somebody on a node. */
export interface Entry {
  readonly user: PresentUser;
  /** Their place in the list of all nodes, compared as text. */
  readonly order: string;
  /** When they took their name, ms since 1970: the latest holds, whichever node it came to. */
  readonly namedAt: number;
}

interface ListPart {
  /** Of the node's change that it includes. */
  readonly at: number;
  readonly part: number;
  readonly parts: number;
  readonly joined: readonly Entry[];
}

export type NodeMessage = { readonly node: NodeId } & (
  | {
      readonly kind: "alive";
      readonly users: number;
      /** The number of its last change. */
      readonly at: number;
      /** Whether it tells whom it has, or only how many. */
      readonly lists: boolean;
      /** Goes up whenever something that it said may have been lost. */
      readonly losses: number;
    }
  | {
      readonly kind: "change";
      readonly at: number;
      readonly joined: readonly Entry[];
      readonly left: readonly UserId[];
    }
  | ({ readonly kind: "list" } & ListPart)
  /** `of` is to tell its whole list. */
  | { readonly kind: "ask"; readonly of: NodeId }
);

type Fields = Readonly<Record<string, unknown>>;

export function encodeNodeMessage(message: NodeMessage): string {
  if (!("joined" in message)) return JSON.stringify({ v: BUS_VERSION, ...message });
  return JSON.stringify({ v: BUS_VERSION, ...message, joined: message.joined.map(encodeEntry) });
}

/** The same entry, as it stands in a message. */
export function encodeEntry({ user: { id, name, kind, address }, order, namedAt }: Entry): unknown {
  return [id, name, kind, address, order, namedAt];
}

/** Never throws; undefined for what is not as it must be, or of a kind that is not known. */
export function decodeNodeMessage(payload: string): NodeMessage | undefined {
  const fields = parseFields(payload);
  if (fields === undefined || !isIdentifier(fields.node)) return undefined;
  const { node, kind } = fields;
  switch (kind) {
    case "alive":
      return readAlive(node, fields);
    case "change": {
      const joined = readEntries(fields.joined);
      const left = readList(fields.left, (id) => (isIdentifier(id) ? id : undefined));
      const at = fields.at;
      return isCount(at) && joined && left ? { kind, node, at, joined, left } : undefined;
    }
    case "list": {
      const joined = readEntries(fields.joined);
      const { at, part, parts } = fields;
      if (!isCount(at) || !isCount(part) || !isCount(parts) || joined === undefined) return undefined;
      return part < parts && parts <= MAX_PARTS ? { kind, node, at, part, parts, joined } : undefined;
    }
    case "ask":
      return isIdentifier(fields.of) ? { kind, node, of: fields.of } : undefined;
    default:
      return undefined;
  }
}

/** An object of a version that is understood. */
export function parseFields(payload: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(payload);
    if (typeof value !== "object" || value === null) return undefined;
    const fields = value as Fields;
    const version = fields.v;
    return isCount(version) && Math.abs(version - BUS_VERSION) <= 1 ? fields : undefined;
  } catch {
    return undefined;
  }
}

export function encodeFields(fields: Fields): string {
  return JSON.stringify({ v: BUS_VERSION, ...fields });
}

export function isIdentifier(value: unknown): value is string {
  return typeof value === "string" && IDENTIFIER.test(value);
}

export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

export function isName(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= 128 && !CONTROL.test(value);
}

function readAlive(node: NodeId, { users, at, lists, losses }: Fields): NodeMessage | undefined {
  if (!isCount(users) || !isCount(at) || !isCount(losses) || typeof lists !== "boolean") return undefined;
  return { kind: "alive", node, users, at, lists, losses };
}

function readEntries(value: unknown): readonly Entry[] | undefined {
  return readList(value, readEntry);
}

function readEntry(value: unknown): Entry | undefined {
  if (!Array.isArray(value)) return undefined;
  const [id, name, kind, address, order, namedAt] = value as readonly unknown[];
  if (!isIdentifier(id) || !isName(name) || !isCount(namedAt)) return undefined;
  if (typeof kind !== "string" || !KINDS.includes(kind)) return undefined;
  if (typeof address !== "string" || !ADDRESS.test(address)) return undefined;
  if (typeof order !== "string" || !ORDER.test(order)) return undefined;
  return { user: { id, name, kind: sharedKind(kind as UserKind), address }, order, namedAt };
}

/** All of them, or none. */
function readList<T>(value: unknown, read: (item: unknown) => T | undefined): readonly T[] | undefined {
  if (!Array.isArray(value) || value.length > MAX_ENTRIES) return undefined;
  const items: T[] = [];
  for (const item of value as readonly unknown[]) {
    const known = read(item);
    if (known === undefined) return undefined;
    items.push(known);
  }
  return items;
}

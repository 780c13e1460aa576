/**
 * What nodes say to each other about who is there, as JSON. Whoever can publish on the bus can write anything: reading
 * is total, and what it lets through is as its type says, no longer than a list may be, and such that a client takes it.
 */
import { normalizeNickname } from "@duologue/protocol";
import { BROKEN, type Received, UNKNOWN } from "../bus/received.ts";
import { BUS_VERSION } from "../bus/version.ts";
import { sharedKind } from "../link/shared-kind.ts";
import type { NodeId } from "../ports/node-link.ts";
import type { PresentUser } from "../ports/presence.ts";
import type { UserId, UserKind } from "../ports/store.ts";

const MAX_ENTRIES = 100_000;
const MAX_PARTS = 10_000;
/** More than one node can hold: as many nodes as are heard, each with so many, are a sum that a client still takes. */
const MAX_USERS = 10_000_000;
/** Of the clock of the node where a name was taken, beyond this one's: a later time counts as this late. */
const MAX_AHEAD_MS = 5 * 60_000;
const IDENTIFIER = /^[A-Za-z0-9_-]{1,64}$/;
/** Time of login in ms with 13 digits, node, the node's counter with ten. */
const ORDER = /^\d{13} [A-Za-z0-9_-]{1,64} \d{10}$/;
const ADDRESS = /^[0-9A-Za-z.:[\]%_-]{1,80}$/;
/** The widest that an operator may configure (config/limits.ts): nodes may be of different opinions for a while. */
const NAME_LIMITS = { nicknameMinCharacters: 1, nicknameMaxCharacters: 64 };
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
  /** Entries that were passed over, since they are not as they must be. */
  readonly refused?: number;
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
      readonly refused?: number;
    }
  | ({ readonly kind: "list" } & ListPart)
  /** `of` is to tell its whole list. */
  | { readonly kind: "ask"; readonly of: NodeId }
);

export type NodeMessageOf<K extends NodeMessage["kind"]> = Extract<NodeMessage, { kind: K }>;
export type SignOfLife = NodeMessageOf<"alive">;

/** Where all nodes hear all of these. */
export const NODES_SUBJECT = "nodes";

// What follows has no kind today. A version that needs another one gives it a name, and this one passes it over.

/** On `here.<user>`, without a question: the user's name, and when they took it. */
export interface NameTold {
  readonly name: string;
  readonly namedAt: number;
}

/** On `p.<user>`: they have come to the node, or gone from it. */
export interface PresenceTold {
  readonly node: NodeId;
  readonly on: boolean;
}

/** On `name.<hash>`: who would have the name; of nobody in particular where one is only looked for. */
export interface NameClaim {
  readonly id: UserId;
  readonly name: string;
  readonly at: number;
  readonly node: NodeId;
}

type Fields = Readonly<Record<string, unknown>>;

export function encodeNodeMessage(message: NodeMessage): string {
  if (!("joined" in message)) return JSON.stringify({ v: BUS_VERSION, ...message });
  return JSON.stringify({ v: BUS_VERSION, ...message, joined: message.joined.map(encodeEntry) });
}

/** The same entry, as it stands in a message. */
export function encodeEntry({ user: { id, name, kind, address }, order, namedAt }: Entry): unknown {
  return [id, name, kind, address, order, namedAt];
}

/** Never throws, like all that follow. `now`: by this node's clock, ms since 1970. */
export function decodeNodeMessage(payload: string, now: number): Received<NodeMessage> {
  return decode(payload, (fields) => readNodeMessage(fields, now));
}

export function decodeNameTold(payload: string, now: number): Received<NameTold> {
  return decode(payload, ({ name, namedAt, kind }) => {
    if (kind !== undefined) return UNKNOWN;
    return isName(name) && isCount(namedAt) ? taken({ name, namedAt: notAhead(namedAt, now) }) : BROKEN;
  });
}

export function decodePresenceTold(payload: string): Received<PresenceTold> {
  return decode(payload, ({ node, on, kind }) => {
    if (kind !== undefined) return UNKNOWN;
    return isIdentifier(node) && typeof on === "boolean" ? taken({ node, on }) : BROKEN;
  });
}

/** A question that says no more than its version. */
export function decodeQuestion(payload: string): Received<"asked"> {
  return decode(payload, () => taken("asked"));
}

export function decodeNameClaim(payload: string): Received<NameClaim | "anybody"> {
  return decode<NameClaim | "anybody">(payload, ({ id, name, at, node }) => {
    if (id === undefined && name === undefined) return taken("anybody");
    const isClaim = isIdentifier(id) && isName(name) && isCount(at) && isIdentifier(node);
    return isClaim ? taken({ id, name, at, node }) : BROKEN;
  });
}

/** An object of a version that is understood. */
function decode<T>(payload: string, read: (fields: Fields) => Received<T>): Received<T> {
  const fields = parseObject(payload);
  if (fields === undefined || !isCount(fields.v)) return BROKEN;
  if (Math.abs(fields.v - BUS_VERSION) <= 1) return read(fields);
  return { kind: "foreign", node: isIdentifier(fields.node) ? fields.node : undefined, version: fields.v };
}

function taken<T>(note: T): Received<T> {
  return { kind: "note", note };
}

function parseObject(payload: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(payload);
    return typeof value === "object" && value !== null ? (value as Fields) : undefined;
  } catch {
    return undefined;
  }
}

function readNodeMessage(fields: Fields, now: number): Received<NodeMessage> {
  const { node, kind, at } = fields;
  if (!isIdentifier(node) || typeof kind !== "string") return BROKEN;
  switch (kind) {
    case "alive":
      return readAlive(node, fields);
    case "change": {
      const entries = readEntries(fields.joined, now);
      const { left } = fields;
      if (!isCount(at) || entries === undefined || !isListOfIdentifiers(left)) return BROKEN;
      return taken({ kind, node, at, left, ...entries });
    }
    case "list": {
      const entries = readEntries(fields.joined, now);
      const { part, parts } = fields;
      if (!isCount(at) || !isCount(part) || !isCount(parts) || entries === undefined) return BROKEN;
      return part < parts && parts <= MAX_PARTS ? taken({ kind, node, at, part, parts, ...entries }) : BROKEN;
    }
    case "ask":
      return isIdentifier(fields.of) ? taken({ kind, node, of: fields.of }) : BROKEN;
    default:
      return UNKNOWN;
  }
}

export function encodeFields(fields: Fields): string {
  return JSON.stringify({ v: BUS_VERSION, ...fields });
}

export function isIdentifier(value: unknown): value is string {
  return typeof value === "string" && IDENTIFIER.test(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** As people may choose it, or rather as it stands after they have: the rules NK1 to NK3, and of classic names (CL1). */
function isName(value: unknown): value is string {
  if (typeof value !== "string" || value.length > 2 * NAME_LIMITS.nicknameMaxCharacters) return false;
  const outcome = normalizeNickname(value, NAME_LIMITS);
  return outcome.ok && outcome.name === value;
}

function notAhead(time: number, now: number): number {
  return Math.min(time, now + MAX_AHEAD_MS);
}

function readAlive(node: NodeId, { users, at, lists, losses }: Fields): Received<NodeMessage> {
  if (!isCount(users) || !isCount(at) || !isCount(losses) || typeof lists !== "boolean") return BROKEN;
  return users <= MAX_USERS ? taken({ kind: "alive", node, users, at, lists, losses }) : BROKEN;
}

/** Those that are as they must be: one that is not must not cost the others their place in the list. */
function readEntries(
  value: unknown,
  now: number,
): { readonly joined: readonly Entry[]; readonly refused: number } | undefined {
  if (!Array.isArray(value) || value.length > MAX_ENTRIES) return undefined;
  const joined = (value as readonly unknown[]).flatMap((item) => readEntry(item, now) ?? []);
  return { joined, refused: value.length - joined.length };
}

function readEntry(value: unknown, now: number): Entry | undefined {
  if (!Array.isArray(value)) return undefined;
  const [id, name, kind, address, order, namedAt] = value as readonly unknown[];
  if (!isIdentifier(id) || !isName(name) || !isCount(namedAt)) return undefined;
  if (typeof kind !== "string" || !KINDS.includes(kind)) return undefined;
  if (typeof address !== "string" || !ADDRESS.test(address)) return undefined;
  if (typeof order !== "string" || !ORDER.test(order)) return undefined;
  const user: PresentUser = { id, name, kind: sharedKind(kind as UserKind), address };
  return { user, order, namedAt: notAhead(namedAt, now) };
}

function isListOfIdentifiers(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length <= MAX_ENTRIES && value.every(isIdentifier);
}

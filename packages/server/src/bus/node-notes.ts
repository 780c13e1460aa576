/**
 * How a note for one user is written for another node: `version node kind word … {json}`. No word begins with a brace,
 * so the JSON begins where the first one stands. A newer version may add words before it and fields in it, which are
 * not looked at here; kinds that are not known are passed over.
 *
 * Whoever can publish on the bus can write anything: reading is total, and what it lets through is as its type says, at
 * most as long as the bus allows, and without control characters, of which one ends a line of the link to a worker.
 */
import { type ClassicFailure, decodeServerFrame } from "@duologue/protocol";
import type { Note } from "../ports/bus.ts";
import type { NodeId } from "../ports/node-link.ts";
import type { Position, UserId } from "../ports/store.ts";
import { BROKEN, type Received, UNKNOWN } from "./received.ts";

const IDENTIFIER = /^[A-Za-z0-9_-]{1,64}$/;
/** As in cursors: below 10^15, which a double holds exactly. */
const NUMBER = /^(0|[1-9]\d{0,14})$/;
const CONTROL = /[\u0000-\u001f\u007f]/;
const FAILURES: Readonly<Record<ClassicFailure, true>> = {
  login: true,
  offline: true,
  too_long: true,
  too_fast: true,
  busy: true,
  full: true,
};
/** More words than any version will have. */
const MAX_WORDS = 32;
const RELAY_CHARACTERS = 65_536;
/** The connection that a change came from is another node's. */
const NO_ORIGIN = 0;

export function encodeNodeNote(version: number, node: NodeId, user: UserId, note: Note): string {
  const head = `${version} ${node} `;
  switch (note.kind) {
    case "event":
      return `${head}event ${note.conversation} ${note.sender} ${note.position} ${note.prev[user] ?? 0} ${note.json}`;
    case "markers":
      return `${head}markers ${note.conversation} ${note.user} ${note.delivered} ${note.read} ${note.unread} ${note.position} ${note.prev[user] ?? 0}`;
    case "typing":
      return `${head}typing ${note.conversation} ${note.user} ${note.active ? 1 : 0}`;
    case "behind":
      return `${head}behind ${note.position}`;
    case "relay":
      return `${head}relay ${note.from} ${JSON.stringify({ text: note.text })}`;
    case "failure":
      return `${head}failure ${note.failure}`;
    case "session-ended":
      return `${head}session-ended ${note.session}`;
    default:
      return note satisfies never;
  }
}

/** Never throws. `user`: whose subject it came on. */
export function decodeNodeNote(version: number, user: UserId, payload: string): Received<Note> {
  if (CONTROL.test(payload)) return BROKEN;
  const brace = payload.indexOf(" {");
  const words = (brace < 0 ? payload : payload.slice(0, brace)).split(" ", MAX_WORDS);
  const json = brace < 0 ? "" : payload.slice(brace + 1);
  const [theirs = "", node = "", kind = "", ...fields] = words;
  if (!NUMBER.test(theirs) || !IDENTIFIER.test(node)) return BROKEN;
  if (Math.abs(Number(theirs) - version) > 1) return { kind: "foreign", node, version: Number(theirs) };
  const note = read(kind, user, fields, json);
  if (note === "unknown") return UNKNOWN;
  return note === undefined ? BROKEN : { kind: "note", note };
}

/** Undefined: not as this kind must be. */
function read(
  kind: string,
  user: UserId,
  words: readonly string[],
  json: string,
): Note | "unknown" | undefined {
  const [first = "", second = "", third = ""] = words;
  switch (kind) {
    case "event":
      return readEvent(user, words, json);
    case "markers":
      return readMarkers(user, words);
    case "typing": {
      if (!areIdentifiers(first, second) || !/^[01]$/.test(third)) return undefined;
      return { kind, conversation: first, user: second, active: third === "1" };
    }
    case "behind":
      return NUMBER.test(first) ? { kind, position: Number(first) } : undefined;
    case "relay": {
      const text = readText(json);
      return areIdentifiers(first) && text !== undefined ? { kind, from: first, text } : undefined;
    }
    case "failure":
      return isFailure(first) ? { kind, failure: first } : undefined;
    case "session-ended":
      return areIdentifiers(first) ? { kind, session: first } : undefined;
    default:
      return "unknown";
  }
}

function readEvent(user: UserId, words: readonly string[], json: string): Note | undefined {
  const [conversation = "", sender = "", ...numbers] = words;
  const [position, prev] = readNumbers(numbers, 2);
  if (!areIdentifiers(conversation, sender) || position === undefined || prev === undefined) return undefined;
  // As it will be completed for the client; what follows its last brace would end up in the middle.
  const frame = decodeServerFrame(`${json.slice(0, -1)},"cursor":"e.${position}","prev":"e.${prev}"}`);
  if (!json.endsWith("}") || !frame.ok || frame.frame.type !== "event") return undefined;
  if (frame.frame.conversation !== conversation || frame.frame.from !== sender) return undefined;
  return { kind: "event", conversation, sender, origin: NO_ORIGIN, position, prev: { [user]: prev }, json };
}

function readMarkers(user: UserId, words: readonly string[]): Note | undefined {
  const [conversation = "", marker = "", ...numbers] = words;
  if (!areIdentifiers(conversation, marker)) return undefined;
  const [delivered, read, unread, position, prev] = readNumbers(numbers, 5);
  if (delivered === undefined || read === undefined || unread === undefined) return undefined;
  if (position === undefined || prev === undefined) return undefined;
  return {
    kind: "markers",
    conversation,
    user: marker,
    delivered,
    read,
    unread,
    position,
    prev: { [user]: prev },
  };
}

/** As many as are asked for, or none. */
function readNumbers(words: readonly string[], count: number): readonly Position[] {
  const wanted = words.slice(0, count);
  return wanted.length === count && wanted.every((word) => NUMBER.test(word)) ? wanted.map(Number) : [];
}

function readText(json: string): string | undefined {
  try {
    const { text } = JSON.parse(json) as { readonly text?: unknown };
    return typeof text === "string" && text.length <= RELAY_CHARACTERS ? text : undefined;
  } catch {
    return undefined;
  }
}

function areIdentifiers(...words: readonly string[]): boolean {
  return words.every((word) => IDENTIFIER.test(word));
}

function isFailure(word: string): word is ClassicFailure {
  return Object.hasOwn(FAILURES, word);
}

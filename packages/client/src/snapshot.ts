/**
 * What a start shows before the server answers, or without it: who the user is, the list, and the last events of what was
 * looked at. Kept as lines of the protocol's own frames, so that its schemas decide whether they can be read again.
 */
import {
  type Conversation,
  decodeServerFrame,
  encodeFrame,
  PROTOCOL_VERSION,
  type ServerFrame,
  type ServerFrameOf,
  type User,
} from "@duologue/protocol";
import type { ServerLimits } from "./client-types.ts";
import type { Environment, Timer } from "./environment.ts";
import {
  SNAPSHOT_BYTES,
  SNAPSHOT_CONVERSATIONS,
  SNAPSHOT_EVENTS,
  SNAPSHOT_TIMELINES,
  SNAPSHOT_WAIT_MS,
} from "./limits.ts";
import type { ClientStorage } from "./storage.ts";
import type { Timeline } from "./timeline.ts";

export interface Known {
  /** The one of the next login: only with it a snapshot is read again. */
  readonly token: string;
  readonly me: User;
  readonly limits: ServerLimits;
  /** Everything up to it is in the rest. */
  readonly cursor: string;
  /** The most important first. */
  readonly conversations: readonly Conversation[];
  /** By conversation, the one looked at last first. */
  readonly timelines: ReadonlyMap<string, Timeline>;
}

export interface SnapshotOptions {
  readonly environment: Environment;
  readonly storage: ClientStorage;
  /** Undefined while there is nothing to keep, or another tab keeps it. */
  readonly known: () => Known | undefined;
}

const KEY = "snapshot";
/** Another number whenever the lines mean something else. */
const FORMAT = 1;
const BYTES = new TextEncoder();

export class Snapshot {
  readonly #options: SnapshotOptions;
  #timer: Timer | undefined;
  /** What the last one was made of. */
  #parts: readonly unknown[] = [];

  constructor(options: SnapshotOptions) {
    this.#options = options;
  }

  /** What this token's owner knew at the last visit. Anything else that is stored is removed. */
  read(token: string): Known | undefined {
    const text = this.#options.storage.list(KEY).get(KEY);
    const known = text === undefined ? undefined : parse(text, token);
    if (known === undefined) this.remove();
    return known;
  }

  /** Something may have changed; it is written once for everything that changes within a while. */
  changed(): void {
    this.#timer ??= this.#options.environment.after(SNAPSHOT_WAIT_MS, () => {
      this.#timer = undefined;
      this.#write();
    });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  remove(): void {
    this.stop();
    this.#parts = [];
    this.#options.storage.remove(KEY);
  }

  #write(): void {
    const known = this.#options.known();
    if (known === undefined) return;
    const { token, me, limits, cursor, conversations, timelines } = known;
    const parts = [token, me, limits, cursor, ...conversations, ...timelines.values()];
    const isSame = parts.length === this.#parts.length && parts.every((part, at) => part === this.#parts[at]);
    if (isSame) return;
    this.#parts = parts;
    this.#options.storage.set(KEY, format(known));
  }
}

function format({ token, me, limits, cursor, conversations, timelines }: Known): string {
  const welcome: ServerFrame = {
    type: "welcome",
    version: PROTOCOL_VERSION,
    user: me,
    token: "-",
    tokenExpiresAt: 0,
    time: 0,
    cursor,
    limits,
  };
  const list = conversations.slice(0, SNAPSHOT_CONVERSATIONS);
  const lines = [
    JSON.stringify({ format: FORMAT, owner: fingerprint(token) }),
    encodeFrame(welcome),
    encodeFrame({ type: "conversations", ref: 1, conversations: list }),
  ];
  const listed = new Set(list.map(({ id }) => id));
  let leftBytes = SNAPSHOT_BYTES - lines.reduce((sum, line) => sum + BYTES.encode(line).length, 0);
  for (const [conversation, timeline] of [...timelines].slice(0, SNAPSHOT_TIMELINES)) {
    if (!listed.has(conversation)) continue;
    const line = encodeFrame(lastEvents(conversation, timeline));
    leftBytes -= BYTES.encode(line).length;
    if (leftBytes < 0) break;
    lines.push(line);
  }
  return lines.join("\n");
}

function lastEvents(conversation: string, timeline: Timeline): ServerFrame {
  const events = timeline.events.slice(-SNAPSHOT_EVENTS);
  const first = events[0]?.seq ?? 0;
  const revisions = timeline.revisions.filter(({ target }) => (target ?? 0) >= first).slice(-SNAPSHOT_EVENTS);
  return { type: "history", ref: 1, conversation, events, revisions, more: first > 1 };
}

/** Undefined when it is somebody else's, of another format, or damaged. */
function parse(text: string, token: string): Known | undefined {
  const [head, ...lines] = text.split("\n");
  if (head !== JSON.stringify({ format: FORMAT, owner: fingerprint(token) })) return undefined;
  let welcome: ServerFrameOf<"welcome"> | undefined;
  let conversations: readonly Conversation[] | undefined;
  const timelines = new Map<string, Timeline>();
  for (const line of lines) {
    const decoded = decodeServerFrame(line);
    if (!decoded.ok) return undefined;
    const { frame } = decoded;
    if (frame.type === "welcome") welcome = frame;
    else if (frame.type === "conversations") conversations = frame.conversations;
    else if (frame.type === "history")
      timelines.set(frame.conversation, { events: frame.events, revisions: frame.revisions });
  }
  if (welcome === undefined || conversations === undefined) return undefined;
  const { user: me, limits, cursor } = welcome;
  return { token, me, limits, cursor, conversations, timelines };
}

/** FNV-1a, 64 bits: tells tokens apart. A snapshot must not hold the token itself: the program decides where that is kept. */
function fingerprint(token: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of BYTES.encode(token))
    hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & 0xffffffffffffffffn;
  return hash.toString(36);
}

/** A small store in memory that keeps SPEC.md's rules for numbers, cursors and markers. */
import {
  type ClientFrameOf,
  type Conversation,
  type ConversationEvent,
  checkText,
  defaultLimits,
  type ErrorCode,
  type Markers,
} from "@duologue/protocol";
import { type FakeUser, FakeUsers } from "./fake-users.ts";

/** Code points of a text in a summary (SPEC HS4). */
const PREVIEW_CHARACTERS = 200;

export interface FakeConversation {
  readonly id: string;
  readonly users: readonly [string, string];
  readonly events: ConversationEvent[];
  readonly markers: Map<string, Markers>;
  /** The position of the last change, for the order of the list. */
  changed: number;
}

export interface FakeDraft {
  readonly conversation: string;
  readonly id: string;
  readonly kind: ConversationEvent["kind"];
  readonly body?: NonNullable<ConversationEvent["body"]>;
  readonly replyTo?: number;
  readonly target?: number;
}

export type FakeAppended =
  | {
      readonly ok: true;
      readonly event: ConversationEvent;
      readonly duplicate: boolean;
      readonly prevs: ReadonlyMap<string, number>;
    }
  | { readonly ok: false; readonly code: ErrorCode };

export class FakeStore {
  epoch = "e";
  readonly users = new FakeUsers();
  readonly conversations = new Map<string, FakeConversation>();
  /** By sender and id. */
  readonly #known = new Map<string, ConversationEvent>();
  #position = 0;

  cursor(position: number): string {
    return `${this.epoch}.${position}`;
  }

  createUser(name: string): FakeUser {
    return this.users.create(name);
  }

  open(one: string, other: string): FakeConversation {
    const users = [one, other].sort() as [string, string];
    const id = `c-${users.join("-")}`;
    const known = this.conversations.get(id);
    if (known !== undefined) return known;
    const markers = new Map(users.map((user) => [user, { delivered: 0, read: 0 }]));
    const made: FakeConversation = { id, users, events: [], markers, changed: 0 };
    this.conversations.set(id, made);
    return made;
  }

  append(sender: string, draft: FakeDraft, now: number): FakeAppended {
    const conversation = this.conversations.get(draft.conversation);
    if (!conversation?.users.includes(sender)) return { ok: false, code: "conversation_unknown" };
    const known = this.#known.get(`${sender} ${draft.id}`);
    if (known !== undefined) {
      return isRepeat(conversation.events[known.seq - 1], known, draft)
        ? { ok: true, event: known, duplicate: true, prevs: new Map() }
        : { ok: false, code: "id_conflict" };
    }
    const problem = problemOf(conversation, sender, draft);
    if (problem !== undefined) return { ok: false, code: problem };
    const seq = conversation.events.length + 1;
    const prevs = this.#advance(conversation, seq);
    const event = {
      type: "event",
      from: sender,
      seq,
      time: now,
      cursor: this.cursor(this.#position),
      ...draft,
    } satisfies ConversationEvent;
    conversation.events.push(event);
    this.#known.set(`${sender} ${draft.id}`, event);
    if (event.kind === "retract") this.#erase(conversation, event.target ?? 0);
    conversation.markers.set(sender, { delivered: seq, read: seq });
    return { ok: true, event, duplicate: false, prevs };
  }

  /** Both users' cursors before the change; undefined when the marker did not move. */
  mark(
    user: string,
    conversation: FakeConversation,
    delivered: number,
    read: number,
  ): ReadonlyMap<string, number> | undefined {
    const before = conversation.markers.get(user) ?? { delivered: 0, read: 0 };
    const after = {
      delivered: Math.max(before.delivered, delivered, read),
      read: Math.max(before.read, read),
    };
    if (after.delivered === before.delivered && after.read === before.read) return undefined;
    conversation.markers.set(user, after);
    return this.#advance(conversation, undefined);
  }

  unread(user: string, conversation: FakeConversation): number {
    const read = conversation.markers.get(user)?.read ?? 0;
    const unread = conversation.events.filter(
      (event) =>
        event.seq > read && event.from !== user && event.kind === "message" && event.retracted !== true,
    );
    return Math.min(unread.length, defaultLimits.unreadCount);
  }

  /** The last message as it reads now, its text cut. */
  #preview({ events }: FakeConversation): ConversationEvent | undefined {
    const last = events.findLast((event) => event.kind === "message");
    if (last === undefined) return undefined;
    const edit = events.findLast((event) => event.kind === "edit" && event.target === last.seq);
    const text = (edit?.body ?? last.body)?.text;
    if (last.retracted === true || text === undefined) return last;
    return { ...last, body: { kind: "text", text: [...text].slice(0, PREVIEW_CHARACTERS).join("") } };
  }

  summary(viewer: string, conversation: FakeConversation): Conversation {
    const peer = conversation.users[conversation.users[0] === viewer ? 1 : 0];
    const last = this.#preview(conversation);
    const seenAt = conversation.events.length === 0 ? undefined : this.users.byId.get(peer)?.seenAt;
    const none = { delivered: 0, read: 0 };
    return {
      id: conversation.id,
      peer: this.users.byId.get(peer)?.user ?? { id: peer, name: "?", kind: "guest" },
      ...(seenAt === undefined ? {} : { peerSeenAt: seenAt }),
      lastSeq: conversation.events.length,
      ...(last === undefined ? {} : { lastMessage: last }),
      mine: conversation.markers.get(viewer) ?? none,
      theirs: conversation.markers.get(peer) ?? none,
      unread: this.unread(viewer, conversation),
      cursor: this.cursor(conversation.changed),
    };
  }

  /** Those that hold an event, the one that changed last first; `next` begins the page after. */
  list(viewer: string, before: string | undefined): { conversations: Conversation[]; next?: string } {
    const end = before === undefined ? undefined : this.#positionOf(before);
    const all = [...this.conversations.values()]
      .filter(({ users, events }) => users.includes(viewer) && events.length > 0)
      .filter(({ changed }) => end === undefined || changed < end)
      .sort((one, other) => other.changed - one.changed);
    const page = all.slice(0, defaultLimits.pageConversations);
    const conversations = page.map((conversation) => this.summary(viewer, conversation));
    const next = page.length < all.length ? conversations.at(-1)?.cursor : undefined;
    return next === undefined ? { conversations } : { conversations, next };
  }

  history(
    conversation: FakeConversation,
    before: number,
    limit: number,
  ): Pick<HistoryPage, "events" | "revisions" | "more"> {
    const earlier = conversation.events.slice(0, before - 1);
    const events = earlier.slice(-limit);
    const seqs = new Set(events.map((event) => event.seq));
    const revisions = conversation.events
      .slice(before - 1)
      .filter((event) => event.kind === "edit" && seqs.has(event.target ?? 0));
    return { events, revisions, more: events.length < earlier.length };
  }

  changes(viewer: string, cursor: string, pageEvents: number, maxEvents: number): FakeChanges {
    const user = this.users.byId.get(viewer);
    const since = this.#positionOf(cursor) ?? -1;
    const position = user?.position ?? 0;
    const log = user?.log.filter((change) => change.position > since) ?? [];
    const tooMany = log.filter((change) => change.seq !== undefined).length > maxEvents;
    if (since < 0 || since > position || tooMany) {
      return { conversations: [], events: [], cursor: this.cursor(position), more: false, reset: true };
    }
    const page = log.slice(0, pageEvents);
    const more = page.length < log.length;
    const events: ConversationEvent[] = [];
    const conversations = new Map<string, Conversation>();
    for (const change of page) {
      const conversation = this.conversations.get(change.conversation);
      if (conversation === undefined) continue;
      conversations.set(conversation.id, this.summary(viewer, conversation));
      const event = change.seq === undefined ? undefined : conversation.events[change.seq - 1];
      if (event !== undefined) events.push(event);
    }
    const end = more ? (page.at(-1)?.position ?? position) : position;
    return { conversations: [...conversations.values()], events, cursor: this.cursor(end), more };
  }

  #positionOf(cursor: string): number | undefined {
    const [, epoch, position] = /^([^.]*)\.(\d{1,15})$/.exec(cursor) ?? [];
    return epoch === this.epoch ? Number(position) : undefined;
  }

  #advance(conversation: FakeConversation, seq: number | undefined): ReadonlyMap<string, number> {
    this.#position += 1;
    conversation.changed = this.#position;
    const prevs = new Map<string, number>();
    for (const id of conversation.users) {
      const user = this.users.byId.get(id);
      if (user === undefined) continue;
      prevs.set(id, user.position);
      user.position = this.#position;
      user.log.push({ position: this.#position, conversation: conversation.id, seq });
    }
    return prevs;
  }

  #erase(conversation: FakeConversation, target: number): void {
    for (const [index, event] of conversation.events.entries()) {
      if (event.seq !== target && !(event.kind === "edit" && event.target === target)) continue;
      const { body: _, ...rest } = event;
      conversation.events[index] = { ...rest, retracted: true };
    }
  }
}

/** Field by field: what a client adds goes no further (SPEC BI2). */
export function draftOf(frame: ClientFrameOf<"send" | "edit" | "retract">): FakeDraft {
  const { id, conversation } = frame;
  if (frame.type === "retract") return { id, conversation, kind: "retract", target: frame.target };
  const body = { kind: "text", text: frame.body.text } as const;
  if (frame.type === "edit") return { id, conversation, kind: "edit", target: frame.target, body };
  const replyTo = frame.replyTo === undefined ? {} : { replyTo: frame.replyTo };
  return { id, conversation, kind: "message", body, ...replyTo };
}

/** `stored` is what became of `known` since: a retracted message has lost its text, so that cannot be compared. */
function isRepeat(
  stored: ConversationEvent | undefined,
  known: ConversationEvent,
  draft: FakeDraft,
): boolean {
  return (
    known.conversation === draft.conversation &&
    known.kind === draft.kind &&
    known.target === draft.target &&
    known.replyTo === draft.replyTo &&
    (stored?.retracted === true || known.body?.text === draft.body?.text)
  );
}

function problemOf({ events }: FakeConversation, sender: string, draft: FakeDraft): ErrorCode | undefined {
  const problem =
    draft.body === undefined ? undefined : checkText(draft.body.text ?? "", defaultLimits.textCharacters);
  if (problem !== undefined) return problem;
  if ((draft.replyTo ?? 0) > events.length) return "seq_unknown";
  if (draft.target === undefined) return undefined;
  const target = events[draft.target - 1];
  if (target === undefined) return "seq_unknown";
  const isOwn = target.from === sender && target.kind === "message" && target.retracted !== true;
  return isOwn ? undefined : "target_invalid";
}

interface HistoryPage {
  readonly events: readonly ConversationEvent[];
  readonly revisions: readonly ConversationEvent[];
  readonly more: boolean;
}

export interface FakeChanges {
  readonly conversations: readonly Conversation[];
  readonly events: readonly ConversationEvent[];
  readonly cursor: string;
  readonly more: boolean;
  readonly reset?: true;
}

/** A small store in memory that keeps SPEC.md's rules for numbers, cursors and markers. */
import type { Conversation, ConversationEvent, ErrorCode, Markers, User } from "@duologue/protocol";

const TEXT_CHARACTERS = 8000;

export const FAKE_LIMITS = {
  frameBytes: 65_536,
  textCharacters: TEXT_CHARACTERS,
  nicknameMinCharacters: 2,
  nicknameMaxCharacters: 32,
  silenceMs: 90_000,
} as const;

export interface FakeUser {
  user: User;
  token: string;
  position: number;
  /** Every change of theirs, oldest first. */
  readonly log: {
    readonly position: number;
    readonly conversation: string;
    readonly seq: number | undefined;
  }[];
}

export interface FakeConversation {
  readonly id: string;
  readonly users: readonly [string, string];
  readonly events: ConversationEvent[];
  readonly markers: Map<string, Markers>;
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
  readonly users = new Map<string, FakeUser>();
  readonly conversations = new Map<string, FakeConversation>();
  /** Tokens that a site has signed, and for whom. */
  readonly hostTokens = new Map<string, FakeUser | "expired">();
  #position = 0;

  cursor(position: number): string {
    return `${this.epoch}.${position}`;
  }

  createUser(name: string): FakeUser {
    const id = `u${this.users.size + 1}`;
    const user: FakeUser = { user: { id, name, kind: "guest" }, token: `token-${id}`, position: 0, log: [] };
    this.users.set(id, user);
    return user;
  }

  /** By the token of a guest or of a host, or as a new guest; otherwise why not. */
  identify(token: string | undefined, nickname: string | undefined): FakeUser | ErrorCode {
    if (token === undefined) return this.createUser(nickname ?? "");
    const member = this.hostTokens.get(token);
    if (member !== undefined) return member === "expired" ? "token_expired" : member;
    const user = [...this.users.values()].find((one) => one.token === token);
    if (user !== undefined && nickname !== undefined) user.user = { ...user.user, name: nickname };
    return user ?? "token_invalid";
  }

  open(one: string, other: string): FakeConversation {
    const users = [one, other].sort() as [string, string];
    const id = `c-${users.join("-")}`;
    const known = this.conversations.get(id);
    if (known !== undefined) return known;
    const markers = new Map(users.map((user) => [user, { delivered: 0, read: 0 }]));
    const made: FakeConversation = { id, users, events: [], markers };
    this.conversations.set(id, made);
    return made;
  }

  append(sender: string, draft: FakeDraft, now: number): FakeAppended {
    const conversation = this.conversations.get(draft.conversation);
    if (!conversation?.users.includes(sender)) return { ok: false, code: "conversation_unknown" };
    const known = conversation.events.find((event) => event.id === draft.id && event.from === sender);
    if (known !== undefined) {
      const same = known.conversation === draft.conversation && known.kind === draft.kind;
      // A retracted message has lost its text, so its repeat cannot be compared with it.
      const sameText = known.retracted === true || known.body?.text === draft.body?.text;
      if (!same || !sameText || known.target !== draft.target) return { ok: false, code: "id_conflict" };
      return { ok: true, event: known, duplicate: true, prevs: new Map() };
    }
    const problem = textProblem(draft);
    if (problem !== undefined) return { ok: false, code: problem };
    if ((draft.replyTo ?? 0) > conversation.events.length) return { ok: false, code: "seq_unknown" };
    if (draft.target !== undefined) {
      const target = conversation.events[draft.target - 1];
      if (target === undefined) return { ok: false, code: "seq_unknown" };
      if (target.from !== sender || target.kind !== "message" || target.retracted === true) {
        return { ok: false, code: "target_invalid" };
      }
    }
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
    if (event.kind === "retract") this.#erase(conversation, event.target ?? 0);
    conversation.markers.set(sender, { delivered: seq, read: seq });
    return { ok: true, event, duplicate: false, prevs };
  }

  /** Both users' cursors before the change; undefined when the marker did not move. */
  mark(user: string, id: string, delivered: number, read: number): ReadonlyMap<string, number> | undefined {
    const conversation = this.conversations.get(id);
    const before = conversation?.markers.get(user);
    if (conversation === undefined || before === undefined) return undefined;
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
    return conversation.events.filter(
      (event) =>
        event.seq > read && event.from !== user && event.kind === "message" && event.retracted !== true,
    ).length;
  }

  summary(viewer: string, conversation: FakeConversation): Conversation {
    const peer = conversation.users[conversation.users[0] === viewer ? 1 : 0];
    const last = conversation.events.findLast((event) => event.kind === "message");
    const none = { delivered: 0, read: 0 };
    return {
      id: conversation.id,
      peer: this.users.get(peer)?.user ?? { id: peer, name: "?", kind: "guest" },
      lastSeq: conversation.events.length,
      ...(last === undefined ? {} : { lastMessage: last }),
      mine: conversation.markers.get(viewer) ?? none,
      theirs: conversation.markers.get(peer) ?? none,
      unread: this.unread(viewer, conversation),
      cursor: this.cursor(this.users.get(viewer)?.position ?? 0),
    };
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
    const user = this.users.get(viewer);
    const since = cursor.startsWith(`${this.epoch}.`) ? Number(cursor.slice(this.epoch.length + 1)) : -1;
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

  #advance(conversation: FakeConversation, seq: number | undefined): ReadonlyMap<string, number> {
    this.#position += 1;
    const prevs = new Map<string, number>();
    for (const id of conversation.users) {
      const user = this.users.get(id);
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

function textProblem(draft: FakeDraft): ErrorCode | undefined {
  if (draft.body === undefined) return undefined;
  const { text = "" } = draft.body;
  if (text.trim() === "") return "text_empty";
  return [...text].length > TEXT_CHARACTERS ? "text_too_long" : undefined;
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

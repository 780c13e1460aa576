/** What a user may read: their conversations, history, and everything that changed since a cursor. */
import type { Conversation, Limits } from "@duologue/protocol";
import type { Presence, PresentUser } from "../ports/presence.ts";
import {
  type ConversationId,
  decodeCursor,
  encodeCursor,
  type HistoryPage,
  type Store,
  type UserId,
  type UserKind,
} from "../ports/store.ts";
import type { Chat } from "./chat.ts";
import { fault, type Outcome } from "./fault.ts";

export interface Changes {
  readonly conversations: readonly Conversation[];
  readonly events: HistoryPage["events"];
  readonly cursor: string;
  readonly more: boolean;
  /** The cursor was too old, from the future or another server's. */
  readonly reset?: true;
}

export interface FoundUser {
  readonly id: UserId;
  readonly name: string;
  readonly kind: UserKind;
  readonly online: boolean;
}

export class Reading {
  constructor(
    private readonly store: Store,
    private readonly presence: Presence,
    private readonly chat: Chat,
    private readonly limits: Limits,
  ) {}

  async cursor(user: UserId): Promise<string> {
    return encodeCursor(this.store.epoch, await this.store.position(user));
  }

  async changes(user: UserId, cursor: string): Promise<Changes> {
    const since = decodeCursor(this.store.epoch, cursor);
    const page =
      since === undefined
        ? undefined
        : await this.store.changes(user, since, this.limits.pageEvents, this.limits.syncEvents);
    if (page === undefined) {
      return { conversations: [], events: [], cursor: await this.cursor(user), more: false, reset: true };
    }
    const { events, position, more } = page;
    const conversations = await this.shown(page.conversations);
    return { conversations, events, cursor: encodeCursor(this.store.epoch, position), more };
  }

  /** Whether something changed for the user that the cursor does not cover. */
  async isBehind(user: UserId, cursor: string): Promise<boolean> {
    return cursor !== (await this.cursor(user));
  }

  async conversation(user: UserId, conversation: ConversationId): Promise<Outcome<Conversation>> {
    const found = await this.store.conversation(user, conversation);
    const [shown] = found === undefined ? [] : await this.shown([found]);
    return shown === undefined ? fault("conversation_unknown") : { ok: true, value: shown };
  }

  /** The page, and what to give as `before` for the next one. */
  async conversations(
    user: UserId,
    before: string | undefined,
  ): Promise<{ readonly conversations: readonly Conversation[]; readonly next: string | undefined }> {
    const position = before === undefined ? undefined : decodeCursor(this.store.epoch, before);
    const limit = this.limits.pageConversations;
    const conversations = await this.shown(await this.store.conversations(user, position, limit));
    return { conversations, next: conversations.length < limit ? undefined : conversations.at(-1)?.cursor };
  }

  async history(
    user: UserId,
    conversation: ConversationId,
    before: number | undefined,
  ): Promise<Outcome<HistoryPage>> {
    if (!(await this.chat.isMember(user, conversation))) return fault("conversation_unknown");
    return { ok: true, value: await this.store.history(conversation, before, this.limits.pageEvents) };
  }

  /** People by name, those online first. Classic visitors are known only while they are online. */
  async search(query: string): Promise<readonly FoundUser[]> {
    const folded = query.normalize("NFKC").toLowerCase().trim();
    if (folded === "") return [];
    const limit = this.limits.searchResults;
    const found = new Map<UserId, FoundUser>();
    for (const user of this.presence.lobby.all()) {
      if (found.size === limit) break;
      const { id, name, kind } = user;
      if (isMatch(user, folded)) found.set(id, { id, name, kind, online: true });
    }
    if (found.size < limit) {
      const stored = (await this.store.findUsers(folded, limit)).filter(({ id }) => !found.has(id));
      const online = await this.presence.findOnline(stored.map(({ id }) => id));
      const known = stored.map(({ id, name, kind }) => ({ id, name, kind, online: online.has(id) }));
      for (const user of onlineFirst(known).slice(0, limit - found.size)) found.set(user.id, user);
    }
    return onlineFirst([...found.values()]);
  }

  /**
   * Nobody is seen last who is there; and where nothing was ever written, the other side has not noticed that they are
   * looked at.
   */
  private async shown(conversations: readonly Conversation[]): Promise<readonly Conversation[]> {
    const isAsked = ({ peerSeenAt, lastSeq }: Conversation): boolean =>
      peerSeenAt !== undefined && lastSeq > 0;
    const online = await this.presence.findOnline(conversations.filter(isAsked).map(({ peer }) => peer.id));
    return conversations.map((conversation) => {
      const { peerSeenAt, ...rest } = withPreview(conversation);
      const isTold = isAsked(conversation) && !online.has(conversation.peer.id);
      return isTold && peerSeenAt !== undefined ? { ...rest, peerSeenAt } : rest;
    });
  }
}

/** Code points of the last message's text in a summary: a list of long ones would not fit a client's outbox. */
const PREVIEW_CHARACTERS = 200;

function withPreview(conversation: Conversation): Conversation {
  const { lastMessage } = conversation;
  const text = lastMessage?.body?.text;
  if (lastMessage === undefined || text === undefined || text.length <= PREVIEW_CHARACTERS)
    return conversation;
  // Two UTF-16 units for each code point at most, and no half of a pair at the end.
  const cut = [...text.slice(0, 2 * PREVIEW_CHARACTERS)].slice(0, PREVIEW_CHARACTERS).join("").toWellFormed();
  return { ...conversation, lastMessage: { ...lastMessage, body: { kind: "text", text: cut } } };
}

function onlineFirst(users: readonly FoundUser[]): readonly FoundUser[] {
  return [...users].sort((one, other) => Number(other.online) - Number(one.online));
}

/** Folding a name costs fifty times what comparing it does, and a search may look at everybody who is online. */
const foldedNames = new WeakMap<PresentUser, string>();

function isMatch(user: PresentUser, folded: string): boolean {
  let name = foldedNames.get(user);
  if (name === undefined) {
    name = user.name.normalize("NFKC").toLowerCase();
    foldedNames.set(user, name);
  }
  return name.startsWith(folded) || name.includes(` ${folded}`);
}

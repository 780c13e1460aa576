/** Writing to one person: who may, what is allowed, and the way into the store. */
import { type Body, checkText, type Limits } from "@duologue/protocol";
import type { Clock } from "../clock.ts";
import type { Bus } from "../ports/bus.ts";
import type { Presence } from "../ports/presence.ts";
import type {
  Appended,
  ConversationId,
  Draft,
  Membership,
  Origin,
  Store,
  UserId,
  UserRecord,
} from "../ports/store.ts";
import { type Fault, fault, type Outcome, refused } from "./fault.ts";

/** Who sends, and from which connection. */
export interface Sender {
  readonly user: UserRecord;
  readonly origin: Origin;
}

/** What a client wants to happen in a conversation. */
export interface Wish {
  readonly conversation: ConversationId;
  readonly id: string;
  readonly kind: Draft["kind"];
  readonly body?: Body | undefined;
  readonly replyTo?: number | undefined;
  readonly target?: number | undefined;
}

/** Who is in a conversation never changes, so it is kept; the oldest goes first. */
const MEMBERSHIP_CACHE = 20_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

export class Chat {
  private readonly memberships = new Map<ConversationId, Membership>();
  /** Classic users of whom it is asked whether they are there: the last of the wishes that wait for it. */
  private readonly finding = new Map<UserId, Promise<void>>();
  /** Those that are being looked up. */
  private readonly asked = new Map<ConversationId, Promise<Membership | undefined>>();

  constructor(
    private readonly store: Store,
    private readonly presence: Presence,
    private readonly bus: Bus,
    private readonly clock: Clock,
    private readonly limits: Limits,
  ) {}

  /**
   * The path of a message. `done` is called once, after the commit or with the reason of the refusal; for one sender
   * and conversation, wishes reach the store in the order of these calls.
   */
  submit(sender: Sender, wish: Wish, done: (outcome: Appended | Fault) => void): void {
    const wrong = wish.body === undefined ? undefined : checkText(wish.body.text, this.limits.textCharacters);
    if (wrong !== undefined) {
      done(fault(wrong));
      return;
    }
    const known = this.memberships.get(wish.conversation);
    if (known !== undefined) {
      this.append(sender, wish, known, done);
      return;
    }
    this.membership(wish.conversation).then(
      (membership) => this.append(sender, wish, membership, done),
      () => done(refused("unavailable")),
    );
  }

  /** The conversation with a user, made when missing. */
  async open(user: UserRecord, peer: UserId): Promise<Outcome<ConversationId>> {
    if (peer === user.id) return fault("self_conversation");
    const now = this.clock.now();
    const present = this.presence.lobby.get(peer);
    const ensure: UserRecord[] = user.kind === "classic" ? [user] : [];
    if (present?.kind === "classic") {
      ensure.push({ id: present.id, name: present.name, kind: "classic", createdAt: now });
    }
    const isNewcomer = now - user.createdAt < this.limits.newcomerHours * HOUR_MS;
    const quota = isNewcomer
      ? { count: this.limits.newcomerConversationsPerMinute, since: now - MINUTE_MS }
      : undefined;
    const opened = await this.store.open({ by: user.id, with: peer, ensure, quota });
    return opened.ok ? { ok: true, value: opened.conversation } : refused(opened.refusal);
  }

  async mark(
    user: UserId,
    conversation: ConversationId,
    delivered: number,
    read: number,
  ): Promise<Outcome<undefined>> {
    const marked = await this.store.mark({ conversation, user, delivered: Math.max(delivered, read), read });
    return marked.ok ? { ok: true, value: undefined } : refused(marked.refusal);
  }

  /** Not stored, not promised: a hint to the other side. */
  async typing(user: UserId, conversation: ConversationId, active: boolean): Promise<Outcome<undefined>> {
    const peer = peerOf(await this.membership(conversation), user);
    if (peer === undefined) return fault("conversation_unknown");
    this.bus.publish([peer.id], { kind: "typing", conversation, user, active });
    return { ok: true, value: undefined };
  }

  /** Whether the user may read the conversation. */
  async isMember(user: UserId, conversation: ConversationId): Promise<boolean> {
    return (await this.peer(user, conversation)) !== undefined;
  }

  /** The other side; undefined when it is not the user's conversation, or there is none. */
  async peer(user: UserId, conversation: ConversationId): Promise<UserId | undefined> {
    return peerOf(await this.membership(conversation), user)?.id;
  }

  private append(
    sender: Sender,
    wish: Wish,
    membership: Membership | undefined,
    done: (outcome: Appended | Fault) => void,
  ): void {
    const peer = peerOf(membership, sender.user.id);
    if (peer === undefined) {
      done(fault("conversation_unknown"));
      return;
    }
    const isOnline = peer.kind === "classic" ? this.presence.isOnline(peer.id) : true;
    const before = this.finding.get(peer.id);
    if (isOnline !== undefined && before === undefined) {
      this.appendTo(sender, wish, peer, isOnline, done);
      return;
    }
    // Each after the one before, whatever becomes known of them meanwhile.
    const found = (before ?? Promise.resolve())
      .then(() => this.presence.findOnline([peer.id]))
      .then(
        (online) => this.appendTo(sender, wish, peer, online.has(peer.id), done),
        () => done(refused("unavailable")),
      )
      .finally(() => {
        if (this.finding.get(peer.id) === found) this.finding.delete(peer.id);
      });
    this.finding.set(peer.id, found);
  }

  private appendTo(
    sender: Sender,
    wish: Wish,
    peer: UserRecord,
    isHere: boolean,
    done: (outcome: Appended | Fault) => void,
  ): void {
    const draft: Draft = {
      conversation: wish.conversation,
      sender: sender.user.id,
      id: wish.id,
      kind: wish.kind,
      body: wish.body === undefined ? undefined : encodeBody(wish.body),
      replyTo: wish.replyTo,
      target: wish.target,
      origin: sender.origin,
      onlyRepeat: peer.kind === "classic" && !isHere,
    };
    this.store.append(draft, (outcome) => done(outcome.ok ? outcome : refused(outcome.refusal)));
  }

  /**
   * Asked for once, however many wait for it: so they go on in the order in which they came, where a store that answers
   * several questions at the same time would mix them up.
   */
  private membership(conversation: ConversationId): Promise<Membership | undefined> {
    const known = this.memberships.get(conversation);
    if (known !== undefined) return Promise.resolve(known);
    const asked = this.asked.get(conversation);
    if (asked !== undefined) return asked;
    const answer = this.findMembership(conversation);
    this.asked.set(conversation, answer);
    return answer;
  }

  private async findMembership(conversation: ConversationId): Promise<Membership | undefined> {
    try {
      const found = await this.store.membership(conversation);
      if (found !== undefined) {
        this.memberships.set(conversation, found);
        const oldest =
          this.memberships.size > MEMBERSHIP_CACHE ? this.memberships.keys().next().value : undefined;
        if (oldest !== undefined) this.memberships.delete(oldest);
      }
      return found;
    } finally {
      this.asked.delete(conversation);
    }
  }
}

/** Undefined for somebody who is not in it, and for a conversation that is not there: the same answer for both. */
function peerOf(membership: Membership | undefined, user: UserId): UserRecord | undefined {
  if (membership === undefined) return undefined;
  const [one, other] = membership.users;
  if (one.id === user) return other;
  return other.id === user ? one : undefined;
}

/** Only the fields that are known: others are ignored (BI2), and no limit bounds them. */
function encodeBody({ kind, text }: Body): string {
  return JSON.stringify({ kind, text });
}

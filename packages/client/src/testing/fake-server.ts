/** A server in memory that keeps SPEC.md's rules for whoever is logged in. */
import {
  type ClientFrame,
  type ClientFrameOf,
  closeTable,
  decodeClientFrame,
  defaultLimits,
  type ErrorCode,
  PROTOCOL_VERSION,
  referenceOf,
  type ServerFrame,
} from "@duologue/protocol";
import type { Timer } from "../environment.ts";
import { type FakeLobby, type FakeLobbyChange, lobbyOf, newsOf, presenceOf } from "./fake-lobby.ts";
import { type FakeLink, FakeNetwork } from "./fake-network.ts";
import {
  draftOf,
  type FakeAppended,
  type FakeConversation,
  type FakeDraft,
  FakeStore,
} from "./fake-store.ts";
import { checkName, type FakeUser } from "./fake-users.ts";

export interface FakeServerOptions {
  /** Milliseconds since 1970; without it, a time of its own, later with each event. */
  readonly now?: () => number;
  /** Without it, who closed the last connection leaves at once. */
  readonly after?: (delayMs: number, run: () => void) => Timer;
  /** Without it, an invalid frame is a fault of the client's, and the test fails. */
  readonly takesInvalid?: boolean;
}

type Command = Exclude<ClientFrame, { type: "hello" }>;

/** As the server's (SPEC LB5). */
const GRACE_MS = 5_000;
const TOKEN_LASTS_MS = 1_000_000;

export class FakeServer extends FakeNetwork {
  readonly store = new FakeStore();
  pageEvents = 5;
  syncEvents = 1000;
  framesPerSecond = 1000;
  answersPings = true;
  /** Users online up to which the lobby names them. */
  lobbyUsers = defaultLimits.lobbyUsers;
  /** The next sends are refused with these, one each. */
  readonly refusals: { code: ErrorCode; retryAfterMs?: number }[] = [];
  readonly #options: FakeServerOptions;
  /** Without a connection, and still there for others. */
  readonly #leaving = new Map<FakeUser, Timer>();
  #now = 1_800_000_000_000;

  constructor(options: FakeServerOptions = {}) {
    super();
    this.#options = options;
  }

  /** Somebody without a client of their own writes. */
  write(sender: string, draft: FakeDraft): FakeAppended {
    const appended = this.store.append(sender, draft, this.#nextTime());
    if (appended.ok && !appended.duplicate) this.#publish(appended, undefined);
    return appended;
  }

  online(): readonly FakeUser[] {
    const here = this.links.flatMap((link) => (link.user && !link.isGone ? [link.user] : []));
    return [...new Set([...here, ...this.#leaving.keys()])];
  }

  protected override left(link: FakeLink, atOnce: boolean): void {
    const { user } = link;
    const { after } = this.#options;
    if (user === undefined || this.links.some((one) => one.user === user && !one.isGone)) return;
    if (after === undefined || atOnce) this.#tellLeft(user);
    else
      this.#leaving.set(
        user,
        after(GRACE_MS, () => this.#tellLeft(user)),
      );
  }

  protected override receive(link: FakeLink, text: string): void {
    const decoded = decodeClientFrame(text);
    const { user } = link;
    if (!decoded.ok) {
      if (this.#options.takesInvalid !== true)
        throw new TypeError(`the client wrote an invalid frame: ${decoded.problem}`);
      this.refuse(link, "frame_invalid", { ...referenceOf(text), detail: decoded.problem });
      if (user === undefined) this.close(link, closeTable.frame_invalid.code);
      return;
    }
    const { frame } = decoded;
    link.taken.push(frame);
    if (user === undefined && frame.type === "hello") this.#login(link, frame);
    else if (user === undefined) {
      this.refuse(link, "hello_expected", referenceOf(text));
      this.close(link, closeTable.frame_invalid.code);
    } else if (frame.type === "hello") this.refuse(link, "hello_repeated");
    else this.#carryOut(link, user, frame);
  }

  #login(link: FakeLink, frame: ClientFrameOf<"hello">): void {
    const user = this.#identify(link, frame);
    if (user === undefined) return;
    const isNew = !this.online().includes(user);
    this.#leaving.get(user)?.cancel();
    this.#leaving.delete(user);
    link.user = user;
    user.seenAt = undefined;
    link.token = frame.token ?? user.token;
    const changes = frame.cursor === undefined ? {} : { changes: this.#changes(user, frame.cursor) };
    const time = this.#options.now?.() ?? this.#now;
    this.push(link, {
      type: "welcome",
      version: PROTOCOL_VERSION,
      user: user.user,
      token: link.token,
      tokenExpiresAt: time + TOKEN_LASTS_MS,
      time,
      cursor: this.store.cursor(user.position),
      limits: {
        frameBytes: defaultLimits.frameBytes,
        textCharacters: defaultLimits.textCharacters,
        nicknameMinCharacters: defaultLimits.nicknameMinCharacters,
        nicknameMaxCharacters: defaultLimits.nicknameMaxCharacters,
        silenceMs: defaultLimits.silenceMs,
        framesPerSecond: this.framesPerSecond,
        pageEvents: this.pageEvents,
        watchedPeers: defaultLimits.watchedPeers,
      },
      ...changes,
    });
    this.push(link, lobbyOf(this.#lobby));
    if (isNew) this.#tellLobby({ joined: [user.user], left: [] }, link);
  }

  /** Undefined: refused and closed. */
  #identify(link: FakeLink, hello: ClientFrameOf<"hello">): FakeUser | undefined {
    const { token, nickname } = hello;
    if (hello.version !== PROTOCOL_VERSION) return this.#refuseHello(link, "version_unsupported");
    if (token === undefined && nickname === undefined) return this.#refuseHello(link, "frame_invalid");
    const known = token === undefined ? undefined : this.store.users.withToken(token);
    if (typeof known === "string") return this.#refuseHello(link, known);
    // A member's name is the site's.
    if (known !== undefined && (nickname === undefined || known.user.kind === "member")) return known;
    const name = checkName(nickname ?? "", this.#namesBesides(known));
    if (!name.ok) return this.#refuseHello(link, name.code, name.suggestion);
    if (known === undefined) return this.store.users.create(name.name);
    this.#rename(known, name.name);
    return known;
  }

  #refuseHello(link: FakeLink, code: ErrorCode, suggestion?: string): undefined {
    this.refuse(link, code, suggestion === undefined ? {} : { suggestion });
    const isOfItsOwn = code === "version_unsupported" || code === "frame_invalid";
    this.close(link, closeTable[isOfItsOwn ? code : "hello_refused"].code);
  }

  #carryOut(link: FakeLink, user: FakeUser, frame: Command): void {
    const { ref } = frame as { readonly ref?: number };
    switch (frame.type) {
      case "send":
      case "edit":
      case "retract":
        this.#append(link, user.user.id, frame);
        return;
      case "mark":
        this.#mark(link, user.user.id, frame);
        return;
      case "typing":
        this.#tellTyping(link, user.user.id, frame);
        return;
      case "ping":
        this.#answerPing(link, user, frame);
        return;
      case "rename":
        this.#onRename(link, user, frame);
        return;
      case "token":
        this.#onToken(link, user, frame);
        return;
      case "logout":
        this.push(link, { type: "logged-out", ref: frame.ref });
        this.#logout(link, user);
        return;
      case "watch":
        this.#watch(link, user, frame);
        return;
      case "sync":
        this.push(link, { type: "changes", ref: frame.ref, ...this.#changes(user, frame.cursor) });
        return;
      default: {
        const answer = this.#answer(user.user.id, frame);
        if (typeof answer === "string") this.refuse(link, answer, { ref });
        else this.push(link, answer);
      }
    }
  }

  /** Of requests that only read. */
  #answer(
    me: string,
    frame: ClientFrameOf<"search" | "conversations" | "history" | "open">,
  ): ServerFrame | ErrorCode {
    const { ref } = frame;
    const { store } = this;
    switch (frame.type) {
      case "search":
        return { type: "users", ref, users: this.store.users.search(frame.query, this.online()) };
      case "conversations":
        return { type: "conversations", ref, ...store.list(me, frame.before) };
      case "history": {
        const conversation = this.#conversationOf(me, frame.conversation);
        if (conversation === undefined) return "conversation_unknown";
        const before = frame.before ?? conversation.events.length + 1;
        const page = store.history(conversation, before, this.pageEvents);
        return { type: "history", ref, conversation: conversation.id, ...page };
      }
      case "open": {
        const { user, conversation: id } = frame;
        if (user === me) return "self_conversation";
        if (user === undefined && id === undefined) return "frame_invalid";
        if (user !== undefined && !store.users.byId.has(user)) return "user_unknown";
        const opened = user === undefined ? this.#conversationOf(me, id ?? "") : store.open(me, user);
        if (opened === undefined) return "conversation_unknown";
        return { type: "conversation", ref, conversation: store.summary(me, opened) };
      }
      default:
        return frame satisfies never;
    }
  }

  #append(link: FakeLink, me: string, frame: ClientFrameOf<"send" | "edit" | "retract">): void {
    const refusal = this.refusals.shift();
    if (refusal !== undefined) {
      const { code, ...rest } = refusal;
      this.refuse(link, code, { id: frame.id, ...rest });
      return;
    }
    const appended = this.store.append(me, draftOf(frame), this.#nextTime());
    if (!appended.ok) {
      this.refuse(link, appended.code, { id: frame.id });
      return;
    }
    const { event, duplicate, prevs } = appended;
    const { id, conversation, seq, time } = event;
    const ack = { type: "ack", id, conversation, seq, time } as const;
    if (duplicate) {
      this.push(link, { ...ack, duplicate: true });
      return;
    }
    this.push(link, { ...ack, cursor: event.cursor, prev: this.store.cursor(prevs.get(me) ?? 0) });
    this.#publish(appended, link);
  }

  #publish(appended: FakeAppended & { readonly ok: true }, origin: FakeLink | undefined): void {
    const { event, prevs } = appended;
    for (const link of this.#linksOf(this.store.conversations.get(event.conversation), origin)) {
      const prev = prevs.get(link.user?.user.id ?? "") ?? 0;
      this.push(link, { ...event, prev: this.store.cursor(prev) });
    }
  }

  #mark(link: FakeLink, me: string, frame: ClientFrameOf<"mark">): void {
    const conversation = this.#conversationOf(me, frame.conversation);
    if (conversation === undefined) {
      this.refuse(link, "conversation_unknown");
      return;
    }
    const { delivered = 0, read = 0 } = frame;
    if (Math.max(delivered, read) > conversation.events.length) {
      this.refuse(link, "seq_unknown");
      return;
    }
    const prevs = this.store.mark(me, conversation, delivered, read);
    const markers = conversation.markers.get(me);
    if (prevs === undefined || markers === undefined) return;
    for (const receiver of this.#linksOf(conversation, undefined)) {
      const { user } = receiver;
      if (user === undefined) continue;
      const own = user.user.id === me ? { unread: this.store.unread(me, conversation) } : {};
      this.push(receiver, {
        type: "markers",
        conversation: conversation.id,
        user: me,
        ...markers,
        ...own,
        cursor: this.store.cursor(user.position),
        prev: this.store.cursor(prevs.get(user.user.id) ?? 0),
      });
    }
  }

  #tellTyping(link: FakeLink, me: string, { conversation: id, active }: ClientFrameOf<"typing">): void {
    const conversation = this.#conversationOf(me, id);
    if (conversation === undefined) this.refuse(link, "conversation_unknown");
    for (const other of this.#linksOf(conversation, link)) {
      if (other.user?.user.id !== me)
        this.push(other, { type: "typing", conversation: id, user: me, active });
    }
  }

  #answerPing(link: FakeLink, user: FakeUser, { ref, cursor }: ClientFrameOf<"ping">): void {
    if (!this.answersPings) return;
    const behind = cursor !== undefined && cursor !== this.store.cursor(user.position);
    const pong = { type: "pong", time: this.#options.now?.() ?? this.#now, behind } as const;
    this.push(link, ref === undefined ? pong : { ...pong, ref });
  }

  #onRename(link: FakeLink, user: FakeUser, { ref, nickname }: ClientFrameOf<"rename">): void {
    const name = checkName(nickname, this.#namesBesides(user));
    if (user.user.kind === "member") this.refuse(link, "nickname_fixed", { ref });
    else if (!name.ok) {
      const { code, suggestion } = name;
      this.refuse(link, code, suggestion === undefined ? { ref } : { ref, suggestion });
    } else {
      this.#rename(user, name.name);
      this.push(link, { type: "renamed", ref, user: user.user });
    }
  }

  #rename(user: FakeUser, name: string): void {
    user.user = { ...user.user, name };
    if (this.online().includes(user)) this.#tellLobby({ joined: [user.user], left: [] });
  }

  #onToken(link: FakeLink, user: FakeUser, { ref, token }: ClientFrameOf<"token">): void {
    const { users } = this.store;
    const found = users.withToken(token);
    if (typeof found === "string") this.refuse(link, found, { ref });
    else if (found !== user || !users.isHostToken(token)) this.refuse(link, "token_invalid", { ref });
    else {
      link.token = token;
      const expiresAt = (this.#options.now?.() ?? this.#now) + TOKEN_LASTS_MS;
      this.push(link, { type: "token-accepted", ref, user: user.user, expiresAt });
    }
  }

  #logout({ token }: FakeLink, user: FakeUser): void {
    this.store.users.end(token);
    for (const link of this.links) {
      if (link.user === user && link.token === token) this.close(link, closeTable.logged_out.code, true);
    }
  }

  #tellLeft(user: FakeUser): void {
    this.#leaving.delete(user);
    user.seenAt = this.#options.now?.() ?? this.#now;
    this.#tellLobby({ joined: [], left: [user.user.id] });
    this.onWork();
  }

  get #lobby(): FakeLobby {
    return { online: this.online(), most: this.lobbyUsers };
  }

  #tellLobby(change: FakeLobbyChange, except?: FakeLink): void {
    for (const link of this.links) {
      if (link.user === undefined || link === except) continue;
      for (const frame of newsOf(this.#lobby, change, link.watched)) this.push(link, frame);
    }
  }

  #watch(link: FakeLink, me: FakeUser, { ref, conversations }: ClientFrameOf<"watch">): void {
    const found = conversations.map((id) => this.#conversationOf(me.user.id, id));
    if (conversations.length > defaultLimits.watchedPeers) this.refuse(link, "too_many_watched", { ref });
    else if (found.includes(undefined)) this.refuse(link, "conversation_unknown", { ref });
    else {
      link.watched = found.flatMap((one) => one?.users.filter((user) => user !== me.user.id) ?? []);
      this.push(link, { ...presenceOf(this.#lobby, link.watched), ref });
    }
  }

  #changes(user: FakeUser, cursor: string): ReturnType<FakeStore["changes"]> {
    return this.store.changes(user.user.id, cursor, this.pageEvents, this.syncEvents);
  }

  #conversationOf(me: string, id: string): FakeConversation | undefined {
    const found = this.store.conversations.get(id);
    return found?.users.includes(me) ? found : undefined;
  }

  #linksOf(conversation: FakeConversation | undefined, except: FakeLink | undefined): readonly FakeLink[] {
    return this.links.filter((link) => {
      const id = link.user?.user.id;
      return link !== except && !link.isGone && id !== undefined && conversation?.users.includes(id);
    });
  }

  #namesBesides(user: FakeUser | undefined): readonly string[] {
    return this.online().flatMap((one) => (one === user ? [] : [one.user.name]));
  }

  #nextTime(): number {
    this.#now += 1;
    return this.#options.now?.() ?? this.#now;
  }
}

/** A server in memory behind hand-flushed sockets: nothing moves until the test says so. */
import {
  type ClientFrame,
  type ClientFrameOf,
  decodeClientFrame,
  type ErrorCode,
  encodeFrame,
  errorTable,
  type ServerFrame,
} from "@duologue/protocol";
import type { Socket, SocketEvents } from "../environment.ts";
import {
  FAKE_LIMITS,
  type FakeAppended,
  type FakeConversation,
  type FakeDraft,
  FakeStore,
  type FakeUser,
} from "./fake-store.ts";

/** One connection. What is on its way is in the two queues. */
export class FakeLink {
  readonly events: SocketEvents;
  readonly up: string[] = [];
  readonly down: string[] = [];
  /** All frames that the server took from it, in order. */
  readonly taken: ClientFrame[] = [];
  user: FakeUser | undefined;
  isOpen = false;
  isGone = false;

  constructor(events: SocketEvents) {
    this.events = events;
  }
}

export class FakeServer {
  readonly store = new FakeStore();
  readonly links: FakeLink[] = [];
  pageEvents = 5;
  syncEvents = 1000;
  framesPerSecond = 1000;
  /** Fault switches: a frame that one of these names never leaves. */
  losesHint: (frame: ServerFrame) => boolean = () => false;
  answersPings = true;
  acceptsSockets = true;
  /** The next sends are refused with these, one each. */
  readonly refusals: { code: ErrorCode; retryAfterMs?: number }[] = [];
  /** Called when a client has done something that waits to be moved. */
  onWork: () => void = () => {};
  #now = 1_800_000_000_000;

  openSocket(events: SocketEvents): Socket {
    const link = new FakeLink(events);
    this.links.push(link);
    this.onWork();
    return {
      send: (text) => {
        if (!link.isGone) link.up.push(text);
        this.onWork();
      },
      drop: () => this.#leave(link),
    };
  }

  get last(): FakeLink {
    const link = this.links.at(-1);
    if (link === undefined) throw new RangeError("nobody has connected yet");
    return link;
  }

  /** Moves one thing of one link: opens it, or brings one frame over. False when it has nothing to move. */
  step(link: FakeLink): boolean {
    if (link.isGone) return false;
    if (!link.isOpen) {
      if (!this.acceptsSockets) this.cut(link);
      else {
        link.isOpen = true;
        link.events.opened();
      }
      return true;
    }
    const up = link.up.shift();
    if (up !== undefined) {
      this.#receive(link, up);
      return true;
    }
    const down = link.down.shift();
    if (down === undefined) return false;
    link.events.received(down);
    return true;
  }

  /** Until nothing moves any more; false when nothing had to. */
  flush(): boolean {
    for (let rounds = 0; ; rounds += 1) {
      let moved = false;
      for (const link of [...this.links]) moved = this.step(link) || moved;
      if (!moved) return rounds > 0;
    }
  }

  /** What is on its way is lost, in both directions. */
  cut(link: FakeLink, code = 1006): void {
    if (link.isGone) return;
    this.#leave(link);
    link.events.closed(code);
  }

  push(link: FakeLink, frame: ServerFrame): void {
    if (!link.isGone && !this.losesHint(frame)) link.down.push(encodeFrame(frame));
  }

  refuse(
    link: FakeLink,
    code: ErrorCode,
    request: { ref?: number; id?: string; retryAfterMs?: number } = {},
  ): void {
    const { message, retryable } = errorTable[code];
    this.push(link, { type: "error", code, message, retryable, ...request });
  }

  /** Somebody without a client of their own writes. */
  write(sender: string, draft: FakeDraft): FakeAppended {
    this.#now += 1;
    const appended = this.store.append(sender, draft, this.#now);
    if (appended.ok && !appended.duplicate) this.#publish(appended, undefined);
    return appended;
  }

  online(): readonly FakeUser[] {
    return [...new Set(this.links.flatMap((link) => (link.user && !link.isGone ? [link.user] : [])))];
  }

  #leave(link: FakeLink): void {
    if (link.isGone) return;
    link.isGone = true;
    link.up.length = 0;
    link.down.length = 0;
    const { user } = link;
    const online = this.online();
    if (user === undefined || online.includes(user)) return;
    this.#toAll({ type: "lobby-change", count: online.length, joined: [], left: [user.user.id] });
  }

  #receive(link: FakeLink, text: string): void {
    const decoded = decodeClientFrame(text);
    if (!decoded.ok) throw new TypeError(`the client wrote an invalid frame: ${decoded.problem}`);
    const { frame } = decoded;
    link.taken.push(frame);
    const { user } = link;
    if (frame.type === "hello") this.#login(link, frame);
    else if (user !== undefined) this.#carryOut(link, user, frame);
  }

  #login(link: FakeLink, frame: ClientFrameOf<"hello">): void {
    const user = this.store.identify(frame.token, frame.nickname);
    if (typeof user === "string") {
      this.refuse(link, user);
      while (link.down.length > 0) this.step(link);
      this.cut(link, 4501);
      return;
    }
    const isNew = !this.online().includes(user);
    link.user = user;
    const changes = frame.cursor === undefined ? {} : { changes: this.#changes(user, frame.cursor) };
    this.push(link, {
      type: "welcome",
      version: 1,
      user: user.user,
      token: frame.token ?? user.token,
      tokenExpiresAt: this.#now + 1_000_000,
      time: this.#now,
      cursor: this.store.cursor(user.position),
      limits: { ...FAKE_LIMITS, framesPerSecond: this.framesPerSecond, pageEvents: this.pageEvents },
      ...changes,
    });
    const online = this.online();
    this.push(link, { type: "lobby", count: online.length, users: online.map((one) => one.user) });
    if (isNew) {
      this.#toAll({ type: "lobby-change", count: online.length, joined: [user.user], left: [] }, link);
    }
  }

  #carryOut(link: FakeLink, user: FakeUser, frame: Exclude<ClientFrame, { type: "hello" }>): void {
    const me = user.user.id;
    switch (frame.type) {
      case "send":
      case "edit":
      case "retract":
        this.#append(link, me, frame);
        return;
      case "mark":
        this.#mark(link, me, frame);
        return;
      case "open":
        this.#open(link, me, frame);
        return;
      case "typing":
        for (const other of this.#linksOf(this.store.conversations.get(frame.conversation), link)) {
          if (other.user !== user)
            this.push(other, {
              type: "typing",
              conversation: frame.conversation,
              user: me,
              active: frame.active,
            });
        }
        return;
      case "sync":
        this.push(link, { type: "changes", ref: frame.ref, ...this.#changes(user, frame.cursor) });
        return;
      case "ping":
        if (!this.answersPings) return;
        this.push(link, {
          type: "pong",
          time: this.#now,
          behind: frame.cursor !== this.store.cursor(user.position),
        });
        return;
      case "rename":
        user.user = { ...user.user, name: frame.nickname };
        this.push(link, { type: "renamed", ref: frame.ref, user: user.user });
        this.#toAll({ type: "lobby-change", count: this.online().length, joined: [user.user], left: [] });
        return;
      case "token": {
        const found = this.store.identify(frame.token, undefined);
        if (found !== user)
          this.refuse(link, typeof found === "string" ? found : "token_invalid", { ref: frame.ref });
        else
          this.push(link, {
            type: "token-accepted",
            ref: frame.ref,
            user: user.user,
            expiresAt: this.#now + 1_000_000,
          });
        return;
      }
      case "logout":
        user.token = "";
        this.push(link, { type: "logged-out", ref: frame.ref });
        for (const other of this.links) {
          if (other.user !== user || other.isGone) continue;
          while (other.down.length > 0) this.step(other);
          this.cut(other, 4503);
        }
        return;
      default:
        this.#read(link, me, frame);
    }
  }

  #read(link: FakeLink, me: string, frame: ClientFrameOf<"search" | "conversations" | "history">): void {
    const { ref } = frame;
    switch (frame.type) {
      case "search": {
        const found = [...this.store.users.values()].filter((one) => one.user.name.startsWith(frame.query));
        const online = new Set(this.online());
        this.push(link, {
          type: "users",
          ref,
          users: found.map((one) => ({ ...one.user, online: online.has(one) })),
        });
        return;
      }
      case "conversations": {
        const mine = [...this.store.conversations.values()].filter(
          (one) => one.users.includes(me) && one.events.length > 0,
        );
        this.push(link, {
          type: "conversations",
          ref,
          conversations: mine.map((one) => this.store.summary(me, one)),
        });
        return;
      }
      case "history": {
        const conversation = this.store.conversations.get(frame.conversation);
        if (!conversation?.users.includes(me)) {
          this.refuse(link, "conversation_unknown", { ref });
          return;
        }
        const page = this.store.history(
          conversation,
          frame.before ?? conversation.events.length + 1,
          this.pageEvents,
        );
        this.push(link, { type: "history", ref, conversation: conversation.id, ...page });
        return;
      }
      default:
        frame satisfies never;
    }
  }

  #open(link: FakeLink, me: string, frame: ClientFrameOf<"open">): void {
    const { ref, user, conversation: id } = frame;
    if (user === me) {
      this.refuse(link, "self_conversation", { ref });
      return;
    }
    if (user !== undefined && !this.store.users.has(user)) {
      this.refuse(link, "user_unknown", { ref });
      return;
    }
    const conversation =
      user === undefined ? this.store.conversations.get(id ?? "") : this.store.open(me, user);
    if (!conversation?.users.includes(me)) {
      this.refuse(link, "conversation_unknown", { ref });
      return;
    }
    this.push(link, { type: "conversation", ref, conversation: this.store.summary(me, conversation) });
  }

  #append(link: FakeLink, me: string, frame: ClientFrameOf<"send" | "edit" | "retract">): void {
    const refusal = this.refusals.shift();
    if (refusal !== undefined) {
      const { code, ...rest } = refusal;
      this.refuse(link, code, { id: frame.id, ...rest });
      return;
    }
    const { type, ...content } = frame;
    this.#now += 1;
    const appended = this.store.append(
      me,
      { ...content, kind: type === "send" ? "message" : type },
      this.#now,
    );
    if (!appended.ok) {
      this.refuse(link, appended.code, { id: frame.id });
      return;
    }
    const { event, duplicate, prevs } = appended;
    const common = {
      type: "ack",
      id: event.id,
      conversation: event.conversation,
      seq: event.seq,
      time: event.time,
    } as const;
    if (duplicate) {
      this.push(link, { ...common, duplicate: true });
      return;
    }
    this.push(link, { ...common, cursor: event.cursor, prev: this.store.cursor(prevs.get(me) ?? 0) });
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
    const conversation = this.store.conversations.get(frame.conversation);
    if (Math.max(frame.delivered ?? 0, frame.read ?? 0) > (conversation?.events.length ?? 0)) {
      this.refuse(link, "seq_unknown");
      return;
    }
    const prevs = this.store.mark(me, frame.conversation, frame.delivered ?? 0, frame.read ?? 0);
    const markers = conversation?.markers.get(me);
    if (prevs === undefined || conversation === undefined || markers === undefined) return;
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

  #changes(user: FakeUser, cursor: string): ReturnType<FakeStore["changes"]> {
    return this.store.changes(user.user.id, cursor, this.pageEvents, this.syncEvents);
  }

  #linksOf(conversation: FakeConversation | undefined, except: FakeLink | undefined): readonly FakeLink[] {
    return this.links.filter((link) => {
      const id = link.user?.user.id;
      return link !== except && !link.isGone && id !== undefined && conversation?.users.includes(id);
    });
  }

  #toAll(frame: ServerFrame, except?: FakeLink): void {
    for (const link of this.links) {
      if (link.user !== undefined && link !== except) this.push(link, frame);
    }
  }
}

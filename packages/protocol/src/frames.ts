/** The frames of duologue.v1: schemas, and the types read from them. Meaning and rules are in SPEC.md. */
import {
  array,
  boolean,
  type Infer,
  integer,
  literal,
  object,
  openOneOf,
  optional,
  tagged,
  text,
} from "./schema.ts";

export const SUBPROTOCOL = "duologue.v1";
export const PROTOCOL_VERSION = 1;

const MAX = Number.MAX_SAFE_INTEGER;
const identifier = text({
  min: 1,
  max: 64,
  pattern: /^[A-Za-z0-9_-]+$/,
  note: "an opaque name made by the server",
});
/** Opaque to clients; they may only compare two for equality and give them back. */
const cursor = text({ min: 1, max: 64, pattern: /^[A-Za-z0-9._-]+$/, note: "opaque" });
const ref = integer(0, MAX);
const seq = integer(1, MAX);
const seqOrZero = integer(0, MAX);
const time = integer(0, MAX);
const messageId = text({
  min: 36,
  max: 36,
  pattern: /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/,
  note: "a UUID, version 7 preferred (RFC 9562), made once by the client and kept over every retry",
});
const nickname = text({ max: 128 });
/** Room for a JWT signed by RSA with a key of 4096 bits. */
const token = text({ min: 1, max: 3000 });
const count = integer(0, MAX);

export function isMessageId(value: unknown): value is string {
  return messageId.check(value, "") === undefined;
}

/** What a message holds. `kind` leaves room for files, calls and ciphertext; a client shows a placeholder for others. */
export const bodySchema = tagged("kind", {
  text: object("text body", { kind: literal("text"), text: text({ max: 65_536 }) }),
});

/** As a client may get it: of a kind it does not know, of which it keeps the kind and shows a placeholder. */
const receivedBodySchema = object("received body", {
  kind: openOneOf("text"),
  text: optional(text({ max: 65_536 })),
});

export const userSchema = object("user", {
  id: identifier,
  name: nickname,
  /**
   * `member`: of the site that embeds the server, who logs in by its token (rules HT). `classic`: a visitor over the
   * tutorial's protocol, who lives as long as the connection.
   */
  kind: openOneOf("guest", "member", "classic"),
});

export const eventSchema = object("event", {
  type: literal("event"),
  conversation: identifier,
  seq,
  from: identifier,
  time,
  id: messageId,
  /** An event of another kind takes its number and changes nothing that the client knows. */
  kind: openOneOf("message", "edit", "retract"),
  body: optional(receivedBodySchema),
  replyTo: optional(seq),
  /** edit, retract: the number of the message it changes. */
  target: optional(seq),
  /** message: it was retracted since; its body is gone. */
  retracted: optional(literal(true)),
  cursor,
  /** The user's cursor before this change; absent in history. */
  prev: optional(cursor),
});

const markerPair = object("markers", { delivered: seqOrZero, read: seqOrZero });

export const conversationSchema = object("conversation", {
  id: identifier,
  peer: userSchema,
  /** When the peer, who is offline, was last there (rule HS5); absent while they are online or when it is not known. */
  peerSeenAt: optional(time),
  lastSeq: seqOrZero,
  lastMessage: optional(eventSchema),
  mine: markerPair,
  theirs: markerPair,
  unread: count,
  cursor,
});

const changesFields = {
  conversations: array(conversationSchema, 1000),
  events: array(eventSchema, 1000),
  cursor,
  more: boolean(),
  /** The cursor was too old, or another server's: forget what is stored and load anew. */
  reset: optional(literal(true)),
};

export const clientFrameSchema = tagged("type", {
  hello: object("hello", {
    type: literal("hello"),
    version: integer(1, 1000),
    token: optional(token),
    nickname: optional(nickname),
    cursor: optional(cursor),
  }),
  search: object("search", { type: literal("search"), ref, query: text({ max: 64 }) }),
  open: object("open", {
    type: literal("open"),
    ref,
    user: optional(identifier),
    conversation: optional(identifier),
  }),
  send: object("send", {
    type: literal("send"),
    id: messageId,
    conversation: identifier,
    body: bodySchema,
    replyTo: optional(seq),
  }),
  edit: object("edit", {
    type: literal("edit"),
    id: messageId,
    conversation: identifier,
    target: seq,
    body: bodySchema,
  }),
  retract: object("retract", {
    type: literal("retract"),
    id: messageId,
    conversation: identifier,
    target: seq,
  }),
  typing: object("typing", { type: literal("typing"), conversation: identifier, active: boolean() }),
  /** Instead of those watched before (rules LB7 to LB9). */
  watch: object("watch", { type: literal("watch"), ref, conversations: array(identifier, 1000) }),
  mark: object("mark", {
    type: literal("mark"),
    conversation: identifier,
    delivered: optional(seq),
    read: optional(seq),
  }),
  conversations: object("conversations", { type: literal("conversations"), ref, before: optional(cursor) }),
  history: object("history", {
    type: literal("history"),
    ref,
    conversation: identifier,
    before: optional(seq),
  }),
  sync: object("sync", { type: literal("sync"), ref, cursor }),
  rename: object("rename", { type: literal("rename"), ref, nickname }),
  /** Host login: the site's next token for the same user, before the last one ends. */
  token: object("token", { type: literal("token"), ref, token }),
  logout: object("logout", { type: literal("logout"), ref }),
  ping: object("ping", { type: literal("ping"), ref: optional(ref), cursor: optional(cursor) }),
});

export const serverFrameSchema = tagged("type", {
  welcome: object("welcome", {
    type: literal("welcome"),
    version: integer(1, 1000),
    user: userSchema,
    token: text({ max: 3000 }),
    tokenExpiresAt: time,
    time,
    cursor,
    limits: object("limits", {
      frameBytes: count,
      textCharacters: count,
      nicknameMinCharacters: count,
      nicknameMaxCharacters: count,
      framesPerSecond: count,
      pageEvents: count,
      silenceMs: count,
      /** Absent: the server knows no `watch`. */
      watchedPeers: optional(count),
    }),
    changes: optional(object("changes page", changesFields)),
  }),
  lobby: object("lobby", {
    type: literal("lobby"),
    count,
    /** Absent when more users are online than `lobbyUsers`. */
    users: optional(array(userSchema, 100_000)),
  }),
  "lobby-change": object("lobby-change", {
    type: literal("lobby-change"),
    count,
    /** Newly here, or here under a new name. */
    joined: array(userSchema, 100_000),
    left: array(identifier, 100_000),
  }),
  /** Of peers that are watched: those whose state is known, or has changed. */
  presence: object("presence", {
    type: literal("presence"),
    /** The `watch` that it answers; absent in what follows. */
    ref: optional(ref),
    online: array(identifier, 1000),
    offline: array(identifier, 1000),
  }),
  users: object("users", {
    type: literal("users"),
    ref,
    users: array(
      object("found user", {
        id: identifier,
        name: nickname,
        kind: openOneOf("guest", "member", "classic"),
        online: boolean(),
      }),
      1000,
    ),
  }),
  conversation: object("conversation", {
    type: literal("conversation"),
    ref,
    conversation: conversationSchema,
  }),
  ack: object("ack", {
    type: literal("ack"),
    id: messageId,
    conversation: identifier,
    seq,
    time,
    /** Both absent for a repeat, which changed nothing. */
    cursor: optional(cursor),
    prev: optional(cursor),
    /** A repeat: the number is the first one's. */
    duplicate: optional(literal(true)),
  }),
  event: eventSchema,
  typing: object("typing", {
    type: literal("typing"),
    conversation: identifier,
    user: identifier,
    active: boolean(),
  }),
  markers: object("markers", {
    type: literal("markers"),
    conversation: identifier,
    user: identifier,
    delivered: seqOrZero,
    read: seqOrZero,
    /** Only to the user whose markers moved. */
    unread: optional(count),
    cursor,
    prev: optional(cursor),
  }),
  conversations: object("conversations", {
    type: literal("conversations"),
    ref,
    conversations: array(conversationSchema, 1000),
    /** Give it as `before` for the next page; absent on the last. */
    next: optional(cursor),
  }),
  history: object("history", {
    type: literal("history"),
    ref,
    conversation: identifier,
    /** In order of number; the page ends right before `before`. */
    events: array(eventSchema, 1000),
    /** Edits that lie after this page and change messages in it. */
    revisions: array(eventSchema, 1000),
    more: boolean(),
  }),
  changes: object("changes", { type: literal("changes"), ref, ...changesFields }),
  renamed: object("renamed", { type: literal("renamed"), ref, user: userSchema }),
  "token-expiring": object("token-expiring", {
    type: literal("token-expiring"),
    /** The token's `exp`, in milliseconds since 1970. */
    expiresAt: time,
  }),
  "token-accepted": object("token-accepted", {
    type: literal("token-accepted"),
    ref,
    user: userSchema,
    expiresAt: time,
  }),
  "logged-out": object("logged-out", { type: literal("logged-out"), ref }),
  pong: object("pong", {
    type: literal("pong"),
    ref: optional(ref),
    time,
    /** Something changed that the ping's cursor does not cover: sync. */
    behind: boolean(),
  }),
  error: object("error", {
    type: literal("error"),
    code: text({ max: 64 }),
    message: text({ max: 1000 }),
    retryable: boolean(),
    retryAfterMs: optional(count),
    /** Which request it answers: the frame's `ref`, or its `id`. */
    ref: optional(ref),
    id: optional(messageId),
    /** nickname_taken: a name that is free. */
    suggestion: optional(nickname),
  }),
});

export type Body = Infer<typeof bodySchema>;
export type ReceivedBody = Infer<typeof receivedBodySchema>;
export type User = Infer<typeof userSchema>;
export type ClientFrame = Infer<typeof clientFrameSchema>;
export type ServerFrame = Infer<typeof serverFrameSchema>;
export type ConversationEvent = Infer<typeof eventSchema>;
export type Conversation = Infer<typeof conversationSchema>;
export type Markers = Infer<typeof markerPair>;
export type ClientFrameOf<T extends ClientFrame["type"]> = Extract<ClientFrame, { type: T }>;
export type ServerFrameOf<T extends ServerFrame["type"]> = Extract<ServerFrame, { type: T }>;

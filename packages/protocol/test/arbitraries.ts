/** Valid frames for property tests, of every type and with every mixture of optional fields. */
import fc from "fast-check";
import type { Body, ClientFrame, Conversation, ConversationEvent, ServerFrame, User } from "../src/frames.ts";

const HEX = "0123456789abcdef".split("");

function hex(length: number): fc.Arbitrary<string> {
  return fc.string({ unit: fc.constantFrom(...HEX), minLength: length, maxLength: length });
}

/** Also lone surrogates and control characters: the codec lets them through, the domain judges them. */
function anyText(maxLength: number): fc.Arbitrary<string> {
  const unit = fc.oneof(
    fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
    fc.constantFrom("\ud800", "\u0000", '"', "\\", "\u2028"),
  );
  return fc.string({ unit, maxLength: Math.floor(maxLength / 2) });
}

const identifier = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/);
const cursor = fc.stringMatching(/^[A-Za-z0-9._-]{1,64}$/);
const ref = fc.maxSafeNat();
const seq = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const time = fc.maxSafeNat();
const count = fc.maxSafeNat();
const nickname = anyText(128);
const messageId = fc.tuple(hex(8), hex(4), hex(4), hex(4), hex(12)).map((parts) => parts.join("-"));
const flag = fc.boolean();
const yes = fc.constant(true as const);
const body: fc.Arbitrary<Body> = fc.record({ kind: fc.constant("text" as const), text: anyText(200) });

const user: fc.Arbitrary<User> = fc.record({
  id: identifier,
  name: nickname,
  kind: fc.constantFrom("guest", "member", "classic"),
});

const event: fc.Arbitrary<ConversationEvent> = fc.record(
  {
    type: fc.constant("event" as const),
    conversation: identifier,
    seq,
    from: identifier,
    time,
    id: messageId,
    kind: fc.constantFrom("message" as const, "edit" as const, "retract" as const),
    body,
    replyTo: seq,
    target: seq,
    retracted: yes,
    cursor,
    prev: cursor,
  },
  { requiredKeys: ["type", "conversation", "seq", "from", "time", "id", "kind", "cursor"] },
);

const markers = fc.record({ delivered: count, read: count });

const conversation: fc.Arbitrary<Conversation> = fc.record(
  {
    id: identifier,
    peer: user,
    peerSeenAt: count,
    lastSeq: count,
    lastMessage: event,
    mine: markers,
    theirs: markers,
    unread: count,
    cursor,
  },
  { requiredKeys: ["id", "peer", "lastSeq", "mine", "theirs", "unread", "cursor"] },
);

function few<T>(item: fc.Arbitrary<T>): fc.Arbitrary<T[]> {
  return fc.array(item, { maxLength: 3 });
}

function type<const T extends string>(name: T): fc.Arbitrary<T> {
  return fc.constant(name);
}

export const anyClientFrame: fc.Arbitrary<ClientFrame> = fc.oneof(
  fc.record(
    { type: type("hello"), version: fc.integer({ min: 1, max: 1000 }), token: identifier, nickname, cursor },
    { requiredKeys: ["type", "version"] },
  ),
  fc.record({ type: type("search"), ref, query: anyText(64) }),
  fc.record(
    { type: type("open"), ref, user: identifier, conversation: identifier },
    { requiredKeys: ["type", "ref"] },
  ),
  fc.record(
    { type: type("send"), id: messageId, conversation: identifier, body, replyTo: seq },
    { requiredKeys: ["type", "id", "conversation", "body"] },
  ),
  fc.record({ type: type("edit"), id: messageId, conversation: identifier, target: seq, body }),
  fc.record({ type: type("retract"), id: messageId, conversation: identifier, target: seq }),
  fc.record({ type: type("typing"), conversation: identifier, active: flag }),
  fc.record(
    { type: type("mark"), conversation: identifier, delivered: seq, read: seq },
    { requiredKeys: ["type", "conversation"] },
  ),
  fc.record({ type: type("conversations"), ref, before: cursor }, { requiredKeys: ["type", "ref"] }),
  fc.record(
    { type: type("history"), ref, conversation: identifier, before: seq },
    { requiredKeys: ["type", "ref", "conversation"] },
  ),
  fc.record({ type: type("watch"), ref, conversations: few(identifier) }),
  fc.record({ type: type("sync"), ref, cursor }),
  fc.record({ type: type("rename"), ref, nickname }),
  fc.record({ type: type("token"), ref, token: identifier }),
  fc.record({ type: type("logout"), ref }),
  fc.record({ type: type("ping"), ref, cursor }, { requiredKeys: ["type"] }),
);

const changes = { conversations: few(conversation), events: few(event), cursor, more: flag, reset: yes };
const changesRequired = ["conversations", "events", "cursor", "more"] as const;

const limits = {
  frameBytes: count,
  textCharacters: count,
  nicknameMinCharacters: count,
  nicknameMaxCharacters: count,
  framesPerSecond: count,
  pageEvents: count,
  silenceMs: count,
};

const welcome = fc.record(
  {
    type: type("welcome"),
    version: fc.integer({ min: 1, max: 1000 }),
    user,
    token: anyText(1000),
    tokenExpiresAt: time,
    time,
    cursor,
    limits: fc.record(
      { ...limits, watchedPeers: count },
      { requiredKeys: Object.keys(limits) as (keyof typeof limits)[] },
    ),
    changes: fc.record(changes, { requiredKeys: [...changesRequired] }),
  },
  { requiredKeys: ["type", "version", "user", "token", "tokenExpiresAt", "time", "cursor", "limits"] },
);

const error = fc.record(
  {
    type: type("error"),
    code: anyText(64),
    message: anyText(1000),
    retryable: flag,
    retryAfterMs: count,
    ref,
    id: messageId,
    suggestion: nickname,
  },
  { requiredKeys: ["type", "code", "message", "retryable"] },
);

const foundUser = fc.record({
  id: identifier,
  name: nickname,
  kind: fc.constantFrom("guest", "member", "classic"),
  online: flag,
});

export const anyServerFrame: fc.Arbitrary<ServerFrame> = fc.oneof(
  welcome,
  error,
  event,
  fc.record({ type: type("lobby"), count, users: few(user) }, { requiredKeys: ["type", "count"] }),
  fc.record({ type: type("lobby-change"), count, joined: few(user), left: few(identifier) }),
  fc.record(
    { type: type("presence"), ref, online: few(identifier), offline: few(identifier) },
    { requiredKeys: ["type", "online", "offline"] },
  ),
  fc.record({ type: type("users"), ref, users: few(foundUser) }),
  fc.record({ type: type("conversation"), ref, conversation }),
  fc.record(
    {
      type: type("ack"),
      id: messageId,
      conversation: identifier,
      seq,
      time,
      cursor,
      prev: cursor,
      duplicate: yes,
    },
    { requiredKeys: ["type", "id", "conversation", "seq", "time"] },
  ),
  fc.record({ type: type("typing"), conversation: identifier, user: identifier, active: flag }),
  fc.record(
    {
      type: type("markers"),
      conversation: identifier,
      user: identifier,
      delivered: count,
      read: count,
      unread: count,
      cursor,
      prev: cursor,
    },
    { requiredKeys: ["type", "conversation", "user", "delivered", "read", "cursor"] },
  ),
  fc.record(
    { type: type("conversations"), ref, conversations: few(conversation), next: cursor },
    { requiredKeys: ["type", "ref", "conversations"] },
  ),
  fc.record({
    type: type("history"),
    ref,
    conversation: identifier,
    events: few(event),
    revisions: few(event),
    more: flag,
  }),
  fc.record(
    { type: type("changes"), ref, ...changes },
    { requiredKeys: ["type", "ref", ...changesRequired] },
  ),
  fc.record({ type: type("renamed"), ref, user }),
  fc.record({ type: type("token-expiring"), expiresAt: time }),
  fc.record({ type: type("token-accepted"), ref, user, expiresAt: time }),
  fc.record({ type: type("logged-out"), ref }),
  fc.record({ type: type("pong"), ref, time, behind: flag }, { requiredKeys: ["type", "time", "behind"] }),
);

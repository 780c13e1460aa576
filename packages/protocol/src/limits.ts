/**
 * Every bound that a peer can run into, in one table; the outcome of each breach is named in SPEC.md.
 * The table of docs/protocol.md is made from this one. A server's operator may change a value (`limits` in the
 * configuration file) unless it is fixed; what clients must know is sent to them in `welcome.limits`.
 */
export interface Limit {
  readonly value: number;
  readonly unit: string;
  readonly meaning: string;
  readonly outcome: string;
  /** The same on every server: what is stored depends on it. */
  readonly isFixed?: true;
}

const table = {
  frameBytes: {
    value: 65_536,
    unit: "bytes",
    meaning: "one WebSocket message from a client, after reassembly",
    outcome: "close 1009",
  },
  helloBytes: {
    value: 1024,
    unit: "bytes",
    meaning:
      "one WebSocket message from a client that has not logged in; 4096 where the site's own tokens are taken (host login)",
    outcome: "close 4505 unauthenticated_limit",
  },
  helloMs: {
    value: 5000,
    unit: "ms",
    meaning: "from the opening of a connection to its login",
    outcome: "close 4006 login_late",
  },
  textCharacters: {
    value: 8000,
    unit: "characters",
    meaning: "the text of one message",
    outcome: "error text_too_long",
  },
  editsPerMessage: {
    value: 500,
    unit: "edits",
    meaning: "edits of one message, all of which a retraction erases at once",
    outcome: "error target_invalid",
    isFixed: true,
  },
  nicknameMinCharacters: {
    value: 2,
    unit: "characters",
    meaning: "shortest nickname",
    outcome: "error nickname_invalid",
  },
  nicknameMaxCharacters: {
    value: 32,
    unit: "characters",
    meaning: "longest nickname",
    outcome: "error nickname_invalid",
  },
  renamesPerMinute: {
    value: 10,
    unit: "renames/min",
    meaning: "other names that a user may take in one worker, by `rename` or at a login",
    outcome: "error too_fast",
  },
  framesPerSecond: {
    value: 50,
    unit: "frames/s",
    meaning: "frames a connection may send in the long run",
    outcome: "error too_fast",
  },
  framesBurst: {
    value: 200,
    unit: "frames",
    meaning: "frames a connection may send at once",
    outcome: "error too_fast",
  },
  framesRefused: {
    value: 200,
    unit: "frames",
    meaning: "frames refused as too fast, less those taken since, before the connection is closed",
    outcome: "close 4002 too_fast",
  },
  connectionsPerAddress: {
    value: 256,
    unit: "connections",
    meaning:
      "open connections of one client address (an IPv6 /64 counts as one) in one worker; loopback is free",
    outcome: "HTTP 429 before the upgrade",
  },
  connectionsPerWorker: {
    value: 50_000,
    unit: "connections",
    meaning: "open connections in one worker",
    outcome: "HTTP 503 before the upgrade",
  },
  guestsPerMinute: {
    value: 30,
    unit: "guests/min",
    meaning: "new guests made from one client address in one worker; loopback is free",
    outcome: "error too_many_guests",
  },
  newcomerHours: {
    value: 24,
    unit: "hours",
    meaning: "how long a new user is a newcomer",
    outcome: "",
  },
  newcomerConversationsPerMinute: {
    value: 10,
    unit: "conversations/min",
    meaning: "conversations a newcomer may begin",
    outcome: "error too_many_conversations",
  },
  pendingPerConnection: {
    value: 256,
    unit: "requests",
    meaning: "requests of one connection that wait for the store",
    outcome: "error busy",
  },
  outboxBytes: {
    value: 524_288,
    unit: "bytes",
    meaning: "what waits to be sent to one connection",
    outcome: "close 4001 slow_consumer",
  },
  silenceMs: {
    value: 90_000,
    unit: "ms",
    meaning: "without any frame from a v1 client (it pings every 25 s)",
    outcome: "close 4004 idle",
  },
  idleSeconds: {
    value: 60,
    unit: "s",
    meaning: "without any WebSocket frame, pongs included",
    outcome: "the connection is cut",
  },
  lobbyUsers: {
    value: 1000,
    unit: "users",
    meaning: "users online up to which the lobby is sent whole; above, it is a count and a search",
    outcome: "lobby without users",
  },
  classicUsers: {
    value: 5000,
    unit: "users",
    meaning: "users online up to which classic logins are taken, since each gets the whole list",
    outcome: "notice:failed:full",
  },
  lobbyShareMs: {
    value: 50,
    unit: "ms",
    meaning: "joins and leaves that may share one list or lobby-change",
    outcome: "",
  },
  watchedPeers: {
    value: 100,
    unit: "users",
    meaning: "peers whose coming and going a connection may watch",
    outcome: "error too_many_watched",
  },
  watchesPerWorker: {
    value: 500_000,
    unit: "users",
    meaning: "peers that all connections of one worker may watch, each counted for each connection",
    outcome: "error busy",
  },
  searchResults: { value: 20, unit: "users", meaning: "results of one search", outcome: "" },
  pageConversations: {
    value: 50,
    unit: "conversations",
    meaning: "one page of the conversation list",
    outcome: "",
  },
  pageEvents: { value: 100, unit: "events", meaning: "one page of history or of a sync", outcome: "" },
  syncEvents: {
    value: 5000,
    unit: "events",
    meaning: "events a sync catches up with; more than that is `reset`",
    outcome: "changes with reset",
  },
  unreadCount: {
    value: 1000,
    unit: "messages",
    meaning: "unread messages are counted up to this",
    outcome: "",
    isFixed: true,
  },
} as const satisfies Record<string, Limit>;

export type LimitName = keyof typeof table;
export type Limits = Readonly<Record<LimitName, number>>;

export const limitTable: Readonly<Record<LimitName, Limit>> = table;

export const defaultLimits: Limits = Object.freeze(
  Object.fromEntries(Object.entries(table).map(([name, limit]) => [name, limit.value])),
) as Limits;

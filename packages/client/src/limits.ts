/** Every delay and bound of the client, in one place. */

/** First wait before connecting again; doubles with each failure. */
export const BACKOFF_FIRST_MS = 500;
export const BACKOFF_MAX_MS = 30_000;
/** Each wait is moved by up to this share in either direction, so that clients cut together do not return together. */
export const BACKOFF_JITTER = 0.3;
/** A connection that lived this long was a good one: the next failure starts from the first wait again. */
export const STABLE_MS = 10_000;
/** Cut while all was well (a worker died or was replaced), a client comes back at a random moment within this. */
export const RETURN_WITHIN_MS = 1_000;
/** So many times in a row; then the waits grow, until a connection was a good one. */
export const QUICK_RETURNS = 10;
/** From opening a socket to `welcome`. */
export const LOGIN_TIMEOUT_MS = 10_000;
export const PING_INTERVAL_MS = 25_000;
export const PONG_TIMEOUT_MS = 10_000;

/** A request that is not answered by then, reconnects included, fails with `timeout`. */
export const REQUEST_TIMEOUT_MS = 30_000;
export const REQUEST_RETRY_MS = 1_000;
/** Told to wait longer than this, a request fails with the server's reason: somebody is waiting in front of it. */
export const REQUEST_RETRY_MAX_MS = 5_000;
/** Requests waiting for an answer; one more fails with `busy`. */
export const REQUESTS_MAX = 256;

/** Messages written but not yet acknowledged. */
export const OUTBOX_WINDOW = 32;
/** How often it is looked whether what was written is answered; what was not answered twice in a row makes a ping. */
export const ANSWER_WAIT_MS = 5_000;
/** Messages waiting in the outbox; one more is refused with OutboxFullError. */
export const OUTBOX_ENTRIES = 1_000;
/** Tokens that the site is asked for, one after another refused, before the refusal stands. */
export const TOKENS_IN_A_ROW = 2;
/** How long a storage may take to open until sending begins without it. */
export const STORAGE_WAIT_MS = 3_000;
/** A snapshot is written so long after a change, once for all changes in that time. */
export const SNAPSHOT_WAIT_MS = 1_000;
/** Conversations in a snapshot, the latest first; the others are loaded when they are asked for. */
export const SNAPSHOT_CONVERSATIONS = 100;
/** Conversations of which a snapshot holds messages. */
export const SNAPSHOT_TIMELINES = 10;
/** Events that it holds of each. */
export const SNAPSHOT_EVENTS = 60;
/** UTF-8, all of it: a tenth of what Web Storage takes, if it must go there. */
export const SNAPSHOT_BYTES = 500_000;
/** How long a tab waits for the one that leads until it connects by itself. */
export const JOIN_TIMEOUT_MS = 5_000;
/** A follower that heard nothing of the leader for so long, and up to a quarter longer, asks it. */
export const LEADER_ASK_MS = 3_000;
/** So many questions in a row without an answer, and the follower takes the lead. */
export const LEADER_ASKS = 2;
/** How often the leader notices that it runs; and from which pause on another tab may lead: less than the asking takes. */
export const LEADER_AWAKE_MS = 2_000;
export const LEADER_FROZEN_MS = 5_000;
/** Requests of other tabs under way over this one's connection; the oldest is forgotten first. */
export const TAB_REQUESTS = 1_024;
/** Ids of messages remembered after they went, so that another tab's late word does not bring them back. */
export const OUTBOX_GONE = 4_000;
/** Tokens of the same person that another tab may come with. */
export const TOKENS_KNOWN = 32;
/** Shares of the server's frame rate that the outbox and the receipts take; the rest is for requests and typing. */
export const OUTBOX_RATE_SHARE = 0.6;
export const MARK_RATE_SHARE = 0.2;

/** How long a step that does not fit the cursor waits for the one before it. */
export const STEP_WAIT_MS = 200;
/** Steps kept while they wait or while a sync runs; more than that are dropped, and a sync fetches them. */
export const STEPS_KEPT = 512;

/** Changes of the list of conversations that may share one `watch`. */
export const WATCH_SHARE_MS = 250;
/** After a `watch` that failed. */
export const WATCH_RETRY_MS = 10_000;
/** Receipts inside this time share one frame. */
export const MARK_SHARE_MS = 250;
/** One `typing` frame at most in this time while the user types. */
export const TYPING_REPEAT_MS = 3_000;
/** A peer's typing that is not renewed ends by itself. */
export const TYPING_EXPIRES_MS = 6_000;

/** Conversations whose messages are held; the one used longest ago is forgotten first and loaded anew when opened. */
export const TIMELINES_HELD = 20;
/**
 * Above so many events, a conversation whose reader is at the end keeps the last ones; the others can be loaded again.
 * While somebody reads farther back, it grows by what they load and what comes.
 */
export const TIMELINE_EVENTS = 4_000;
export const TIMELINE_EVENTS_KEPT = 3_000;
/**
 * A hole larger than this is not filled while the reader is at the end: what lies below it is forgotten, and loaded again
 * when asked for.
 */
export const HOLE_EVENTS = 300;

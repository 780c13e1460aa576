/**
 * The two tables of refusals. An error frame answers one frame and leaves the connection as it is; a close code
 * ends the connection, and its range alone tells the client whether to come back.
 */
export interface ErrorEntry {
  /** Shown to developers; what people read is translated by the page from the code. */
  readonly message: string;
  /** The same frame may succeed later, unchanged. */
  readonly retryable: boolean;
}

const errors = {
  frame_invalid: { message: "The frame is not valid: it must be JSON of a known type.", retryable: false },
  binary_unsupported: { message: "Frames must be text.", retryable: false },
  hello_expected: { message: "The first frame must be hello.", retryable: false },
  hello_repeated: { message: "This connection has already said hello.", retryable: false },
  version_unsupported: {
    message: "This server does not speak that version of the protocol.",
    retryable: false,
  },
  token_invalid: { message: "The token is not one that this server takes.", retryable: false },
  token_expired: { message: "The token has expired; log in again.", retryable: false },
  session_ended: { message: "This session was logged out; log in again.", retryable: false },
  guests_closed: {
    message: "This server takes no guests; log in at the site that it belongs to.",
    retryable: false,
  },
  nickname_fixed: { message: "The name comes from the site that you logged in at.", retryable: false },
  nickname_invalid: { message: "The nickname cannot be used.", retryable: false },
  nickname_taken: {
    message: "Somebody online has this nickname or one that looks like it.",
    retryable: false,
  },
  too_many_guests: { message: "Too many new guests from this address; wait a minute.", retryable: true },
  user_unknown: { message: "There is no such user.", retryable: false },
  self_conversation: { message: "A conversation needs two people.", retryable: false },
  conversation_unknown: { message: "There is no such conversation, or it is not yours.", retryable: false },
  recipient_gone: { message: "The other side was a visitor who has left for good.", retryable: false },
  too_many_conversations: {
    message: "Newcomers may begin only a few conversations a minute.",
    retryable: true,
  },
  too_many_watched: { message: "Not so many people can be watched at once.", retryable: false },
  seq_unknown: { message: "That number does not exist in this conversation yet.", retryable: false },
  target_invalid: { message: "Only your own message that still stands can be changed.", retryable: false },
  id_conflict: { message: "This id was already used for a different message.", retryable: false },
  text_empty: { message: "The text is empty.", retryable: false },
  text_too_long: { message: "The text is too long.", retryable: false },
  text_invalid: { message: "The text holds characters that are not allowed.", retryable: false },
  too_fast: { message: "Too much in a short time; slow down.", retryable: true },
  busy: { message: "The server is busy; try again shortly.", retryable: true },
  unavailable: { message: "The message store does not answer; try again shortly.", retryable: true },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof errors;
export const errorTable: Readonly<Record<ErrorCode, ErrorEntry>> = errors;

export interface CloseEntry {
  readonly code: number;
  readonly meaning: string;
}

/** 4000–4499: come back (with back-off). 4500–4999: coming back with the same hello is useless. */
const closes = {
  server_stopping: { code: 1001, meaning: "The worker is stopping or being replaced: come back at once." },
  frame_too_big: { code: 1009, meaning: "A frame was larger than frameBytes." },
  slow_consumer: { code: 4001, meaning: "The client read too slowly: come back and sync from the cursor." },
  too_fast: { code: 4002, meaning: "The client went on sending far above the rate limit." },
  lost_bus: { code: 4003, meaning: "The worker lost its connection to the others: come back at once." },
  idle: { code: 4004, meaning: "No frame, not even a ping, for longer than silenceMs." },
  unavailable: { code: 4005, meaning: "The store does not answer, so the login could not be completed." },
  login_late: {
    code: 4006,
    meaning: "No login within helloMs: the network, or the server, was too slow for it. Come back.",
  },
  frame_invalid: { code: 4500, meaning: "Before login, a frame that is not a valid hello." },
  hello_refused: { code: 4501, meaning: "The login was refused; the error frame before it says why." },
  version_unsupported: { code: 4502, meaning: "The server does not speak this version of the protocol." },
  logged_out: { code: 4503, meaning: "The session was logged out, here or on another device." },
  session_expired: { code: 4504, meaning: "The session's token has expired: log in again." },
  unauthenticated_limit: {
    code: 4505,
    meaning: "A first frame above helloBytes.",
  },
} as const satisfies Record<string, CloseEntry>;

export type CloseName = keyof typeof closes;
export const closeTable: Readonly<Record<CloseName, CloseEntry>> = closes;

/**
 * Whether a client should come back after this close code. Codes below 4000 are the WebSocket standard's
 * (RFC 6455 §7.4.1): the network's or a proxy's doing, so the answer is yes, but for those that say that what
 * was sent can never be taken.
 */
export function isReconnectClose(code: number): boolean {
  if (code >= 4500) return false;
  return code >= 4000 || ![1002, 1003, 1007, 1009, 1010].includes(code);
}

import type { ErrorCode, ServerFrameOf } from "@duologue/protocol";

/** A refusal as it came from the server. `code` may be one that a newer server added. */
export interface ServerError {
  readonly code: ErrorCode | (string & {});
  /** For developers; people are shown a translation of the code. */
  readonly message: string;
  /** nickname_taken: a name that is free. */
  readonly suggestion?: string;
}

export function toServerError(frame: ServerFrameOf<"error">): ServerError {
  return frame.suggestion === undefined
    ? { code: frame.code, message: frame.message }
    : { code: frame.code, message: frame.message, suggestion: frame.suggestion };
}

/** `timeout`: no answer in time; `disconnected`: the connection went, or the client is closed. */
export type RequestFailure = ServerError["code"] | "timeout" | "disconnected" | "busy";

/** Why a request (`open`, `search`, `rename`, …) was not carried out. */
export class RequestError extends Error {
  readonly code: RequestFailure;
  readonly suggestion: string | undefined;

  constructor(code: RequestFailure, message: string, suggestion?: string) {
    super(message);
    this.name = "RequestError";
    this.code = code;
    this.suggestion = suggestion;
  }
}

/** The outbox holds as many unsent messages as it may (`OUTBOX_ENTRIES`); nothing was taken. */
export class OutboxFullError extends Error {
  constructor() {
    super("Too many messages wait to be sent.");
    this.name = "OutboxFullError";
  }
}

/** A call that needs somebody logged in came before the first `welcome`. */
export class NotLoggedInError extends Error {
  constructor() {
    super("Nobody is logged in yet.");
    this.name = "NotLoggedInError";
  }
}

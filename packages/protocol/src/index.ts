export { type ClassicFailure, type ClassicFrame, classic, decodeClassic } from "./classic.ts";
export {
  type Decoded,
  decodeClientFrame,
  decodeServerFrame,
  encodeFrame,
  type FrameReference,
  referenceOf,
} from "./codec.ts";
export {
  type CloseEntry,
  type CloseName,
  closeTable,
  type ErrorCode,
  type ErrorEntry,
  errorTable,
  isReconnectClose,
} from "./errors.ts";
export {
  type Body,
  type ClientFrame,
  type ClientFrameOf,
  type Conversation,
  type ConversationEvent,
  clientFrameSchema,
  isMessageId,
  type Markers,
  PROTOCOL_VERSION,
  type ReceivedBody,
  type ServerFrame,
  type ServerFrameOf,
  SUBPROTOCOL,
  serverFrameSchema,
  type User,
} from "./frames.ts";
export { defaultLimits, type Limit, type LimitName, type Limits, limitTable } from "./limits.ts";
export { type NicknameLimits, type NicknameOutcome, normalizeNickname } from "./nickname.ts";
export type { SchemaDescription } from "./schema.ts";
export { checkText, type TextProblem } from "./text.ts";

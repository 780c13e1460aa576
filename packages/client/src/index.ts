export { type BrowserStorageOptions, browserStorage } from "./browser-storage.ts";
export { type Client, connect } from "./client.ts";
export type {
  ConnectOptions,
  ConversationView,
  FoundUser,
  SendOptions,
  ServerLimits,
} from "./client-types.ts";
export type { ConnectionState } from "./connection.ts";
export {
  browserEnvironment,
  type Environment,
  type EnvironmentOptions,
  type Socket,
  type SocketEvents,
  type StandardSocket,
  type StandardSocketConstructor,
  type TabChannel,
  type TabEnvironment,
  type TabLock,
  type TabLockEvents,
  type Timer,
} from "./environment.ts";
export {
  NotLoggedInError,
  OutboxFullError,
  RequestError,
  type RequestFailure,
  type ServerError,
} from "./errors.ts";
export type { TimelineView } from "./held.ts";
export type { Lobby } from "./lobby.ts";
export type { OutboxEntry, OutboxFrame, OutboxState } from "./outbox-entry.ts";
export type { StopReason } from "./policy.ts";
export {
  type ClientStorage,
  memoryStorage,
  type StandardStorage,
  type StorageState,
  webStorage,
} from "./storage.ts";
export { type EntryState, receiptOf, type TimelineEntry } from "./timeline.ts";

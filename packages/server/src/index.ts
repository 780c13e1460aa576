/** The server's parts without sockets, ports and processes, for the simulator and for benchmarks. The program itself begins in main.ts. */
export { closeAll, drain, EXIT_MS } from "./app/leave.ts";
export { type PrimaryParts, wirePrimary } from "./app/primary-parts.ts";
export { StoreWatch } from "./app/store-watch.ts";
export { type WorkerParts, wireWorker } from "./app/worker-parts.ts";
export { MemoryBus } from "./bus/memory-link.ts";
export { NatsLink } from "./bus/nats/nats-link.ts";
export { type Clock, systemClock, type Timer } from "./clock.ts";
export { type TokenCheck, Tokens } from "./domain/tokens.ts";
export type { ClientSocket, Connection } from "./gateway/connection.ts";
export { sweep } from "./gateway/server.ts";
export { PrimaryLink } from "./link/client.ts";
export { type ByteSocket, LineConnection, type LineReceiver } from "./link/lines.ts";
export { type Calls, decodeStatement, encodeCall, encodeStatement, tags } from "./link/messages.ts";
export { linkLimits } from "./link/socket-path.ts";
export type { WorkerSettings } from "./link/worker-types.ts";
export type { LogFields, Logger } from "./log.ts";
export type { NodeLink } from "./ports/node-link.ts";
export { Supervisor, type WorkerProcess } from "./primary/supervisor.ts";
export {
  type BatchCommitter,
  openWriterDatabase,
  purgeSessions,
  SqliteKeeper,
  SqliteReader,
  type StoreHealth,
} from "./store/index.ts";

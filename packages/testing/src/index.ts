export { TestBrowser, TestProfile } from "./browser.ts";
export { testCertificate } from "./certificate.ts";
export { elapsed, Inbox, PATIENCE_MS, until, withDeadline } from "./inbox.ts";
export { replaceMade } from "./made.ts";
export { NatsServer, type NatsServerOptions } from "./nats.ts";
export { type PostgresOptions, PostgresServer } from "./postgres.ts";
export { SeededRandom } from "./random.ts";
export {
  type CommandOutcome,
  childrenOf,
  isAlive,
  killQuietly,
  limits,
  makeDataDirectory,
  runCommand,
  Server,
  type ServerOptions,
  startServer,
} from "./server.ts";
export { Terminal } from "./terminal.ts";

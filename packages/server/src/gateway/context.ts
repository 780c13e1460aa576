/** What the gateway's parts share in one worker. */
import type { Limits } from "@duologue/protocol";
import type { Clock } from "../clock.ts";
import type { Chat } from "../domain/chat.ts";
import type { Identity } from "../domain/identity.ts";
import type { Reading } from "../domain/reading.ts";
import type { Logger } from "../log.ts";
import type { Bus } from "../ports/bus.ts";
import type { Presence } from "../ports/presence.ts";
import type { Outlet } from "./connection.ts";
import type { Connections } from "./connections.ts";
import type { FailureLog } from "./failure-log.ts";
import type { LobbyBroadcast } from "./lobby.ts";
import type { KeyedBuckets } from "./rate.ts";
import type { Watching } from "./watching.ts";

export interface Gateway {
  readonly clock: Clock;
  readonly limits: Limits;
  readonly log: Logger;
  /** The store's epoch, for cursors. */
  readonly epoch: string;
  readonly identity: Identity;
  readonly chat: Chat;
  readonly reading: Reading;
  readonly presence: Presence;
  readonly bus: Bus;
  readonly connections: Connections;
  readonly failures: FailureLog;
  readonly lobby: LobbyBroadcast;
  readonly watching: Watching;
  readonly outlet: Outlet;
  /** New guests per client address. */
  readonly guests: KeyedBuckets;
  readonly statistics: { messagesIn: number };
}

/** What the tabs of one user say to each other. They run the same version of this package: it is part of the channel's name. */
import type { ClientFrame, ServerFrame, ServerFrameOf } from "@duologue/protocol";
import type { ConnectionState } from "./connection.ts";
import type { OutboxEntry } from "./outbox-entry.ts";
import type { TabShare } from "./tab-share.ts";

interface Envelope {
  readonly from: string;
  /** Absent: for all others. */
  readonly to?: string;
  /** Of a leader's words: whoever came to lead later has a higher one, so that one that was frozen is not listened to. */
  readonly term?: number;
}

export type TabMessage = Envelope &
  (
    | {
        readonly kind: "welcome";
        readonly welcome: ServerFrameOf<"welcome">;
        readonly share: TabShare;
      }
    | { readonly kind: "state"; readonly state: ConnectionState }
    | { readonly kind: "frame"; readonly frame: ServerFrame }
    /** The leader's side of a message that is not acknowledged. */
    | { readonly kind: "entry"; readonly entry: OutboxEntry }
    /** The leader is somebody else: the tab that asked connects by itself. */
    | { readonly kind: "stranger" }
    /** Answers `ask`. */
    | { readonly kind: "alive" }
    | { readonly kind: "ask" }
    /** With tokens by which this tab's person logged in; none where the site gives them. */
    | { readonly kind: "join"; readonly tokens: readonly string[] }
    | { readonly kind: "write"; readonly frame: ClientFrame }
    | { readonly kind: "add"; readonly entry: OutboxEntry }
    | { readonly kind: "retry" | "discard"; readonly id: string }
    | { readonly kind: "reconnect" }
  );

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
export type TabNews = DistributiveOmit<TabMessage, keyof Envelope>;

export function isTabMessage(message: unknown): message is TabMessage {
  return typeof message === "object" && message !== null && "from" in message && "kind" in message;
}

/** Refusals of messages are the leader's outbox's; tokens are its session's; the rest concerns every tab. */
export function isForAll(frame: ServerFrame): boolean {
  switch (frame.type) {
    case "event":
    case "ack":
    case "markers":
    case "lobby":
    case "lobby-change":
    case "presence":
    case "typing":
    case "pong":
      return true;
    default:
      return false;
  }
}

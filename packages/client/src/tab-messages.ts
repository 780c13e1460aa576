/** What the tabs of one user say to each other. They run the same version of this package: it is part of the channel's name. */
import type { ClientFrame, ServerFrame, ServerFrameOf } from "@duologue/protocol";
import type { ConnectionState } from "./connection.ts";
import type { OutboxEntry } from "./outbox-entry.ts";
import type { TabShare } from "./tab-share.ts";

/** Without `to`: for all others. */
export type TabMessage = { readonly from: string; readonly to?: string } & (
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
  /** With tokens by which this tab's person logged in; none where the site gives them. */
  | { readonly kind: "join"; readonly tokens: readonly string[] }
  | { readonly kind: "write"; readonly frame: ClientFrame }
  | { readonly kind: "add"; readonly entry: OutboxEntry }
  | { readonly kind: "retry" | "discard"; readonly id: string }
  | { readonly kind: "reconnect" }
);

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
export type TabNews = DistributiveOmit<TabMessage, "from" | "to">;

export function isTabMessage(message: unknown): message is TabMessage {
  return typeof message === "object" && message !== null && "from" in message && "kind" in message;
}

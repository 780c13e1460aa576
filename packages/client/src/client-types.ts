/** What goes into the client and what comes out of it. */
import type { Conversation, Markers, ServerFrameOf, User } from "@duologue/protocol";
import type { Environment } from "./environment.ts";
import type { ClientStorage } from "./storage.ts";

export interface ConnectOptions {
  /** `ws:` or `wss:`. */
  readonly url: string;
  /** For a new guest, or to take another name at the first login. Asked of the server once. */
  readonly nickname?: string;
  /** From an earlier session. */
  readonly token?: string;
  /**
   * For a site that signs tokens for its own users: called for the first login if there is no `token`, before a token
   * ends, and when one is refused as invalid or expired. While it rejects, the client tries again with growing waits.
   */
  readonly getToken?: () => Promise<string>;
  /** Where unsent messages wait; in memory unless said otherwise. */
  readonly storage?: ClientStorage;
  /**
   * Keeps the list and the last messages in `storage` too, unencrypted, so that the next start with the same `token` shows
   * them at once, also without the server. Wiped at a logout, when the token is refused, and when somebody else logs in.
   */
  readonly offline?: boolean;
  readonly environment?: Environment;
  /**
   * Tabs of one origin that give the same name share one connection, one outbox and one state, when they log in by tokens
   * of the same person; with `getToken` the name must be the person's. Where the browser has no Web Locks (outside
   * https: and localhost), each tab is on its own, as without a name.
   */
  readonly tabs?: string;
  /** The token to keep for the next visit; undefined when it is worth nothing any more. */
  readonly onToken?: (token: string | undefined) => void;
}

export interface ConversationView {
  readonly id: string;
  readonly peer: User;
  /** Undefined while it is not known, and for conversations of long ago where too many are online to be listed. */
  readonly online: boolean | undefined;
  /** When the peer was last there, ms since 1970 by the server's clock; absent while they are online or if it is not known. */
  readonly seenAt?: number;
  readonly lastSeq: number;
  readonly lastMessage: Conversation["lastMessage"];
  readonly unread: number;
  readonly typing: boolean;
  readonly mine: Markers;
  readonly theirs: Markers;
}

export type ServerLimits = ServerFrameOf<"welcome">["limits"];
export type FoundUser = ServerFrameOf<"users">["users"][number];

export interface SendOptions {
  /** The number of the message it answers. */
  readonly replyTo?: number;
}

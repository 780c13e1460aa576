/**
 * What page and frame say, in the shape that both languages fill: a missing sentence does not compile. What only one of them
 * says stands in own-words.ts and embed/words.ts.
 */
import type { ErrorCode } from "@duologue/protocol";
import type { Mark } from "./standings.ts";

export interface Catalogue {
  /** BCP 47. */
  readonly language: string;
  readonly signInTitle: string;
  readonly nickname: string;
  readonly nicknameRule: string;
  readonly signIn: string;
  readonly signingIn: string;
  readonly takeSuggestion: (name: string) => string;

  readonly you: string;
  readonly close: string;
  readonly search: string;
  readonly searchEmpty: string;
  readonly searchResults: string;
  readonly conversations: string;
  readonly noConversations: string;
  readonly loading: string;
  readonly showMore: string;
  readonly online: string;
  readonly offline: string;
  /** Of the other side, who is offline: as `TimeFormat.ago` has it. */
  readonly lastSeen: (when: string) => string;
  readonly justNow: string;
  /** Today or yesterday, at this time of day. */
  readonly dayAndTime: (day: string, time: string) => string;
  /** Instead of either, without a connection. */
  readonly waiting: string;
  readonly peopleOnline: (count: number) => string;
  /** When some who are online stand among the conversations. */
  readonly othersOnline: (count: number) => string;
  readonly tooManyOnline: string;
  readonly unread: (count: number) => string;
  readonly markAllRead: string;
  readonly yourMessage: (text: string) => string;
  readonly draft: string;
  readonly visitor: string;
  /** The part of the list with what was put away. */
  readonly archived: (count: number) => string;
  /** In a row, for screen readers. */
  readonly standings: Readonly<Record<Exclude<Mark, "archived">, string>>;

  readonly back: string;
  readonly choose: string;
  readonly chooseHint: string;
  readonly messagesWith: (name: string) => string;
  readonly noMessages: (name: string) => string;
  readonly loadOlder: string;
  readonly newMessages: string;
  /** On the button that leads to the end; 0: only earlier ones were looked at. */
  readonly jump: (count: number) => string;
  /** For screen readers, when a message arrives. */
  readonly announce: (name: string, text: string) => string;
  readonly copy: string;
  readonly copied: string;
  readonly copyFailed: string;
  readonly showOriginal: string;
  readonly originalMissing: string;
  /** Of the other side, near their name. */
  readonly typing: string;
  readonly message: string;
  readonly writeTo: (name: string) => string;
  readonly send: string;
  readonly save: string;
  readonly cancel: string;
  readonly replyingTo: (name: string) => string;
  readonly editing: string;
  /** The button that shows what can be done with a message. */
  readonly messageMenu: string;
  readonly reply: string;
  readonly edit: string;
  readonly retract: string;
  readonly retractQuestion: string;
  readonly retracted: string;
  /** A message of a kind that this page does not know. */
  readonly unknownKind: string;
  readonly edited: string;
  readonly changing: string;
  readonly earlierMessage: string;
  readonly characters: (used: number, limit: number) => string;
  readonly states: Readonly<Record<"queued" | "sending" | "sent" | "delivered" | "read" | "failed", string>>;
  readonly tryAgain: string;
  readonly discard: string;
  readonly changeFailed: string;
  readonly today: string;
  readonly yesterday: string;

  readonly connecting: string;
  readonly noConnection: string;
  readonly tryIn: (seconds: number) => string;
  readonly tryNow: string;
  readonly stopped: string;
  readonly outdated: string;
  readonly reload: string;
  readonly endedElsewhere: string;
  readonly failed: string;
  readonly requestFailures: Readonly<Record<"timeout" | "disconnected", string>>;
  readonly errors: Readonly<Record<ErrorCode, string>>;
}

/** What stands for a message: its text, or what to say when it has none. */
export function bodyText(body: { readonly text?: string } | undefined, catalogue: Catalogue): string {
  if (body === undefined) return catalogue.retracted;
  return body.text ?? catalogue.unknownKind;
}

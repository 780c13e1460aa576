import { defaultLimits } from "@duologue/protocol";

/** As it is shown: the exact number is kept, so that it comes out right when messages are read or retracted. */
export function shownUnread(unread: number): number {
  return Math.min(unread, defaultLimits.unreadCount);
}

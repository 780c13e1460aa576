import { defaultLimits } from "@duologue/protocol";
import { kindCodes } from "./kinds.ts";

/**
 * How many of a conversation's messages by one sender stand in a range of numbers.
 * Parameters: conversation, sender, the number before the first, the last number.
 */
export const COUNT_STANDING = `
  SELECT count(*) AS count FROM event
  WHERE conversation = ? AND sender = ? AND seq > ? AND seq <= ? AND kind = ${kindCodes.message} AND retracted = 0`;

/** As it is shown: the exact number is kept, so that it comes out right when messages are read or retracted. */
export function shownUnread(unread: number): number {
  return Math.min(unread, defaultLimits.unreadCount);
}

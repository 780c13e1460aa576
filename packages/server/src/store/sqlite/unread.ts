import { defaultLimits } from "@duologue/protocol";
import { kindCodes } from "./kinds.ts";

/**
 * How many of a conversation's messages by one sender stand after a number, counted up to `unreadCount`.
 * Parameters: conversation, number, sender.
 */
export const UNREAD_COUNT = `
  SELECT count(*) AS count FROM (
    SELECT 1 FROM event
    WHERE conversation = ? AND seq > ? AND sender = ? AND kind = ${kindCodes.message} AND retracted = 0
    LIMIT ${defaultLimits.unreadCount})`;

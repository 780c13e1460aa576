/** Moving markers. What a move leaves unread may have to be counted, which each store does in its own way. */
import type { Marks } from "../../ports/store.ts";
import { doneResult, refusedResult, type WriteResult } from "../requests.ts";
import type { ChangeState, ConversationState } from "./state.ts";
import { shownUnread } from "./unread.ts";

export interface MarkPlan {
  readonly conversation: ConversationState;
  readonly marks: Marks;
  readonly isA: boolean;
  readonly delivered: number;
  readonly read: number;
  readonly count: UnreadCount;
}

/**
 * What is unread then: `base`, and `times` the other side's standing messages with a number after `after` up to `upTo`,
 * which need not be counted where `times` is 0.
 */
export interface UnreadCount {
  readonly base: number;
  readonly times: -1 | 0 | 1;
  readonly peerKey: number;
  readonly after: number;
  readonly upTo: number;
}

/** What a mark would do, or its result when there is nothing to do. */
export function planMark(state: ChangeState, marks: Marks): MarkPlan | WriteResult {
  const conversation = state.conversation(marks.conversation);
  if (conversation === undefined) return refusedResult("conversation_unknown");
  const isA = marks.user === conversation.aId;
  if (!isA && marks.user !== conversation.bId) return refusedResult("conversation_unknown");
  if (Math.max(marks.delivered, marks.read) > conversation.lastSeq) return refusedResult("seq_unknown");
  const oldRead = isA ? conversation.aRead : conversation.bRead;
  const oldDelivered = isA ? conversation.aDelivered : conversation.bDelivered;
  const read = Math.max(oldRead, marks.read);
  const delivered = Math.max(oldDelivered, marks.delivered, read);
  if (read === oldRead && delivered === oldDelivered) return doneResult;
  const count = planCount(conversation, isA, oldRead, read);
  return { conversation, marks, isA, delivered, read, count };
}

/** Counts what was read, or what is left: whichever is less to look at. Each message is read once. */
function planCount(
  conversation: ConversationState,
  isA: boolean,
  oldRead: number,
  read: number,
): UnreadCount {
  const peerKey = isA ? conversation.bKey : conversation.aKey;
  const unread = isA ? conversation.aUnread : conversation.bUnread;
  const { lastSeq, lastMessage } = conversation;
  if (read === oldRead) return { base: unread, times: 0, peerKey, after: read, upTo: read };
  if (read >= lastMessage) return { base: 0, times: 0, peerKey, after: read, upTo: read };
  if (lastSeq - read < read - oldRead) return { base: 0, times: 1, peerKey, after: read, upTo: lastSeq };
  return { base: unread, times: -1, peerKey, after: oldRead, upTo: read };
}

/** `counted`: the messages of the plan's range, 0 where they need not be counted. */
export function carryOutMark(state: ChangeState, plan: MarkPlan, counted: number): WriteResult {
  const { conversation, marks, isA, delivered, read, count } = plan;
  const unread = count.base + count.times * counted;
  if (isA) {
    conversation.aRead = read;
    conversation.aDelivered = delivered;
    conversation.aUnread = unread;
  } else {
    conversation.bRead = read;
    conversation.bDelivered = delivered;
    conversation.bUnread = unread;
  }
  const { position, prev } = state.advance(conversation);
  const { id, aId, bId } = conversation;
  return {
    outcome: doneResult.outcome,
    publish: {
      to: [aId, bId],
      note: {
        kind: "markers",
        conversation: id,
        user: marks.user,
        delivered,
        read,
        unread: shownUnread(unread),
        position,
        prev,
      },
    },
  };
}

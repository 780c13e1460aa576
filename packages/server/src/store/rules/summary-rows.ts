/** Conversations as one of their two users sees them. */
import type { Conversation } from "@duologue/protocol";
import { encodeCursor, type Position, type UserId, type UserKind } from "../../ports/store.ts";
import { type EventNames, type EventRow, toEvent } from "./event-rows.ts";
import { shownUnread } from "./unread.ts";

/** The user who looks. */
export interface Viewer {
  readonly key: number;
  readonly id: UserId;
}

export interface Summary {
  readonly conversation: Conversation;
  readonly names: EventNames;
  /** Of the last message's text, in UTF-16 units. */
  readonly characters: number;
}

export interface SummaryRow {
  readonly key: number;
  readonly id: string;
  readonly lastSeq: number;
  readonly lastMessage: number;
  readonly changed: Position;
  readonly isA: number;
  readonly aDelivered: number;
  readonly aRead: number;
  readonly bDelivered: number;
  readonly bRead: number;
  readonly aUnread: number;
  readonly bUnread: number;
  readonly peerKey: number;
  readonly peerId: UserId;
  readonly peerName: string;
  readonly peerKind: UserKind;
  readonly peerSeenAt: number | null;
}

/** `last`: its last message, if it has one; `edit`: the edit that gave that one its present text. */
export function toSummary(
  epoch: string,
  viewer: Viewer,
  row: SummaryRow,
  last: EventRow | undefined,
  edit: EventRow | undefined,
): Summary {
  const names = {
    conversation: row.id,
    senders: new Map([
      [viewer.key, viewer.id],
      [row.peerKey, row.peerId],
    ]),
  };
  const body = last === undefined ? null : (edit ?? last).body;
  const a = { delivered: row.aDelivered, read: row.aRead };
  const b = { delivered: row.bDelivered, read: row.bRead };
  const conversation = {
    id: row.id,
    peer: { id: row.peerId, name: row.peerName, kind: row.peerKind },
    ...(row.peerSeenAt === null ? {} : { peerSeenAt: row.peerSeenAt }),
    lastSeq: row.lastSeq,
    ...(last === undefined ? {} : { lastMessage: toEvent(epoch, last, names, body) }),
    mine: row.isA === 1 ? a : b,
    theirs: row.isA === 1 ? b : a,
    unread: shownUnread(row.isA === 1 ? row.aUnread : row.bUnread),
    cursor: encodeCursor(epoch, row.changed),
  };
  return { conversation, names, characters: body?.length ?? 0 };
}

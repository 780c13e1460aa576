/** How a conversation's summary follows what happens; pure. The server's own summaries win wherever they are newer. */
import type { Conversation, ConversationEvent, Markers, ServerFrameOf } from "@duologue/protocol";

/** Takes one event in; one that the summary already covers changes nothing. */
export function applyEventToSummary(
  summary: Conversation,
  event: ConversationEvent,
  me: string,
): Conversation {
  if (event.seq <= summary.lastSeq) return summary;
  const mine = event.from === me;
  // Whoever writes, edits or retracts has read what stands above (SPEC MK3).
  const moved = mine
    ? { mine: raise(summary.mine, event.seq, event.seq), unread: 0 }
    : { theirs: raise(summary.theirs, event.seq, event.seq) };
  const next: Conversation = { ...summary, ...moved, lastSeq: event.seq };
  const last = summary.lastMessage?.seq === event.target ? summary.lastMessage : undefined;
  switch (event.kind) {
    case "message":
      return { ...next, lastMessage: event, unread: mine ? 0 : summary.unread + 1 };
    case "edit":
      if (last === undefined || last.retracted === true || event.body === undefined) return next;
      return { ...next, lastMessage: { ...last, body: event.body } };
    case "retract": {
      const wasUnread = !mine && (event.target ?? 0) > summary.mine.read;
      const unread = wasUnread ? Math.max(0, next.unread - 1) : next.unread;
      if (last === undefined) return { ...next, unread };
      const { body: _, ...rest } = last;
      return { ...next, unread, lastMessage: { ...rest, retracted: true } };
    }
    default:
      // An event of a kind that this client does not know.
      return next;
  }
}

export function applyMarkersToSummary(
  summary: Conversation,
  frame: ServerFrameOf<"markers">,
  me: string,
): Conversation {
  if (frame.user !== me) {
    return { ...summary, theirs: raise(summary.theirs, frame.delivered, frame.read) };
  }
  // A count that came with an older marker would bring back messages that are read.
  const unread = frame.read > summary.mine.read && frame.unread !== undefined ? frame.unread : summary.unread;
  return { ...summary, mine: raise(summary.mine, frame.delivered, frame.read), unread };
}

/** A summary from the server, over what we know: it may have been overtaken on its way by a newer event or marker. */
export function mergeSummary(known: Conversation | undefined, fresh: Conversation): Conversation {
  if (known === undefined) return fresh;
  const base = fresh.lastSeq >= known.lastSeq ? fresh : known;
  const other = base === fresh ? known : fresh;
  return {
    ...base,
    peer: fresh.peer,
    mine: raise(base.mine, other.mine.delivered, other.mine.read),
    theirs: raise(base.theirs, other.theirs.delivered, other.theirs.read),
    unread: other.mine.read > base.mine.read ? other.unread : base.unread,
  };
}

export function raise(markers: Markers, delivered: number, read: number): Markers {
  if (delivered <= markers.delivered && read <= markers.read) return markers;
  const next = {
    delivered: Math.max(markers.delivered, delivered, read),
    read: Math.max(markers.read, read),
  };
  return next;
}

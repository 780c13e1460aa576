import { describe, expect, test } from "bun:test";
import type { Conversation, ConversationEvent } from "@duologue/protocol";
import { applyEventToSummary, applyMarkersToSummary, mergeSummary } from "./summary.ts";

const ME = "u1";
const PEER = "u2";
const empty: Conversation = {
  id: "c",
  peer: { id: PEER, name: "bob", kind: "guest" },
  lastSeq: 0,
  mine: { delivered: 0, read: 0 },
  theirs: { delivered: 0, read: 0 },
  unread: 0,
  cursor: "0",
};

function message(seq: number, from: string): ConversationEvent {
  const id = `00000000-0000-7000-8000-${String(seq).padStart(12, "0")}`;
  return {
    type: "event",
    conversation: "c",
    seq,
    from,
    time: seq,
    id,
    kind: "message",
    body: { kind: "text", text: `${seq}` },
    cursor: `${seq}`,
  };
}

describe("summary", () => {
  test("[MK3] an event that the summary already covers is not counted again", () => {
    const once = applyEventToSummary(empty, message(1, PEER), ME);
    expect(applyEventToSummary(once, message(1, PEER), ME)).toBe(once);
    expect(once.unread).toBe(1);
  });

  test("[MK3] a count that comes with a marker we already have does not bring read messages back or hide new ones", () => {
    const two = [message(1, PEER), message(2, PEER)].reduce(
      (all, one) => applyEventToSummary(all, one, ME),
      empty,
    );
    const frame = {
      type: "markers",
      conversation: "c",
      user: ME,
      delivered: 1,
      read: 1,
      cursor: "3",
    } as const;
    const read = applyMarkersToSummary(two, { ...frame, unread: 1 }, ME);
    expect(read).toMatchObject({ unread: 1, mine: { delivered: 1, read: 1 } });
    const more = applyEventToSummary(read, message(3, PEER), ME);
    expect(applyMarkersToSummary(more, { ...frame, unread: 1 }, ME).unread).toBe(2);
  });

  test("[MK1] markers never go back, whichever summary comes last", () => {
    const known = {
      ...empty,
      lastSeq: 5,
      mine: { delivered: 5, read: 5 },
      theirs: { delivered: 4, read: 3 },
      unread: 0,
    };
    const older = {
      ...empty,
      lastSeq: 4,
      mine: { delivered: 2, read: 2 },
      theirs: { delivered: 4, read: 4 },
      unread: 2,
    };
    const expected = {
      lastSeq: 5,
      mine: { delivered: 5, read: 5 },
      theirs: { delivered: 4, read: 4 },
      unread: 0,
    };
    expect(mergeSummary(known, older)).toMatchObject(expected);
    expect(mergeSummary(older, known)).toMatchObject(expected);
  });

  test("[MK3] taking back a message that was read leaves the unread count as it is", () => {
    const two = [message(1, PEER), message(2, PEER)].reduce(
      (all, one) => applyEventToSummary(all, one, ME),
      empty,
    );
    const read = { ...two, mine: { delivered: 2, read: 1 }, unread: 1 };
    const { body: _, ...rest } = message(3, PEER);
    expect(applyEventToSummary(read, { ...rest, kind: "retract", target: 1 }, ME).unread).toBe(1);
    expect(applyEventToSummary(read, { ...rest, kind: "retract", target: 2 }, ME).unread).toBe(0);
  });

  test("[MK3] a summary that is as new but was read less far does not bring its unread messages back", () => {
    const known = { ...empty, lastSeq: 5, mine: { delivered: 5, read: 5 }, unread: 0 };
    const fresh = { ...empty, lastSeq: 5, mine: { delivered: 5, read: 2 }, unread: 3 };
    expect(mergeSummary(known, fresh).unread).toBe(0);
    expect(mergeSummary(fresh, known).unread).toBe(0);
  });
});

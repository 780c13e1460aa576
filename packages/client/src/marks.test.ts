import { describe, expect, test } from "bun:test";
import type { ClientFrame, Conversation } from "@duologue/protocol";
import { Marks } from "./marks.ts";
import { FakeEnvironment } from "./testing/fake-environment.ts";

function summaryOf(lastSeq: number, read: number): Conversation {
  const peer = { id: "u_bob", name: "bob", kind: "guest" };
  const markers = { delivered: read, read };
  return { id: "c_1", peer, lastSeq, mine: markers, theirs: markers, unread: lastSeq - read, cursor: "e.1" };
}

describe("a mark", () => {
  test("[MK2] is never beyond the last number, also when the server was set back to a back-up", () => {
    const environment = new FakeEnvironment(() => {
      throw new RangeError("no socket is needed here");
    });
    const written: ClientFrame[] = [];
    const marks = new Marks(environment, (frame) => {
      written.push(frame);
      return true;
    });
    marks.read(summaryOf(9, 2), 9);
    const restored = summaryOf(4, 2);
    marks.confirmed(restored);
    expect(marks.readUpTo(restored)).toBe(4);
    environment.advance(1_000);
    expect(written).toEqual([{ type: "mark", conversation: "c_1", delivered: 4, read: 4 }]);
    marks.confirmed(summaryOf(5, 4));
    expect(marks.readUpTo(summaryOf(5, 4))).toBe(4);
  });
});

/** SPEC.md CV10: every operation on a conversation that is not one's own, against one that does not exist. */
import { describe, expect } from "bun:test";
import type { ClientFrame } from "@duologue/protocol";
import { type ErrorFrame, freshId, Pair, Peer, textBody } from "../harness/peer.ts";
import type { Target } from "./target.ts";

type Operation = readonly [string, (conversation: string) => ClientFrame];

const operations: readonly Operation[] = [
  ["open", (conversation) => ({ type: "open", ref: 1, conversation })],
  ["send", (conversation) => ({ type: "send", id: freshId(), conversation, body: textBody("intruder") })],
  [
    "reply",
    (conversation) => ({ type: "send", id: freshId(), conversation, body: textBody("intruder"), replyTo: 1 }),
  ],
  [
    "edit",
    (conversation) => ({ type: "edit", id: freshId(), conversation, target: 1, body: textBody("intruder") }),
  ],
  ["retract", (conversation) => ({ type: "retract", id: freshId(), conversation, target: 1 })],
  ["typing", (conversation) => ({ type: "typing", conversation, active: true })],
  ["mark read", (conversation) => ({ type: "mark", conversation, read: 1 })],
  ["mark beyond", (conversation) => ({ type: "mark", conversation, read: 99 })],
  ["history", (conversation) => ({ type: "history", ref: 1, conversation })],
  ["history before", (conversation) => ({ type: "history", ref: 1, conversation, before: 1 })],
];

export function authorisationTests(target: Target): void {
  const { test } = target;
  describe("authorisation", () => {
    test.each(operations)(
      "[CV10] %s: a stranger gets the same answer for another's conversation as for none, and changes nothing",
      async (_, makeFrame) => {
        await using pair = await Pair.connect(target.place());
        const { ann, ben, conversation } = pair;
        await ann.say(conversation, "private");
        const before = await ben.open(ann.id);
        // One who never wrote to anybody, and one with a conversation of their own with Ann.
        await using stranger = await Peer.connect(target.place());
        await using acquaintance = await Peer.connect(target.place());
        await acquaintance.say((await acquaintance.open(ann.id)).id, "hello");
        for (const intruder of [stranger, acquaintance]) {
          const forbidden = await refusalOf(intruder, makeFrame(conversation));
          const absent = await refusalOf(intruder, makeFrame("no-such-conversation"));
          expect(forbidden.code).toBe("conversation_unknown");
          expect({ ...forbidden, id: undefined }).toEqual({ ...absent, id: undefined });
          expect(JSON.stringify(intruder.frames.log)).not.toContain("private");
        }
        await ann.say(conversation, "marker");
        await ben.next("event", ({ seq }) => seq === 2);
        expect(ben.all("typing").length + ben.all("markers").length).toBe(0);
        const after = await ben.open(ann.id);
        expect([after.lastSeq, after.unread, after.mine, after.theirs.read]).toEqual([2, 2, before.mine, 2]);
        const { events } = await ben.ask({ type: "history", conversation }, "history");
        expect(events.map(({ body }) => body?.text)).toEqual(["private", "marker"]);
      },
    );

    test.each(operations)(
      "[HL1] %s: who has not logged in is refused and closed, and changes nothing",
      async (_, makeFrame) => {
        await using pair = await Pair.connect(target.place());
        const { ann, ben, conversation } = pair;
        await ann.say(conversation, "private");
        const nobody = await Peer.open(target.place());
        nobody.send(makeFrame(conversation));
        expect((await nobody.next("error")).code).toBe("hello_expected");
        await nobody.whenClosed();
        expect(nobody.frames.log).toHaveLength(1);
        expect((await ann.say(conversation, "marker")).seq).toBe(2);
        await ben.next("event", ({ seq }) => seq === 2);
        expect(ben.all("typing").length + ben.all("markers").length).toBe(0);
      },
    );

    test("[CV10] lists, sync and search show a stranger nothing of others' conversations", async () => {
      await using pair = await Pair.connect(target.place());
      const { ann, conversation } = pair;
      await using stranger = await Peer.connect(target.place());
      const { cursor = "" } = await ann.say(conversation, "private");
      await stranger.ask({ type: "conversations" }, "conversations");
      await stranger.ask({ type: "sync", cursor: stranger.welcome.cursor }, "changes");
      await stranger.ask({ type: "sync", cursor }, "changes");
      await stranger.ask({ type: "search", query: ann.name }, "users");
      await stranger.ask({ type: "search", query: "private" }, "users");
      const everything = JSON.stringify(stranger.frames.log);
      expect(everything).not.toContain("private");
      expect(everything).not.toContain(conversation);
      expect(everything).not.toContain(ann.token);
    });
  });
}

/** The error frame that answers this frame, whichever way it is told from others. */
async function refusalOf(peer: Peer, frame: ClientFrame): Promise<ErrorFrame> {
  peer.send(frame);
  const error = await peer.next("error");
  if ("ref" in frame) expect(error.ref).toBe(frame.ref as number);
  if ("id" in frame) expect(error.id).toBe(frame.id);
  return error;
}

/** SPEC.md, HS5: when the other side of a conversation was last there. */
import { describe, expect } from "bun:test";
import { until } from "@duologue/testing";
import { ClassicClient } from "../harness/classic.ts";
import { freshName, Pair, Peer } from "../harness/peer.ts";
import type { Target } from "./target.ts";

export function seenTests(target: Target): void {
  describe("last seen", () => {
    peerTests(target);
    strangerTests(target);
  });
}

/** Others are told that they left, and the store has it an instant later. */
async function whenSeen(peer: Peer, user: string, since: number): Promise<number> {
  await peer.seen("lobby-change", ({ left }) => left.includes(user));
  let seenAt = 0;
  await until(async () => {
    seenAt = (await peer.open(user)).peerSeenAt ?? 0;
    return seenAt >= since;
  }, "the time of leaving in the summary");
  return seenAt;
}

/** The server's clock. */
async function serverNow(peer: Peer): Promise<number> {
  return (await peer.settled()).time;
}

function peerTests(target: Target): void {
  const { test } = target;
  test("[HS5] who left was last there at that moment, in open, list and sync, until they come back", async () => {
    await using pair = await Pair.connect(target.place());
    const { ann, ben, conversation } = pair;
    const { cursor } = ann.welcome;
    await ben.say(conversation, "bye");
    expect((await ann.open(ben.id)).peerSeenAt).toBeUndefined();
    const before = await serverNow(ann);
    await ben.logout();
    const seenAt = await whenSeen(ann, ben.id, before);
    expect(seenAt).toBeLessThanOrEqual(await serverNow(ann));
    const { conversations: listed } = await ann.ask({ type: "conversations" }, "conversations");
    const { conversations: synced } = await ann.ask({ type: "sync", cursor }, "changes");
    for (const summaries of [listed, synced])
      expect(summaries.find(({ id }) => id === conversation)?.peerSeenAt).toBe(seenAt);
    await using late = await Peer.connect(target.place(), { token: ann.token });
    expect((await late.open(ben.id)).peerSeenAt).toBe(seenAt);
  });

  test("[HS5] [LB8] a closed connection counts when its grace is over; who is there again has no such time", async () => {
    await using pair = await Pair.connect(target.place());
    const { ann, ben, conversation } = pair;
    await ann.say(conversation, "are you there?");
    const watch = (): Promise<unknown> =>
      ann.ask({ type: "watch", conversations: [conversation] }, "presence");
    await watch();
    const before = await serverNow(ann);
    await ben.close();
    expect((await ann.open(ben.id)).peerSeenAt).toBeUndefined();
    expect(await watch()).toMatchObject({ online: [ben.id], offline: [] });
    expect(await whenSeen(ann, ben.id, before)).toBeLessThanOrEqual(await serverNow(ann));
    await ann.next("presence", ({ offline }) => offline.includes(ben.id));
    await using again = await Peer.connect(target.place(), { token: ben.token });
    await ann.next("lobby-change", ({ joined }) => joined.some(({ id }) => id === again.id));
    await ann.next("presence", ({ ref, online }) => ref === undefined && online.includes(ben.id));
    expect((await ann.open(ben.id)).peerSeenAt).toBeUndefined();
    const [listed] = (await ann.ask({ type: "conversations" }, "conversations")).conversations;
    expect(listed?.id).toBe(conversation);
    expect(listed?.peerSeenAt).toBeUndefined();
  });
}

function strangerTests(target: Target): void {
  const { test } = target;
  test("[HS5] where nothing was written, in the lobby and in search, nobody is told", async () => {
    await using pair = await Pair.connect(target.place());
    const { ann, ben } = pair;
    await using eve = await Peer.connect(target.place());
    await ann.say(pair.conversation, "hi");
    const before = await serverNow(ann);
    await ben.logout();
    await whenSeen(ann, ben.id, before);
    expect((await eve.open(ben.id)).peerSeenAt).toBeUndefined();
    const { users } = await eve.ask({ type: "search", query: ben.name }, "users");
    expect(users).toEqual([{ ...ben.welcome.user, online: false }]);
    expect(JSON.stringify(eve.frames.log)).not.toContain("peerSeenAt");
  });

  test("[HS5] a classic user is gone without such a time", async () => {
    await using ann = await Peer.connect(target.place(), { nickname: freshName("Ann") });
    const visitor = await ClassicClient.login(target.url(), "visitor_seen");
    const { joined } = await ann.next("lobby-change", (change) =>
      change.joined.some(({ name }) => name === "visitor_seen"),
    );
    const id = joined.find(({ name }) => name === "visitor_seen")?.id ?? "";
    const { id: conversation } = await ann.open(id);
    await ann.say(conversation, "hi");
    await visitor.close();
    await ann.next("lobby-change", ({ left }) => left.includes(id));
    // A guest who leaves after them is seen, so that there was time enough.
    const guest = await Peer.connect(target.place());
    await ann.say((await ann.open(guest.id)).id, "hi");
    const before = await serverNow(ann);
    await guest.logout();
    await whenSeen(ann, guest.id, before);
    const summary = (await ann.ask({ type: "open", conversation }, "conversation")).conversation;
    expect(summary.peer.kind).toBe("classic");
    expect(summary.peerSeenAt).toBeUndefined();
  });
}

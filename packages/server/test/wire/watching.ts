/** SPEC.md, LB7 to LB9: whose coming and going a connection is told. */
import { describe, expect } from "bun:test";
import { defaultLimits } from "@duologue/protocol";
import { ClassicClient } from "../harness/classic.ts";
import { Pair, Peer } from "../harness/peer.ts";
import type { Target } from "./target.ts";

export function watchingTests(target: Target): void {
  describe("watching peers", () => {
    stateTests(target);
    changeTests(target);
    refusalTests(target);
  });
}

type State = "online" | "offline";

async function watch(
  peer: Peer,
  ...conversations: readonly string[]
): Promise<Record<State, readonly string[]>> {
  const { online, offline } = await peer.ask({ type: "watch", conversations }, "presence");
  return { online, offline };
}

/** The next that is told about the user. */
async function told(peer: Peer, user: string): Promise<State> {
  const frame = await peer.next(
    "presence",
    ({ ref, online, offline }) => ref === undefined && [...online, ...offline].includes(user),
  );
  expect(frame.online.includes(user) && frame.offline.includes(user)).toBe(false);
  return frame.online.includes(user) ? "online" : "offline";
}

function stateTests(target: Target): void {
  const { test } = target;
  test("[LB7] watch says who of the peers is online and who is offline", async () => {
    await using pair = await Pair.connect(target.place());
    const { ann, ben, conversation } = pair;
    const gone = await Peer.connect(target.place());
    const { id: other } = await ann.open(gone.id);
    await gone.logout();
    await ann.seen("lobby-change", ({ left }) => left.includes(gone.id));
    expect(await watch(ann, conversation, other)).toEqual({ online: [ben.id], offline: [gone.id] });
    expect(await watch(ann)).toEqual({ online: [], offline: [] });
    expect(await watch(ann, conversation, conversation)).toEqual({ online: [ben.id], offline: [] });
  });
}

function changeTests(target: Target): void {
  const { test } = target;
  test("[LB8] that a watched peer goes is told to all who watch, and to nobody else", async () => {
    await using pair = await Pair.connect(target.place());
    const { ann, ben, conversation } = pair;
    await using second = await Peer.connect(target.place(), { token: ann.token });
    await using other = await Peer.connect(target.place());
    await other.open(ben.id);
    await Promise.all([watch(ann, conversation), watch(second, conversation)]);
    await ben.logout();
    expect(await Promise.all([ann, second].map((peer) => told(peer, ben.id)))).toEqual([
      "offline",
      "offline",
    ]);
    await other.seen("lobby-change", ({ left }) => left.includes(ben.id));
    expect(other.all("presence")).toEqual([]);
  });

  test("[LB8] who is watched no more is told of no more", async () => {
    await using pair = await Pair.connect(target.place());
    const { ann, ben, conversation } = pair;
    const cem = await Peer.connect(target.place());
    const { id: other } = await ann.open(cem.id);
    await watch(ann, conversation, other);
    expect(await watch(ann, other)).toEqual({ online: [cem.id], offline: [] });
    await ben.logout();
    await ann.seen("lobby-change", ({ left }) => left.includes(ben.id));
    await cem.logout();
    expect(await told(ann, cem.id)).toBe("offline");
    expect(ann.all("presence").filter(({ offline }) => offline.includes(ben.id))).toEqual([]);
  });

  test("[LB6] a classic user can be watched like others", async () => {
    await using ann = await Peer.connect(target.place());
    const visitor = await ClassicClient.login(target.url(), "visitor_seen");
    const { joined } = await ann.next("lobby-change", (change) =>
      change.joined.some(({ name }) => name === "visitor_seen"),
    );
    const id = joined.find(({ name }) => name === "visitor_seen")?.id ?? "";
    const { id: conversation } = await ann.open(id);
    expect(await watch(ann, conversation)).toEqual({ online: [id], offline: [] });
    await visitor.close();
    expect(await told(ann, id)).toBe("offline");
  });
}

function refusalTests(target: Target): void {
  const { test } = target;
  test("[LB9] a conversation of others, and one that does not exist, are refused alike, and nothing changes", async () => {
    await using pair = await Pair.connect(target.place());
    await using mine = await Pair.connect(target.place());
    const { ann, ben, conversation } = mine;
    await watch(ann, conversation);
    const refusals = await Promise.all(
      [pair.conversation, "k_none"].map((one) =>
        ann.refusal({ type: "watch", conversations: [conversation, one] }),
      ),
    );
    const shapes = refusals.map(({ ref, ...rest }) => rest);
    expect(shapes[0]).toEqual(shapes[1] as (typeof shapes)[0]);
    expect(shapes[0]?.code).toBe("conversation_unknown");
    await ben.logout();
    expect(await told(ann, ben.id)).toBe("offline");
    expect(JSON.stringify(ann.frames.log.filter(({ type }) => type === "presence"))).not.toContain(
      pair.ben.id,
    );
  });

  test("[LB7] more than watchedPeers are refused", async () => {
    await using pair = await Pair.connect(target.place());
    const { ann, ben, conversation } = pair;
    expect(ann.welcome.limits.watchedPeers).toBe(defaultLimits.watchedPeers);
    const many = (count: number): string[] => Array.from({ length: count }, () => conversation);
    expect(await watch(ann, ...many(defaultLimits.watchedPeers))).toEqual({ online: [ben.id], offline: [] });
    const refusal = await ann.refusal({ type: "watch", conversations: many(defaultLimits.watchedPeers + 1) });
    expect(refusal.code).toBe("too_many_watched");
  });
}

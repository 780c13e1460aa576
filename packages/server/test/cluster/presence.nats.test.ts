/** Who is there, over the nodes of one cluster, as their clients see it. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { ServerFrame } from "@duologue/protocol";
import { limits, until } from "@duologue/testing";
import { systemClock } from "../../src/clock.ts";
import { ClassicClient } from "../harness/classic.ts";
import { Cluster } from "../harness/cluster.ts";
import { freshName, Peer } from "../harness/peer.ts";

setDefaultTimeout(60_000);

/** From a node's death to its users being offline everywhere. */
const GONE_MS = 6_000;

const LOBBY_USERS = 8;

let cluster: Cluster;

beforeAll(async () => {
  cluster = await Cluster.start({ nodes: 3, workers: 1, options: limits({ lobbyUsers: LOBBY_USERS }) });
});

afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
});

async function joined(peer: Peer, id: string): Promise<void> {
  const isNamed = (frame: ServerFrame): boolean =>
    (frame.type === "lobby" && frame.users?.some((user) => user.id === id) === true) ||
    (frame.type === "lobby-change" && frame.joined.some((user) => user.id === id));
  if (!peer.frames.log.some(isNamed)) await peer.frames.next(isNamed, `${id} in the lobby`);
}

describe("nodes of a cluster", () => {
  test("[LB10] are one lobby and one set of names, until one of them dies", async () => {
    const [one = "", two = ""] = cluster.urls;
    await using ann = await Peer.connect(one, { nickname: freshName("Ann") });
    await using ben = await Peer.connect(two, { nickname: freshName("Ben") });
    await Promise.all([joined(ann, ben.id), joined(ben, ann.id)]);
    const taken = await Peer.open(two);
    taken.send({ type: "hello", version: 1, nickname: ann.name.toUpperCase() });
    const { code, suggestion } = await taken.next("error");
    expect(code).toBe("nickname_taken");
    expect(suggestion).not.toBe(ann.name);
    await using classic = await ClassicClient.login(one, "visitor_here");
    await using other = await ClassicClient.login(two, "visitor_there");
    expect(await other.addressOf("visitor_here")).toBe(classic.address);
    expect(await classic.addressOf("visitor_there")).toBe(other.address);
    const { users } = await ben.ask({ type: "search", query: ann.name }, "users");
    expect(users).toEqual([{ ...ann.welcome.user, online: true }]);
    await using both = await Peer.connect(one);
    await using again = await Peer.connect(two, { token: both.token });
    expect(again.id).toBe(both.id);
    await joined(ben, both.id);

    await cluster.node(0).killPrimary();
    const goneAt = systemClock.monotonic();
    const gone = await ben.seen("lobby-change", ({ left }) => left.includes(ann.id));
    expect(systemClock.monotonic() - goneAt).toBeLessThan(GONE_MS);
    expect(gone.left).not.toContain(both.id);
    const { users: found } = await ben.ask({ type: "search", query: ann.name }, "users");
    expect(found).toEqual([{ ...ann.welcome.user, online: false }]);
    await using back = await Peer.connect(two, { token: ann.token });
    await joined(ben, back.id);
  });

  test("[LB8] beyond lobbyUsers, peers on the other node are watched, and found by search", async () => {
    const [, one = "", two = ""] = cluster.urls;
    const crowd = await Promise.all(Array.from({ length: LOBBY_USERS }, () => Peer.connect(one)));
    await using ann = await Peer.connect(one, { nickname: freshName("Ann") });
    await using ben = await Peer.connect(two, { nickname: freshName("Ben") });
    await using cem = await Peer.connect(two, { nickname: freshName("Cem") });
    const isCounted = (): boolean =>
      [...ann.all("lobby-change"), ...ann.all("lobby")].some(({ count }) => count > LOBBY_USERS);
    await until(isCounted, "a count that is too high for a list");
    const { id: conversation } = await ann.open(ben.id);
    await ben.say(conversation, "hi");
    const watch = (): Promise<unknown> =>
      ann.ask({ type: "watch", conversations: [conversation] }, "presence");
    expect(await watch()).toMatchObject({ online: [ben.id], offline: [] });
    const { users } = await ann.ask({ type: "search", query: cem.name }, "users");
    expect(users).toEqual([{ ...cem.welcome.user, online: true }]);
    expect((await ann.open(ben.id)).peerSeenAt).toBeUndefined();
    await ben.logout();
    expect(await ann.next("presence", ({ ref }) => ref === undefined)).toMatchObject({ offline: [ben.id] });
    await until(async () => (await ann.open(ben.id)).peerSeenAt !== undefined, "when Ben was last there");
    const { id: other } = await ann.open(cem.id);
    expect(await ann.ask({ type: "watch", conversations: [other] }, "presence")).toMatchObject({
      online: [cem.id],
    });
    await cluster.node(2).killPrimary();
    const goneAt = systemClock.monotonic();
    await ann.next("presence", ({ offline }) => offline.includes(cem.id));
    expect(systemClock.monotonic() - goneAt).toBeLessThan(GONE_MS);
    await Promise.all(crowd.map((peer) => peer.close()));
  });
});

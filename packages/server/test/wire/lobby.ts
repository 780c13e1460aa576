/** SPEC.md, "Who is there" (LB). */
import { describe, expect } from "bun:test";
import { defaultLimits, type User } from "@duologue/protocol";
import { ClassicClient } from "../harness/classic.ts";
import { freshName, Peer } from "../harness/peer.ts";
import type { Target } from "./target.ts";

export function lobbyTests(target: Target): void {
  describe("who is there", () => {
    listTests(target);
    leaveTests(target);
    searchTests(target);
  });
}

function joins(peer: Peer, id: string): Promise<User> {
  return peer
    .seen("lobby-change", ({ joined }) => joined.some((user) => user.id === id))
    .then(({ joined }) => joined.find((user) => user.id === id) as User);
}

async function leaves(peer: Peer, id: string): Promise<void> {
  await peer.seen("lobby-change", ({ left }) => left.includes(id));
}

function listTests(target: Target): void {
  const { test } = target;
  test("[LB1] after welcome comes the lobby, the receiver included, each user once", async () => {
    await using ann = await Peer.connect(target.place());
    await using second = await Peer.connect(target.place(), { token: ann.token });
    await using ben = await Peer.connect(target.place());
    const lobby = await ben.next("lobby");
    expect(ben.frames.log.slice(0, 2).map(({ type }) => type)).toEqual(["welcome", "lobby"]);
    const users = lobby.users ?? [];
    expect(users.filter(({ id }) => id === ann.id)).toEqual([ann.welcome.user]);
    expect(users.filter(({ id }) => id === ben.id)).toEqual([ben.welcome.user]);
    expect(new Set(users.map(({ id }) => id)).size).toBe(users.length);
    expect(lobby.count).toBe(users.length);
    expect(second.id).toBe(ann.id);
  });

  test("[LB2] lobby-change tells who came, whichever worker they came to", async () => {
    await using ben = await Peer.connect(target.place());
    const guests = await Promise.all([1, 2, 3, 4].map(() => Peer.connect(target.place())));
    for (const guest of guests) expect(await joins(ben, guest.id)).toEqual(guest.welcome.user);
    await Promise.all(guests.map((guest) => guest.close()));
  });

  test("[LB2] the lobby and the changes after it make the same list for everybody", async () => {
    const listOf = (peer: Peer): Map<string, string> => {
      const names = new Map<string, string>();
      for (const frame of peer.frames.log) {
        if (frame.type === "lobby") for (const user of frame.users ?? []) names.set(user.id, user.name);
        if (frame.type !== "lobby-change") continue;
        for (const id of frame.left) names.delete(id);
        for (const user of frame.joined) names.set(user.id, user.name);
        expect(frame.count).toBe(names.size);
      }
      return names;
    };
    const [early, late] = [await Peer.connect(target.place()), await Peer.connect(target.place())];
    const guests = await Promise.all(Array.from({ length: 6 }, () => Peer.connect(target.place())));
    const renamed = freshName("Anew");
    await guests[0]?.ask({ type: "rename", nickname: renamed }, "renamed");
    await guests[1]?.logout();
    const marker = await Peer.connect(target.place());
    await Promise.all([joins(early, marker.id), joins(late, marker.id)]);
    const ours = [...guests, marker].map(({ id }) => id);
    for (const peer of [early, late]) {
      const names = listOf(peer);
      expect(ours.map((id) => names.has(id))).toEqual(ours.map((_, index) => index !== 1));
      expect(names.get(guests[0]?.id ?? "")).toBe(renamed);
    }
    await Promise.all([early, late, marker, ...guests].map((peer) => peer.close()));
  });

  test("[LB6] a classic user stands in the lobby as classic", async () => {
    await using ben = await Peer.connect(target.place());
    await using classic = await ClassicClient.login(target.url(), "visitor_one");
    const change = await ben.next("lobby-change", ({ joined }) =>
      joined.some(({ kind, name }) => kind === "classic" && name === "visitor_one"),
    );
    await using late = await Peer.connect(target.place());
    const lobby = await late.next("lobby");
    const id = change.joined.find(({ name }) => name === "visitor_one")?.id;
    expect(lobby.users).toContainEqual({ id: id ?? "", name: "visitor_one", kind: "classic" });
    expect(JSON.stringify(lobby)).not.toContain(classic.address);
  });
}

function leaveTests(target: Target): void {
  const { test } = target;
  test("[LB5] a reload within the grace is not seen by others", async () => {
    await using ben = await Peer.connect(target.place());
    const ann = await Peer.connect(target.place());
    await joins(ben, ann.id);
    await ann.close();
    await using again = await Peer.connect(target.place(), { token: ann.token });
    const marker = await Peer.connect(target.place());
    await marker.logout();
    await leaves(ben, marker.id);
    const changes = ben.all("lobby-change");
    expect(changes.filter(({ left }) => left.includes(again.id))).toEqual([]);
    expect(changes.filter(({ joined }) => joined.some(({ id }) => id === again.id))).toHaveLength(1);
  });

  test("[LB5] who closed the last connection leaves after the grace, after those who logged out", async () => {
    await using ben = await Peer.connect(target.place());
    const [gone, second] = [await Peer.connect(target.place()), await Peer.connect(target.place())];
    await using other = await Peer.connect(target.place(), { token: second.token });
    await second.close();
    await gone.close();
    const marker = await Peer.connect(target.place());
    await marker.logout();
    await leaves(ben, marker.id);
    expect(ben.all("lobby-change").filter(({ left }) => left.includes(gone.id))).toEqual([]);
    await leaves(ben, gone.id);
    expect(ben.all("lobby-change").filter(({ left }) => left.includes(other.id))).toEqual([]);
  });

  test("[LB5] a classic user leaves at once", async () => {
    await using ben = await Peer.connect(target.place());
    const gone = await Peer.connect(target.place());
    const classic = await ClassicClient.login(target.url(), "visitor_two");
    const change = await ben.next("lobby-change", ({ joined }) =>
      joined.some(({ name }) => name === "visitor_two"),
    );
    const id = change.joined.find(({ name }) => name === "visitor_two")?.id ?? "";
    await gone.close();
    await classic.close();
    await leaves(ben, id);
    expect(ben.all("lobby-change").filter(({ left }) => left.includes(gone.id))).toEqual([]);
  });
}

function searchTests(target: Target): void {
  const { test } = target;
  test("[LB4] search finds names, and words in names, by their beginning, regardless of case", async () => {
    const word = freshName("").trim();
    await using ann = await Peer.connect(target.place(), { nickname: `${word} First` });
    await using ben = await Peer.connect(target.place(), { nickname: `Second ${word}` });
    await using off = await Peer.connect(target.place(), { nickname: `Third x${word}` });
    const found = async (query: string): Promise<string[]> =>
      (await off.ask({ type: "search", query }, "users")).users.map(({ id }) => id).sort();
    const both = [ann.id, ben.id].sort();
    expect(await found(word)).toEqual(both);
    expect(await found(word.toUpperCase())).toEqual(both);
    expect(await found(word.slice(0, 8))).toEqual(both);
    expect(await found(`x${word}`)).toEqual([off.id]);
    expect(await found(`${word} first`)).toEqual([ann.id]);
    expect(await found(word.slice(1))).toEqual([]);
  });

  test("[LB4] search puts those online first and says who is", async () => {
    const word = freshName("").trim();
    const offline = await Peer.connect(target.place(), { nickname: `${word} aa` });
    await offline.logout();
    await using online = await Peer.connect(target.place(), { nickname: `${word} bb` });
    const { users } = await online.ask({ type: "search", query: word }, "users");
    expect(users).toEqual([
      { ...online.welcome.user, online: true },
      { ...offline.welcome.user, online: false },
    ]);
  });

  test("[LB4] search gives at most searchResults", async () => {
    const word = freshName("").trim();
    const count = defaultLimits.searchResults + 3;
    const peers = await Promise.all(
      Array.from({ length: count }, (_, index) =>
        Peer.connect(target.place(), { nickname: `${word} no ${index}` }),
      ),
    );
    const { users } = await (peers[0] as Peer).ask({ type: "search", query: word }, "users");
    expect(users).toHaveLength(defaultLimits.searchResults);
    await Promise.all(peers.map((peer) => peer.close()));
  });

  test.each(["%", "_", "\\", "'", '"', "%%", "*", "a' OR '1'='1", " ", ""])(
    "[LB4] search takes its query as text, whatever stands in it: %j",
    async (query) => {
      await using ann = await Peer.connect(target.place());
      const { users } = await ann.ask({ type: "search", query }, "users");
      expect(users.length).toBeLessThanOrEqual(defaultLimits.searchResults);
      if (query.trim() !== "") expect(users.some(({ id }) => id === ann.id)).toBe(false);
    },
  );
}

import { expect, test } from "bun:test";
import type { UserRecord } from "../../ports/store.ts";
import { expectOk, type MakeStore, message, refused, retract, START_MS, World } from "./fixture.ts";

export function conversationContract(makeStore: MakeStore): void {
  opening(makeStore);
  ensuring(makeStore);
  quotas(makeStore);
  strangers(makeStore);
}

function opening(makeStore: MakeStore): void {
  test("[CV1] two people have one conversation, whoever opens it, and at whatever time", async () => {
    await using world = await World.begin(makeStore);
    const [ann, bob] = [await world.user("Ann"), await world.user("Bob")];
    const ids = await Promise.all([world.open(ann, bob), world.open(bob, ann), world.open(ann, bob)]);
    await world.reopen();
    ids.push(await world.open(bob, ann));
    expect(new Set(ids).size).toBe(1);
    expect(await world.open(ann, await world.user("Cid"))).not.toBe(ids[0] ?? "");
    const users = [await world.store.user(ann), await world.store.user(bob)];
    const [one, other] = users.sort((a, b) => ((a?.id ?? "") < (b?.id ?? "") ? -1 : 1));
    const conversation = ids[0] ?? "";
    expect(await world.store.membership(conversation)).toEqual({
      id: conversation,
      users: [one ?? expect.unreachable(), other ?? expect.unreachable()],
    });
  });

  test("[CV2] a conversation with nobody known is refused", async () => {
    await using world = await World.begin(makeStore);
    const ann = await world.user("Ann");
    const request = { ensure: [], quota: undefined };
    expect(await world.store.open({ ...request, by: ann, with: "u_nobody" })).toEqual(
      refused("user_unknown"),
    );
    expect(await world.store.open({ ...request, by: "u_nobody", with: ann })).toEqual(
      refused("user_unknown"),
    );
    expect(await world.store.open({ ...request, by: ann, with: ann })).toEqual(refused("user_unknown"));
  });
}

function ensuring(makeStore: MakeStore): void {
  const visitor = (id: string): UserRecord => ({ id, name: "Vic", kind: "classic", createdAt: START_MS });

  test("an opening brings users along who are not stored yet", async () => {
    await using world = await World.begin(makeStore);
    const ann = await world.user("Ann");
    const request = { by: "c_vic", with: ann, ensure: [visitor("c_vic")], quota: undefined };
    const { conversation } = expectOk(await world.store.open(request));
    expect(await world.store.user("c_vic")).toEqual(visitor("c_vic"));
    expect(expectOk(await world.store.open(request)).conversation).toBe(conversation);
    expectOk(await world.append(message(conversation, "c_vic", "hi")));
    const known = { ...request, ensure: [{ ...visitor("c_vic"), name: "Other" }] };
    expectOk(await world.store.open(known));
    expect((await world.store.user("c_vic"))?.name).toBe("Vic");
  });

  test("a refused opening leaves nothing behind", async () => {
    await using world = await World.begin(makeStore);
    const ann = await world.user("Ann");
    const outcome = await world.store.open({
      by: "c_vic",
      with: "u_nobody",
      ensure: [visitor("c_vic")],
      quota: undefined,
    });
    expect(outcome).toEqual(refused("user_unknown"));
    const limited = await world.store.open({
      by: ann,
      with: "c_vic",
      ensure: [visitor("c_vic")],
      quota: { count: 0, since: 0 },
    });
    expect(limited).toEqual(refused("too_many_conversations"));
    expect(await world.store.user("c_vic")).toBeUndefined();
  });
}

function quotas(makeStore: MakeStore): void {
  test("[CV13] a quota counts what the user began since a time, and only refuses what is new", async () => {
    await using world = await World.begin(makeStore);
    const ann = await world.user("Ann");
    const peers = await Promise.all(["a", "b", "c", "d", "e"].map((name) => world.user(name)));
    const open = (peer: number, since: number): ReturnType<typeof world.store.open> =>
      world.store.open({ by: ann, with: peers[peer] ?? "", ensure: [], quota: { count: 2, since } });
    await world.open(peers[4] ?? "", ann);
    world.now = START_MS + 1000;
    expectOk(await open(0, START_MS));
    world.now = START_MS + 2000;
    // Both in one turn: the second one sees the first.
    const both = await Promise.all([open(1, START_MS), open(2, START_MS)]);
    expect(both).toMatchObject([{ ok: true }, refused("too_many_conversations")]);
    expectOk(await open(0, START_MS));
    expectOk(await open(4, START_MS));
    expect(await open(3, START_MS + 1000)).toEqual(refused("too_many_conversations"));
    expectOk(await open(3, START_MS + 1001));
  });
}

function strangers(makeStore: MakeStore): void {
  test("[CV10] a stranger's conversation is the same as none, in every operation", async () => {
    await using world = await World.begin(makeStore);
    const { ann, conversation } = await world.pair();
    const eve = await world.user("Eve");
    await world.send(conversation, ann, "hi");
    for (const place of [conversation, "d_nowhere"]) {
      expect(await world.append(message(place, eve, "hi"))).toEqual(refused("conversation_unknown"));
      expect(await world.append(message(place, "u_nobody", "hi"))).toEqual(refused("conversation_unknown"));
      expect(await world.append(retract(place, eve, 1))).toEqual(refused("conversation_unknown"));
      expect(await world.store.mark({ conversation: place, user: eve, delivered: 1, read: 1 })).toEqual(
        refused("conversation_unknown"),
      );
      expect(await world.store.conversation(eve, place)).toBeUndefined();
    }
    expect(await world.store.membership("d_nowhere")).toBeUndefined();
    expect(await world.store.history("d_nowhere", undefined, 10)).toEqual({
      events: [],
      revisions: [],
      more: false,
    });
    expect(await world.store.conversations(eve, undefined, 10)).toEqual([]);
    expect(await world.store.position(eve)).toBe(0);
  });
}

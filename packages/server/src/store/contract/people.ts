import { expect, test } from "bun:test";
import { expectOk, type MakeStore, refused, START_MS, World } from "./fixture.ts";

export function peopleContract(makeStore: MakeStore): void {
  users(makeStore);
  seenTimes(makeStore);
  sessions(makeStore);
  search(makeStore);
  answering(makeStore);
}

function users(makeStore: MakeStore): void {
  test("a user is kept, and keeps the id under a new name", async () => {
    await using world = await World.begin(makeStore);
    const user = { id: "u_1", name: "Ann 😀", kind: "guest", createdAt: START_MS } as const;
    expectOk(await world.store.createUser(user));
    await world.reopen();
    expect(await world.store.user("u_1")).toEqual(user);
    expectOk(await world.store.rename("u_1", "Anna"));
    expect(await world.store.user("u_1")).toEqual({ ...user, name: "Anna" });
    expect(await world.store.user("u_2")).toBeUndefined();
    expect(await world.store.rename("u_2", "Nobody")).toEqual(refused("user_unknown"));
  });

  test("a user asked for twice is there once, and an id is not given to another", async () => {
    await using world = await World.begin(makeStore);
    const user = { id: "u_1", name: "Ann", kind: "guest", createdAt: START_MS } as const;
    expectOk(await world.store.createUser(user));
    expectOk(await world.store.createUser(user));
    expect(await world.store.createUser({ ...user, name: "Eve" })).toEqual(refused("id_conflict"));
    expect((await world.store.user("u_1"))?.name).toBe("Ann");
  });
}

function seenTimes(makeStore: MakeStore): void {
  test("[HS5] when people were last there is kept, the last word wins, and their peers' summaries say it", async () => {
    await using world = await World.begin(makeStore);
    const { ann, bob, conversation } = await world.pair();
    const seenAt = async (viewer: string): Promise<number | undefined> =>
      (await world.store.conversation(viewer, conversation))?.peerSeenAt;
    await world.send(conversation, ann, "hi");
    expect([await seenAt(ann), await seenAt(bob)]).toEqual([undefined, undefined]);
    expectOk(
      await world.store.noteSeen([
        { user: ann, at: START_MS + 5 },
        { user: bob, at: START_MS + 9 },
        { user: ann, at: START_MS + 7 },
      ]),
    );
    // A clock that was put right: the later word is the truer one.
    expectOk(await world.store.noteSeen([{ user: bob, at: START_MS + 1 }]));
    await world.reopen();
    expect([await seenAt(ann), await seenAt(bob)]).toEqual([START_MS + 1, START_MS + 7]);
    const [listed] = await world.store.conversations(ann, undefined, 10);
    const synced = await world.store.changes(ann, 0, 10, 10);
    expect([listed?.peerSeenAt, synced?.conversations[0]?.peerSeenAt]).toEqual([START_MS + 1, START_MS + 1]);
  });

  test("[HS5] being seen tells nobody and moves no position", async () => {
    await using world = await World.begin(makeStore);
    const { ann, bob, conversation } = await world.pair();
    const { position } = await world.send(conversation, ann, "hi");
    const told = world.published.length;
    expectOk(await world.store.noteSeen([{ user: ann, at: START_MS }]));
    expect(world.published).toHaveLength(told);
    expect([await world.store.position(ann), await world.store.position(bob)]).toEqual([position, position]);
  });

  test("[HS5] of classic visitors nothing is kept, and nobody unknown is made or in the way", async () => {
    await using world = await World.begin(makeStore);
    const [ann, bob] = [await world.user("Ann"), await world.user("Bob")];
    const visitor = await world.user("visitor", "classic");
    const [withBob, withVisitor] = [await world.open(ann, bob), await world.open(ann, visitor)];
    const at = START_MS;
    expectOk(await world.store.noteSeen([visitor, "u_nobody", bob].map((user) => ({ user, at }))));
    expectOk(await world.store.noteSeen([]));
    expect((await world.store.conversation(ann, withVisitor))?.peerSeenAt).toBeUndefined();
    expect((await world.store.conversation(ann, withBob))?.peerSeenAt).toBe(at);
    expect(await world.store.user("u_nobody")).toBeUndefined();
  });
}

function sessions(makeStore: MakeStore): void {
  test("a session is kept until it is ended, and then stays ended", async () => {
    await using world = await World.begin(makeStore);
    const user = { id: "u_1", name: "Ann", kind: "guest", createdAt: START_MS } as const;
    const session = { id: "s_1", user: "u_1", expiresAt: START_MS + 1000 };
    // In one turn, as at a login: the second request depends on the first.
    const outcomes = await Promise.all([world.store.createUser(user), world.store.startSession(session)]);
    expect(outcomes).toMatchObject([{ ok: true }, { ok: true }]);
    await world.reopen();
    const record = { id: "s_1", user, expiresAt: START_MS + 1000, ended: false };
    expect(await world.store.session("s_1")).toEqual(record);
    expectOk(await world.store.extendSession("s_1", START_MS + 9000));
    expectOk(await world.store.extendSession("s_1", START_MS + 5000));
    expect(await world.store.session("s_1")).toEqual({ ...record, expiresAt: START_MS + 9000 });
    expectOk(await world.store.endSession("s_1"));
    expectOk(await world.store.endSession("s_1"));
    expectOk(await world.store.extendSession("s_1", START_MS + 99_000));
    expect(await world.store.session("s_1")).toEqual({ ...record, expiresAt: START_MS + 9000, ended: true });
    expect(await world.store.startSession(session)).toEqual(refused("id_conflict"));
    expectOk(await world.store.startSession({ ...session, id: "s_2" }));
    const ended = await world.store.endedSessions(["s_1", "s_2", "s_3", "s_1", '"{,}\\']);
    expect(ended).toEqual(new Set(["s_1", "s_3", '"{,}\\']));
    expect(await world.store.endedSessions([])).toEqual(new Set());
    expect(world.published).toEqual([{ to: ["u_1"], note: { kind: "session-ended", session: "s_1" } }]);
  });

  test("a session needs a user, and one that is unknown cannot be ended", async () => {
    await using world = await World.begin(makeStore);
    const session = { id: "s_1", user: "u_1", expiresAt: START_MS };
    expect(await world.store.startSession(session)).toEqual(refused("user_unknown"));
    expect(await world.store.session("s_1")).toBeUndefined();
    expectOk(await world.store.endSession("s_1"));
    expect(world.published).toEqual([]);
  });
}

function search(makeStore: MakeStore): void {
  test("[LB4] guests are found by the beginning of their name or of a word in it, in any case", async () => {
    await using world = await World.begin(makeStore);
    for (const name of ["Ann Lee", "anton", "Zoë Ängström", "Jo-Ann", "100%", "Danny", "Ｗide"])
      await world.user(name);
    await world.user("Annette", "classic");
    const find = async (query: string): Promise<string[]> =>
      (await world.store.findUsers(query, 20)).map((user) => user.name).sort();
    expect(await find("an")).toEqual(["Ann Lee", "Jo-Ann", "anton"]);
    expect(await find("ANN")).toEqual(["Ann Lee", "Jo-Ann"]);
    expect(await find("ann l")).toEqual(["Ann Lee"]);
    expect(await find("äNG")).toEqual(["Zoë Ängström"]);
    expect(await find("wide")).toEqual(["Ｗide"]);
    expect(await find("%")).toEqual([]);
    expect(await find("100%")).toEqual(["100%"]);
    expect(await find("a_")).toEqual([]);
    expect(await find("nn")).toEqual([]);
  });

  test("[LB4] a renamed guest is found by the new name only, and results are limited", async () => {
    await using world = await World.begin(makeStore);
    const ann = await world.user("Ann");
    expectOk(await world.store.rename(ann, "Berta Bee"));
    expect(await world.store.findUsers("ann", 20)).toEqual([]);
    expect((await world.store.findUsers("be", 20)).map((user) => user.id)).toEqual([ann]);
    for (let index = 0; index < 5; index += 1) await world.user(`Bert Bertram ${index}`);
    expect(new Set((await world.store.findUsers("be", 4)).map((user) => user.id)).size).toBe(4);
  });
}

function answering(makeStore: MakeStore): void {
  test("the probe is answered", async () => {
    await using world = await World.begin(makeStore);
    expect(await world.store.probe()).toBeUndefined();
  });
}

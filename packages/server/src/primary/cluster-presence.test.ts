import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { joinMany, PresenceNodes, threeNodes } from "../../test/harness/presence-nodes.ts";

/** A node's sign of life each second, five seconds without one, and the checks between. */
const LEASE_MS = 6_000;

describe("one lobby of several nodes", () => {
  test("[LB10] everybody is in every node's list, in order of login, and leaves it", async () => {
    const { cluster, nodes } = threeNodes();
    const [a, b, c] = nodes;
    for (const [node, id] of [
      [b, "one"],
      [c, "two"],
      [a, "three"],
      [b, "four"],
    ] as const) {
      await cluster.done(node.join(id));
      await cluster.pass(10);
    }
    for (const node of nodes) expect(node.ids()).toEqual(["one", "two", "three", "four"]);
    c.leave("two");
    await cluster.done(a.rename("three", "Trois"));
    await cluster.pass(10);
    for (const { worker } of nodes)
      expect([...worker.lobby.all()].map(({ name }) => name)).toEqual(["one", "Trois", "four"]);
    const [first, ...others] = nodes.map((node) => node.list());
    for (const list of others) expect(list).toEqual(first as typeof list);
  });

  test("[LB10] a node that comes later has the list at once, in parts that fit a message", async () => {
    const cluster = new PresenceNodes();
    Object.assign(cluster.bus, { maxPayloadBytes: 1_000 });
    const [a, b] = [cluster.add(), cluster.add()];
    await joinMany(cluster, a, 30, "guest-of-the-first-");
    await joinMany(cluster, b, 30, "guest-of-the-second-");
    const late = cluster.add();
    await cluster.pass(300);
    expect(late.ids()).toEqual(a.ids());
    expect(late.ids()).toHaveLength(60);
  });

  test("[LB10] the users of a dead node leave within six seconds, but for those who are elsewhere too", async () => {
    const { cluster, nodes } = threeNodes();
    const [a, b, c] = nodes;
    await cluster.done(a.join("ann"));
    await cluster.done(b.join("ben"));
    await cluster.done(a.join("both"));
    await cluster.done(c.join("both"));
    await cluster.pass(900);
    cluster.crash(a);
    await cluster.pass(3_000);
    expect(b.ids().toSorted()).toEqual(["ann", "ben", "both"]);
    await cluster.pass(LEASE_MS - 3_000);
    expect(b.ids().toSorted()).toEqual(["ben", "both"]);
    expect(c.ids()).toEqual(b.ids());
  });

  test("[LB10] who is on two nodes is one, keeps the place of the first login, and has the latest name", async () => {
    const { cluster, nodes } = threeNodes();
    const [a, b, c] = nodes;
    await cluster.done(a.join("ann", "Ann"));
    await cluster.pass(10);
    await cluster.done(b.join("ben"));
    await cluster.pass(10);
    await cluster.done(c.join("ann", "Ann"));
    await cluster.pass(10);
    await cluster.done(a.rename("ann", "Anna"));
    await cluster.pass(10);
    expect(c.registry.get("ann")?.name).toBe("Anna");
    a.leave("ann");
    await cluster.pass(10);
    for (const node of nodes) {
      expect(node.ids()).toEqual(["ann", "ben"]);
      expect(node.worker.lobby.get("ann")?.name).toBe("Anna");
    }
    c.leave("ann");
    await cluster.pass(10);
    for (const node of nodes) expect(node.ids()).toEqual(["ben"]);
  });

  test("[LB3] beyond the limit only numbers go round; below it the lists are there again", async () => {
    const { cluster, nodes } = threeNodes({ lobbyUsers: 10 });
    const [a, b, c] = nodes;
    await joinMany(cluster, a, 5, "a");
    await joinMany(cluster, b, 5, "b");
    await cluster.pass(1_100);
    expect(c.worker.lobby).toMatchObject({ size: 10, isWhole: true });
    await cluster.done(c.join("c0"));
    await cluster.pass(1_100);
    for (const node of nodes) expect(node.worker.lobby).toMatchObject({ size: 11, isWhole: false });
    expect(c.ids()).toEqual(["c0"]);
    b.leave("b4");
    await cluster.pass(1_100);
    // Not for one who comes and goes.
    expect(a.worker.lobby).toMatchObject({ size: 10, isWhole: false });
    b.leave("b3");
    await cluster.pass(1_500);
    for (const node of nodes) {
      expect(node.worker.lobby).toMatchObject({ size: 9, isWhole: true });
      expect(node.ids()).toEqual(a.ids());
    }
  });

  test("[LB8] nobody counts as away while it is not known how many are on other nodes", async () => {
    const { cluster, nodes } = threeNodes({ lobbyUsers: 3 });
    const [a, b] = nodes;
    await joinMany(cluster, a, 3, "a");
    await cluster.pass(600);
    // The other node's next sign of life, which says that it has somebody now, is yet to come.
    const joining = [a.join("a3"), b.join("ben")];
    await cluster.settle();
    await Promise.all(joining);
    expect(a.worker.isOnline("ben")).toBeUndefined();
    await cluster.done(a.worker.watch(["ben"]));
    expect(a.worker.isOnline("ben")).toBe(true);
  });

  test("[LB10] a node that was frozen tells its list anew, and takes the others'", async () => {
    const { cluster, nodes } = threeNodes();
    const [a, b, c] = nodes;
    await cluster.done(a.join("ann"));
    await cluster.done(b.join("ben"));
    await cluster.pass(100);
    a.clock.isFrozen = true;
    await cluster.pass(LEASE_MS);
    expect(c.ids()).toEqual(["ben"]);
    await cluster.done(c.join("cem"));
    a.clock.isFrozen = false;
    await cluster.pass(2_000);
    for (const node of nodes) expect(node.ids()).toEqual(["ann", "ben", "cem"]);
  });

  test("[LB10] two with one address are told apart, the same way everywhere", async () => {
    const { cluster, nodes } = threeNodes();
    const [a, b] = nodes;
    const visitor = (id: string) =>
      ({ id, name: id, kind: "classic", nameKeys: [id], address: "10.0.0.1:4000" }) as const;
    await cluster.done(a.presence.join(1, visitor("one")));
    await cluster.pass(10);
    await cluster.done(b.presence.join(1, visitor("two")));
    await cluster.pass(10);
    const [list, ...others] = nodes.map((node) => node.list());
    for (const other of others) expect(other).toEqual(list as typeof other);
    expect(list?.[0]?.address).toBe("10.0.0.1:4000");
    expect(Number(list?.[1]?.address.split(".")[0])).toBeGreaterThanOrEqual(240);
    for (const { worker } of nodes) expect(worker.lobby.byAddress("10.0.0.1:4000")?.id).toBe("one");
    a.leave("one");
    await cluster.pass(10);
    for (const { worker } of nodes) expect(worker.lobby.byAddress("10.0.0.1:4000")?.id).toBe("two");
  });

  test("whatever else comes from the bus changes nothing", async () => {
    const { cluster, nodes } = threeNodes();
    const [a] = nodes;
    await cluster.done(a.join("ann"));
    const stranger = cluster.bus.connect("stranger");
    const texts = fc.oneof(
      fc.string(),
      fc.json(),
      fc
        .record({
          v: fc.constantFrom(1, 3, "1"),
          node: fc.constantFrom("stranger", "node-0", "a b", 7),
          kind: fc.constantFrom("change", "list", "ask", "what"),
          at: fc.constantFrom(0, 1, -1, 1.5),
          part: fc.constantFrom(0, 1),
          parts: fc.constantFrom(1, 1e9),
          of: fc.constantFrom("node-1", "", null),
          joined: fc.constantFrom([], [["x", "y"]], "all", [["x", "\n", "guest", "1.1.1.1:1", "", 0]]),
          left: fc.constantFrom(["ann"], [1], {}),
        })
        .map((fields) => JSON.stringify(fields)),
    );
    for (const text of fc.sample(texts, { numRuns: 300, seed: 7 })) {
      // What bears another node's name is that node's word: whoever may write to the bus is trusted so far.
      if (text.includes('"node-0"')) continue;
      for (const subject of ["nodes", "here.ann", "p.ann"]) stranger.publish(subject, text);
    }
    await cluster.pass(1_000);
    for (const node of nodes) expect(node.ids()).toEqual(["ann"]);
  });
});

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type PresenceNode, PresenceNodes } from "../../test/harness/presence-nodes.ts";

/** A node's sign of life each second, five seconds without one, and the checks between. */
const LEASE_MS = 6_000;

function three(options: ConstructorParameters<typeof PresenceNodes>[0] = {}): {
  readonly cluster: PresenceNodes;
  readonly nodes: readonly [PresenceNode, PresenceNode, PresenceNode];
} {
  const cluster = new PresenceNodes(options);
  return { cluster, nodes: [cluster.add(), cluster.add(), cluster.add()] };
}

async function joinAll(
  cluster: PresenceNodes,
  node: PresenceNode,
  count: number,
  prefix: string,
): Promise<void> {
  for (let index = 0; index < count; index += 1) await cluster.done(node.join(`${prefix}${index}`));
}

describe("one lobby of several nodes", () => {
  test("[LB10] everybody is in every node's list, in order of login, and leaves it", async () => {
    const { cluster, nodes } = three();
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
    await joinAll(cluster, a, 30, "guest-of-the-first-");
    await joinAll(cluster, b, 30, "guest-of-the-second-");
    const late = cluster.add();
    await cluster.pass(300);
    expect(late.ids()).toEqual(a.ids());
    expect(late.ids()).toHaveLength(60);
  });

  test("[LB10] the users of a dead node leave within six seconds, but for those who are elsewhere too", async () => {
    const { cluster, nodes } = three();
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
    const { cluster, nodes } = three();
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
    const { cluster, nodes } = three({ lobbyUsers: 10 });
    const [a, b, c] = nodes;
    await joinAll(cluster, a, 5, "a");
    await joinAll(cluster, b, 5, "b");
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

  test("[LB10] a node that was frozen tells its list anew, and takes the others'", async () => {
    const { cluster, nodes } = three();
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
    const { cluster, nodes } = three();
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
    const { cluster, nodes } = three();
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

describe("names of several nodes", () => {
  test("[NK4] a name that somebody has on another node is refused, and free when they are gone", async () => {
    const { cluster, nodes } = three();
    const [a, b] = nodes;
    expect((await cluster.done(a.join("ann", "Ann"))).ok).toBe(true);
    expect(await cluster.done(b.join("eve", "ANN"))).toEqual({ ok: false, reason: "name_taken" });
    const candidates = ["ann", "Ann 2"].map((name) => ({ name, nameKeys: [name.toLowerCase()] }));
    expect(await cluster.done(b.presence.firstFree(candidates))).toBe("Ann 2");
    expect((await cluster.done(b.join("eve", "Eve"))).ok).toBe(true);
    expect((await cluster.done(b.rename("eve", "ann"))).ok).toBe(false);
    a.leave("ann");
    expect((await cluster.done(b.rename("eve", "ann"))).ok).toBe(true);
  });

  test("[NK4] of any number who ask for a name at the same moment, exactly one gets it", async () => {
    for (let round = 0; round < 20; round += 1) {
      const { cluster, nodes } = three();
      const [a, b, c] = nodes;
      const asked = [a, b, c, b].map(async (node, index) => {
        for (let turn = 0; turn < (round * (index + 1)) % 4; turn += 1) await Promise.resolve();
        return await node.join(`u${index}`, "Ann");
      });
      const outcomes = await cluster.done(Promise.all(asked));
      expect(outcomes.filter(({ ok }) => ok)).toHaveLength(1);
      await cluster.pass(10);
      expect(a.list()).toHaveLength(1);
    }
  });

  test("[NK4] one's own name on another node is not in the way, and costs no wait", async () => {
    const { cluster, nodes } = three();
    const [a, b] = nodes;
    await cluster.done(a.join("ann", "Ann"));
    const joining = b.join("ann", "Ann");
    await cluster.settle();
    expect((await joining).ok).toBe(true);
  });

  test("without a bus a node decides by what it knows, and nobody waits", async () => {
    const { cluster, nodes } = three();
    const [a, b] = nodes;
    await cluster.done(a.join("ann", "Ann"));
    for (const { link } of nodes) (link as unknown as { cut(): void }).cut();
    const joining = b.join("eve", "Ann");
    await cluster.settle();
    expect((await joining).ok).toBe(true);
    expect((await a.join("cem", "Ann")).ok).toBe(false);
  });

  test("a worker that died while its guest's name was asked for leaves nobody behind", async () => {
    const { cluster, nodes } = three();
    const [a, b] = nodes;
    const joining = a.join("ann");
    a.isWorkerThere = false;
    expect(await cluster.done(joining)).toEqual({ ok: false, reason: "unavailable" });
    expect(a.registry.size).toBe(0);
    expect((await cluster.done(b.join("eve", "ann"))).ok).toBe(true);
  });
});

describe("watching users of other nodes", () => {
  const last = (node: PresenceNode): unknown => node.watched.at(-1);

  test("[LB8] the state is known at once, and each coming and going is told", async () => {
    const { cluster, nodes } = three();
    const [a, b, c] = nodes;
    await cluster.done(b.join("ben"));
    expect(await cluster.done(a.presence.watch(1, ["ben", "cem"]))).toEqual({
      online: ["ben"],
      offline: ["cem"],
    });
    await cluster.done(c.join("cem"));
    await cluster.pass(10);
    expect(last(a)).toEqual({ online: ["cem"], offline: [] });
    await cluster.done(a.presence.watch(2, ["cem"]));
    b.leave("ben");
    await cluster.pass(10);
    expect(last(a)).toEqual({ online: [], offline: ["ben"] });
    a.presence.unwatch(1, ["ben", "cem"]);
    a.presence.workerGone(2);
    const before = a.watched.length;
    c.leave("cem");
    await cluster.pass(10);
    expect(a.watched).toHaveLength(before);
    expect(await cluster.done(a.presence.findOnline(["ben", "cem"]))).toEqual([]);
  });

  test("[LB8] who leaves one of two nodes is still there", async () => {
    const { cluster, nodes } = three();
    const [a, b, c] = nodes;
    await cluster.done(b.join("ben"));
    await cluster.done(c.join("ben"));
    await cluster.done(a.presence.watch(1, ["ben"]));
    for (const node of [b, c]) {
      expect(await cluster.done(a.presence.findOnline(["ben"]))).toEqual(["ben"]);
      node.leave("ben");
      await cluster.pass(10);
    }
    expect(last(a)).toEqual({ online: [], offline: ["ben"] });
    expect(a.watched).toHaveLength(1);
  });

  test("[LB10] the watched users of a dead node are offline within six seconds", async () => {
    const { cluster, nodes } = three();
    const [a, b, c] = nodes;
    await cluster.done(b.join("ben"));
    await cluster.done(b.join("both"));
    await cluster.done(c.join("both"));
    await cluster.done(a.presence.watch(1, ["ben", "both"]));
    await cluster.pass(1_000);
    cluster.crash(b);
    await cluster.pass(LEASE_MS);
    expect(await cluster.done(a.presence.findOnline(["ben", "both"]))).toEqual(["both"]);
  });

  test("[LB8] what was missed without the bus is asked for when it is back", async () => {
    const { cluster, nodes } = three();
    const [a, b, c] = nodes;
    await cluster.done(b.join("ben"));
    await cluster.done(a.presence.watch(1, ["ben", "cem"]));
    const link = a.link as unknown as { cut(): void; mend(): void };
    link.cut();
    b.leave("ben");
    await cluster.done(c.join("cem"));
    await cluster.pass(1_000);
    expect(a.watched).toEqual([]);
    link.mend();
    await cluster.pass(1_000);
    expect(a.watched).toContainEqual({ online: [], offline: ["ben"] });
    expect(a.watched).toContainEqual({ online: ["cem"], offline: [] });
  });

  test("[LB8] what was lost and nobody noticed is asked for within some minutes", async () => {
    const { cluster, nodes } = three();
    const [a, b] = nodes;
    await cluster.done(a.presence.watch(1, ["ben"]));
    cluster.parted.add("node-0 node-1");
    await cluster.done(b.join("ben"));
    cluster.parted.clear();
    await cluster.pass(130_000);
    expect(last(a)).toEqual({ online: ["ben"], offline: [] });
  });

  test("[LB3] beyond the limit, a coming costs the same however many are online", async () => {
    const costs: number[] = [];
    for (const count of [30, 120]) {
      const { cluster, nodes } = three({ lobbyUsers: 10 });
      const [a, b] = nodes;
      await joinAll(cluster, b, count, "b");
      await cluster.pass(1_000);
      await cluster.done(a.presence.watch(1, ["new"]));
      cluster.sent.bytes = 0;
      const joining = b.join("new");
      await cluster.settle();
      expect((await joining).ok).toBe(true);
      costs.push(cluster.sent.bytes);
    }
    expect(costs[0]).toBe(costs[1] as number);
    expect(costs[0]).toBeLessThan(200);
  });
});

describe("whatever happens", () => {
  const NAMES = ["ann", "ben", "cem", "dee", "eve", "fay"];
  const node = fc.nat(2);
  const person = fc.constantFrom(...NAMES);
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.tuple(fc.constant("join" as const), node, person) },
    { weight: 4, arbitrary: fc.tuple(fc.constant("leave" as const), node, person) },
    { weight: 2, arbitrary: fc.tuple(fc.constant("rename" as const), node, person) },
    { weight: 1, arbitrary: fc.tuple(fc.constant("crash" as const), node, person) },
    { weight: 2, arbitrary: fc.tuple(fc.constant("part" as const), node, person) },
    { weight: 1, arbitrary: fc.tuple(fc.constant("freeze" as const), node, person) },
    { weight: 1, arbitrary: fc.tuple(fc.constant("cut" as const), node, person) },
    { weight: 2, arbitrary: fc.tuple(fc.constant("heal" as const), node, person) },
    { weight: 4, arbitrary: fc.tuple(fc.constant("pass" as const), fc.constantFrom(0, 1, 2), person) },
  );

  function heal(cluster: PresenceNodes): void {
    cluster.parted.clear();
    for (const { clock, link } of cluster.nodes) {
      clock.isFrozen = false;
      (link as unknown as { mend(): void }).mend();
    }
  }

  async function take(
    cluster: PresenceNodes,
    [kind, index, id]: readonly [string, number, string],
    waiting: Promise<unknown>[],
  ): Promise<void> {
    const one = cluster.nodes[index] as PresenceNode;
    switch (kind) {
      case "join":
        if (one.registry.get(id) === undefined && !one.clock.isFrozen) waiting.push(one.join(id));
        break;
      case "leave":
        one.leave(id);
        break;
      case "rename":
        waiting.push(one.rename(id, `${id} ${cluster.clock.random().toFixed(3)}`));
        break;
      case "crash":
        cluster.crash(one);
        cluster.add(`again-${cluster.clock.randomId(2)}`);
        break;
      case "part":
        cluster.parted.add(`${one.link.node} ${cluster.nodes[(index + 1) % 3]?.link.node}`);
        break;
      case "freeze":
        one.clock.isFrozen = true;
        break;
      case "cut":
        (one.link as unknown as { cut(): void }).cut();
        break;
      case "heal":
        heal(cluster);
        break;
      default:
        await cluster.pass([10, 700, 7_000][index] ?? 0);
    }
  }

  test("[LB10] all lists are equal afterwards, and hold who is there", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 40 }),
        fc.constantFrom(1_000, 3),
        async (steps, lobbyUsers) => {
          const { cluster } = three({ lobbyUsers });
          const [watcher] = cluster.nodes;
          void watcher?.presence.watch(1, NAMES);
          const waiting: Promise<unknown>[] = [];
          for (const one of steps) await take(cluster, one, waiting);
          heal(cluster);
          await cluster.pass(9_000);
          await cluster.done(Promise.all(waiting));
          await cluster.pass(1_500);
          const here = new Set(cluster.nodes.flatMap(({ registry }) => registry.all().map(({ id }) => id)));
          const [first, ...others] = cluster.nodes.map((one) => one.list());
          const isWhole = cluster.nodes.map(({ worker }) => worker.lobby.isWhole);
          if (lobbyUsers === 1_000) expect(isWhole).toEqual([true, true, true]);
          if (isWhole.every(Boolean)) {
            for (const list of others) expect(list).toEqual(first as typeof list);
            expect(new Set(first?.map(({ id }) => id))).toEqual(here);
            expect(new Set(first?.map(({ address }) => address)).size).toBe(here.size);
          }
          // A hint that got lost without a trace is made good by asking again.
          await cluster.pass(125_000, 500);
          for (const one of cluster.nodes) {
            const elsewhere = NAMES.filter((id) =>
              cluster.nodes.some((other) => other !== one && other.registry.get(id) !== undefined),
            );
            expect(await cluster.done(one.presence.findOnline(NAMES))).toEqual(elsewhere);
          }
        },
      ),
      { numRuns: Number(process.env.DUOLOGUE_PRESENCE_RUNS ?? 60) },
    );
  }, 60_000);
});

/** Joins, leaves, new names, deaths, partitions and returns of nodes, in any order. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type PresenceNode, type PresenceNodes, threeNodes } from "../../test/harness/presence-nodes.ts";

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
          const { cluster } = threeNodes({ lobbyUsers });
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
          expect(new Set(isWhole).size).toBe(1);
          if (lobbyUsers === 1_000) expect(isWhole).toEqual([true, true, true]);
          if (isWhole.every(Boolean)) {
            for (const list of others) expect(list).toEqual(first as typeof list);
            expect(new Set(first?.map(({ id }) => id))).toEqual(here);
            expect(new Set(first?.map(({ address }) => address)).size).toBe(here.size);
          }
          // A hint that got lost without a trace is made good by asking again.
          await cluster.pass(305_000, 500);
          for (const one of cluster.nodes) {
            const elsewhere = NAMES.filter((id) =>
              cluster.nodes.some((other) => other !== one && other.registry.get(id) !== undefined),
            );
            expect(await cluster.done(one.presence.findOnline(NAMES))).toEqual(elsewhere);
          }
        },
      ),
      { numRuns: Number(process.env.DUOLOGUE_PRESENCE_RUNS ?? 30) },
    );
  }, 60_000);
});

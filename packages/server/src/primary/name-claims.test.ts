import { describe, expect, test } from "bun:test";
import { threeNodes } from "../../test/harness/presence-nodes.ts";

describe("names of several nodes", () => {
  test("[NK4] a name that somebody has on another node is refused, and free when they are gone", async () => {
    const { cluster, nodes } = threeNodes();
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
      const { cluster, nodes } = threeNodes();
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
    const { cluster, nodes } = threeNodes();
    const [a, b] = nodes;
    await cluster.done(a.join("ann", "Ann"));
    const joining = b.join("ann", "Ann");
    await cluster.settle();
    expect((await joining).ok).toBe(true);
  });

  test("without a bus a node decides by what it knows, and nobody waits", async () => {
    const { cluster, nodes } = threeNodes();
    const [a, b] = nodes;
    await cluster.done(a.join("ann", "Ann"));
    for (const { link } of nodes) (link as unknown as { cut(): void }).cut();
    const joining = b.join("eve", "Ann");
    await cluster.settle();
    expect((await joining).ok).toBe(true);
    expect((await a.join("cem", "Ann")).ok).toBe(false);
  });

  test("a worker that died while its guest's name was asked for leaves nobody behind", async () => {
    const { cluster, nodes } = threeNodes();
    const [a, b] = nodes;
    const joining = a.join("ann");
    a.isWorkerThere = false;
    expect(await cluster.done(joining)).toEqual({ ok: false, reason: "unavailable" });
    expect(a.registry.size).toBe(0);
    expect((await cluster.done(b.join("eve", "ann"))).ok).toBe(true);
  });
});

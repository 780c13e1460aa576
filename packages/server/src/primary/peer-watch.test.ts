import { describe, expect, test } from "bun:test";
import { joinMany, type PresenceNode, threeNodes } from "../../test/harness/presence-nodes.ts";

/** A node's sign of life each second, five seconds without one, and the checks between. */
const LEASE_MS = 6_000;

describe("watching users of other nodes", () => {
  const last = (node: PresenceNode): unknown => node.watched.at(-1);

  test("[LB8] the state is known at once, and each coming and going is told", async () => {
    const { cluster, nodes } = threeNodes();
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
    const { cluster, nodes } = threeNodes();
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
    const { cluster, nodes } = threeNodes();
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
    const { cluster, nodes } = threeNodes();
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
    const { cluster, nodes } = threeNodes();
    const [a, b] = nodes;
    await cluster.done(a.presence.watch(1, ["ben"]));
    cluster.parted.add("node-0 node-1");
    await cluster.done(b.join("ben"));
    cluster.parted.clear();
    await cluster.pass(310_000, 500);
    expect(last(a)).toEqual({ online: ["ben"], offline: [] });
  });

  test("[LB3] beyond the limit, a coming costs the same however many are online", async () => {
    const costs: number[] = [];
    for (const count of [30, 120]) {
      const { cluster, nodes } = threeNodes({ lobbyUsers: 10 });
      const [a, b] = nodes;
      await joinMany(cluster, b, count, "b");
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

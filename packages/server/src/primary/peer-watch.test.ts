import { describe, expect, test } from "bun:test";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import { joinMany, type PresenceNode, threeNodes } from "../../test/harness/presence-nodes.ts";

import { createLogger } from "../log.ts";
import type { Answer, NodeLink, Receive } from "../ports/node-link.ts";
import { PeerWatch } from "./peer-watch.ts";
import { Refusals } from "./refusals.ts";

/** A node's sign of life each second, five seconds without one, and the checks between. */
const LEASE_MS = 6_000;

describe("watching users of other nodes", () => {
  const last = (node: PresenceNode): unknown => node.watched.at(-1);

  test("[LB8] the state is known at once, and each coming and going is told", async () => {
    const { cluster, nodes } = threeNodes();
    const [a, b, c] = nodes;
    await cluster.done(b.join("ben"));
    expect((await cluster.done(a.presence.watch(1, ["ben", "cem"])))()).toEqual({
      online: ["ben"],
      offline: ["cem"],
    });
    await cluster.done(c.join("cem"));
    await cluster.pass(10);
    expect(last(a)).toEqual({ online: ["cem"], offline: [] });
    (await cluster.done(a.presence.watch(2, ["cem"])))();
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
    (await cluster.done(a.presence.watch(1, ["ben"])))();
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
    (await cluster.done(a.presence.watch(1, ["ben", "both"])))();
    await cluster.pass(1_000);
    cluster.crash(b);
    await cluster.pass(LEASE_MS);
    expect(await cluster.done(a.presence.findOnline(["ben", "both"]))).toEqual(["both"]);
  });

  test("[LB8] what was missed without the bus is asked for when it is back", async () => {
    const { cluster, nodes } = threeNodes();
    const [a, b, c] = nodes;
    await cluster.done(b.join("ben"));
    (await cluster.done(a.presence.watch(1, ["ben", "cem"])))();
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
    (await cluster.done(a.presence.watch(1, ["ben"])))();
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
      (await cluster.done(a.presence.watch(1, ["new"])))();
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

/** A node whose questions are answered when the test says so. */
function alone() {
  const clock = new FakeClock();
  const subscriptions = new Map<string, Receive>();
  const asks: ((answer: Answer) => void)[] = [];
  const told: unknown[] = [];
  const nodes = new Set(["n2", "n3"]);
  const link = {
    node: "n1",
    isConnected: true,
    publish: () => true,
    subscribe: (subject: string, receive: Receive) => {
      subscriptions.set(subject, receive);
      return { close: () => undefined };
    },
    request: () => new Promise<Answer>((resolve) => asks.push(resolve)),
  } as unknown as NodeLink;
  const watch = new PeerWatch({
    link,
    clock,
    refusals: new Refusals(createLogger({ level: "silent", format: "json", name: "test" })),
    isNode: (node) => nodes.has(node),
    find: () => undefined,
    onRenamed: () => undefined,
    tell: (worker, states) => told.push([worker, states]),
  });
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 12; turn += 1) await Promise.resolve();
  };
  const answer = async (how: Answer): Promise<void> => {
    for (const resolve of asks.splice(0)) resolve(how);
    await settle();
  };
  const say = (on: boolean): void =>
    subscriptions.get("p.ben")?.(JSON.stringify({ v: 1, node: "n2", on }), undefined);
  return { clock, asks, told, nodes, watch, settle, answer, say };
}

const THERE: Answer = { kind: "answered", payload: "n2" };
const UNKNOWN: Answer = { kind: "unknown" };

describe("a question that is not answered in time", () => {
  test("[LB8] leaves who is there where they are, and is asked again at once", async () => {
    const { clock, asks, told, watch, answer } = alone();
    const begun = watch.watch(1, ["ben"]);
    await answer(THERE);
    expect((await begun)()).toEqual({ online: ["ben"], offline: [] });
    clock.advance(1_000);
    watch.askAgain();
    clock.advance(500);
    for (let times = 0; times < 20; times += 1) {
      expect(asks).toHaveLength(1);
      await answer(UNKNOWN);
      clock.advance(500);
    }
    expect(told).toEqual([]);
    await answer({ kind: "nobody" });
    expect(told).toEqual([[1, { online: [], offline: ["ben"] }]]);
    clock.advance(60_000);
    expect(asks).toEqual([]);
  });

  test("[LB7] [LB8] of somebody of whom nothing is known says nothing, and after six seconds that they are away", async () => {
    const { clock, told, watch, answer } = alone();
    const begun = watch.watch(1, ["ben"]);
    await answer(UNKNOWN);
    expect((await begun)()).toEqual({ online: [], offline: [] });
    for (let elapsedMs = 0; elapsedMs < 5_500; elapsedMs += 500) {
      clock.advance(500);
      await answer(UNKNOWN);
    }
    expect(told).toEqual([]);
    clock.advance(500);
    await answer(UNKNOWN);
    expect(told).toEqual([[1, { online: [], offline: ["ben"] }]]);
  });

  test("[LB8] about somebody whose node is gone does not bring them back", async () => {
    const { clock, told, nodes, watch, answer } = alone();
    const begun = watch.watch(1, ["ben"]);
    await answer(THERE);
    (await begun)();
    nodes.delete("n2");
    watch.nodeGone("n2");
    await answer(UNKNOWN);
    clock.advance(500);
    await answer(UNKNOWN);
    expect(told).toEqual([[1, { online: [], offline: ["ben"] }]]);
  });
});

describe("a second worker that begins to watch while the first is being answered", () => {
  test("[LB8] is told every change since its own answer, as the first is since its own", async () => {
    const { told, watch, answer, say } = alone();
    const first = watch.watch(1, ["ben"]);
    say(true);
    const second = (await watch.watch(2, ["ben"]))();
    expect(second).toEqual({ online: ["ben"], offline: [] });
    say(false);
    await answer({ kind: "nobody" });
    await answer({ kind: "nobody" });
    expect((await first)()).toEqual({ online: [], offline: ["ben"] });
    expect(told).toEqual([[2, { online: [], offline: ["ben"] }]]);
    say(true);
    expect(told.slice(1)).toEqual([
      [1, { online: ["ben"], offline: [] }],
      [2, { online: ["ben"], offline: [] }],
    ]);
  });

  test("[LB8] what changes between an answer and its sending is in the answer, and not told before it", async () => {
    const { told, watch, answer, say } = alone();
    const begun = watch.watch(1, ["ben"]);
    await answer(THERE);
    const states = await begun;
    say(false);
    await answer({ kind: "nobody" });
    expect(told).toEqual([]);
    expect(states()).toEqual({ online: [], offline: ["ben"] });
  });
});

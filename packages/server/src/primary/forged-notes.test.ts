/**
 * Whoever can publish on the bus can write anything. What one writes there must neither end what clients read, nor fill
 * memory, nor pass in silence, nor last longer than the next true word.
 */
import { describe, expect, test } from "bun:test";
import { heldBy } from "../../test/harness/held.ts";
import { threeNodes } from "../../test/harness/presence-nodes.ts";
import { type WholeClient, WholeCluster } from "../../test/harness/whole-nodes.ts";
import type { NodeLink } from "../ports/node-link.ts";

const HUGE = Number.MAX_SAFE_INTEGER;

function write(link: NodeLink, subject: string, fields: object): void {
  link.publish(subject, JSON.stringify({ v: 1, ...fields }));
}

function sign(node: string, fields: object = {}): object {
  return { node, kind: "alive", users: 0, at: 0, lists: true, losses: 0, ...fields };
}

/** As a node does that is there. */
function answerFor(link: NodeLink, node: string): void {
  link.subscribe(`node.${node}`, (_, answer) => answer?.(node));
}

describe("a forged sign of life", () => {
  test("of a node that nobody is counts for nothing, however many users it has", async () => {
    using cluster = await WholeCluster.start(2);
    const ann = await cluster.node(0).login("Ann");
    const evil = cluster.bus.connect("evil");
    for (const users of [HUGE, 10_000_000]) write(evil, "nodes", sign("evil", { users, lists: false }));
    await cluster.pass(1_000);
    const ben = await cluster.node(1).login("Ben");
    const classic = await cluster.node(0).loginClassic("classic");
    await cluster.pass(1_000);
    expect(classic.texts).toContain("notice:success");
    const names = ann.all("lobby-change").flatMap(({ joined }) => joined.map(({ name }) => name));
    expect(names.slice(-2)).toEqual(["Ben", "classic"]);
    expect([ann, ben, classic].flatMap(({ unreadable }) => unreadable)).toEqual([]);
    expect(cluster.nodes.map(({ refused }) => refused > 0)).toEqual([true, true]);
  });

  test("[LB3] of one who answers gives clients a count that they can read", async () => {
    using cluster = await WholeCluster.start(1);
    const evil = cluster.bus.connect("evil");
    const ann = await cluster.node(0).login("Ann");
    for (let index = 0; index < 3; index += 1) {
      answerFor(evil, `evil-${index}`);
      write(evil, "nodes", sign(`evil-${index}`, { users: 10_000_000, lists: false }));
      write(evil, "nodes", sign(`evil-${index}`, { users: HUGE, lists: false }));
    }
    await cluster.pass(2_000);
    expect(ann.unreadable).toEqual([]);
    expect(ann.all("lobby-change").at(-1)).toMatchObject({ count: 30_000_001, joined: [], left: [] });
    await cluster.pass(6_000);
    expect(ann.all("lobby").at(-1)?.count).toBe(1);
  });

  test("takes no place from a node that is there", async () => {
    const { cluster, nodes } = threeNodes();
    const evil = cluster.bus.connect("evil");
    const flood = (): void => {
      for (let index = 0; index < 2_000; index += 1) write(evil, "nodes", sign(`evil-${index}`));
    };
    flood();
    await cluster.pass(200);
    flood();
    const late = cluster.add();
    await cluster.done(late.join("late"));
    await cluster.pass(2_500);
    for (const node of nodes) {
      expect(node.ids()).toEqual(["late"]);
      expect(node.presence.status.others).toHaveLength(3);
      expect(node.refusals.broken).toBeGreaterThan(500);
      expect(node.log.filter((line) => line.includes("nobody is"))).toHaveLength(1);
    }
  });

  test("of more nodes than are heard is said once, and shown", async () => {
    const { cluster, nodes } = threeNodes();
    const [node] = nodes;
    const evil = cluster.bus.connect("evil");
    for (let index = 0; index < 1_030; index += 1) answerFor(evil, `evil-${index}`);
    for (let round = 0; round < 6; round += 1) {
      for (let index = 0; index < 1_030; index += 1) write(evil, "nodes", sign(`evil-${index}`));
      await cluster.pass(1_000);
    }
    expect(node.presence.status).toMatchObject({ isCrowded: true });
    expect(node.presence.status.others).toHaveLength(1_024);
    expect(node.log.filter((line) => line.includes("too many nodes"))).toHaveLength(1);
    await cluster.pass(12_000);
    expect(node.presence.status).toMatchObject({ isCrowded: false });
    expect(node.presence.status.others).toHaveLength(2);
  });
});

describe("a forged word about a user", () => {
  test("[LB8] of a node that is not known changes nothing, takes no memory, and is counted", async () => {
    const { cluster, nodes } = threeNodes();
    const [a, b] = nodes;
    await cluster.done(b.join("ben"));
    (await cluster.done(a.presence.watch(1, ["ben", "cem"])))();
    const before = heldBy(a.presence);
    const evil = cluster.bus.connect("evil");
    for (let index = 0; index < 5_000; index += 1) {
      write(evil, "p.cem", { node: `evil-${index}`, on: true });
      write(evil, "p.ben", { node: `evil-${index}`, on: false });
    }
    await cluster.pass(1_000);
    expect(heldBy(a.presence)).toBeLessThan(before + 50);
    expect(a.watched).toEqual([]);
    expect(a.refusals.broken).toBe(10_000);
  });

  test("[LB10] a name from the future ends with the next one that the user takes", async () => {
    const { cluster, nodes } = threeNodes();
    const [a, b, c] = nodes;
    for (const id of ["ann", "ben"]) await cluster.done(a.join(id));
    const evil = cluster.bus.connect("evil");
    write(evil, "here.ann", { name: "Forged", namedAt: HUGE });
    await cluster.pass(1_000);
    await cluster.done(a.rename("ann", "Ann again"));
    await cluster.done(b.join("cem"));
    await cluster.pass(1_000);
    const late = cluster.add();
    await cluster.pass(2_000);
    for (const node of [a, b, c, late]) {
      expect(node.ids()).toEqual(["ann", "ben", "cem"]);
      expect(node.worker.lobby.get("ann")?.name).toBe("Ann again");
    }
  });

  test("[NK3] a name that nobody may take is not taken from the bus either", async () => {
    const { cluster, nodes } = threeNodes();
    const [a, b] = nodes;
    await cluster.done(a.join("ann", "Ann"));
    await cluster.pass(100);
    const evil = cluster.bus.connect("evil");
    answerFor(evil, "evil");
    write(evil, "nodes", sign("evil", { users: 2 }));
    await cluster.pass(200);
    const namedAt = cluster.clock.now();
    const entry = (id: string, name: string): unknown[] => [
      id,
      name,
      "guest",
      "240.0.0.1:1024",
      `${namedAt} evil 0000000001`,
      namedAt,
    ];
    for (const name of ["Admin\u202e", "a\u200bb", " a", "e\u0301", "x".repeat(65), ""]) {
      write(evil, "here.ann", { name, namedAt });
      const joined = [entry("forged", name), entry("sound", "Sound")];
      write(evil, "nodes", { node: "evil", kind: "list", at: 0, part: 0, parts: 1, joined });
      await cluster.pass(200);
    }
    expect(a.worker.lobby.get("ann")?.name).toBe("Ann");
    expect(b.list().map(({ id }) => id)).toEqual(["ann", "sound"]);
    expect(a.refusals.broken).toBe(12);
  });
});

describe("a forged position", () => {
  const FAR = 900_000_000_000_000;

  async function meet(cluster: WholeCluster) {
    const [ann, ben] = [await cluster.node(0).login("Ann"), await cluster.node(1).login("Ben")];
    ann.send({ type: "open", ref: 1, user: ben.id });
    await cluster.pass(100);
    const conversation = ann.all("conversation")[0]?.conversation.id ?? "";
    let count = 0;
    const say = async (from: WholeClient): Promise<void> => {
      count += 1;
      const id = `00000000-0000-7000-8000-${String(count).padStart(12, "0")}`;
      from.send({ type: "send", id, conversation, body: { kind: "text", text: `number ${count}` } });
      await cluster.pass(100);
    };
    const read = async (seq: number): Promise<void> => {
      ben.send({ type: "mark", conversation, read: seq });
      await cluster.pass(100);
    };
    return { ann, ben, conversation, say, read };
  }

  /** An event as another node would tell of it. */
  function forge(user: string, conversation: string, from: string, position: number, prev: number): string {
    const json = JSON.stringify({
      type: "event",
      conversation,
      seq: 99,
      from,
      time: 1,
      id: "00000000-0000-7000-8000-999999999999",
      kind: "message",
      body: { kind: "text", text: `forged for ${user}` },
    });
    return `1 evil event ${conversation} ${from} ${position} ${prev} ${json}`;
  }

  test.each([
    ["far away", FAR, 0],
    ["just beyond", 0, 0],
  ])("[MK1] %s keeps nobody from what comes after it for longer than a moment", async (_, far, gap) => {
    using cluster = await WholeCluster.start(2);
    const { ann, ben, conversation, say, read } = await meet(cluster);
    for (const _ of "1234") await say(ann);
    await read(1);
    const before = await cluster.reader.position(ann.id);
    const evil = cluster.bus.connect("evil");
    const position = far === 0 ? before + 3 : far;
    evil.publish(`u.${ann.id}`, forge(ann.id, conversation, ben.id, position, gap === 0 ? before : 0));
    await cluster.pass(1_000);
    await read(2);
    await cluster.pass(1_000);
    await read(3);
    await read(4);
    await say(ben);
    const markers = ann.all("markers").map(({ read: upTo }) => upTo);
    expect(markers).toEqual([1, 3, 4]);
    expect(ann.all("pong").map(({ behind }) => behind)).toEqual([true]);
    expect(ann.connection.position).toBe(await cluster.reader.position(ann.id));
    expect(ann.unreadable).toEqual([]);
  });

  test("[SY5] of one who is behind does not hide that something is missed", async () => {
    using cluster = await WholeCluster.start(2);
    const { ann, ben, say } = await meet(cluster);
    await say(ben);
    const evil = cluster.bus.connect("evil");
    evil.publish(`u.${ann.id}`, `1 evil behind ${FAR}`);
    await cluster.pass(100);
    const told = (): number => ann.all("pong").filter(({ behind }) => behind).length;
    expect(told()).toBe(1);
    cluster.node(0).link.cut();
    await say(ben);
    cluster.node(0).link.mend();
    await cluster.pass(1_000);
    expect(told()).toBe(2);
  });
});

describe("what is refused", () => {
  const garbage: readonly (readonly [subject: string, payload: string])[] = [
    ["u.ann", "garbage"],
    ["nodes", "garbage"],
    ["nodes", '{"v":1,"node":"evil","kind":"alive","users":-1,"at":0,"lists":true,"losses":0}'],
    ["p.ben", '{"v":1,"node":"evil"}'],
    ["here.ann", '{"v":1,"name":7,"namedAt":1}'],
    ["node.node-0", "garbage"],
  ];

  test.each(garbage)("on %s is counted, and said once: %s", async (subject, payload) => {
    const { cluster, nodes } = threeNodes();
    const [a] = nodes;
    await cluster.done(a.join("ann"));
    (await cluster.done(a.presence.watch(1, ["ben"])))();
    const evil = cluster.bus.connect("evil");
    // Notes of users are not the presence's.
    if (subject.startsWith("u.")) return expectUserNoteCounted(payload);
    for (const _ of "123") evil.publish(subject, payload);
    await cluster.pass(100);
    expect(a.refusals).toMatchObject({ broken: 3, unknown: 0 });
    const said = a.log.filter((line) => line.includes("is refused"));
    expect(said).toHaveLength(1);
    expect(said[0]).not.toContain("garbage");
  });

  test("what a later version says in kinds of its own is passed over, and counted apart", async () => {
    const { cluster, nodes } = threeNodes();
    const [a] = nodes;
    await cluster.done(a.join("ann"));
    (await cluster.done(a.presence.watch(1, ["ben"])))();
    const newer = cluster.bus.connect("newer");
    const subjects = ["nodes", "p.ben", "here.ann"];
    for (const subject of subjects) write(newer, subject, { v: 2, node: "newer", kind: "a-new-one" });
    await cluster.pass(100);
    expect(a.refusals).toMatchObject({ broken: 0, unknown: 3 });
    expect(a.log).toEqual([]);
  });

  test("a node more than one version apart is named once, whatever it says first", async () => {
    const { cluster, nodes } = threeNodes();
    const [a] = nodes;
    const evil = cluster.bus.connect("stranger");
    for (const _ of "123") evil.publish("nodes", JSON.stringify({ ...sign("stranger"), v: 3 }));
    evil.publish("nodes", JSON.stringify({ v: 1, node: "newer", kind: "a new one" }));
    await cluster.pass(100);
    const said = a.log.filter((line) => line.includes("more than one version apart"));
    expect(said.map((line) => JSON.parse(line))).toMatchObject([{ node: "stranger", theirs: 3, ours: 1 }]);
    expect(a.refusals).toMatchObject({ broken: 3, unknown: 1 });
  });
});

async function expectUserNoteCounted(payload: string): Promise<void> {
  using cluster = await WholeCluster.start(1);
  const ann = await cluster.node(0).login("Ann");
  const evil = cluster.bus.connect("evil");
  for (const _ of "123") evil.publish(`u.${ann.id}`, payload);
  await cluster.settle();
  expect(cluster.node(0).refused).toBe(3);
  expect(cluster.node(0).log.filter((line) => line.includes("is refused"))).toHaveLength(1);
}

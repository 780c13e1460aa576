import { describe, expect, test } from "bun:test";
import { eventNote, makeCluster, type TestCluster } from "../../test/harness/nodes.ts";
import type { Note } from "../ports/bus.ts";
import type { NodeLink } from "../ports/node-link.ts";
import type { Draft } from "../ports/store.ts";

const NOT_HERE = 0;
/** One note of each kind, to Ann. */
const everyKind: readonly Note[] = [
  eventNote("ben", 4, { ann: 3, ben: 1 }),
  {
    kind: "markers",
    conversation: "c_1",
    user: "ben",
    delivered: 4,
    read: 3,
    unread: 1,
    position: 5,
    prev: { ann: 4, ben: 4 },
  },
  { kind: "typing", conversation: "c_1", user: "ben", active: true },
  { kind: "typing", conversation: "c_1", user: "ben", active: false },
  { kind: "behind", position: 9 },
  { kind: "failure", failure: "offline" },
  { kind: "session-ended", session: "s_1" },
];

/** As the other node's user gets it. */
function forAnn(note: Note): Note {
  if (!("prev" in note)) return note;
  const own = { ...note, prev: { ann: note.prev.ann ?? 0 } };
  return own.kind === "event" ? { ...own, origin: NOT_HERE } : own;
}

async function join({ nodes, settle }: TestCluster, ...users: readonly (readonly [string, number])[]) {
  for (const [user, node] of users) nodes[node]?.join(user);
  await settle();
}

function draftOf(sender: string): Draft {
  const what = { conversation: "c_1", sender, id: "x", kind: "message", body: "{}" } as const;
  return { ...what, replyTo: undefined, target: undefined, origin: 5, onlyRepeat: false };
}

const texts = (notes: readonly Note[]): unknown[] =>
  notes.map((note) => ("position" in note ? note.position : note.kind));

describe("two nodes", () => {
  test("an event reaches each of its users once, wherever they are, and no other node", async () => {
    const cluster = makeCluster({}, {}, {});
    const [one, two, three] = cluster.nodes;
    await join(cluster, ["ann", 0], ["ann", 1], ["ben", 1], ["cem", 2]);
    one?.publish(["ann", "ben"], eventNote("ann", 1, { ann: 0, ben: 0 }));
    await cluster.settle();
    two?.publish(["ann", "ben"], eventNote("ben", 2, { ann: 1, ben: 1 }));
    await cluster.settle();
    expect([texts(one?.of("ann") ?? []), texts(one?.of("ben") ?? [])]).toEqual([[1, 2], []]);
    expect([texts(two?.of("ann") ?? []), texts(two?.of("ben") ?? [])]).toEqual([
      [1, 2],
      [1, 2],
    ]);
    expect(three?.heard).toEqual([]);
  });

  test("every kind of note arrives as it was", async () => {
    const cluster = makeCluster({}, {});
    const [one, two] = cluster.nodes;
    await join(cluster, ["ann", 1]);
    for (const note of everyKind) one?.publish(["ann"], note);
    await cluster.settle();
    expect(two?.of("ann")).toEqual(everyKind.map(forAnn));
    expect(one?.heard).toEqual([]);
  });

  test("[MK1] markers that come after a later change are told to nobody, and an event is", async () => {
    const cluster = makeCluster({}, {});
    const [one, two] = cluster.nodes;
    await join(cluster, ["ann", 1]);
    two?.publish(["ann"], eventNote("ann", 9, { ann: 8 }));
    const late = { ...everyKind[1], position: 7, prev: { ann: 6 } } as Note;
    one?.publish(["ann"], late);
    one?.publish(["ann"], eventNote("ben", 8, { ann: 7 }));
    // Its own, of which the database told it later than the other node told of the next one.
    two?.publish(["ann"], late);
    one?.publish(["ann"], { ...late, position: 10, prev: { ann: 9 } } as Note);
    await cluster.settle();
    expect(texts(two?.of("ann") ?? [])).toEqual([9, 8, 10]);
  });

  test("[CV3] an answer that waits for its turn is given when its user leaves", async () => {
    // The second change begins where another node's ended, of which nothing was heard.
    const changes = [
      { seq: 1, position: 1, prev: 0 },
      { seq: 2, position: 9, prev: 7 },
    ];
    const cluster = makeCluster({
      commit: () => {
        const { seq, position, prev } = changes.shift() ?? { seq: 0, position: 0, prev: 0 };
        const outcome = { ok: true as const, seq, time: 1, position, prev, duplicate: false };
        const note = eventNote("ann", position, { ann: prev, ben: prev });
        return { outcome, publish: { to: ["ann", "ben"], note } };
      },
    });
    const [node] = cluster.nodes;
    await join(cluster, ["ann", 0]);
    const answers = (): string[] => node?.lines.filter((line) => line.startsWith("a ")) ?? [];
    for (const _ of "12") node?.append(draftOf("ann"));
    await cluster.settle();
    expect(answers().length).toBe(1);
    node?.leave("ann");
    await cluster.settle();
    expect(answers().length).toBe(2);
  });

  test("a user is listened for while they have a socket here, and not longer, also when a worker dies", async () => {
    const cluster = makeCluster({}, {});
    const [, two] = cluster.nodes;
    await join(cluster, ["ann", 1], ["ann", 1], ["ben", 1]);
    two?.leave("ann");
    expect([two?.link.hears("u.ann"), two?.link.hears("u.ben")]).toEqual([true, true]);
    two?.leave("ann");
    expect([two?.link.hears("u.ann"), two?.link.hears("u.ben")]).toEqual([false, true]);
    two?.workerDies();
    expect(two?.link.hears("u.ben")).toBe(false);
  });

  test("a login is answered when the bus has heard of it, and without one all the same", async () => {
    const cluster = makeCluster({}, {});
    const [one, two] = cluster.nodes;
    two?.link.cut();
    await join(cluster, ["ann", 0], ["ben", 1]);
    for (const node of cluster.nodes)
      expect(node.lines.filter((line) => line.startsWith("q "))).toHaveLength(1);
    expect([one?.link.hears("u.ann"), two?.link.hears("u.ben")]).toEqual([true, true]);
  });
});

describe("between classic users", () => {
  test("[CL4] what is relayed reaches the node that holds the receiver, and only there", async () => {
    const cluster = makeCluster({}, {});
    const [one, two] = cluster.nodes;
    await join(cluster, ["ann", 0], ["ben", 1]);
    const note: Note = { kind: "relay", from: "ann", text: 'two\nlines, <tags> and {"braces"}' };
    one?.publish(["ben"], note);
    one?.publish(["ann"], { ...note, from: "ann" });
    await cluster.settle();
    expect([one?.heard, two?.heard]).toEqual([[["ann", note]], [["ben", note]]]);
  });

  test("[CL7] when no node holds the receiver, the sender learns it", async () => {
    const cluster = makeCluster({}, {});
    const [one, two] = cluster.nodes;
    await join(cluster, ["ann", 0], ["ben", 1]);
    two?.leave("ben");
    one?.publish(["ben"], { kind: "relay", from: "ann", text: "too late" });
    await cluster.settle();
    one?.link.cut();
    one?.publish(["ben"], { kind: "relay", from: "ann", text: "no bus" });
    await cluster.settle();
    const failure: Note = { kind: "failure", failure: "offline" };
    expect([one?.of("ann"), two?.heard]).toEqual([[failure, failure], []]);
  });
});

describe("versions", () => {
  /** A node of the next version, as far as this one can imagine it: more words, more fields, kinds of its own. */
  function newer(link: NodeLink): NodeLink {
    const more = (payload: string): string =>
      payload.includes(" {")
        ? payload.replace(" {", " 7 new-word {").replace(/\}$/, ',"newer":[{}]}')
        : `${payload} 7 new-word`;
    return {
      node: link.node,
      isConnected: true,
      maxPayloadBytes: link.maxPayloadBytes,
      dropped: 0,
      publish: (subject, payload) => {
        link.publish(subject, payload.replace(/^(\S+ \S+) \S+/, "$1 of-a-new-kind"));
        return link.publish(subject, more(payload));
      },
      subscribe: (subject, receive) => link.subscribe(subject, receive),
      request: (subject, payload, timeoutMs) => link.request(subject, more(payload), timeoutMs),
      settle: (timeoutMs) => link.settle(timeoutMs),
      onReturn: (receive) => link.onReturn(receive),
    };
  }

  test("two nodes one version apart exchange everything, in both directions", async () => {
    const cluster = makeCluster({ version: 4 }, { version: 5, wrap: newer });
    const [older, newerOne] = cluster.nodes;
    await join(cluster, ["ann", 0], ["ann", 1]);
    for (const note of everyKind) older?.publish(["ann"], note);
    await cluster.settle();
    const own = everyKind.map(forAnn).filter(({ kind }) => kind !== "failure");
    const isForSure = ({ kind }: Note): boolean => kind !== "failure";
    expect(newerOne?.of("ann").filter(isForSure)).toEqual(own);
    if (older !== undefined) older.heard.length = 0;
    for (const note of everyKind) newerOne?.publish(["ann"], note);
    await cluster.settle();
    const received = older?.of("ann").filter(isForSure).map(withoutNewer);
    expect(received).toEqual(own);
    expect(older?.federation.statistics).toMatchObject({ unknown: everyKind.length - 1, broken: 0 });
  });

  test("two nodes two versions apart do not listen to each other, and say so once", async () => {
    const cluster = makeCluster({ version: 4 }, { version: 6 });
    const [older, newerOne] = cluster.nodes;
    await join(cluster, ["ann", 0], ["ann", 1]);
    for (const note of everyKind) newerOne?.publish(["ann"], note);
    await cluster.settle();
    expect(older?.of("ann")).toEqual([]);
    const said = older?.log.filter((line) => line.includes("more than one version apart")) ?? [];
    expect(said).toHaveLength(1);
    expect(JSON.parse(said[0] ?? "")).toMatchObject({ node: "node-1", theirs: 6, ours: 4 });
  });
});

/** What a newer version adds to an event goes on to the client, which ignores it (rule BI2). */
function withoutNewer(note: Note): Note {
  return note.kind === "event" ? { ...note, json: note.json.replace(',"newer":[{}]', "") } : note;
}

describe("order", () => {
  test("what two nodes commit for one user reaches them in order, with the answers to what they sent", async () => {
    const own = eventNote("ann", 7, { ann: 6, ben: 4 });
    const outcome = { ok: true, seq: 7, time: 1, position: 7, prev: 6, duplicate: false } as const;
    const commit = () => ({ outcome, publish: { to: ["ann", "ben"], note: own } });
    const cluster = makeCluster({ commit }, {});
    const [one, two] = cluster.nodes;
    await join(cluster, ["ann", 0]);
    one?.publish(["ann", "ben"], eventNote("ben", 5, { ann: 3, ben: 3 }));
    cluster.clock.endTurn();
    // Committed after the next one, which the other node has committed but not yet told of.
    one?.append(draftOf("ann"));
    cluster.clock.endTurn();
    expect(one?.lines.some((line) => line.startsWith("a "))).toBe(false);
    two?.publish(["ann", "ben"], eventNote("ben", 6, { ann: 5, ben: 5 }));
    await cluster.settle();
    expect(texts(one?.of("ann") ?? [])).toEqual([5, 6, 7]);
    expect(one?.lines.at(-1)).toMatch(/^a 7 /);
  });
});

describe("while the bus is away", () => {
  test("each of those who missed something learns it when it is back, and sessions that ended are ended", async () => {
    const cluster = makeCluster({}, {});
    const [one, two] = cluster.nodes;
    await join(cluster, ["ann", 1], ["ben", 1], ["cem", 1]);
    one?.link.cut();
    for (const position of [3, 4]) {
      one?.publish(["ann", "ben"], eventNote("ben", position, { ann: position - 1, ben: position - 1 }));
    }
    one?.publish(["cem"], { kind: "session-ended", session: "s_cem" });
    one?.publish(["cem"], { kind: "typing", conversation: "c_1", user: "ben", active: true });
    await cluster.settle();
    expect(two?.heard).toEqual([]);
    one?.link.mend();
    await cluster.settle();
    expect(two?.heard).toEqual([
      ["ann", { kind: "behind", position: 4 }],
      ["ben", { kind: "behind", position: 4 }],
      ["cem", { kind: "session-ended", session: "s_cem" }],
    ]);
    // Once.
    one?.link.cut();
    one?.link.mend();
    await cluster.settle();
    expect(two?.heard).toHaveLength(3);
  });

  test("[SY5] when one node comes back, all compare everybody's position with the store, for what it said into nothing", async () => {
    const cluster = makeCluster({}, {});
    const [one, two] = cluster.nodes;
    two?.link.cut();
    two?.link.mend();
    await cluster.settle();
    for (const node of [one, two]) expect(node?.lines.filter((line) => line === "k")).toHaveLength(1);
  });

  test("more users than can be remembered are told to all nodes as one", async () => {
    const cluster = makeCluster({}, {});
    const [one, two] = cluster.nodes;
    one?.link.cut();
    const note: Note = { kind: "session-ended", session: "s" };
    for (let index = 0; index <= 50_000; index += 1)
      one?.publish([`u${index}`], { ...note, session: `s${index}` });
    one?.link.mend();
    await cluster.settle();
    expect(two?.lines.filter((line) => line === "k")).toHaveLength(1);
  });
});

/** A cluster is upgraded node by node: for a while two versions stand beside each other. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { Cluster } from "../harness/cluster.ts";
import { Peer } from "../harness/peer.ts";

setDefaultTimeout(60_000);

const NEXT_VERSION = join(import.meta.dir, "../../src/bus/next-version-child.ts");

test("two nodes whose buses are one version apart tell each other everything", async () => {
  await using cluster = await Cluster.start({ nodes: 1 });
  const older = cluster.node(0);
  const newer = await cluster.addNode({ main: NEXT_VERSION });
  await using ann = await Peer.connect(older.url);
  await using ben = await Peer.connect(newer.url);
  // Who is there.
  const isHere = (id: string) => (frame: { readonly joined: readonly { readonly id: string }[] }) =>
    frame.joined.some((user) => user.id === id);
  await ann.seen("lobby-change", isHere(ben.id));
  expect((await ben.next("lobby")).users?.map(({ id }) => id)).toContain(ann.id);
  await expect(Peer.connect(newer.url, { nickname: ann.name })).rejects.toThrow("nickname_taken");
  // What is written, in both directions.
  const { id: conversation } = await ann.open(ben.id);
  for (const [from, to] of [
    [ann, ben],
    [ben, ann],
  ] as const) {
    from.send({ type: "typing", conversation, active: true });
    await to.next("typing", ({ user }) => user === from.id);
    const { id, seq } = await from.say(conversation, `from ${from.name}`);
    expect(await to.next("event", (frame) => frame.id === id)).toMatchObject({ seq });
    to.send({ type: "mark", conversation, read: seq });
    await from.next("markers", ({ user, read }) => user === to.id && read === seq);
  }
  for (const node of cluster.nodes) {
    const { stdout } = await node.run("status", "--json");
    expect(JSON.parse(stdout)).toMatchObject({ bus: { unknown: 0, broken: 0 } });
  }
});

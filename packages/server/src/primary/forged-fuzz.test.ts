/** Every subject that a node listens to, every kind of note on it, sound, extreme and broken; and clients that must not notice. */
import { expect, test } from "bun:test";
import { SeededRandom } from "@duologue/testing";
import { heldBy } from "../../test/harness/held.ts";
import { type WholeClient, WholeCluster, type WholeNode } from "../../test/harness/whole-nodes.ts";
import type { MemoryLink } from "../bus/memory-link.ts";

const ROUNDS = 2_000;
/** Of the bus, in all that a node's parts hold; the rounds bring more notes, names and users than that. */
const MOST_HELD = 150;
const HUGE = Number.MAX_SAFE_INTEGER;
const FAR = 999_999_999_999_999;
const ID = "00000000-0000-7000-8000-000000000001";

interface Forged {
  readonly payload: string;
  /** Nothing of it may be taken, and it must be counted. */
  readonly isBroken: boolean;
}

class Forger {
  readonly link: MemoryLink;
  private readonly random = new SeededRandom(23);
  private count = 0;

  constructor(cluster: WholeCluster) {
    this.link = cluster.bus.connect("evil");
    // One of its names is there; the others are nobody.
    this.link.subscribe("node.evil", (_, answer) => answer?.("evil"));
  }

  forge(subject: string): Forged {
    this.count += 1;
    const [family = ""] = subject.split(".", 1);
    if (this.random.chance(0.1)) return { payload: this.junk(), isBroken: family !== "check" };
    switch (family) {
      case "u":
        return this.userNote();
      case "nodes":
        return this.nodeMessage();
      case "p":
        return this.fields({ node: this.node(), on: this.random.chance(0.5) });
      case "here":
        return this.fields({ name: this.name(), namedAt: this.number() });
      case "name":
      case "node":
        // A question comes with a way to answer; these have none.
        return {
          payload: this.fields({ node: "evil", id: "x", name: "X x", at: 0 }).payload,
          isBroken: true,
        };
      case "check":
        return { payload: "", isBroken: false };
      default:
        throw new TypeError(`a subject that this test does not know: ${subject}`);
    }
  }

  private nodeMessage(): Forged {
    const node = this.node();
    const at = this.number();
    const joined = Array.from({ length: this.random.below(4) }, () => this.entry());
    switch (this.random.pick(["alive", "change", "list", "ask"] as const)) {
      case "alive": {
        const users = this.random.pick([0, 1, 10_000_000, HUGE]);
        const lists = this.random.chance(0.8);
        const { payload, isBroken } = this.fields({
          node,
          kind: "alive",
          users,
          at,
          lists,
          losses: this.number(),
        });
        return { payload, isBroken: isBroken || users === HUGE };
      }
      case "change":
        return this.fields({ node, kind: "change", at, joined, left: [`user-${this.count}`] });
      case "list":
        return this.fields({ node, kind: "list", at, part: 0, parts: this.random.pick([1, 2]), joined });
      case "ask":
        return this.fields({ node, kind: "ask", of: this.random.pick(["node-1", "node-2", "evil"]) });
    }
  }

  private userNote(): Forged {
    const from = this.random.pick(["someone", "evil"]);
    const [position, prev] = [this.random.pick([1, 7, FAR]), this.random.pick([0, 6, FAR - 1])];
    const event = JSON.stringify({
      type: "event",
      conversation: "c_x",
      seq: this.random.pick([1, HUGE]),
      from,
      time: HUGE,
      id: ID,
      kind: this.random.pick(["message", "of-another-kind"]),
      body: { kind: "text", text: 'forged " {' },
    });
    const words = this.random.pick([
      `event c_x ${from} ${position} ${prev} ${event}`,
      `markers c_x ${from} ${FAR} ${FAR} ${FAR} ${position} ${prev}`,
      `typing c_x ${from} 1`,
      `behind ${position}`,
      `relay ${from} {"text":"forged"}`,
      "failure full",
      "session-ended s_x",
    ]);
    return this.random.chance(0.5)
      ? { payload: `1 ${this.node()} ${words}`, isBroken: false }
      : { payload: `1 ${this.node()} ${words.replace(/^(\S+) (\S+)/, "$1 %$2")}`, isBroken: true };
  }

  /** Sound, or with one field that is not as it must be. */
  private fields(sound: Readonly<Record<string, unknown>>): Forged {
    const isBroken = this.random.chance(0.5);
    if (!isBroken) return { payload: JSON.stringify({ v: 1, ...sound }), isBroken };
    const [field = ""] = [this.random.pick(["v", ...Object.keys(sound)])];
    const wrong = this.random.pick([null, -1, 1.5, {}, [[]], "a \u0007 b", "\n", HUGE + 2]);
    return { payload: JSON.stringify({ v: 1, ...sound, [field]: wrong }), isBroken };
  }

  private entry(): unknown[] {
    const id = this.random.pick(["ann", `user-${this.count}`, `user-${this.random.below(1_000)}`]);
    const order = `${String(this.random.below(9_999_999)).padStart(13, "0")} evil 0000000001`;
    const address = this.random.pick(["10.0.0.1:1024", "1.2.3.4:5", "::1"]);
    return [id, this.name(), this.random.pick(["guest", "classic", "of-another-kind"]), address, order, HUGE];
  }

  private node(): string {
    return this.random.pick(["evil", "evil", `evil-${this.count}`]);
  }

  private name(): string {
    return this.random.pick(["Forged", "Admin \u202e", "x".repeat(128), 'with " and <b>']);
  }

  private number(): number {
    return this.random.pick([0, 1, this.count, HUGE]);
  }

  private junk(): string {
    return this.random.pick([
      "",
      "null",
      "[]",
      "{",
      '{"v":9}',
      "x".repeat(70_000),
      "9 n typing c u 1",
      "\u0000",
    ]);
  }
}

async function meet(cluster: WholeCluster): Promise<readonly WholeClient[]> {
  const [one, two] = [cluster.node(0), cluster.node(1)];
  const ann = await one.login("Ann");
  const ben = await two.login("Ben");
  ann.send({ type: "open", ref: 1, user: ben.id });
  await cluster.pass(100);
  const conversation = ann.all("conversation")[0]?.conversation.id;
  ann.send({ type: "watch", ref: 2, conversations: [conversation] });
  await cluster.pass(100);
  return [ann, ben, await one.loginClassic("classic_one"), await two.loginClassic("classic_two")];
}

function boundsOf({ primary, worker }: WholeNode): number {
  return heldBy(primary) + heldBy(worker);
}

test.each([1_000, 3])(
  "whatever is forged, clients read every frame, memory is bounded, and what is refused is counted (lobbyUsers %d)",
  async (lobbyUsers) => {
    using cluster = await WholeCluster.start(2, { lobbyUsers });
    const clients = await meet(cluster);
    const forger = new Forger(cluster);
    const random = new SeededRandom(lobbyUsers);
    const before = cluster.nodes.map(boundsOf);
    let most = 0;
    const families = new Set<string>();
    for (let round = 0; round < ROUNDS; round += 1) {
      const node = random.pick(cluster.nodes);
      const subject = random.pick(node.link.subjects);
      const { payload, isBroken } = forger.forge(subject);
      const refused = node.refused;
      // Asked for an answer, it may mean something else.
      const isQuestion = random.chance(0.2);
      if (isQuestion) void forger.link.request(subject, payload, 50);
      else forger.link.publish(subject, payload);
      await cluster.pass(round % 10 === 0 ? 100 : 0);
      families.add(subject.split(".", 1)[0] ?? "");
      if (isBroken && !isQuestion)
        expect([subject, payload, node.refused > refused]).toEqual([subject, payload, true]);
      expect(clients.flatMap(({ unreadable }) => unreadable)).toEqual([]);
      if (round % 20 !== 0) continue;
      for (const [index, each] of cluster.nodes.entries())
        most = Math.max(most, boundsOf(each) - (before[index] ?? 0));
    }
    expect(most).toBeLessThan(MOST_HELD);
    expect([...families].sort()).toEqual(["check", "here", "name", "node", "nodes", "p", "u"]);
    // None of the nodes has lost a client by it, and what is true comes through again.
    await cluster.pass(7_000);
    const late = await cluster.node(1).login("Late");
    await cluster.pass(2_000);
    const here = clients.filter(({ id, texts }) => id !== "" || texts.includes("notice:success"));
    for (const node of cluster.nodes) expect(node.worker.gateway.presence.lobby.size).toBe(here.length + 1);
    expect([late, ...clients].flatMap(({ unreadable }) => unreadable)).toEqual([]);
  },
);

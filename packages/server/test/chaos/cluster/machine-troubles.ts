/** What can go wrong with a node, or be done to it. */
import { isAlive, killQuietly, until } from "@duologue/testing";
import { systemClock } from "../../../src/clock.ts";
import { CLIENTS, NATS, POSTGRES, type Site } from "./site.ts";
import { nothing, others, pause, pickNode, type Trouble } from "./trouble.ts";

/** A node's own deadline for a stop, and some. */
const STOP_MS = 10_000;
const HUNG_MS = 10_000;
const REPLACED_MS = 10_000;
/** From the pause of a node to the next one's transaction about the same people. */
const TAKEN_OVER_MS = 6_000;

/** Each node in turn is stopped as an operator does, and started again. */
async function roll(site: Site, change: (node: Site["nodes"][number]) => void): Promise<void> {
  for (const node of site.nodes) {
    const code = await node.stop(STOP_MS);
    if (code !== 0) throw new Error(`${node.name} ended with ${code}`);
    change(node);
    await node.start();
  }
}

export const machineTroubles: readonly Trouble[] = [
  {
    name: "node killed",
    what: "kill −9 of every process of a node at once; started again afterwards",
    place: "node",
    lengthsMs: [10_000],
    async begin(site, random) {
      const { index, node } = pickNode(site, random);
      await node.kill();
      return { silent: [], working: others(index), lost: index, unseen: index, end: () => node.start() };
    },
  },
  {
    name: "node vanished",
    what: "a node's machine is gone, and nobody is told: all its packets are lost, then its processes killed",
    place: "node",
    lengthsMs: [10_000],
    async begin(site, random) {
      const { index, node } = pickNode(site, random);
      const cuts = [CLIENTS, POSTGRES, NATS].map((host) => site.network.part(node.name, host));
      await node.kill();
      return {
        silent: [],
        working: others(index),
        lost: index,
        unseen: index,
        end: async () => {
          for (const cut of cuts) cut[Symbol.dispose]();
          await node.start();
        },
      };
    },
  },
  {
    name: "rolling restart",
    what: "SIGTERM of each node in turn, each started again before the next",
    place: "node",
    lengthsMs: [0],
    async begin(site) {
      await roll(site, () => undefined);
      return { silent: [], working: [], end: nothing };
    },
  },
  {
    name: "rolling upgrade",
    what: "the same, each started again as the next version, of which the first changes the tables",
    place: "node",
    lengthsMs: [0],
    isPossible: (site) => !site.isUpgraded,
    async begin(site) {
      await roll(site, (node) => {
        node.isUpgraded = true;
      });
      return { silent: [], working: [], end: nothing };
    },
  },
  {
    name: "primary paused",
    what: "SIGSTOP of a node's primary in the middle of a transaction, then SIGCONT",
    place: "node",
    lengthsMs: [10_000, 30_000],
    async begin(site, random) {
      const { index, node } = pickNode(site, random);
      const { elders } = site;
      const { release } = await elders.engage(node.url);
      const goOn = pause(node.server.pid);
      await release();
      const [other = 0] = others(index);
      const insistence = elders.insist(site.nodes[other]?.url ?? "");
      const pausedAt = systemClock.monotonic();
      let heldMs = 0;
      return {
        silent: [],
        working: others(index),
        unseen: index,
        notices: { nodes: [index], how: "not ready" },
        end: async () => {
          heldMs = (insistence.takenAt ?? systemClock.monotonic()) - pausedAt;
          goOn();
        },
        verdict: async (isAlone) => {
          // Else PostgreSQL has not ended its transaction, and it could be committed by one that comes back late.
          const isLate = isAlone && heldMs > TAKEN_OVER_MS;
          const complaint = `a paused node held somebody's row for ${Math.round(heldMs)} ms`;
          return await elders.judge(site.balancer.urls[0] ?? "", isLate ? [complaint] : []);
        },
      };
    },
  },
  {
    name: "worker hung",
    what: "SIGSTOP of a worker until its primary has killed and replaced it",
    place: "node",
    lengthsMs: [0],
    async begin(site, random) {
      const { index, node } = pickNode(site, random);
      const pids = node.server.workerPids();
      const pid = random.pick(pids);
      killQuietly(pid, "SIGSTOP");
      await until(() => !isAlive(pid), "the hung worker was killed", HUNG_MS);
      await until(
        () => node.server.workerPids().length >= pids.length,
        "the hung worker was replaced",
        REPLACED_MS,
      );
      return { silent: [], working: others(index), end: nothing };
    },
  },
];

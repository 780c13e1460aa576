/** What can go wrong with NATS or PostgreSQL themselves. */
import { systemClock } from "../../../src/clock.ts";
import { ALL, others, pause, pickNode, type Trouble } from "./trouble.ts";

/** From the moment when a process that held somebody's row goes on until that person is free. */
const FREE_MS = 5_000;

export const serviceTroubles: readonly Trouble[] = [
  {
    name: "NATS killed",
    what: "kill −9 of nats-server; started again on the same port",
    place: "bus",
    lengthsMs: [30_000],
    async begin({ nats }) {
      await nats.kill();
      return {
        silent: [],
        working: ALL,
        notices: { nodes: ALL, how: "no bus" },
        end: () => nats.start(),
      };
    },
  },
  {
    name: "NATS paused",
    what: "SIGSTOP of nats-server, then SIGCONT: its connections stand, and nothing comes",
    place: "bus",
    lengthsMs: [10_000, 30_000],
    async begin({ nats }) {
      const goOn = pause(nats.pid);
      return {
        silent: [],
        working: ALL,
        notices: { nodes: ALL, how: "no bus" },
        end: async () => goOn(),
      };
    },
  },
  {
    name: "PostgreSQL stopped",
    what: "`pg_ctl stop -m immediate`; started again",
    place: "store",
    lengthsMs: [2_000, 10_000, 20_000],
    async begin({ postgres }) {
      await postgres.halt("immediate");
      return {
        silent: ALL,
        working: [],
        notices: { nodes: ALL, how: "not ready" },
        end: () => postgres.launch(),
      };
    },
  },
  {
    name: "PostgreSQL killed",
    what: "kill −9 of PostgreSQL's first process, of which the others learn; started again when all have ended",
    place: "store",
    lengthsMs: [2_000, 10_000, 20_000],
    async begin({ postgres }) {
      await postgres.kill();
      return {
        silent: ALL,
        working: [],
        notices: { nodes: ALL, how: "not ready" },
        end: () => postgres.launch(),
      };
    },
  },
  {
    name: "backend paused",
    what: "SIGSTOP of the process of PostgreSQL that works for a node's writer, while it holds somebody's row, then SIGCONT",
    place: "store",
    needsAllNodes: true,
    lengthsMs: [10_000, 30_000],
    async begin(site, random) {
      const { index, node } = pickNode(site, random);
      const { elders } = site;
      const { backend, release } = await elders.engage(node.url);
      const goOn = pause(backend);
      await release();
      // Who is not concerned must not notice; these two have to wait for as long as it lasts.
      const [other = 0] = others(index);
      const insistence = elders.insist(site.nodes[other]?.url ?? "");
      let goneOnAt = 0;
      return {
        silent: [],
        working: others(index),
        recovering: index,
        end: async () => {
          goOn();
          goneOnAt = systemClock.monotonic();
        },
        verdict: async (isAlone) => {
          const waitedMs = (insistence.takenAt ?? systemClock.monotonic()) - goneOnAt;
          const isLate = isAlone && waitedMs > FREE_MS;
          const complaint = `who was concerned waited for ${Math.round(waitedMs)} ms more`;
          return await elders.judge(site.balancer.urls[0] ?? "", isLate ? [complaint] : []);
        },
      };
    },
  },
];

/** What can go wrong between machines, or with one of them. */
import { isAlive, killQuietly, type SeededRandom, until } from "@duologue/testing";
import { Group } from "../group.ts";
import type { Verdict } from "../oracle.ts";
import type { Change } from "./network.ts";
import { CLIENTS, NATS, POSTGRES, type Site } from "./site.ts";
import { slowPath } from "./slow-path.ts";

/** What must hold while it lasts and after it, by the numbers of nodes. */
export interface Effect {
  /** Cannot reach the store: nothing that is said to them may be acknowledged. */
  readonly silent: readonly number[];
  /** Must go on acknowledging without a pause. */
  readonly working: readonly number[];
  /** Whose users must be gone everywhere. */
  readonly lost?: number;
  /** Which clients do not reach, so that connections to it may take as long as TCP pleases to come back to life. */
  readonly unreachable?: number;
  /** Ends it; resolves when what was broken takes work again. */
  readonly end: () => Promise<void>;
  /** Of what it has done itself; after the end. */
  readonly verdict?: () => Promise<Verdict>;
}

export interface Trouble {
  readonly name: string;
  /** For people who read the table. */
  readonly what: string;
  /** Two at once never break the same place. */
  readonly place: "node" | "bus" | "store" | "clients" | "several";
  /** How long it lasts in turn when everything is tried, ms. */
  readonly lengthsMs: readonly number[];
  /** When it is over, that everybody has what was missed within this, ms; undefined: as soon as clients come back. */
  readonly catchUpMs?: number;
  /** Resolves when it has begun. */
  begin(site: Site, random: SeededRandom): Promise<Effect>;
}

const ALL: readonly number[] = [0, 1, 2];
/** A node's own deadline for a stop, and some. */
const STOP_MS = 10_000;
const HUNG_MS = 10_000;
const REPLACED_MS = 10_000;
const LATE_MS = 2_000;
const LOSS = 0.2;

const others = (index: number): number[] => ALL.filter((one) => one !== index);
const nothing = async (): Promise<void> => undefined;

function pickNode(site: Site, random: SeededRandom) {
  const index = random.below(site.nodes.length);
  const node = site.nodes[index];
  if (node === undefined) throw new RangeError("there is no node");
  return { index, node };
}

/** A change of the network between two hosts for as long as it lasts. */
function breach(change: Change, what: Partial<Omit<Effect, "end">>): Effect {
  return { silent: [], working: [], ...what, end: async () => change[Symbol.dispose]() };
}

function pausing(pids: readonly number[], working: readonly number[]): Effect {
  for (const pid of pids) killQuietly(pid, "SIGSTOP");
  return {
    silent: [],
    working,
    end: async () => {
      for (const pid of pids) killQuietly(pid, "SIGCONT");
    },
  };
}

const machines: readonly Trouble[] = [
  {
    name: "node killed",
    what: "kill −9 of every process of a node at once; started again afterwards",
    place: "node",
    lengthsMs: [10_000],
    async begin(site, random) {
      const { index, node } = pickNode(site, random);
      await node.kill();
      return { silent: [], working: others(index), lost: index, end: () => node.start() };
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
      for (const node of site.nodes) {
        const code = await node.stop(STOP_MS);
        if (code !== 0) throw new Error(`${node.name} ended with ${code}`);
        await node.start();
      }
      return { silent: [], working: [], end: nothing };
    },
  },
  {
    name: "primary paused",
    what: "SIGSTOP of a node's primary, then SIGCONT",
    place: "node",
    lengthsMs: [10_000, 30_000],
    async begin(site, random) {
      const { index, node } = pickNode(site, random);
      return pausing([node.server.pid], others(index));
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

const bus: readonly Trouble[] = [
  {
    name: "NATS killed",
    what: "kill −9 of nats-server; started again on the same port",
    place: "bus",
    lengthsMs: [30_000],
    catchUpMs: 5_000,
    async begin({ nats }) {
      await nats.kill();
      return { silent: [], working: ALL, end: () => nats.start() };
    },
  },
  {
    name: "NATS paused",
    what: "SIGSTOP of nats-server, then SIGCONT: its connections stand, and nothing comes",
    place: "bus",
    lengthsMs: [10_000, 30_000],
    async begin(site) {
      return pausing([site.nats.pid], ALL);
    },
  },
  {
    name: "node without NATS",
    what: "all packets between a node and NATS lost",
    place: "bus",
    lengthsMs: [5_000, 30_000],
    catchUpMs: 5_000,
    async begin(site, random) {
      const { node } = pickNode(site, random);
      return breach(site.network.part(node.name, NATS), { working: ALL });
    },
  },
  {
    name: "NATS one way",
    what: "all packets from NATS to a node lost; those to NATS arrive",
    place: "bus",
    lengthsMs: [10_000],
    catchUpMs: 5_000,
    async begin(site, random) {
      const { node } = pickNode(site, random);
      return breach(site.network.lose(NATS, node.name), { working: ALL });
    },
  },
  {
    name: "NATS lossy",
    what: "20 % of the packets between a node and NATS lost, each way",
    place: "bus",
    lengthsMs: [20_000],
    async begin(site, random) {
      const { node } = pickNode(site, random);
      return breach(site.network.part(node.name, NATS, LOSS), { working: ALL });
    },
  },
  {
    name: "NATS late",
    what: "everything between a node and NATS takes 2 s and up to 1 s more each way",
    place: "bus",
    lengthsMs: [20_000],
    async begin(site, random) {
      const { node } = pickNode(site, random);
      const { port } = site.nats;
      return breach(slowPath(site, random, { from: node.name, to: NATS, port, delayMs: LATE_MS }), {
        working: ALL,
      });
    },
  },
];

const store: readonly Trouble[] = [
  {
    name: "PostgreSQL stopped",
    what: "`pg_ctl stop -m immediate`; started again",
    place: "store",
    lengthsMs: [2_000, 10_000, 20_000],
    async begin({ postgres }) {
      await postgres.halt("immediate");
      return { silent: ALL, working: [], end: () => postgres.launch() };
    },
  },
  {
    name: "backend paused",
    what: "SIGSTOP of a process of PostgreSQL that works for a node, then SIGCONT",
    place: "store",
    lengthsMs: [10_000, 30_000],
    async begin(site, random) {
      return pausing([random.pick(site.backends())], []);
    },
  },
  {
    name: "node without PostgreSQL",
    what: "all packets between a node and PostgreSQL lost",
    place: "store",
    lengthsMs: [5_000, 30_000],
    async begin(site, random) {
      const { index, node } = pickNode(site, random);
      return breach(site.network.part(node.name, POSTGRES), {
        silent: [index],
        working: others(index),
      });
    },
  },
  {
    name: "PostgreSQL one way",
    what: "all packets from PostgreSQL to a node lost; what the node writes arrives",
    place: "store",
    lengthsMs: [10_000],
    async begin(site, random) {
      const { index, node } = pickNode(site, random);
      return breach(site.network.lose(POSTGRES, node.name), {
        silent: [index],
        working: others(index),
      });
    },
  },
  {
    name: "PostgreSQL lossy",
    what: "20 % of the packets between a node and PostgreSQL lost, each way",
    place: "store",
    lengthsMs: [20_000],
    async begin(site, random) {
      const { index, node } = pickNode(site, random);
      return breach(site.network.part(node.name, POSTGRES, LOSS), { working: others(index) });
    },
  },
  {
    name: "PostgreSQL late",
    what: "everything between a node and PostgreSQL takes 2 s and up to 1 s more each way",
    place: "store",
    lengthsMs: [20_000],
    async begin(site, random) {
      const { index, node } = pickNode(site, random);
      const { port } = site.postgres;
      return breach(slowPath(site, random, { from: node.name, to: POSTGRES, port, delayMs: LATE_MS }), {
        working: others(index),
      });
    },
  },
];

const clients: readonly Trouble[] = [
  {
    name: "clients cut off",
    what: "all packets between the clients and a node lost; after a minute they have gone to other nodes",
    place: "clients",
    lengthsMs: [5_000, 30_000, 60_000],
    async begin(site, random) {
      const { index, node } = pickNode(site, random);
      return breach(site.network.part(node.name, CLIENTS), { working: others(index), unreachable: index });
    },
  },
  {
    name: "clients one way",
    what: "all packets from a node to the clients lost; what they write arrives",
    place: "clients",
    lengthsMs: [10_000],
    async begin(site, random) {
      const { index, node } = pickNode(site, random);
      return breach(site.network.lose(node.name, CLIENTS), { working: others(index), unreachable: index });
    },
  },
  {
    name: "clients lossy",
    what: "20 % of the packets between the clients and a node lost, each way",
    place: "clients",
    lengthsMs: [20_000],
    async begin(site, random) {
      const { index, node } = pickNode(site, random);
      return breach(site.network.part(node.name, CLIENTS, LOSS), { working: others(index) });
    },
  },
  {
    name: "clients late",
    what: "everything between the clients and a node takes 2 s each way",
    place: "clients",
    lengthsMs: [20_000],
    async begin(site, random) {
      const { index } = pickNode(site, random);
      site.balancer.slowDown(index, LATE_MS);
      return {
        silent: [],
        working: ALL,
        end: async () => site.balancer.slowDown(index, 0),
      };
    },
  },
];

const haste: Trouble = {
  name: "haste",
  what: "nothing is broken: both sides of a conversation with three devices each on all nodes, each with 64 messages on their way",
  place: "clients",
  lengthsMs: [10_000],
  async begin({ balancer }) {
    const urls = [...balancer.urls, ...balancer.urls];
    const group = await Group.meet({ urls, pace: { pauseMs: 0, window: 64 } });
    group.begin();
    return {
      silent: [],
      working: ALL,
      end: async () => group.rest(),
      verdict: async () => {
        using _ = group;
        await group.settle();
        return await group.judge(balancer.urls[0] ?? "");
      },
    };
  },
};

export const troubles: readonly Trouble[] = [haste, ...machines, ...bus, ...store, ...clients];

/** What a machine that tests every change has time for. */
const SHORT: Readonly<Record<string, number>> = {
  "node killed": 6_500,
  "NATS killed": 3_000,
  "PostgreSQL stopped": 2_000,
  "node without PostgreSQL": 3_000,
};

export const shortTroubles: readonly Trouble[] = troubles.flatMap((trouble) => {
  const lengthMs = SHORT[trouble.name];
  return lengthMs === undefined ? [] : [{ ...trouble, lengthsMs: [lengthMs] }];
});

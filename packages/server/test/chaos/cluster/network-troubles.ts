/** What can go wrong on the way between a node and what it speaks to: a row each. */
import type { SeededRandom } from "@duologue/testing";
import type { Change } from "./network.ts";
import { CLIENTS, NATS, POSTGRES, type Site, type SiteNode } from "./site.ts";
import { slowPath } from "./slow-path.ts";
import { ALL, type Bounds, type Effect, others, type Place, pickNode, type Trouble } from "./trouble.ts";

/** By the host at its other end. */
type Peer = typeof NATS | typeof POSTGRES | typeof CLIENTS;

interface Row {
  readonly name: string;
  readonly what: string;
  readonly peer: Peer;
  readonly harm: Harm;
  readonly lengthsMs: readonly number[];
  readonly bounds?: Partial<Bounds>;
}

type Harm = Lost | Late;

interface Lost {
  readonly kind: "lost";
  readonly way: Way;
  /** Of the packets. */
  readonly share: number;
}

interface Late {
  readonly kind: "late";
  readonly delayMs: number;
}

/** As the node sees it. */
type Way = "both" | "to" | "from";

const MATRIX_MS = [5_000, 30_000, 60_000];
const WEAK_MS = [20_000];

const cut = (way: Way): Harm => ({ kind: "lost", way, share: 1 });
const lossy: Harm = { kind: "lost", way: "both", share: 0.2 };
const late: Harm = { kind: "late", delayMs: 2_000 };

/** The node's last signs arrive until it gives the connection up. */
const LAST_SIGNS = { leftMs: 10_500 } as const;

const rows: readonly Row[] = [
  {
    name: "node without NATS",
    what: "all packets between a node and NATS lost",
    peer: NATS,
    harm: cut("both"),
    lengthsMs: MATRIX_MS,
  },
  {
    name: "NATS deaf",
    what: "all packets from a node to NATS lost; those from NATS arrive",
    peer: NATS,
    harm: cut("to"),
    lengthsMs: MATRIX_MS,
  },
  {
    name: "NATS one way",
    what: "all packets from NATS to a node lost; those to NATS arrive",
    peer: NATS,
    harm: cut("from"),
    lengthsMs: MATRIX_MS,
    bounds: LAST_SIGNS,
  },
  {
    name: "NATS lossy",
    what: "20 % of the packets between a node and NATS lost, each way",
    peer: NATS,
    harm: lossy,
    lengthsMs: WEAK_MS,
  },
  {
    name: "NATS late",
    what: "everything between a node and NATS takes 2 s and up to 1 s more each way",
    peer: NATS,
    harm: late,
    lengthsMs: WEAK_MS,
  },
  {
    name: "node without PostgreSQL",
    what: "all packets between a node and PostgreSQL lost",
    peer: POSTGRES,
    harm: cut("both"),
    lengthsMs: MATRIX_MS,
  },
  {
    name: "PostgreSQL deaf",
    what: "all packets from a node to PostgreSQL lost; what PostgreSQL writes arrives",
    peer: POSTGRES,
    harm: cut("to"),
    lengthsMs: MATRIX_MS,
  },
  {
    name: "PostgreSQL one way",
    what: "all packets from PostgreSQL to a node lost; what the node writes arrives",
    peer: POSTGRES,
    harm: cut("from"),
    lengthsMs: MATRIX_MS,
  },
  {
    name: "PostgreSQL lossy",
    what: "20 % of the packets between a node and PostgreSQL lost, each way",
    peer: POSTGRES,
    harm: lossy,
    lengthsMs: WEAK_MS,
  },
  {
    name: "PostgreSQL late",
    what: "everything between a node and PostgreSQL takes 2 s and up to 1 s more each way",
    peer: POSTGRES,
    harm: late,
    lengthsMs: WEAK_MS,
  },
  {
    name: "clients cut off",
    what: "all packets between the clients and a node lost; after a minute they have gone to other nodes",
    peer: CLIENTS,
    harm: cut("both"),
    lengthsMs: MATRIX_MS,
  },
  {
    name: "clients unheard",
    what: "all packets from the clients to a node lost; what it writes arrives",
    peer: CLIENTS,
    harm: cut("from"),
    lengthsMs: MATRIX_MS,
  },
  {
    name: "clients one way",
    what: "all packets from a node to the clients lost; what they write arrives",
    peer: CLIENTS,
    harm: cut("to"),
    lengthsMs: MATRIX_MS,
  },
  {
    name: "clients lossy",
    what: "20 % of the packets between the clients and a node lost, each way",
    peer: CLIENTS,
    harm: lossy,
    lengthsMs: WEAK_MS,
  },
  {
    name: "clients late",
    what: "everything between the clients and a node takes 2 s each way",
    peer: CLIENTS,
    harm: late,
    lengthsMs: WEAK_MS,
  },
];

const PLACES: Readonly<Record<Peer, Place>> = { [NATS]: "bus", [POSTGRES]: "store", [CLIENTS]: "clients" };

/** What follows from it, for the node of this number. */
function consequences({ peer, harm }: Row, index: number): Omit<Effect, "end"> {
  const isCut = harm.kind === "lost" && harm.share === 1;
  switch (peer) {
    case NATS:
      return {
        silent: [],
        working: ALL,
        ...(isCut ? { unseen: index, notices: { nodes: [index], how: "no bus" } } : {}),
      };
    case POSTGRES:
      return isCut
        ? { silent: [index], working: others(index), notices: { nodes: [index], how: "not ready" } }
        : { silent: [], working: others(index) };
    case CLIENTS:
      // A node that is only slow to be reached goes on.
      return harm.kind === "late"
        ? { silent: [], working: ALL }
        : { silent: [], working: others(index), ...(isCut ? { unreachable: index } : {}) };
    default:
      return peer satisfies never;
  }
}

export const networkTroubles: readonly Trouble[] = rows.map((row) => ({
  name: row.name,
  what: row.what,
  place: PLACES[row.peer],
  lengthsMs: row.lengthsMs,
  ...(row.bounds === undefined ? {} : { bounds: row.bounds }),
  async begin(site, random) {
    const { index, node } = pickNode(site, random);
    const change =
      row.harm.kind === "lost" ? lose(site, node, row, row.harm) : delay(site, random, node, row, row.harm);
    return { ...consequences(row, index), end: async () => change[Symbol.dispose]() };
  },
}));

function lose({ network }: Site, { name }: SiteNode, { peer }: Row, { way, share }: Lost): Change {
  switch (way) {
    case "both":
      return network.part(name, peer, share);
    case "to":
      return network.lose(name, peer, share);
    case "from":
      return network.lose(peer, name, share);
    default:
      return way satisfies never;
  }
}

function delay(site: Site, random: SeededRandom, node: SiteNode, { peer }: Row, { delayMs }: Late): Change {
  const index = site.nodes.indexOf(node);
  if (peer !== CLIENTS) {
    const { port } = peer === NATS ? site.nats : site.postgres;
    return slowPath(site, random, { from: node.name, to: peer, port, delayMs });
  }
  site.balancer.slowDown(index, delayMs);
  return { [Symbol.dispose]: () => site.balancer.slowDown(index, 0) };
}

/**
 * Presence of a node among others: the registry decides about this node's users, the nodes' lists are made one, names are
 * asked for on all nodes, and single users are watched wherever they are.
 */
import type { Clock } from "../clock.ts";
import type { ClusterStatus } from "../link/control-types.ts";
import type { WatchedStates } from "../link/worker-types.ts";
import type { Logger } from "../log.ts";
import type { NodeLink } from "../ports/node-link.ts";
import type {
  JoinOutcome,
  JoinRequest,
  LobbyChange,
  NameCandidate,
  PresentUser,
  RemoteUsers,
} from "../ports/presence.ts";
import type { UserId } from "../ports/store.ts";
import { ClusterLobby } from "./cluster-lobby.ts";
import type { NodePresence } from "./local-presence.ts";
import { NameClaims } from "./name-claims.ts";
import { PeerWatch } from "./peer-watch.ts";
import type { Refusals } from "./refusals.ts";
import type { Registry, WorkerSerial } from "./registry.ts";

const NAME_TAKEN: JoinOutcome = Object.freeze({ ok: false, reason: "name_taken" });
const FULL: JoinOutcome = Object.freeze({ ok: false, reason: "full" });
const UNAVAILABLE: JoinOutcome = Object.freeze({ ok: false, reason: "unavailable" });

export interface ClusterPresenceOptions {
  readonly link: NodeLink;
  readonly clock: Clock;
  readonly log: Logger;
  readonly refusals: Refusals;
  /** Its `onChange` and `onName` lead to `change` and `holdName`. */
  readonly registry: Registry;
  /** Users online up to which nodes tell each other whom they have. */
  readonly lobbyUsers: number;
  /** Users online up to which classic logins are taken. */
  readonly classicUsers: number;
  readonly nameKeys: (name: string) => readonly string[];
  readonly isWorkerThere: (worker: WorkerSerial) => boolean;
  readonly broadcast: (change: LobbyChange) => void;
  readonly tell: (worker: WorkerSerial, states: WatchedStates) => void;
  /** Another node is gone, and with it perhaps the news of what it committed last. */
  readonly onNodeGone?: () => void;
}

export class ClusterPresence implements NodePresence {
  private readonly lobby: ClusterLobby;
  private readonly names: NameClaims;
  private readonly peers: PeerWatch;
  /** Of this node, as other nodes were told. */
  private readonly told = new Set<UserId>();

  constructor(private readonly options: ClusterPresenceOptions) {
    const { link, clock, log, refusals, registry, lobbyUsers, broadcast, tell, nameKeys, onNodeGone } =
      options;
    const owners = {
      owners: (key: string) => registry.owners(key),
      nameOf: (id: UserId) => registry.get(id)?.name,
    };
    this.names = new NameClaims(link, clock, owners, refusals);
    this.peers = new PeerWatch({
      link,
      clock,
      refusals,
      tell,
      isNode: (node) => this.lobby.isNode(node),
      find: (id) => {
        const [name, namedAt] = [registry.get(id)?.name, this.lobby.namedAtOf(id)];
        return name === undefined || namedAt === undefined ? undefined : { name, namedAt };
      },
      onRenamed: (id, name, namedAt) => this.lobby.rename(id, name, namedAt),
    });
    this.lobby = new ClusterLobby({
      link,
      clock,
      log,
      refusals,
      lobbyUsers,
      onChange: broadcast,
      onRenamed: (id, name) => registry.adopt(id, name, nameKeys(name)),
      onNodeGone: (node) => {
        this.peers.nodeGone(node);
        onNodeGone?.();
      },
      onPossibleLoss: () => this.peers.askAgain(),
    });
  }

  close(): void {
    this.lobby.close();
    this.peers.close();
  }

  get remoteUsers(): RemoteUsers {
    return this.lobby.remoteUsers;
  }

  get status(): ClusterStatus {
    return this.lobby.status;
  }

  /** As this node's workers have them, and those of this turn too. */
  all(): readonly PresentUser[] {
    this.options.registry.all();
    return this.lobby.all();
  }

  /** The registry's. */
  change(change: LobbyChange): void {
    if (change.joined.length + change.left.length === 0) {
      this.lobby.rebroadcast();
      return;
    }
    this.lobby.change(change);
    for (const { id } of change.left) {
      this.told.delete(id);
      this.peers.left(id);
    }
    for (const { id } of change.joined) {
      if (this.told.has(id)) this.peers.renamed(id);
      else this.peers.joined(id);
      this.told.add(id);
    }
  }

  /** The registry's. */
  holdName(key: string, isHeld: boolean): void {
    this.names.hold(key, isHeld);
  }

  async join(worker: WorkerSerial, request: JoinRequest): Promise<JoinOutcome> {
    const { registry, isWorkerThere, lobbyUsers, classicUsers } = this.options;
    const { id, name, kind, nameKeys } = request;
    // Beyond the first, there is no list that classic users could be given.
    if (kind === "classic" && this.lobby.size >= Math.min(lobbyUsers, classicUsers)) return FULL;
    const isSettled = kind !== "guest" || registry.get(id)?.name === name;
    if (isSettled) return registry.join(worker, request);
    if (registry.isTaken(nameKeys, id)) return NAME_TAKEN;
    const claim = await this.names.claim(id, name, nameKeys);
    try {
      if (!claim.isFree) return NAME_TAKEN;
      // Its end was told before: nobody would ever say that they left.
      return isWorkerThere(worker) ? registry.join(worker, request) : UNAVAILABLE;
    } finally {
      claim.end();
    }
  }

  async rename(id: UserId, name: string, nameKeys: readonly string[]): Promise<JoinOutcome> {
    const { registry } = this.options;
    if (registry.get(id)?.kind !== "guest") return registry.rename(id, name, nameKeys);
    if (registry.isTaken(nameKeys, id)) return NAME_TAKEN;
    const claim = await this.names.claim(id, name, nameKeys);
    try {
      return claim.isFree ? registry.rename(id, name, nameKeys) : NAME_TAKEN;
    } finally {
      claim.end();
    }
  }

  async firstFree(candidates: readonly NameCandidate[]): Promise<string | undefined> {
    for (const { name, nameKeys } of candidates) {
      if (this.options.registry.isTaken(nameKeys, "")) continue;
      if (await this.names.isFree(nameKeys)) return name;
    }
    return undefined;
  }

  /** Of users on other nodes. */
  watch(worker: WorkerSerial, ids: readonly UserId[]): Promise<() => WatchedStates> {
    return this.peers.watch(worker, ids);
  }

  unwatch(worker: WorkerSerial, ids: readonly UserId[]): void {
    this.peers.unwatch(worker, ids);
  }

  workerGone(worker: WorkerSerial): void {
    this.peers.workerGone(worker);
  }

  /** Those of them who are on other nodes. */
  findOnline(ids: readonly UserId[]): Promise<readonly UserId[]> {
    return this.peers.find(ids);
  }
}

/**
 * Who is there on all nodes, for this node's workers: one list of the lists of all, while all together are few enough
 * (`lobbyUsers`); beyond that, this node's own users, and how many there are elsewhere.
 */
import type { Clock } from "../clock.ts";
import type { ClusterStatus } from "../link/control-types.ts";
import type { Logger } from "../log.ts";
import type { NodeId, NodeLink } from "../ports/node-link.ts";
import type { LobbyChange, PresentUser, RemoteUsers } from "../ports/presence.ts";
import type { UserId } from "../ports/store.ts";
import { ListExchange } from "./list-exchange.ts";
import { Membership } from "./membership.ts";
import { isNamedLater, MergedList } from "./merged-list.ts";
import type { Touched } from "./node-list.ts";
import { decodeNodeMessage, type Entry, NODES_SUBJECT } from "./node-messages.ts";
import type { Refusals } from "./refusals.ts";

/** Lists are told again below this share of the limit, so that one who comes and goes does not turn everything over. */
const LIST_AGAIN_SHARE = 0.9;

export interface ClusterLobbyOptions {
  readonly link: NodeLink;
  readonly clock: Clock;
  readonly log: Logger;
  readonly refusals: Refusals;
  /** Users online up to which nodes tell each other whom they have. */
  readonly lobbyUsers: number;
  /** To this node's workers. */
  readonly onChange: (change: LobbyChange) => void;
  /** A user who is here too has taken another name on another node. */
  readonly onRenamed: (id: UserId, name: string) => void;
  readonly onNodeGone: (node: NodeId) => void;
  /** What was said by users' subjects may not have been heard. */
  readonly onPossibleLoss: () => void;
}

export class ClusterLobby {
  private readonly own = new Map<UserId, Entry>();
  private readonly exchange: ListExchange;
  private readonly membership: Membership;
  private readonly merged = new MergedList((id) => this.entriesOf(id));
  /** When users of this node took the names that came from elsewhere, until the registry has them. */
  private readonly adoptedAt = new Map<UserId, number>();
  private logins = 0;
  /** Whether the workers have a list of everybody. */
  private isWhole = true;
  private remote: RemoteUsers = "listed";

  constructor(private readonly options: ClusterLobbyOptions) {
    const { link, onNodeGone } = options;
    const { own } = this;
    const exchange = new ListExchange({ ...options, own });
    this.exchange = exchange;
    this.membership = new Membership({
      ...options,
      ownState: () => exchange.ownState,
      onSign: (sign) => this.onTouched(exchange.onSign(sign)),
      onGone: (node) => {
        this.onTouched(exchange.forget(node));
        onNodeGone(node);
      },
    });
    link.subscribe(NODES_SUBJECT, (payload) => this.receive(payload));
    this.membership.announceAlive();
  }

  close(): void {
    this.membership.close();
    this.exchange.close();
  }

  /** Everybody online; who is on two nodes is counted twice while not everybody is named. */
  get size(): number {
    return this.merged.size + (this.remote === "listed" ? 0 : this.remote);
  }

  get remoteUsers(): RemoteUsers {
    return this.remote;
  }

  all(): readonly PresentUser[] {
    return this.merged.all();
  }

  get status(): ClusterStatus {
    return {
      node: this.options.link.node,
      users: this.size,
      ownUsers: this.own.size,
      others: this.exchange.nodes,
      isCrowded: this.membership.isCrowded,
    };
  }

  /** Whether this is one of the other nodes. */
  isNode(node: NodeId): boolean {
    return this.membership.has(node);
  }

  /** When the user took the name that they have here. */
  namedAtOf(id: UserId): number | undefined {
    return this.own.get(id)?.namedAt;
  }

  /** The registry's: of this node's users. Workers have heard of it when this returns. */
  change({ joined, left }: LobbyChange): void {
    for (const { id } of left) this.own.delete(id);
    const entries = joined.map((user) => this.enter(user));
    this.exchange.tellChange(
      entries,
      left.map(({ id }) => id),
    );
    this.update([...left, ...joined].map(({ id }) => id));
    for (const { id } of left) this.adoptedAt.delete(id);
  }

  /** An empty change to every worker. */
  rebroadcast(): void {
    this.options.onChange({ joined: [], left: [] });
  }

  /** A user of this node has this name elsewhere. */
  rename(id: UserId, name: string, namedAt: number): void {
    const own = this.own.get(id);
    if (own === undefined) return;
    const theirs: Entry = { ...own, user: { ...own.user, name }, namedAt };
    if (!isNamedLater(theirs, own)) return;
    // Told when the registry has it.
    if (name === own.user.name) this.own.set(id, { ...own, namedAt });
    else {
      this.adoptedAt.set(id, namedAt);
      this.options.onRenamed(id, name);
    }
  }

  private enter(user: PresentUser): Entry {
    const { clock, link } = this.options;
    const before = this.own.get(user.id);
    const now = clock.now();
    this.logins += 1;
    const first = before ?? this.earliest(user.id);
    const order =
      first?.order ??
      `${String(now).padStart(13, "0")} ${link.node} ${String(this.logins).padStart(10, "0")}`;
    const address = first?.user.address ?? user.address;
    const namedAt = this.adoptedAt.get(user.id) ?? Math.max(now, (before?.namedAt ?? 0) + 1);
    this.adoptedAt.delete(user.id);
    const entry: Entry = { user: { ...user, address }, order, namedAt };
    this.own.set(user.id, entry);
    return entry;
  }

  /** Where they came first, of the other nodes. */
  private earliest(id: UserId): Entry | undefined {
    let first: Entry | undefined;
    for (const theirs of this.exchange.entriesOf(id))
      if (first === undefined || theirs.order < first.order) first = theirs;
    return first;
  }

  private receive(payload: string): void {
    const { link, clock, refusals } = this.options;
    const message = refusals.take(NODES_SUBJECT, decodeNodeMessage(payload, clock.now()));
    if (message === undefined || message.node === link.node) return;
    switch (message.kind) {
      case "alive":
        this.membership.hear(message);
        break;
      case "ask":
        this.exchange.onAsk(message);
        break;
      case "change":
      case "list": {
        const { refused = 0 } = message;
        if (refused > 0) refusals.refuse(NODES_SUBJECT, "an entry is not as it must be", refused);
        this.onTouched(this.exchange.onMessage(message));
        break;
      }
      default:
        message satisfies never;
    }
  }

  /** What another node's list has brought: to the own entries, then to the workers. */
  private onTouched(touched: Touched): void {
    const ids = [...touched];
    const adopted: Entry[] = [];
    for (const id of ids) {
      const own = this.own.get(id);
      if (own === undefined) continue;
      // Place and address outlive that node then.
      const first = this.earliest(id);
      if (first !== undefined && first.order < own.order) {
        const { order } = first;
        const entry: Entry = { ...own, user: { ...own.user, address: first.user.address }, order };
        this.own.set(id, entry);
        adopted.push(entry);
      }
      for (const { user, namedAt } of this.exchange.entriesOf(id)) this.rename(id, user.name, namedAt);
    }
    if (adopted.length > 0) this.exchange.tellChange(adopted, []);
    this.update(ids);
  }

  /** To the workers, what these changes and the sum of all make of the list. */
  private update(ids: Iterable<UserId>): void {
    const { count } = this.exchange;
    this.decide(this.own.size + count);
    const isWhole = this.exchange.isTellingList && this.exchange.isWhole;
    const isTurned = isWhole !== this.isWhole;
    this.isWhole = isWhole;
    const change = this.merged.update(isTurned ? this.allIds() : ids);
    const remoteUsers = isWhole ? "listed" : count;
    if (change.joined.length + change.left.length === 0 && remoteUsers === this.remote) return;
    this.remote = remoteUsers;
    this.options.onChange({ ...change, remoteUsers });
  }

  /** Whether this node tells its list. */
  private decide(total: number): void {
    const { lobbyUsers } = this.options;
    const { exchange } = this;
    const isFew = total <= (exchange.isTellingList ? lobbyUsers : lobbyUsers * LIST_AGAIN_SHARE);
    if (isFew === exchange.isTellingList) return;
    exchange.setTelling(isFew);
    this.membership.announceAliveSoon();
  }

  private *entriesOf(id: UserId): Iterable<Entry> {
    const own = this.own.get(id);
    if (own !== undefined) yield own;
    if (this.isWhole) yield* this.exchange.entriesOf(id);
  }

  private *allIds(): Iterable<UserId> {
    yield* this.merged.ids();
    yield* this.own.keys();
    yield* this.exchange.ids();
  }
}

/**
 * Who is there on all nodes. Each node tells that it lives and, while all together are few enough (`lobbyUsers`), whom it
 * has; beyond that, only how many. A node that gives no sign for five seconds is gone, with its users.
 */
import type { Clock, Timer } from "../clock.ts";
import type { ClusterStatus } from "../link/control-types.ts";
import type { Logger } from "../log.ts";
import type { NodeId, NodeLink } from "../ports/node-link.ts";
import type { LobbyChange, PresentUser, RemoteUsers } from "../ports/presence.ts";
import type { UserId } from "../ports/store.ts";
import { Introductions, type SignOfLife } from "./introductions.ts";
import { isNamedLater, MergedList } from "./merged-list.ts";
import { NodeList, type Touched } from "./node-list.ts";
import {
  decodeNodeMessage,
  type Entry,
  encodeEntry,
  encodeNodeMessage,
  type NodeMessage,
} from "./node-messages.ts";
import type { Refusals } from "./refusals.ts";

const SUBJECT = "nodes";
const CHECK_MS = 500;
const CHECKS_PER_SIGN = 2;
/** Without a sign for so many checks, a node is gone: five seconds and a half at most. */
const SILENT_CHECKS = 10;
/** Without a sign for so many, something else of it was missed too; and when this node itself did not check for so long. */
const LATE_CHECKS = 4;
/** Before a list is asked for again. */
const ASK_CHECKS = 2;
/** Lists that were asked for within this time are told once. */
const LIST_SHARE_MS = 100;
/** More are not heard: at that many, signs of life alone are a million messages a second (docs/scaling.md). */
const MAX_NODES = 1_024;
/** Lists are told again below this share of the limit, so that one who comes and goes does not turn everything over. */
const LIST_AGAIN_SHARE = 0.9;
/** What a message has beside its entries. */
const ENVELOPE_BYTES = 512;

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
  private readonly nodes = new Map<NodeId, NodeList>();
  private readonly merged = new MergedList((id) => this.entriesOf(id));
  /** When users of this node took the names that came from elsewhere. */
  private readonly namedAt = new Map<UserId, number>();
  private at = 0;
  private logins = 0;
  private returns = 0;
  private checks = 0;
  private checkedAt: number;
  private lists = true;
  private wasWhole = true;
  private remote: RemoteUsers = "listed";
  /** Checks since a node was turned away, because there are too many; undefined: none was, or not lately. */
  private crowdedChecks: number | undefined;
  private readonly introductions: Introductions;
  private telling: Timer | undefined;
  private isAnnouncing = false;
  private readonly timer: Timer;

  constructor(private readonly options: ClusterLobbyOptions) {
    const { link, clock, refusals } = options;
    this.introductions = new Introductions({
      link,
      refusals,
      now: () => clock.now(),
      ownSign: () => this.ownSign(),
      isKnown: (node) => this.nodes.has(node),
      onIntroduced: (sign) => this.takeIn(sign),
    });
    link.subscribe(SUBJECT, (payload) => this.receive(payload));
    link.onReturn(() => {
      this.returns += 1;
      this.announceAlive();
      options.onPossibleLoss();
    });
    this.checkedAt = clock.monotonic();
    this.timer = clock.every(CHECK_MS, () => this.check());
    this.announceAlive();
  }

  close(): void {
    this.timer.cancel();
    this.telling?.cancel();
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
      others: Array.from(this.nodes.values(), ({ node, count }) => ({ node, users: count })),
      isCrowded: this.crowdedChecks !== undefined,
    };
  }

  /** Whether this is one of the other nodes. */
  isNode(node: NodeId): boolean {
    return this.nodes.has(node);
  }

  /** When the user took the name that they have here. */
  namedAtOf(id: UserId): number | undefined {
    return this.own.get(id)?.namedAt;
  }

  /** The registry's: of this node's users. Workers have heard of it when this returns. */
  change({ joined, left }: LobbyChange): void {
    for (const { id } of left) this.own.delete(id);
    const told = joined.map((user) => this.keep(user));
    this.tell(told, left);
    this.publish([...left, ...joined].map(({ id }) => id));
    for (const { id } of left) this.namedAt.delete(id);
  }

  /** An empty change to every worker. */
  rebroadcast(): void {
    this.options.onChange({ joined: [], left: [] });
  }

  private keep(user: PresentUser): Entry {
    const { clock, link } = this.options;
    const before = this.own.get(user.id);
    const now = clock.now();
    this.logins += 1;
    const first = before ?? this.earliest(user.id);
    const order =
      first?.order ??
      `${String(now).padStart(13, "0")} ${link.node} ${String(this.logins).padStart(10, "0")}`;
    const address = first?.user.address ?? user.address;
    const namedAt = this.namedAt.get(user.id) ?? Math.max(now, (before?.namedAt ?? 0) + 1);
    this.namedAt.delete(user.id);
    const entry: Entry = { user: { ...user, address }, order, namedAt };
    this.own.set(user.id, entry);
    return entry;
  }

  /** Where they came first, of the other nodes. */
  private earliest(id: UserId): Entry | undefined {
    let first: Entry | undefined;
    for (const { entries } of this.nodes.values()) {
      const theirs = entries.get(id);
      if (theirs !== undefined && (first === undefined || theirs.order < first.order)) first = theirs;
    }
    return first;
  }

  private tell(joined: readonly Entry[], left: readonly PresentUser[]): void {
    if (!this.lists) return;
    const ids = left.map(({ id }) => id);
    // Of one that fits a message usually; a list in the place of a change says more than enough otherwise.
    this.at += 1;
    const message: NodeMessage = {
      node: this.options.link.node,
      kind: "change",
      at: this.at,
      joined,
      left: ids,
    };
    const payload = encodeNodeMessage(message);
    if (Buffer.byteLength(payload) <= this.options.link.maxPayloadBytes)
      this.options.link.publish(SUBJECT, payload);
    else this.tellListSoon();
  }

  private receive(payload: string): void {
    const { link, clock, refusals, lobbyUsers } = this.options;
    const message = refusals.take(SUBJECT, decodeNodeMessage(payload, clock.now()));
    if (message === undefined || message.node === link.node) return;
    if (message.kind === "ask") {
      if (message.of === link.node) this.tellListSoon();
      return;
    }
    const known = this.nodes.get(message.node);
    if (message.kind === "alive") {
      if (known === undefined) this.introductions.hear(message);
      else this.onAlive(message, known);
      return;
    }
    const { refused = 0 } = message;
    if (refused > 0) refusals.refuse(SUBJECT, "an entry is not as it must be", refused);
    if (known === undefined) return;
    this.apply(
      message.kind === "change" ? known.change(message, lobbyUsers) : known.list(message, lobbyUsers),
    );
    this.askIfUnknown(known);
  }

  /** A node that has answered. */
  private takeIn(sign: SignOfLife): void {
    if (this.nodes.size >= MAX_NODES) {
      if (this.crowdedChecks === undefined)
        this.options.log.error(
          { node: sign.node, nodes: MAX_NODES },
          "too many nodes: one more is not heard",
        );
      this.crowdedChecks = 0;
      return;
    }
    const node = new NodeList(sign.node);
    this.nodes.set(sign.node, node);
    this.apply(node.alive(sign));
    this.askIfUnknown(node);
    this.options.onPossibleLoss();
  }

  private onAlive(sign: SignOfLife, node: NodeList): void {
    const isLossPossible = node.losses !== sign.losses || node.silentChecks > LATE_CHECKS;
    this.apply(node.alive(sign));
    this.askIfUnknown(node);
    if (isLossPossible) this.options.onPossibleLoss();
  }

  private askIfUnknown(node: NodeList): void {
    if (!node.lists || node.isKnown || (node.askedChecks ?? ASK_CHECKS) < ASK_CHECKS) return;
    node.askedChecks = 0;
    const { link } = this.options;
    link.publish(SUBJECT, encodeNodeMessage({ node: link.node, kind: "ask", of: node.node }));
  }

  /** What another node's list has brought: to the own entries, then to the workers. */
  private apply(touched: Touched): void {
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
      for (const { entries } of this.nodes.values()) {
        const theirs = entries.get(id);
        if (theirs !== undefined) this.rename(id, theirs.user.name, theirs.namedAt);
      }
    }
    if (adopted.length > 0) this.tell(adopted, []);
    this.publish(ids);
  }

  /** To the workers, what these changes and the sum of all make of the list. */
  private publish(ids: Iterable<UserId>): void {
    const others = [...this.nodes.values()];
    const remoteCount = others.reduce((sum, { users }) => sum + users, 0);
    this.decide(this.own.size + remoteCount);
    const isWhole = this.lists && others.every(({ lists }) => lists);
    const isTurned = isWhole !== this.wasWhole;
    this.wasWhole = isWhole;
    const change = this.merged.update(isTurned ? this.allIds() : ids);
    const remoteUsers = isWhole ? "listed" : remoteCount;
    if (change.joined.length + change.left.length === 0 && remoteUsers === this.remote) return;
    this.remote = remoteUsers;
    this.options.onChange({ ...change, remoteUsers });
  }

  /** Whether this node tells its list. */
  private decide(total: number): void {
    const { lobbyUsers } = this.options;
    const lists = total <= (this.lists ? lobbyUsers : lobbyUsers * LIST_AGAIN_SHARE);
    if (lists === this.lists) return;
    this.lists = lists;
    this.announceAliveSoon();
    if (lists) this.tellListSoon();
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
      this.namedAt.set(id, namedAt);
      this.options.onRenamed(id, name);
    }
  }

  private *entriesOf(id: UserId): Iterable<Entry> {
    const own = this.own.get(id);
    if (own !== undefined) yield own;
    if (!this.wasWhole) return;
    for (const { entries } of this.nodes.values()) {
      const entry = entries.get(id);
      if (entry !== undefined) yield entry;
    }
  }

  private *allIds(): Iterable<UserId> {
    yield* this.merged.ids();
    yield* this.own.keys();
    for (const { entries } of this.nodes.values()) yield* entries.keys();
  }

  private tellListSoon(): void {
    this.telling ??= this.options.clock.after(LIST_SHARE_MS, () => {
      this.telling = undefined;
      if (this.lists) this.tellList();
    });
  }

  private tellList(): void {
    const { link } = this.options;
    const parts: Entry[][] = [[]];
    let bytes = ENVELOPE_BYTES;
    for (const entry of this.own.values()) {
      const size = Buffer.byteLength(JSON.stringify(encodeEntry(entry))) + 1;
      if (bytes + size > link.maxPayloadBytes) {
        parts.push([]);
        bytes = ENVELOPE_BYTES;
      }
      parts.at(-1)?.push(entry);
      bytes += size;
    }
    for (const [part, joined] of parts.entries()) {
      const message: NodeMessage = {
        node: link.node,
        kind: "list",
        at: this.at,
        part,
        parts: parts.length,
        joined,
      };
      link.publish(SUBJECT, encodeNodeMessage(message));
    }
  }

  private check(): void {
    this.checks += 1;
    const now = this.options.clock.monotonic();
    if (now - this.checkedAt > LATE_CHECKS * CHECK_MS) this.options.onPossibleLoss();
    this.checkedAt = now;
    if (this.crowdedChecks !== undefined && ++this.crowdedChecks > SILENT_CHECKS)
      this.crowdedChecks = undefined;
    for (const node of [...this.nodes.values()]) {
      node.silentChecks += 1;
      if (node.askedChecks !== undefined) node.askedChecks += 1;
      if (node.silentChecks <= SILENT_CHECKS) continue;
      this.nodes.delete(node.node);
      this.apply(node.clear());
      this.options.onNodeGone(node.node);
    }
    if (this.checks % CHECKS_PER_SIGN === 0) this.announceAlive();
  }

  private announceAliveSoon(): void {
    if (this.isAnnouncing) return;
    this.isAnnouncing = true;
    this.options.clock.endOfTurn(() => {
      this.isAnnouncing = false;
      this.announceAlive();
    });
  }

  private announceAlive(): void {
    this.options.link.publish(SUBJECT, this.ownSign());
  }

  private ownSign(): string {
    const { link } = this.options;
    const losses = link.dropped + this.returns;
    const { at, lists } = this;
    return encodeNodeMessage({ node: link.node, kind: "alive", users: this.own.size, at, lists, losses });
  }
}

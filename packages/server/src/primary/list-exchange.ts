/**
 * How nodes tell each other whom they have: each its own users, as numbered changes and, to whoever has missed one, as the
 * whole list in parts that fit a message.
 */
import type { Clock, Timer } from "../clock.ts";
import type { NodeId, NodeLink } from "../ports/node-link.ts";
import type { UserId } from "../ports/store.ts";
import { NodeList, type Touched } from "./node-list.ts";
import {
  type Entry,
  encodeEntry,
  encodeNodeMessage,
  NODES_SUBJECT,
  type NodeMessage,
  type NodeMessageOf,
  type SignOfLife,
} from "./node-messages.ts";

/** Before a list is asked for again. */
const ASK_AGAIN_MS = 1_000;
/** Lists that were asked for within this time are told once. */
const SHARE_MS = 100;
/** What a message has beside its entries. */
const ENVELOPE_BYTES = 512;

export interface ListExchangeOptions {
  readonly link: NodeLink;
  readonly clock: Clock;
  /** Users of another node that are kept at most. */
  readonly lobbyUsers: number;
  /** This node's users. */
  readonly own: ReadonlyMap<UserId, Entry>;
}

export class ListExchange {
  /** Of the other nodes. */
  private readonly lists = new Map<NodeId, NodeList>();
  /** The number of this node's last change. */
  private at = 0;
  private isTelling = true;
  private telling: Timer | undefined;

  constructor(private readonly options: ListExchangeOptions) {}

  close(): void {
    this.telling?.cancel();
  }

  /** What a sign of life says of this node's list. */
  get ownState(): Pick<SignOfLife, "users" | "at" | "lists"> {
    return { users: this.options.own.size, at: this.at, lists: this.isTelling };
  }

  /** Whether this node tells whom it has, or only how many. */
  get isTellingList(): boolean {
    return this.isTelling;
  }

  setTelling(isTelling: boolean): void {
    this.isTelling = isTelling;
    if (isTelling) this.tellListSoon();
  }

  /** Whether all other nodes tell whom they have. */
  get isWhole(): boolean {
    return [...this.lists.values()].every(({ lists }) => lists);
  }

  /** Users of the other nodes, as they said last. */
  get count(): number {
    return [...this.lists.values()].reduce((sum, { users }) => sum + users, 0);
  }

  get nodes(): readonly { readonly node: NodeId; readonly users: number }[] {
    return Array.from(this.lists.values(), ({ node, count }) => ({ node, users: count }));
  }

  /** Of the other nodes that have this user. */
  *entriesOf(id: UserId): Iterable<Entry> {
    for (const { entries } of this.lists.values()) {
      const entry = entries.get(id);
      if (entry !== undefined) yield entry;
    }
  }

  *ids(): Iterable<UserId> {
    for (const { entries } of this.lists.values()) yield* entries.keys();
  }

  /** To the other nodes, of this one's users. */
  tellChange(joined: readonly Entry[], left: readonly UserId[]): void {
    if (!this.isTelling) return;
    const { link } = this.options;
    this.at += 1;
    const payload = encodeNodeMessage({ node: link.node, kind: "change", at: this.at, joined, left });
    // It fits a message usually; a list in the place of a change says more than enough otherwise.
    if (Buffer.byteLength(payload) <= link.maxPayloadBytes) link.publish(NODES_SUBJECT, payload);
    else this.tellListSoon();
  }

  /** Returns whom it concerns, like the two that follow. */
  onSign(sign: SignOfLife): Touched {
    let list = this.lists.get(sign.node);
    if (list === undefined) {
      list = new NodeList(sign.node);
      this.lists.set(sign.node, list);
    }
    const touched = list.alive(sign);
    this.askIfUnknown(list);
    return touched;
  }

  onMessage(message: NodeMessageOf<"change" | "list">): Touched {
    const list = this.lists.get(message.node);
    if (list === undefined) return [];
    const { lobbyUsers } = this.options;
    const touched =
      message.kind === "change" ? list.change(message, lobbyUsers) : list.list(message, lobbyUsers);
    this.askIfUnknown(list);
    return touched;
  }

  forget(node: NodeId): Touched {
    const list = this.lists.get(node);
    this.lists.delete(node);
    return list?.clear() ?? [];
  }

  onAsk({ of }: NodeMessageOf<"ask">): void {
    if (of === this.options.link.node) this.tellListSoon();
  }

  private askIfUnknown(list: NodeList): void {
    const { link, clock } = this.options;
    const now = clock.monotonic();
    if (!list.lists || list.isKnown || now - (list.askedAt ?? -ASK_AGAIN_MS) < ASK_AGAIN_MS) return;
    list.askedAt = now;
    link.publish(NODES_SUBJECT, encodeNodeMessage({ node: link.node, kind: "ask", of: list.node }));
  }

  private tellListSoon(): void {
    this.telling ??= this.options.clock.after(SHARE_MS, () => {
      this.telling = undefined;
      if (this.isTelling) this.tellList();
    });
  }

  private tellList(): void {
    const { link } = this.options;
    const parts = this.parts();
    for (const [part, joined] of parts.entries()) {
      const message: NodeMessage = {
        node: link.node,
        kind: "list",
        at: this.at,
        part,
        parts: parts.length,
        joined,
      };
      link.publish(NODES_SUBJECT, encodeNodeMessage(message));
    }
  }

  private parts(): readonly (readonly Entry[])[] {
    const parts: Entry[][] = [[]];
    let bytes = ENVELOPE_BYTES;
    for (const entry of this.options.own.values()) {
      const size = Buffer.byteLength(JSON.stringify(encodeEntry(entry))) + 1;
      if (bytes + size > this.options.link.maxPayloadBytes) {
        parts.push([]);
        bytes = ENVELOPE_BYTES;
      }
      parts.at(-1)?.push(entry);
      bytes += size;
    }
    return parts;
  }
}

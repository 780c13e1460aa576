/**
 * Whether single users are there, on whichever other node, at a cost that does not depend on how many are online. A node
 * answers for its users on `here.<id>`, where nobody means that they are offline, and tells their coming and going on
 * `p.<id>`, which only nodes subscribe whose workers watch them. Who watches asks once, and again whenever something may
 * have been lost.
 */
import type { Clock, Timer } from "../clock.ts";
import type { WatchedStates } from "../link/worker-types.ts";
import type { NodeId, NodeLink, Subscription } from "../ports/node-link.ts";
import type { UserId } from "../ports/store.ts";
import {
  decodeNameTold,
  decodePresenceTold,
  decodeQuestion,
  encodeFields,
  isIdentifier,
} from "./node-messages.ts";
import type { Refusals } from "./refusals.ts";
import type { WorkerSerial } from "./registry.ts";

const ASK_TIMEOUT_MS = 500;
/** Each is asked again after so long, in case that a hint was lost and nobody knows. */
const ASK_AGAIN_MS = 300_000;
const SWEEP_MS = 500;
/** Asked again in one sweep. */
const SWEEP_ASKS = 1_000;

/** Somebody of whom nobody says anything for so long is away: a node that is silent so long is gone too (rule LB10). */
const SILENCE_MS = 6_000;

/** On which node; false: on none. Undefined: nobody has answered in time. */
type Found = NodeId | false | undefined;

interface Watch {
  /**
   * Each with whether it was told how things stood; from then on it is told every change. Before, its answer is still to
   * come and will hold them: a change that overtook it would be undone by it.
   */
  readonly workers: Map<WorkerSerial, boolean>;
  readonly subscription: Subscription;
  /** Where they are. */
  readonly nodes: Set<NodeId>;
  /** Undefined: never answered. */
  isThere: boolean | undefined;
  /** Counts what was told: an answer may be older. */
  version: number;
  askedAt: number;
  /** Since when no question was answered; undefined: the last one was. */
  silentSince: number | undefined;
}

export interface PeerWatchOptions {
  readonly link: NodeLink;
  readonly clock: Clock;
  readonly refusals: Refusals;
  /** Whether this is a node of the cluster: what others say of theirs is not listened to. */
  readonly isNode: (node: NodeId) => boolean;
  /** Name and time of naming of somebody on this node. */
  readonly find: (id: UserId) => { readonly name: string; readonly namedAt: number } | undefined;
  readonly onRenamed: (id: UserId, name: string, namedAt: number) => void;
  readonly tell: (worker: WorkerSerial, states: WatchedStates) => void;
}

export class PeerWatch {
  private readonly held = new Map<UserId, Subscription>();
  /** The one asked longest ago first. */
  private readonly watches = new Map<UserId, Watch>();
  private readonly asking = new Map<UserId, Promise<Found>>();
  /** To be asked again in the next sweep. */
  private readonly unanswered = new Set<UserId>();
  private askAgainSince = 0;

  private readonly timer: Timer;

  constructor(private readonly options: PeerWatchOptions) {
    this.timer = options.clock.every(SWEEP_MS, () => this.sweep());
  }

  close(): void {
    this.timer.cancel();
  }

  get size(): number {
    return this.watches.size;
  }

  // This node's users.

  joined(id: UserId): void {
    if (!this.held.has(id))
      this.held.set(
        id,
        this.options.link.subscribe(`here.${id}`, (payload, answer) => this.onAsked(id, payload, answer)),
      );
    this.announce(id, true);
  }

  left(id: UserId): void {
    this.held.get(id)?.close();
    this.held.delete(id);
    this.announce(id, false);
  }

  /** To other nodes where they are as well. */
  renamed(id: UserId): void {
    const found = this.options.find(id);
    if (found !== undefined) this.options.link.publish(`here.${id}`, encodeFields({ ...found }));
  }

  // Whom this node's workers watch.

  /**
   * Resolves when their states are known, as far as they can be, with what reads them. From that reading on the worker is
   * told every change, so it belongs to the moment in which the answer leaves.
   */
  async watch(worker: WorkerSerial, ids: readonly UserId[]): Promise<() => WatchedStates> {
    await Promise.all(ids.map((id) => this.begin(worker, id)));
    return () => {
      const states: { online: UserId[]; offline: UserId[] } = { online: [], offline: [] };
      for (const id of ids) {
        const watch = this.watches.get(id);
        if (watch?.workers.has(worker) === true) watch.workers.set(worker, true);
        if (watch?.isThere !== undefined) (watch.isThere ? states.online : states.offline).push(id);
      }
      return states;
    };
  }

  unwatch(worker: WorkerSerial, ids: readonly UserId[]): void {
    for (const id of ids) this.end(worker, id);
  }

  workerGone(worker: WorkerSerial): void {
    for (const id of [...this.watches.keys()]) this.end(worker, id);
  }

  /** Those of them who are on other nodes. */
  async find(ids: readonly UserId[]): Promise<readonly UserId[]> {
    const found = await Promise.all(ids.map((id) => this.watches.get(id)?.isThere ?? this.ask(id)));
    return ids.filter((_, index) => found[index] !== false && found[index] !== undefined);
  }

  nodeGone(node: NodeId): void {
    for (const [id, watch] of [...this.watches]) {
      if (!watch.nodes.delete(node) || watch.nodes.size > 0) continue;
      this.set(id, watch, false);
      // Or they have come elsewhere, and it was not heard.
      void this.refresh(id, watch);
    }
  }

  /** Something may not have been heard, of whomever. */
  askAgain(): void {
    this.askAgainSince = this.options.clock.monotonic();
  }

  private async begin(worker: WorkerSerial, id: UserId): Promise<void> {
    const known = this.watches.get(id);
    if (known !== undefined) {
      if (!known.workers.has(worker)) known.workers.set(worker, false);
      if (known.isThere === undefined) await this.asking.get(id);
      return;
    }
    const watch: Watch = {
      workers: new Map([[worker, false]]),
      subscription: this.options.link.subscribe(`p.${id}`, (payload) => this.onTold(id, payload)),
      nodes: new Set(),
      isThere: undefined,
      version: 0,
      askedAt: 0,
      silentSince: undefined,
    };
    this.watches.set(id, watch);
    await this.refresh(id, watch);
  }

  private end(worker: WorkerSerial, id: UserId): void {
    const watch = this.watches.get(id);
    if (watch === undefined || !watch.workers.delete(worker) || watch.workers.size > 0) return;
    watch.subscription.close();
    this.watches.delete(id);
    this.unanswered.delete(id);
  }

  private onTold(id: UserId, payload: string): void {
    const { refusals, isNode } = this.options;
    const watch = this.watches.get(id);
    const told = refusals.take(`p.${id}`, decodePresenceTold(payload));
    if (watch === undefined || told === undefined) return;
    const { node, on } = told;
    if (!isNode(node)) {
      // One that has just come is asked for its users when it is known.
      refusals.refuse(`p.${id}`, "it is of no node of this cluster");
      return;
    }
    watch.version += 1;
    if (on) {
      watch.nodes.add(node);
      this.set(id, watch, true);
    } else {
      watch.nodes.delete(node);
      // They may be on others, of which an answer named only one.
      if (watch.nodes.size === 0) void this.refresh(id, watch);
    }
  }

  private async refresh(id: UserId, watch: Watch): Promise<void> {
    watch.askedAt = this.options.clock.monotonic();
    this.watches.delete(id);
    this.watches.set(id, watch);
    const { version } = watch;
    const found = await this.ask(id);
    if (this.watches.get(id) !== watch) return;
    if (watch.version !== version) {
      if (watch.nodes.size === 0) await this.refresh(id, watch);
      return;
    }
    if (found === undefined) {
      this.onSilence(id, watch);
      return;
    }
    watch.silentSince = undefined;
    watch.nodes.clear();
    if (found !== false) watch.nodes.add(found);
    this.set(id, watch, found !== false);
  }

  /** Says nothing of the user: the question may have been dropped, or a busy node be late. So they stay what they were. */
  private onSilence(id: UserId, watch: Watch): void {
    const { link, clock, isNode } = this.options;
    // Everybody is asked when the bus is back.
    if (!link.isConnected) return;
    const now = clock.monotonic();
    watch.silentSince ??= now;
    const isHeld = [...watch.nodes].some(isNode);
    if (isHeld || now - watch.silentSince < SILENCE_MS) this.unanswered.add(id);
    else {
      watch.silentSince = undefined;
      watch.nodes.clear();
      this.set(id, watch, false);
    }
  }

  private ask(id: UserId): Promise<Found> {
    const under = this.asking.get(id);
    if (under !== undefined) return under;
    const { link } = this.options;
    const asked = link.request(`here.${id}`, encodeFields({}), ASK_TIMEOUT_MS).then((answer): Found => {
      this.asking.delete(id);
      if (answer.kind === "unknown") return undefined;
      return answer.kind === "answered" && isIdentifier(answer.payload) ? answer.payload : false;
    });
    this.asking.set(id, asked);
    return asked;
  }

  private onAsked(id: UserId, payload: string, answer: ((payload: string) => void) | undefined): void {
    const { refusals, clock, link, onRenamed } = this.options;
    const subject = `here.${id}`;
    if (answer !== undefined) {
      if (refusals.take(subject, decodeQuestion(payload)) !== undefined) answer(link.node);
      return;
    }
    const told = refusals.take(subject, decodeNameTold(payload, clock.now()));
    if (told !== undefined) onRenamed(id, told.name, told.namedAt);
  }

  private announce(id: UserId, on: boolean): void {
    const { link } = this.options;
    link.publish(`p.${id}`, encodeFields({ node: link.node, on }));
  }

  private set(id: UserId, watch: Watch, isThere: boolean): void {
    if (watch.isThere === isThere) return;
    watch.isThere = isThere;
    const states = isThere ? { online: [id], offline: [] } : { online: [], offline: [id] };
    for (const [worker, isTold] of watch.workers) if (isTold) this.options.tell(worker, states);
  }

  private sweep(): void {
    for (const id of [...this.due().take(SWEEP_ASKS)]) {
      this.unanswered.delete(id);
      const watch = this.watches.get(id);
      if (watch !== undefined) void this.refresh(id, watch);
    }
  }

  private *due(): Generator<UserId, void> {
    yield* this.unanswered;
    const now = this.options.clock.monotonic();
    for (const [id, watch] of this.watches) {
      if (watch.askedAt >= this.askAgainSince && now - watch.askedAt < ASK_AGAIN_MS) return;
      if (!this.unanswered.has(id)) yield id;
    }
  }
}

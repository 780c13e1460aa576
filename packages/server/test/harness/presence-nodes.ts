/** Nodes of a cluster as far as presence goes: their registries, and a worker's copy of the list, on a bus in memory. */

import { MemoryBus, type MemoryLink } from "../../src/bus/memory-link.ts";
import { WorkerPresence } from "../../src/bus/presence.ts";
import type { Clock, Timer } from "../../src/clock.ts";
import { PrimaryLink } from "../../src/link/client.ts";
import type { LineConnection } from "../../src/link/lines.ts";
import { decodeCall, decodeStatement, encodeAnswer, encodeStatement, tags } from "../../src/link/messages.ts";
import type { WatchedStates } from "../../src/link/worker-types.ts";
import { createLogger } from "../../src/log.ts";
import type { NodeLink } from "../../src/ports/node-link.ts";
import type { JoinOutcome, LobbyChange } from "../../src/ports/presence.ts";
import { ClusterPresence } from "../../src/primary/cluster-presence.ts";
import { Refusals } from "../../src/primary/refusals.ts";
import { Registry } from "../../src/primary/registry.ts";
import { FakeClock } from "./fake-clock.ts";

const WORKER = 1;
const STEP_MS = 100;
/** Promises of a chain that is longer than any here. */
const TURNS = 12;

export interface NodesOptions {
  readonly lobbyUsers?: number;
  readonly graceMs?: number;
}

/** A process that may stop for a while. */
class NodeClock implements Clock {
  isFrozen = false;
  private readonly timers = new Set<Timer>();

  constructor(private readonly clock: FakeClock) {}

  now(): number {
    return this.clock.now();
  }

  monotonic(): number {
    return this.clock.monotonic();
  }

  after(delayMs: number, run: () => void): Timer {
    return this.clock.after(delayMs, () => (this.isFrozen ? this.after(STEP_MS, run) : run()));
  }

  every(intervalMs: number, run: () => void): Timer {
    const timer = this.clock.every(intervalMs, () => {
      if (!this.isFrozen) run();
    });
    this.timers.add(timer);
    return timer;
  }

  endOfTurn(run: () => void): void {
    this.clock.endOfTurn(run);
  }

  randomId(bytes?: number): string {
    return this.clock.randomId(bytes);
  }

  uuid(): string {
    return this.clock.uuid();
  }

  random(): number {
    return this.clock.random();
  }
}

export class PresenceNode {
  readonly clock: Clock & { isFrozen?: boolean };
  readonly presence: ClusterPresence;
  readonly registry: Registry;
  /** A worker's. */
  readonly worker: WorkerPresence;
  readonly watched: WatchedStates[] = [];
  readonly changes: LobbyChange[] = [];
  readonly log: string[] = [];
  readonly refusals: Refusals;
  isWorkerThere = true;
  private readonly primary: PrimaryLink;

  constructor(
    readonly link: MemoryLink | NodeLink,
    clock: Clock,
    { lobbyUsers = 1_000, graceMs = 0 }: NodesOptions,
  ) {
    this.clock = clock;
    const log = createLogger({
      level: "debug",
      format: "json",
      name: "test",
      destination: { write: (line) => this.log.push(line) },
    });
    this.refusals = new Refusals(log);
    this.registry = new Registry({
      clock: this.clock,
      graceMs,
      leaseMs: 5_000,
      classicUsers: 5_000,
      onName: (key, isHeld) => this.presence.holdName(key, isHeld),
      onChange: (change) => this.presence.change(change),
    });
    const line = { send: (text: string) => this.onLine(text), isOpen: true } as unknown as LineConnection;
    const primary = new PrimaryLink(line);
    this.primary = primary;
    this.worker = new WorkerPresence(primary, [], "listed");
    this.presence = new ClusterPresence({
      link,
      clock: this.clock,
      log,
      refusals: this.refusals,
      registry: this.registry,
      lobbyUsers,
      classicUsers: 5_000,
      nameKeys: (name) => [name.toLowerCase()],
      isWorkerThere: () => this.isWorkerThere,
      broadcast: (change) => {
        this.changes.push(change);
        primary.receive(encodeStatement(tags.lobby, change));
      },
      tell: (_, states) => {
        this.watched.push(states);
        primary.receive(encodeStatement(tags.watched, states));
      },
    });
  }

  join(id: string, name = id): Promise<JoinOutcome> {
    const nameKeys = [name.toLowerCase()];
    return this.presence.join(WORKER, { id, name, kind: "guest", nameKeys, address: undefined });
  }

  leave(id: string): void {
    this.registry.leave(WORKER, id, true);
  }

  rename(id: string, name: string): Promise<JoinOutcome> {
    return this.presence.rename(id, name, [name.toLowerCase()]);
  }

  /** As a worker has it. */
  list(): { id: string; name: string; address: string }[] {
    return Array.from(this.worker.lobby.all(), ({ id, name, address }) => ({ id, name, address }));
  }

  ids(): string[] {
    return this.list().map(({ id }) => id);
  }

  /** What the worker says to the primary, as far as it is about watching. */
  private onLine(line: string): void {
    if (line.startsWith(tags.unwatch)) this.presence.unwatch(WORKER, decodeStatement(tags.unwatch, line));
    if (!line.startsWith(tags.watch)) return;
    const { ref, value } = decodeCall(tags.watch, line);
    void this.presence
      .watch(WORKER, value)
      .then((states) => this.primary.receive(encodeAnswer(ref, states())));
  }
}

export class PresenceNodes {
  readonly clock = new FakeClock();
  readonly nodes: PresenceNode[] = [];
  readonly bus: MemoryBus;
  /** Pairs of names that do not hear each other. */
  readonly parted = new Set<string>();
  /** Subjects and sizes of all that was sent. */
  sent = { messages: 0, bytes: 0 };

  constructor(private readonly options: NodesOptions = {}) {
    this.bus = new MemoryBus({
      clock: this.clock,
      isLost: (from, to, subject, payload) => {
        this.sent.messages += 1;
        this.sent.bytes += subject.length + payload.length;
        const frozen = this.nodes.some(
          ({ link, clock }) => clock.isFrozen === true && (link.node === from || link.node === to),
        );
        return frozen || this.parted.has(`${from} ${to}`) || this.parted.has(`${to} ${from}`);
      },
    });
  }

  add(name = `node-${this.nodes.length}`): PresenceNode {
    const node = new PresenceNode(this.bus.connect(name), new NodeClock(this.clock), this.options);
    this.nodes.push(node);
    return node;
  }

  /** As by SIGKILL. */
  crash(node: PresenceNode): void {
    this.nodes.splice(this.nodes.indexOf(node), 1);
    this.bus.remove(node.link as MemoryLink);
    node.presence.close();
  }

  async pass(byMs: number, stepMs: number = STEP_MS): Promise<void> {
    await this.settle();
    for (let leftMs = byMs; leftMs > 0; leftMs -= stepMs) {
      this.clock.advance(Math.min(stepMs, leftMs));
      await this.settle();
    }
  }

  /** Everything that needs no time. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < TURNS; turn += 1) {
      this.clock.endTurn();
      await Promise.resolve();
    }
  }

  /** What needs time is given it. */
  async done<T>(promise: Promise<T>): Promise<T> {
    let isDone = false;
    const end = promise.finally(() => {
      isDone = true;
    });
    for (let steps = 0; !isDone && steps < 100; steps += 1) await this.pass(STEP_MS);
    return await end;
  }
}

/** Three nodes, which is one more than two that might simply be opposites. */
export function threeNodes(options: NodesOptions = {}): {
  readonly cluster: PresenceNodes;
  readonly nodes: readonly [PresenceNode, PresenceNode, PresenceNode];
} {
  const cluster = new PresenceNodes(options);
  return { cluster, nodes: [cluster.add(), cluster.add(), cluster.add()] };
}

export async function joinMany(
  cluster: PresenceNodes,
  node: PresenceNode,
  count: number,
  prefix: string,
): Promise<void> {
  for (let index = 0; index < count; index += 1) await cluster.done(node.join(`${prefix}${index}`));
}

/**
 * Presence over the nodes of a cluster, without sockets: the real primaries' parts in one process, and users who are no
 * more than the lines that their worker would write. What is measured is what comes and goes cost when many are there.
 */
import { SeededRandom } from "@duologue/testing";
import {
  type Calls,
  encodeCall,
  encodeStatement,
  LineConnection,
  linkLimits,
  MemoryBus,
  NatsLink,
  type NodeLink,
  type PrimaryParts,
  systemClock as serverClock,
  tags,
  wirePrimary,
} from "duologue";
import type { BenchClock } from "../clock.ts";
import { treeCpuMs } from "../system/processes.ts";
import { CountingLink } from "./counting-link.ts";
import { type PresenceAct, type PresenceJob, type PresenceResult, STRANGERS } from "./job.ts";

const AT_ONCE = 200;
const WORKER = 1;
const SETTLE_MS = 4_000;
/** The grace of rule LB5 is not waited for: who leaves, logs out. */
const AT_THE_MOMENT = true;

export async function runPresence(clock: BenchClock, job: PresenceJob): Promise<PresenceResult> {
  const load = new PresenceLoad(clock, job, await makeLinks(job));
  return await load.run();
}

async function makeLinks({ nodes, nats }: PresenceJob): Promise<CountingLink[]> {
  if (nats === undefined) {
    const bus = new MemoryBus({ clock: serverClock });
    return Array.from({ length: nodes }, (_, node) => new CountingLink(bus.connect(`node-${node}`)));
  }
  const access = { urls: [nats.url], credentials: undefined, ca: undefined };
  const connect = (): Promise<NodeLink> =>
    NatsLink.connect({ access, realm: "bench", clock: serverClock, log: quietLog });
  const links = await Promise.all(Array.from({ length: nodes }, connect));
  return links.map((link) => new CountingLink(link));
}

const ignore = (): void => undefined;
const quietLog = { debug: ignore, info: ignore, warn: ignore, error: ignore };

/** A primary, and the lines of the one worker that it believes to have. */
class SimulatedNode {
  readonly link: CountingLink;
  private readonly parts: PrimaryParts;
  private readonly connection: LineConnection;
  private readonly waiting = new Map<number, () => void>();
  private nextRef = 0;

  constructor(link: CountingLink, lobbyUsers: number) {
    this.link = link;
    this.parts = wirePrimary({
      clock: serverClock,
      log: quietLog,
      // Nothing is written: presence is not stored but for when people were last there.
      committer: { commit: (requests) => requests.map(() => DONE), maintain: ignore },
      classicUsers: 0,
      lobbyUsers,
      events: { onReady: ignore, onStatistics: ignore, onGone: ignore },
      link,
    });
    const socket = { write: (bytes: Buffer) => this.take(bytes), end: ignore };
    const receiver = { onLine: ignore, onClose: ignore };
    this.connection = new LineConnection(socket, serverClock, linkLimits, receiver);
    this.parts.hub.register(WORKER, this.connection, {});
  }

  join(id: string): Promise<void> {
    return this.call(tags.join, { id, name: id, kind: "guest", nameKeys: [id], address: undefined });
  }

  watch(ids: readonly string[]): Promise<void> {
    return this.call(tags.watch, ids);
  }

  leave(id: string, watched: readonly string[]): void {
    this.parts.hub.receive(WORKER, this.connection, encodeStatement(tags.unwatch, watched));
    this.parts.hub.receive(
      WORKER,
      this.connection,
      encodeStatement(tags.leave, { id, atOnce: AT_THE_MOMENT }),
    );
  }

  private call<T extends keyof Calls>(tag: T, value: Calls[T]["asked"]): Promise<void> {
    this.nextRef += 1;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.waiting.set(this.nextRef, resolve);
    this.parts.hub.receive(WORKER, this.connection, encodeCall(tag, this.nextRef, value));
    return promise;
  }

  private take(bytes: Buffer): number {
    for (const line of bytes.toString().split("\n")) {
      if (!line.startsWith(tags.answer)) continue;
      // Only the number is looked at: what the answer holds is not what is measured.
      const ref = Number(line.slice(2, line.indexOf(" ", 2)));
      this.waiting.get(ref)?.();
      this.waiting.delete(ref);
    }
    return bytes.length;
  }
}

const DONE = { outcome: { ok: true }, publish: undefined } as const;

class PresenceLoad {
  private readonly nodes: readonly SimulatedNode[];
  private readonly random: SeededRandom;

  private readonly clock: BenchClock;
  private readonly job: PresenceJob;

  constructor(clock: BenchClock, job: PresenceJob, links: readonly CountingLink[]) {
    this.clock = clock;
    this.job = job;
    this.random = new SeededRandom(job.seed);
    this.nodes = links.map((link) => new SimulatedNode(link, job.lobbyUsers));
  }

  async run(): Promise<PresenceResult> {
    const { users, arrivals } = this.job;
    const rssBefore = process.memoryUsage.rss();
    const beganMs = this.clock.monotonic();
    await this.inTurns(0, users, (user) => this.nodeOf(user).join(nameOf(user)));
    await this.inTurns(0, users, (user) => this.nodeOf(user).watch(this.contactsOf(user)));
    await this.clock.pause(SETTLE_MS);
    const setUpMs = this.clock.monotonic() - beganMs;
    const gapMs = 1000 / this.job.arrivalsPerSecond;
    const oneByOne = (act: (user: number) => Promise<void> | void) => async (): Promise<void> => {
      for (let user = users; user < users + arrivals; user += 1) {
        await Promise.all([act(user), this.clock.pause(gapMs)]);
      }
      await this.clock.pause(SETTLE_MS);
    };
    const joins = await this.measure(
      arrivals,
      oneByOne((user) => this.nodeOf(user).join(nameOf(user))),
    );
    const watches = await this.measure(
      arrivals,
      oneByOne((user) => this.nodeOf(user).watch(this.contactsOf(user))),
    );
    const strangers = await this.measure(
      arrivals,
      oneByOne((user) => this.nodeOf(user).watch(strangersOf(user))),
    );
    const leaves = await this.measure(
      arrivals,
      oneByOne((user) => this.nodeOf(user).leave(nameOf(user), this.contactsOf(user))),
    );
    // Last, when nothing of the coming and going before is left to be cleared away.
    await this.clock.pause(SETTLE_MS);
    const quiet = await this.measure(1, () => this.clock.pause(this.job.quietMs));
    const rssKb = (process.memoryUsage.rss() - rssBefore) / 1024;
    return { kind: "presence", users, setUpMs, rssKb, quiet, joins, watches, strangers, leaves };
  }

  private nodeOf(user: number): SimulatedNode {
    const node = this.nodes[user % this.nodes.length];
    if (node === undefined) throw new RangeError("a cluster without nodes");
    return node;
  }

  /** The same each time, of all who have an account: the share of them that is online is `onlineShare`. */
  private contactsOf(user: number): string[] {
    const { users, contacts, onlineShare } = this.job;
    const chance = this.random.fork(String(user));
    const population = Math.round(users / onlineShare);
    return Array.from({ length: contacts }, () => nameOf(chance.below(population)));
  }

  private async inTurns(from: number, to: number, act: (user: number) => Promise<void>): Promise<void> {
    for (let first = from; first < to; first += AT_ONCE) {
      const last = Math.min(first + AT_ONCE, to);
      await Promise.all(Array.from({ length: last - first }, (_, index) => act(first + index)));
    }
  }

  private async measure(count: number, work: () => Promise<void>): Promise<PresenceAct> {
    const bus = (): number => (this.job.nats === undefined ? 0 : treeCpuMs(this.job.nats.pid));
    const sum = (read: (link: CountingLink) => number): number =>
      this.nodes.reduce((total, { link }) => total + read(link), 0);
    const read = (): number[] => [
      bus(),
      sum((link) => link.sentMessages),
      sum((link) => link.sentBytes),
      sum((link) => link.receivedMessages),
      sum((link) => link.receivedBytes),
    ];
    // What was left behind before is not what this costs.
    Bun.gc(true);
    const before = read();
    const cpuBefore = process.cpuUsage();
    const beganMs = this.clock.monotonic();
    await work();
    const measuredMs = this.clock.monotonic() - beganMs;
    const cpu = process.cpuUsage(cpuBefore);
    const [busCpuMs = 0, sentMessages = 0, sentBytes = 0, receivedMessages = 0, receivedBytes = 0] =
      read().map((value, index) => value - (before[index] ?? 0));
    const nodesCpuMs = (cpu.user + cpu.system) / 1000;
    return {
      ...{ count, measuredMs, nodesCpuMs, busCpuMs },
      ...{ sentMessages, sentBytes, receivedMessages, receivedBytes },
    };
  }
}

function strangersOf(user: number): string[] {
  return Array.from({ length: STRANGERS }, (_, index) => `stranger-${user}-${index}`);
}

function nameOf(user: number): string {
  return `user-${String(user).padStart(8, "0")}`;
}

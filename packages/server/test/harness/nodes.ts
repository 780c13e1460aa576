/** Nodes of a cluster in this process: each one's hub, registry and bus, with a worker that writes down what users hear. */
import { LocalBus } from "../../src/bus/local.ts";
import { MemoryBus, type MemoryLink } from "../../src/bus/memory-link.ts";
import { PrimaryLink } from "../../src/link/client.ts";
import { LineConnection } from "../../src/link/lines.ts";
import { encodeAppend, encodeCall, encodeStatement, tags } from "../../src/link/messages.ts";
import { linkLimits } from "../../src/link/socket-path.ts";
import { createLogger, type Logger } from "../../src/log.ts";
import type { EventNote, Note } from "../../src/ports/bus.ts";
import type { NodeLink } from "../../src/ports/node-link.ts";
import type { JoinRequest } from "../../src/ports/presence.ts";
import type { Draft, UserId } from "../../src/ports/store.ts";
import { ClusterNotes } from "../../src/primary/cluster-notes.ts";
import { Federation } from "../../src/primary/federation.ts";
import { Hub } from "../../src/primary/hub.ts";
import { LocalPresence } from "../../src/primary/local-presence.ts";
import { Refusals } from "../../src/primary/refusals.ts";
import { Registry } from "../../src/primary/registry.ts";
import { BatchingWriter } from "../../src/store/index.ts";
import type { WriteResult } from "../../src/store/requests.ts";
import { FakeClock } from "./fake-clock.ts";

const WORKER = 1;

export interface TestNodeOptions {
  readonly version?: number;
  /** What stands between the node and the bus. */
  readonly wrap?: (link: MemoryLink) => NodeLink;
  /** What the store answers; without it, it is away. */
  readonly commit?: (draft: Draft) => WriteResult;
}

export class TestNode {
  readonly link: MemoryLink;
  readonly federation: Federation;
  readonly registry: Registry;
  /** What came to users here: who, and what. */
  readonly heard: (readonly [user: UserId, note: Note])[] = [];
  /** Lines to the worker, as they were sent. */
  readonly lines: string[] = [];
  readonly log: string[] = [];
  readonly #hub: Hub;
  readonly #connection: LineConnection;

  constructor(clock: FakeClock, bus: MemoryBus, name: string, options: TestNodeOptions) {
    this.link = bus.connect(name);
    const logger = recording(this.log);
    const { version, wrap, commit } = options;
    const link = wrap === undefined ? this.link : wrap(this.link);
    this.federation = new Federation({
      link,
      clock,
      refusals: new Refusals(logger, version),
    });
    this.registry = new Registry({
      clock,
      graceMs: 0,
      leaseMs: 0,
      classicUsers: 9,
      onChange: () => undefined,
    });
    const writer = new BatchingWriter({
      clock,
      committer: {
        commit: (requests) => requests.map((request) => answer(request, commit)),
        maintain: () => undefined,
      },
      publish: (to, note) => this.#hub.publish(to, note),
      onFault: (error) => {
        throw error;
      },
    });
    const events = { onReady: () => undefined, onStatistics: () => undefined, onGone: () => undefined };
    const { registry } = this;
    const notes = new ClusterNotes(clock, this.federation);
    const presence = new LocalPresence(registry);
    this.#hub = new Hub({ clock, registry, writer, events, notes, presence });
    const worker = new PrimaryLink(this.#connect(clock, () => undefined));
    // A line for both users of a conversation comes to a worker that holds one of them.
    new LocalBus(worker, () => false).onNote((user, note) => {
      if (this.registry.holders(user).length > 0) this.heard.push([user, note]);
    });
    this.#connection = this.#connect(clock, (line) => {
      this.lines.push(line);
      worker.receive(line);
    });
    this.#hub.register(WORKER, this.#connection, {});
  }

  join(id: UserId, kind: JoinRequest["kind"] = "guest"): void {
    const request: JoinRequest = { id, name: id, kind, nameKeys: [id], address: undefined };
    this.#receive(encodeCall(tags.join, 1, request));
  }

  leave(id: UserId): void {
    this.#receive(encodeStatement(tags.leave, { id, atOnce: true }));
  }

  append(draft: Draft): void {
    this.#receive(encodeAppend(7, draft));
  }

  publish(to: readonly UserId[], note: Note): void {
    this.#hub.publish(to, note);
  }

  workerDies(): void {
    this.#hub.gone(WORKER, "a test");
  }

  of(user: UserId): Note[] {
    return this.heard.filter(([to]) => to === user).map(([, note]) => note);
  }

  #receive(line: string): void {
    this.#hub.receive(WORKER, this.#connection, line);
  }

  #connect(clock: FakeClock, onLine: (line: string) => void): LineConnection {
    const write = (bytes: Buffer): number => {
      for (const line of bytes.toString().trimEnd().split("\n")) onLine(line);
      return bytes.length;
    };
    const receiver = { onLine: () => undefined, onClose: () => undefined };
    return new LineConnection({ write, end: () => undefined }, clock, linkLimits, receiver);
  }
}

export interface TestCluster {
  readonly clock: FakeClock;
  readonly bus: MemoryBus;
  readonly nodes: readonly TestNode[];
  /** Lets all that is under way arrive, promises included. */
  settle(): Promise<void>;
}

export function makeCluster(...options: readonly TestNodeOptions[]): TestCluster {
  const clock = new FakeClock();
  const bus = new MemoryBus({ clock });
  const nodes = options.map((each, index) => new TestNode(clock, bus, `node-${index}`, each));
  const settle = async (): Promise<void> => {
    for (let round = 0; round < 10; round += 1) {
      clock.endTurn();
      // A promise goes on when the call-backs of this turn are over.
      await Promise.resolve();
    }
  };
  return { clock, bus, nodes, settle };
}

const [ID, TIME] = ["00000000-0000-7000-8000-000000000001", 1_700_000_000_000];

/** What the store publishes for a message from `sender`. */
export function eventNote(
  sender: UserId,
  position: number,
  prev: Readonly<Record<UserId, number>>,
): EventNote {
  const json = JSON.stringify({
    type: "event",
    conversation: "c_1",
    seq: position,
    from: sender,
    time: TIME,
    id: ID,
    kind: "message",
    body: { kind: "text", text: `number ${position}, "ü" {👋}` },
  });
  return { kind: "event", conversation: "c_1", sender, origin: 5, position, prev, json };
}

function answer(request: { readonly op: string }, commit: TestNodeOptions["commit"]): WriteResult {
  if (commit !== undefined && "draft" in request) return commit(request.draft as Draft);
  return { outcome: { ok: false, refusal: "unavailable" }, publish: undefined };
}

function recording(lines: string[]): Logger {
  return createLogger({
    level: "debug",
    format: "json",
    name: "test",
    destination: { write: (line) => lines.push(line) },
  });
}

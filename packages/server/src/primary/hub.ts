/**
 * The hub: the primary's end of the links to its workers. It takes their writes to the one writer, hands committed
 * changes to the workers that hold one of the two users, and keeps the registry of who is there.
 */
import type { Clock } from "../clock.ts";
import type { LineConnection } from "../link/lines.ts";
import {
  type AppendOutcome,
  decodeAppend,
  decodeCall,
  decodeNote,
  decodeStatement,
  encodeAnswer,
  encodeEvent,
  encodeNote,
  encodeOutcome,
  encodeStatement,
  encodeUserEvent,
  tags,
  type WorkerTag,
} from "../link/messages.ts";
import type {
  PrimaryHeartbeat,
  WatchedStates,
  WorkerSettings,
  WorkerStatistics,
} from "../link/worker-types.ts";
import type { FailureNote, Note, RelayNote } from "../ports/bus.ts";
import type { JoinRequest, LobbyChange } from "../ports/presence.ts";
import type { Draft, UserId } from "../ports/store.ts";
import type { BatchingWriter, WriteRequest } from "../store/index.ts";
import type { ClusterPresence } from "./cluster-presence.ts";
import type { Federation } from "./federation.ts";
import { PositionDoubts } from "./position-doubts.ts";
import type { Registry, WorkerSerial } from "./registry.ts";

const NOBODY: WatchedStates = Object.freeze({ online: [], offline: [] });
const OFFLINE: FailureNote = Object.freeze({ kind: "failure", failure: "offline" });

type PresenceTag = Exclude<
  WorkerTag,
  | typeof tags.append
  | typeof tags.write
  | typeof tags.publish
  | typeof tags.positions
  | typeof tags.statistics
  | typeof tags.ready
>;

export interface WorkerEvents {
  onReady(serial: WorkerSerial): void;
  onStatistics(serial: WorkerSerial, statistics: WorkerStatistics): void;
  onGone(serial: WorkerSerial, reason: string): void;
}

export class Hub {
  private readonly workers = new Map<WorkerSerial, LineConnection>();
  private readonly doubts: PositionDoubts | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly registry: Registry,
    private readonly writer: BatchingWriter,
    private readonly events: WorkerEvents,
    /** Both undefined when this is the only node. */
    private readonly federation: Federation | undefined,
    private readonly cluster?: ClusterPresence | undefined,
  ) {
    if (federation !== undefined)
      this.doubts = new PositionDoubts(clock, federation.order, (users) => this.askPositions(users));
    federation?.begin({
      deliver: (user, note) => this.deliverTo(user, note),
      checkAll: () => this.checkAll(),
    });
  }

  /** Here, somebody may not have been told of something: everybody's position is compared with the store. */
  checkAll(): void {
    for (const connection of this.workers.values()) connection.send(tags.recheckAll);
  }

  /** The workers that hold them compare their connections with the store, and say what that has. */
  private askPositions(users: Iterable<UserId>): void {
    const byWorker = new Map<WorkerSerial, UserId[]>();
    for (const user of users)
      for (const serial of new Set(this.registry.holders(user)))
        byWorker
          .set(serial, byWorker.get(serial) ?? [])
          .get(serial)
          ?.push(user);
    for (const [serial, asked] of byWorker)
      this.workers.get(serial)?.send(encodeStatement(tags.recheck, asked));
  }

  /** The same on all nodes. */
  recheckPositions(): void {
    this.checkAll();
    this.federation?.recheckPositions();
  }

  /** A worker has reported; from now on its lines come to `receive`. */
  register(serial: WorkerSerial, connection: LineConnection, settings: unknown): void {
    this.workers.set(serial, connection);
    connection.send(encodeStatement(tags.settings, settings as WorkerSettings));
  }

  gone(serial: WorkerSerial, reason: string): void {
    if (!this.workers.delete(serial)) return;
    this.registry.workerGone(serial);
    this.cluster?.workerGone(serial);
    this.federation?.releaseUnless((user) => this.registry.holders(user).length > 0);
    this.events.onGone(serial, reason);
  }

  /** Asks the worker to close its clients and end. */
  drain(serial: WorkerSerial): void {
    this.workers.get(serial)?.send(tags.drain);
  }

  heartbeat(heartbeat: PrimaryHeartbeat): void {
    const line = encodeStatement(tags.heartbeat, heartbeat);
    for (const connection of this.workers.values()) connection.send(line);
  }

  broadcast(change: LobbyChange): void {
    const line = encodeStatement(tags.lobby, change);
    for (const connection of this.workers.values()) connection.send(line);
  }

  isThere(serial: WorkerSerial): boolean {
    return this.workers.has(serial);
  }

  /** Of users on other nodes whom this worker watches. */
  tellStates(serial: WorkerSerial, states: WatchedStates): void {
    this.workers.get(serial)?.send(encodeStatement(tags.watched, states));
  }

  /** Here, each worker that holds one of the users gets the note once; elsewhere, each node that holds one. */
  publish(to: readonly UserId[], note: Note): void {
    const isTaken = this.deliver(to, note);
    const { federation } = this;
    // One of these goes to one place: a classic user has one connection.
    const isForOne = note.kind === "relay" || note.kind === "failure";
    if (federation === undefined || (isTaken && isForOne)) {
      if (!isTaken && note.kind === "relay") this.publish([note.from], OFFLINE);
    } else if (note.kind === "relay") void this.relay(federation, to, note);
    else for (const user of to) federation.publish(user, note);
  }

  private async relay(federation: Federation, [to = ""]: readonly UserId[], note: RelayNote): Promise<void> {
    if (!(await federation.relay(to, note))) this.publish([note.from], OFFLINE);
  }

  /** To the workers here. False: none of them holds one of the users. */
  private deliver(to: readonly UserId[], note: Note): boolean {
    const receivers = this.receivers(to);
    if (receivers.size === 0) return false;
    const order = this.federation?.order;
    if (order === undefined || !("prev" in note)) {
      this.send(receivers, note.kind === "event" ? encodeEvent(note) : encodeNote(tags.note, to, note));
    } else if (
      to.every((user) => order.isNext(user, note.prev[user] ?? 0) && !order.isPast(user, note.position))
    ) {
      this.send(receivers, note.kind === "event" ? encodeEvent(note) : encodeNote(tags.note, to, note));
      // After it: what waited for it follows.
      for (const user of to) order.pass(user, note.prev[user] ?? 0, note.position, () => undefined);
    } else for (const user of to) this.deliverTo(user, note);
    return true;
  }

  /** In order with what else comes for this user. False: nobody holds them. */
  private deliverTo(user: UserId, note: Note): boolean {
    if (this.registry.holders(user).length === 0) return false;
    if ("position" in note && this.federation?.order.isPast(user, note.position)) {
      this.doubts?.add(user);
      // Markers go forward only; who has seen a later change without this one notices, and asks for what stands.
      if (note.kind === "markers") return true;
    }
    const send = (): void => {
      const line = note.kind === "event" ? encodeUserEvent(user, note) : encodeNote(tags.note, [user], note);
      this.send(this.receivers([user]), line);
    };
    if (this.federation !== undefined && "prev" in note)
      this.federation.order.pass(user, note.prev[user] ?? 0, note.position, send);
    else send();
    return true;
  }

  private send(receivers: ReadonlySet<WorkerSerial>, line: string): void {
    for (const serial of receivers) this.workers.get(serial)?.send(line);
  }

  receive(serial: WorkerSerial, connection: LineConnection, line: string): void {
    const tag = line.charAt(0) as WorkerTag;
    switch (tag) {
      case tags.append: {
        const { ref, draft } = decodeAppend(line);
        this.writer.submit({ op: "append", draft }, (outcome) =>
          this.acknowledge(connection, ref, draft, outcome),
        );
        break;
      }
      case tags.write: {
        const { ref, value } = decodeCall(tag, line);
        const request = value as Exclude<WriteRequest, { op: "append" }>;
        this.writer.submit(request, (outcome) => connection.send(encodeAnswer(ref, outcome)));
        break;
      }
      case tags.publish: {
        const { to, note } = decodeNote(line);
        this.publish(to, note);
        break;
      }
      case tags.positions:
        for (const [user, position] of decodeStatement(tag, line)) this.doubts?.answer(user, position);
        break;
      case tags.statistics:
        this.events.onStatistics(serial, decodeStatement(tag, line));
        break;
      case tags.ready:
        this.events.onReady(serial);
        break;
      default:
        this.receivePresence(serial, connection, tag, line);
    }
  }

  /** A step of the sender's chain, like the event. */
  private acknowledge(connection: LineConnection, ref: number, draft: Draft, outcome: AppendOutcome): void {
    const send = (): void => connection.send(encodeOutcome(ref, outcome));
    if (this.federation === undefined || !outcome.ok || outcome.duplicate) send();
    else this.federation.order.pass(draft.sender, outcome.prev, outcome.position, send);
  }

  private receivePresence(
    serial: WorkerSerial,
    connection: LineConnection,
    tag: PresenceTag,
    line: string,
  ): void {
    switch (tag) {
      case tags.join: {
        const { ref, value } = decodeCall(tag, line);
        void this.join(serial, connection, ref, value);
        break;
      }
      case tags.rename: {
        const { ref, value } = decodeCall(tag, line);
        const { id, name, nameKeys } = value;
        const renamed = (this.cluster ?? this.registry).rename(id, name, nameKeys);
        this.answerWhen(connection, ref, renamed, (outcome) => outcome);
        break;
      }
      case tags.firstFree: {
        const { ref, value } = decodeCall(tag, line);
        const found = (this.cluster ?? this.registry).firstFree(value);
        this.answerWhen(connection, ref, found, (name) => ({ name }));
        break;
      }
      case tags.findOnline: {
        const { ref, value } = decodeCall(tag, line);
        this.answerWhen(connection, ref, this.cluster?.findOnline(value) ?? [], (ids) => ids);
        break;
      }
      case tags.watch: {
        const { ref, value } = decodeCall(tag, line);
        const states = this.cluster?.watch(serial, value) ?? ((): WatchedStates => NOBODY);
        this.answerWhen(connection, ref, states, (read) => read());
        break;
      }
      case tags.unwatch:
        this.cluster?.unwatch(serial, decodeStatement(tag, line));
        break;
      case tags.leave: {
        const { id, atOnce } = decodeStatement(tag, line);
        this.registry.leave(serial, id, atOnce);
        if (this.registry.holders(id).length === 0) this.federation?.release(id);
        break;
      }
      case tags.settle:
        this.answer(connection, decodeCall(tag, line).ref, () => ({}));
        break;
      case tags.rebroadcast:
        this.registry.rebroadcast();
        break;
      default:
        tag satisfies never;
        connection.close(`a line of an unknown kind: ${line.slice(0, 20)}`);
    }
  }

  /** Answered when notes of other nodes reach the user here. */
  private async join(
    serial: WorkerSerial,
    connection: LineConnection,
    ref: number,
    request: JoinRequest,
  ): Promise<void> {
    const { cluster } = this;
    const outcome =
      cluster === undefined ? this.registry.join(serial, request) : await cluster.join(serial, request);
    // The worker may have died while other nodes were asked.
    const isHere = this.registry.holders(request.id).length > 0;
    if (this.federation !== undefined && isHere) await this.federation.hold(request.id);
    this.answer(connection, ref, () => outcome);
  }

  /** At once on a single node, which asks nobody. */
  private answerWhen<T>(
    connection: LineConnection,
    ref: number,
    value: T | Promise<T>,
    shape: (value: T) => unknown,
  ): void {
    if (!(value instanceof Promise)) this.answer(connection, ref, () => shape(value));
    else void value.then((known) => this.answer(connection, ref, () => shape(known)));
  }

  /** After the change it speaks of: the asker's copy of the list must have it when the answer comes. */
  private answer(connection: LineConnection, ref: number, read: () => unknown): void {
    this.clock.endOfTurn(() => connection.send(encodeAnswer(ref, read())));
  }

  private receivers(to: readonly UserId[]): Set<WorkerSerial> {
    const receivers = new Set<WorkerSerial>();
    for (const user of to) {
      for (const serial of this.registry.holders(user)) receivers.add(serial);
    }
    return receivers;
  }
}

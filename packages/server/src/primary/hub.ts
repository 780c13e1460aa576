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
import type { Note } from "../ports/bus.ts";
import type { LobbyChange } from "../ports/presence.ts";
import type { Draft, UserId } from "../ports/store.ts";
import type { BatchingWriter, WriteRequest } from "../store/index.ts";
import type { NodePresence } from "./local-presence.ts";
import type { LocalWorkers, Notes } from "./notes.ts";
import type { Registry, WorkerSerial } from "./registry.ts";

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

export interface HubOptions {
  readonly clock: Clock;
  readonly registry: Registry;
  readonly writer: BatchingWriter;
  readonly events: WorkerEvents;
  readonly notes: Notes;
  readonly presence: NodePresence;
}

export class Hub implements LocalWorkers {
  private readonly workers = new Map<WorkerSerial, LineConnection>();
  private readonly clock: Clock;
  private readonly registry: Registry;
  private readonly writer: BatchingWriter;
  private readonly events: WorkerEvents;
  private readonly notes: Notes;
  private readonly presence: NodePresence;

  constructor({ clock, registry, writer, events, notes, presence }: HubOptions) {
    this.clock = clock;
    this.registry = registry;
    this.writer = writer;
    this.events = events;
    this.notes = notes;
    this.presence = presence;
    notes.begin(this);
  }

  /** Here, somebody may not have been told of something: everybody's position is compared with the store. */
  recheckAll(): void {
    for (const connection of this.workers.values()) connection.send(tags.recheckAll);
  }

  /** The workers that hold them compare their connections with the store, and say what that has. */
  recheck(users: Iterable<UserId>): void {
    const held = [...users].flatMap((user) =>
      [...new Set(this.registry.holders(user))].map((serial) => ({ serial, user })),
    );
    const byWorker = Map.groupBy(held, ({ serial }) => serial);
    for (const [serial, asked] of byWorker)
      this.workers.get(serial)?.send(
        encodeStatement(
          tags.recheck,
          asked.map(({ user }) => user),
        ),
      );
  }

  /** The same as `recheckAll`, on all nodes. */
  recheckPositions(): void {
    this.notes.recheckPositions();
  }

  /** A worker has reported; from now on its lines come to `receive`. */
  register(serial: WorkerSerial, connection: LineConnection, settings: unknown): void {
    this.workers.set(serial, connection);
    connection.send(encodeStatement(tags.settings, settings as WorkerSettings));
  }

  gone(serial: WorkerSerial, reason: string): void {
    if (!this.workers.delete(serial)) return;
    this.registry.workerGone(serial);
    this.presence.workerGone(serial);
    this.notes.workerGone();
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

  /** To these users, wherever they are. */
  publish(to: readonly UserId[], note: Note): void {
    this.notes.publish(to, note);
  }

  isHeld(user: UserId): boolean {
    return this.registry.holders(user).length > 0;
  }

  send(to: readonly UserId[], note: Note): boolean {
    const receivers = new Set<WorkerSerial>();
    for (const user of to) for (const serial of this.registry.holders(user)) receivers.add(serial);
    if (receivers.size === 0) return false;
    const line = encode(to, note);
    for (const serial of receivers) this.workers.get(serial)?.send(line);
    return true;
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
        for (const [user, position] of decodeStatement(tag, line)) this.notes.onPosition(user, position);
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
    if (outcome.ok) this.notes.acknowledge(draft.sender, outcome, send);
    else send();
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
        const outcome = this.notes.hold(value.id, this.presence.join(serial, value));
        this.answerWhen(connection, ref, outcome, (known) => known);
        break;
      }
      case tags.rename: {
        const { ref, value } = decodeCall(tag, line);
        const { id, name, nameKeys } = value;
        const renamed = this.presence.rename(id, name, nameKeys);
        this.answerWhen(connection, ref, renamed, (outcome) => outcome);
        break;
      }
      case tags.firstFree: {
        const { ref, value } = decodeCall(tag, line);
        const found = this.presence.firstFree(value);
        this.answerWhen(connection, ref, found, (name) => ({ name }));
        break;
      }
      case tags.findOnline: {
        const { ref, value } = decodeCall(tag, line);
        this.answerWhen(connection, ref, this.presence.findOnline(value), (ids) => ids);
        break;
      }
      case tags.watch: {
        const { ref, value } = decodeCall(tag, line);
        this.answerWhen(connection, ref, this.presence.watch(serial, value), (read) => read());
        break;
      }
      case tags.unwatch:
        this.presence.unwatch(serial, decodeStatement(tag, line));
        break;
      case tags.leave: {
        const { id, atOnce } = decodeStatement(tag, line);
        this.registry.leave(serial, id, atOnce);
        if (!this.isHeld(id)) this.notes.left(id);
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
}

function encode(to: readonly UserId[], note: Note): string {
  if (note.kind !== "event") return encodeNote(tags.note, to, note);
  const [user = "", other] = to;
  return other === undefined ? encodeUserEvent(user, note) : encodeEvent(note);
}

/**
 * The hub: the primary's end of the links to its workers. It takes their writes to the one writer, hands committed
 * changes to the workers that hold one of the two users, and keeps the registry of who is there.
 */
import type { Clock } from "../clock.ts";
import type { LineConnection } from "../link/lines.ts";
import {
  decodeAppend,
  decodeCall,
  decodeNote,
  decodeStatement,
  encodeCall,
  encodeEvent,
  encodeNote,
  encodeOutcome,
  encodeStatement,
} from "../link/messages.ts";
import type { PrimaryHeartbeat, WorkerStatistics } from "../link/worker-types.ts";
import type { Note } from "../ports/bus.ts";
import type { JoinRequest, LobbyChange, NameCandidate } from "../ports/presence.ts";
import type { UserId } from "../ports/store.ts";
import type { BatchingWriter, WriteRequest } from "../store/index.ts";
import type { Registry, WorkerSerial } from "./registry.ts";

export interface WorkerEvents {
  onReady(serial: WorkerSerial): void;
  onStatistics(serial: WorkerSerial, statistics: WorkerStatistics): void;
  onGone(serial: WorkerSerial, reason: string): void;
}

export class Hub {
  private readonly workers = new Map<WorkerSerial, LineConnection>();

  constructor(
    private readonly clock: Clock,
    private readonly registry: Registry,
    private readonly writer: BatchingWriter,
    private readonly events: WorkerEvents,
  ) {}

  /** A worker has reported; from now on its lines come to `receive`. */
  register(serial: WorkerSerial, connection: LineConnection, settings: unknown): void {
    this.workers.set(serial, connection);
    connection.send(encodeStatement("s", settings));
  }

  gone(serial: WorkerSerial, reason: string): void {
    if (!this.workers.delete(serial)) return;
    this.registry.workerGone(serial);
    this.events.onGone(serial, reason);
  }

  /** Asks the worker to close its clients and end. */
  drain(serial: WorkerSerial): void {
    this.workers.get(serial)?.send("d");
  }

  heartbeat(heartbeat: PrimaryHeartbeat): void {
    const line = encodeStatement("h", heartbeat);
    for (const connection of this.workers.values()) connection.send(line);
  }

  broadcast(change: LobbyChange): void {
    const line = encodeStatement("l", change);
    for (const connection of this.workers.values()) connection.send(line);
  }

  /** Each worker that holds one of the users gets the note once. */
  publish(to: readonly UserId[], note: Note): void {
    const receivers = this.receivers(to);
    if (receivers.size === 0) {
      if (note.kind === "relay") this.publish([note.from], { kind: "failure", failure: "offline" });
      return;
    }
    const line = note.kind === "event" ? encodeEvent(note) : encodeNote("n", to, note);
    for (const serial of receivers) this.workers.get(serial)?.send(line);
  }

  receive(serial: WorkerSerial, connection: LineConnection, line: string): void {
    switch (line.charAt(0)) {
      case "A": {
        const { ref, draft } = decodeAppend(line);
        this.writer.submit({ op: "append", draft }, (outcome) =>
          connection.send(encodeOutcome(ref, outcome)),
        );
        break;
      }
      case "Q": {
        const { ref, value } = decodeCall<Exclude<WriteRequest, { op: "append" }>>(line);
        this.writer.submit(value, (outcome) => connection.send(encodeCall("q", ref, outcome)));
        break;
      }
      case "P": {
        const { to, note } = decodeNote(line);
        this.publish(to, note);
        break;
      }
      case "B":
        this.events.onStatistics(serial, decodeStatement<WorkerStatistics>(line));
        break;
      case "R":
        this.events.onReady(serial);
        break;
      default:
        this.receivePresence(serial, connection, line);
    }
  }

  private receivePresence(serial: WorkerSerial, connection: LineConnection, line: string): void {
    switch (line.charAt(0)) {
      case "J": {
        const { ref, value } = decodeCall<JoinRequest>(line);
        this.answer(connection, ref, this.registry.join(serial, value));
        break;
      }
      case "N": {
        const { ref, value } = decodeCall<{ id: UserId; name: string; nameKeys: readonly string[] }>(line);
        this.answer(connection, ref, this.registry.rename(value.id, value.name, value.nameKeys));
        break;
      }
      case "F": {
        const { ref, value } = decodeCall<readonly NameCandidate[]>(line);
        this.answer(connection, ref, { name: this.registry.firstFree(value) });
        break;
      }
      case "L": {
        const { id, atOnce } = decodeStatement<{ id: UserId; atOnce: boolean }>(line);
        this.registry.leave(serial, id, atOnce);
        break;
      }
      case "W":
        this.answer(connection, decodeCall<unknown>(line).ref, {});
        break;
      case "G":
        this.registry.retell();
        break;
      default:
        connection.close(`a line of an unknown kind: ${line.slice(0, 20)}`);
    }
  }

  /** After the change it speaks of: the asker's copy of the list must have it when the answer comes. */
  private answer(connection: LineConnection, ref: number, value: unknown): void {
    this.clock.endOfTurn(() => connection.send(encodeCall("q", ref, value)));
  }

  private receivers(to: readonly UserId[]): Set<WorkerSerial> {
    const receivers = new Set<WorkerSerial>();
    for (const user of to) {
      for (const serial of this.registry.holders(user)) receivers.add(serial);
    }
    return receivers;
  }
}

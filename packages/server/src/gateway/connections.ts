/** The connections of this worker, and the delivery of the bus's notes to them. */

import { classic, encodeFrame } from "@duologue/protocol";
import type { EventNote, MarkersNote, Note } from "../ports/bus.ts";
import { encodeCursor, type Position, type UserId } from "../ports/store.ts";
import type { Connection } from "./connection.ts";

export class Connections {
  readonly open = new Set<Connection>();
  /** One connection, the usual case, stands without a list around it. */
  private readonly byUser = new Map<UserId, Connection | Connection[]>();

  /** `beforeClassicMessage`: a classic user must have the list that holds a newcomer before a message of theirs. */
  constructor(
    private readonly epoch: string,
    private readonly beforeClassicMessage: (connection: Connection) => void,
    private readonly now: () => number,
  ) {}

  get users(): number {
    return this.byUser.size;
  }

  add(user: UserId, connection: Connection): void {
    const known = this.byUser.get(user);
    if (known === undefined) this.byUser.set(user, connection);
    else this.byUser.set(user, Array.isArray(known) ? [...known, connection] : [known, connection]);
  }

  remove(user: UserId, connection: Connection): void {
    const known = this.byUser.get(user);
    const rest = Array.isArray(known) ? known.filter((other) => other !== connection) : [];
    const [first] = rest;
    if (first === undefined) {
      if (known === connection || Array.isArray(known)) this.byUser.delete(user);
    } else this.byUser.set(user, rest.length === 1 ? first : rest);
  }

  of(user: UserId): readonly Connection[] {
    const known = this.byUser.get(user);
    if (known === undefined) return [];
    return Array.isArray(known) ? known : [known];
  }

  /** Users with a connection here. */
  present(): UserId[] {
    return [...this.byUser.keys()];
  }

  /** The sessions of a guest's v1 connections, each once. */
  guestSessions(user: UserId): ReadonlySet<string> {
    const sessions = new Set<string>();
    for (const { session } of this.of(user)) {
      if (session.protocol !== "v1" || session.state.name !== "ready") continue;
      if (session.state.user.kind === "guest") sessions.add(session.state.session);
    }
    return sessions;
  }

  /** False when the user has no connection here any more. */
  deliver(user: UserId, note: Note): boolean {
    const known = this.byUser.get(user);
    if (known === undefined) return false;
    switch (note.kind) {
      case "event":
        this.deliverEvent(user, note);
        break;
      case "relay":
        for (const connection of this.of(user)) this.sendClassic(connection, classic.message(note.text));
        break;
      case "markers":
        for (const connection of this.of(user)) connection.advanceTo(note.position);
        this.broadcast(user, this.markersFrame(user, note));
        break;
      case "typing":
        this.broadcast(
          user,
          JSON.stringify({
            type: "typing",
            conversation: note.conversation,
            user: note.user,
            active: note.active,
          }),
        );
        break;
      case "failure":
        for (const connection of this.of(user)) this.sendClassic(connection, classic.failed(note.failure));
        break;
      case "session-ended":
        this.endSession(user, note.session);
        break;
      case "behind":
        this.tellBehind(user, note.position);
        break;
      default:
        note satisfies never;
    }
    return true;
  }

  /** Of the user's v1 connections: up to where each was told. */
  toldTo(user: UserId): ReadonlyMap<Connection, Position> {
    const v1 = this.of(user).filter(({ session }) => session.protocol === "v1");
    return new Map(v1.map((connection) => [connection, connection.position]));
  }

  /**
   * Compares with what the store said of the user after `before` was taken. A connection that was told of more than there
   * was then, was told what is not true: it goes back, and its client looks into the store by itself.
   */
  compare(user: UserId, before: ReadonlyMap<Connection, Position>, position: Position): void {
    for (const [connection, toldTo] of before) {
      if (toldTo <= position) continue;
      connection.position = position;
      connection.push(this.behind());
    }
    this.tellBehind(user, position);
  }

  /** Rule SY5: those connections of the user that were not told of this position learn that they missed something. */
  tellBehind(user: UserId, position: Position): void {
    for (const connection of this.of(user)) {
      if (connection.session.protocol !== "v1" || connection.position >= position) continue;
      connection.advanceTo(position);
      connection.push(this.behind());
    }
  }

  private behind(): string {
    return encodeFrame({ type: "pong", time: this.now(), behind: true });
  }

  private endSession(user: UserId, ended: string): void {
    for (const connection of this.of(user)) {
      const { session } = connection;
      if (session.protocol !== "v1" || session.state.name !== "ready" || connection.isLeaving) continue;
      if (session.state.session === ended) connection.close("logged_out");
    }
  }

  private deliverEvent(user: UserId, note: EventNote): void {
    let frame: string | undefined;
    for (const connection of this.of(user)) {
      if (connection.id === note.origin) continue;
      if (connection.session.protocol === "classic") {
        const text = note.sender === user ? undefined : messageText(note.json);
        if (text !== undefined) this.sendClassic(connection, classic.message(text));
        continue;
      }
      connection.advanceTo(note.position);
      frame ??= `${note.json.slice(0, -1)},"cursor":"${encodeCursor(this.epoch, note.position)}","prev":"${encodeCursor(this.epoch, note.prev[user] ?? 0)}"}`;
      connection.push(frame);
    }
  }

  private markersFrame(user: UserId, note: MarkersNote): string {
    const { conversation, delivered, read } = note;
    return JSON.stringify({
      type: "markers",
      conversation,
      user: note.user,
      delivered,
      read,
      unread: user === note.user ? note.unread : undefined,
      cursor: encodeCursor(this.epoch, note.position),
      prev: encodeCursor(this.epoch, note.prev[user] ?? 0),
    });
  }

  /** To the user's v1 connections. */
  private broadcast(user: UserId, frame: string): void {
    for (const connection of this.of(user)) {
      if (connection.session.protocol === "v1") connection.push(frame);
    }
  }

  private sendClassic(connection: Connection, frame: string): void {
    if (connection.session.protocol !== "classic") return;
    this.beforeClassicMessage(connection);
    connection.push(frame);
  }
}

/** Classic users get new messages; the protocol has no word for edits. */
function messageText(json: string): string | undefined {
  const event = JSON.parse(json) as { kind: string; body?: { text?: string } };
  return event.kind === "message" ? event.body?.text : undefined;
}

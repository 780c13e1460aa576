/**
 * Who is there, told to this worker's connections: v1 clients get the list once and then differences, classic ones the
 * whole list each time, as the tutorial has it. Changes within `lobbyShareMs` share a frame; when sending the list to
 * everybody takes long (a storm of joins), the share grows, so that it never takes more than a part of the worker.
 */
import { classic, type Limits, type User } from "@duologue/protocol";
import type { Clock, Timer } from "../clock.ts";
import type { LobbyChange, LobbyView, PresentUser } from "../ports/presence.ts";
import type { Connection } from "./connection.ts";
import type { Connections } from "./connections.ts";

/** After a broadcast that took t, the next one comes no sooner than this many t. */
const REST_FACTOR = 4;
/** In a worker whose lobby is too large to be sent, the count is told no more often than this. */
const COUNT_SHARE_MS = 1_000;

export class LobbyBroadcast {
  private joined = new Map<string, PresentUser>();
  private left = new Set<string>();
  private timer: Timer | undefined;
  /** Counts the changes; a connection remembers which one it has seen. */
  private version = 1;
  private nextAt = 0;
  private wasWhole = true;
  private size: number;
  /** Of users of other nodes only the number may be known: it changes without anybody coming or leaving here. */
  private isCountChanged = false;
  private classicList: string | undefined;
  private v1List: string | undefined;

  constructor(
    private readonly lobby: LobbyView,
    private readonly connections: Connections,
    private readonly clock: Clock,
    private readonly limits: Limits,
  ) {
    this.size = lobby.size;
  }

  /** The presence port's changes come here; the view has them already. */
  onChange(change: LobbyChange): void {
    this.classicList = undefined;
    this.v1List = undefined;
    for (const { id } of change.left) {
      this.joined.delete(id);
      this.left.add(id);
    }
    for (const user of change.joined) this.joined.set(user.id, user);
    if (this.size !== this.lobby.size) this.isCountChanged = true;
    this.size = this.lobby.size;
    this.version += 1;
    this.timer ??= this.clock.after(Math.max(0, this.nextAt - this.clock.monotonic()), () =>
      this.broadcast(),
    );
  }

  /** The whole list to one v1 client, right after its welcome. */
  sendWhole(connection: Connection): void {
    this.v1List ??= JSON.stringify(
      this.isWhole()
        ? { type: "lobby", count: this.lobby.size, users: Array.from(this.lobby.all(), toUser) }
        : { type: "lobby", count: this.lobby.size },
    );
    // Who got a count only needs the list as soon as there is one.
    if (!this.isWhole()) this.wasWhole = false;
    connection.lobbyVersion = this.version;
    connection.push(this.v1List);
  }

  /** The list to one classic client, unless it has the newest. */
  sendClassicList(connection: Connection): void {
    if (connection.lobbyVersion === this.version) return;
    connection.lobbyVersion = this.version;
    this.classicList ??= classic.users(classicEntries(this.lobby));
    connection.push(this.classicList);
  }

  /** A classic client that was behind has caught up: it gets the newest list, and never those in between. */
  onDrain(connection: Connection): void {
    if (isClassicUser(connection) && this.timer === undefined) this.sendClassicList(connection);
  }

  private broadcast(): void {
    this.timer = undefined;
    const startedAt = this.clock.monotonic();
    const hasChanged = this.joined.size > 0 || this.left.size > 0 || this.isCountChanged;
    const change = hasChanged ? this.takeChange() : undefined;
    for (const connection of this.connections.open) {
      if (isClassicUser(connection)) {
        if (!connection.isCongested) this.sendClassicList(connection);
      } else if (connection.lobbyVersion > 0 && change !== undefined) {
        connection.lobbyVersion = this.version;
        connection.push(change);
      }
    }
    // The writing happens at the end of the turn and costs more than the loop above: it is measured with it.
    this.clock.endOfTurn(() => {
      const now = this.clock.monotonic();
      const shareMs = this.isWhole() ? this.limits.lobbyShareMs : COUNT_SHARE_MS;
      this.nextAt = Math.max(startedAt + shareMs, now + (now - startedAt) * REST_FACTOR);
    });
    this.nextAt = startedAt + this.limits.lobbyShareMs;
  }

  private takeChange(): string {
    const isWhole = this.isWhole();
    const joined = [...this.joined.values()].map(toUser);
    const left = [...this.left].filter((id) => this.lobby.get(id) === undefined);
    this.joined = new Map();
    this.left = new Set();
    this.isCountChanged = false;
    const count = this.lobby.size;
    // Below the limit again: those who only had a count need the list.
    if (isWhole && !this.wasWhole) {
      this.wasWhole = true;
      return JSON.stringify({ type: "lobby", count, users: Array.from(this.lobby.all(), toUser) });
    }
    this.wasWhole = isWhole;
    return JSON.stringify({
      type: "lobby-change",
      count,
      joined: isWhole ? joined : [],
      left: isWhole ? left : [],
    });
  }

  private isWhole(): boolean {
    return this.lobby.isWhole && this.lobby.size <= this.limits.lobbyUsers;
  }
}

function isClassicUser({ session }: Connection): boolean {
  return session.protocol === "classic" && session.state.name === "ready";
}

function toUser({ id, name, kind }: PresentUser): User {
  return { id, name, kind };
}

function* classicEntries(lobby: LobbyView): Generator<readonly [string, string]> {
  for (const { address, name, kind } of lobby.all()) {
    yield [address, kind === "classic" ? name : withoutMarkup(name)];
  }
}

/** The tutorial's page puts names into HTML; full-width forms look the same and are none. */
function withoutMarkup(name: string): string {
  return name.replaceAll("<", "＜").replaceAll(">", "＞").replaceAll("&", "＆");
}

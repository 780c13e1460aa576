/** Presence on one machine: the primary's registry decides, this is a worker's copy of it and its way to ask. */
import type { PrimaryLink } from "../link/client.ts";
import { decodeStatement, encodeStatement } from "../link/messages.ts";
import {
  type JoinOutcome,
  type JoinRequest,
  type LobbyChange,
  type LobbyView,
  type NameCandidate,
  type Presence,
  type PresentUser,
  sharedKind,
} from "../ports/presence.ts";
import type { UserId } from "../ports/store.ts";

const UNAVAILABLE: JoinOutcome = Object.freeze({ ok: false, reason: "unavailable" });

class Lobby implements LobbyView {
  /** Insertion order is the order of login: all workers apply the same changes in the same order. */
  private readonly users = new Map<UserId, PresentUser>();
  private readonly addresses = new Map<string, PresentUser>();

  get size(): number {
    return this.users.size;
  }

  get(id: UserId): PresentUser | undefined {
    return this.users.get(id);
  }

  byAddress(address: string): PresentUser | undefined {
    return this.addresses.get(address);
  }

  all(): Iterable<PresentUser> {
    return this.users.values();
  }

  apply(change: LobbyChange): void {
    for (const user of change.left) {
      this.users.delete(user.id);
      this.addresses.delete(user.address);
    }
    for (const { id, name, kind, address } of change.joined) {
      const user: PresentUser = { id, name, kind: sharedKind(kind), address };
      this.users.set(id, user);
      this.addresses.set(address, user);
    }
  }
}

export class LocalPresence implements Presence {
  readonly lobby = new Lobby();
  private receive: (change: LobbyChange) => void = () => undefined;
  private readonly onlyHere = new Set<UserId>();

  constructor(private readonly link: PrimaryLink) {
    link.on("l", (line) => {
      const change = decodeStatement<LobbyChange>(line);
      this.lobby.apply(change);
      this.receive(change);
    });
  }

  /** A classic user of this worker: one connection, so nowhere else. */
  isOnlyHere(user: UserId): boolean {
    return this.onlyHere.has(user);
  }

  async join(request: JoinRequest): Promise<JoinOutcome> {
    const outcome = (await this.link.call<JoinOutcome>("J", request)) ?? UNAVAILABLE;
    if (outcome.ok && request.kind === "classic") this.onlyHere.add(request.id);
    return outcome;
  }

  leave(id: UserId, atOnce: boolean): void {
    this.onlyHere.delete(id);
    this.link.send(encodeStatement("L", { id, atOnce }));
  }

  async rename(id: UserId, name: string, nameKeys: readonly string[]): Promise<JoinOutcome> {
    return (await this.link.call<JoinOutcome>("N", { id, name, nameKeys })) ?? UNAVAILABLE;
  }

  async firstFree(candidates: readonly NameCandidate[]): Promise<string | undefined> {
    return (await this.link.call<{ name?: string }>("F", candidates))?.name;
  }

  async settled(): Promise<void> {
    await this.link.call("W", {});
  }

  retell(): void {
    this.link.send("G");
  }

  onChange(receive: (change: LobbyChange) => void): void {
    this.receive = receive;
  }
}

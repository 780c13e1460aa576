/** Presence as a worker has it: the primary's registry decides, this is a copy of it and the way to ask. */
import type { PrimaryLink } from "../link/client.ts";
import { tags } from "../link/messages.ts";
import type { WatchedStates } from "../link/worker-types.ts";
import type {
  JoinOutcome,
  JoinRequest,
  LobbyChange,
  NameCandidate,
  Presence,
  RemoteUsers,
} from "../ports/presence.ts";
import type { UserId } from "../ports/store.ts";
import { Lobby } from "./lobby.ts";

const UNAVAILABLE: JoinOutcome = Object.freeze({ ok: false, reason: "unavailable" });

export class WorkerPresence implements Presence {
  readonly lobby = new Lobby();
  private receive: (change: LobbyChange) => void = () => undefined;
  private receiveWatched: (ids: readonly UserId[]) => void = () => undefined;
  private readonly onlyHere = new Set<UserId>();
  /** Whether the watched are there, as the primary says: those whom the list names, it need not. */
  private readonly watched = new Map<UserId, boolean | undefined>();

  /** `lobby`: how it begins. `remoteUsers`: undefined on a single machine, whose list names everybody always. */
  constructor(
    private readonly link: PrimaryLink,
    lobby: LobbyChange["joined"],
    private readonly remoteUsers: RemoteUsers | undefined,
  ) {
    this.lobby.apply({ joined: lobby, left: [], ...(remoteUsers === undefined ? {} : { remoteUsers }) });
    link.onStatement(tags.lobby, (change) => {
      this.lobby.apply(change);
      this.receive(change);
    });
    link.onStatement(tags.watched, (states) => this.receiveWatched(this.keep(states)));
  }

  /** A classic user of this worker: one connection, so nowhere else. */
  isOnlyHere(user: UserId): boolean {
    return this.onlyHere.has(user);
  }

  async join(request: JoinRequest): Promise<JoinOutcome> {
    const outcome = (await this.link.call(tags.join, request)) ?? UNAVAILABLE;
    if (outcome.ok && request.kind === "classic") this.onlyHere.add(request.id);
    return outcome;
  }

  leave(id: UserId, atOnce: boolean): void {
    this.onlyHere.delete(id);
    this.link.state(tags.leave, { id, atOnce });
  }

  async rename(id: UserId, name: string, nameKeys: readonly string[]): Promise<JoinOutcome> {
    return (await this.link.call(tags.rename, { id, name, nameKeys })) ?? UNAVAILABLE;
  }

  async firstFree(candidates: readonly NameCandidate[]): Promise<string | undefined> {
    return (await this.link.call(tags.firstFree, candidates))?.name;
  }

  async settled(): Promise<void> {
    await this.link.call(tags.settle, {});
  }

  isOnline(id: UserId): boolean | undefined {
    if (this.lobby.get(id) !== undefined) return true;
    return this.lobby.isWhole ? false : this.watched.get(id);
  }

  async findOnline(ids: readonly UserId[]): Promise<ReadonlySet<UserId>> {
    const unknown = ids.filter((id) => this.isOnline(id) === undefined);
    const asked = unknown.length === 0 ? [] : await this.link.call(tags.findOnline, unknown);
    const found = new Set(asked);
    return new Set(ids.filter((id) => this.isOnline(id) ?? found.has(id)));
  }

  async watch(ids: readonly UserId[]): Promise<void> {
    if (this.remoteUsers === undefined) return;
    for (const id of ids) if (!this.watched.has(id)) this.watched.set(id, undefined);
    const states = await this.link.call(tags.watch, ids);
    if (states !== undefined) this.keep(states);
  }

  unwatch(ids: readonly UserId[]): void {
    if (this.remoteUsers === undefined) return;
    for (const id of ids) this.watched.delete(id);
    this.link.state(tags.unwatch, ids);
  }

  onWatched(receive: (ids: readonly UserId[]) => void): void {
    this.receiveWatched = receive;
  }

  /** Returns those who are watched still. */
  private keep({ online, offline }: WatchedStates): readonly UserId[] {
    for (const id of online) if (this.watched.has(id)) this.watched.set(id, true);
    for (const id of offline) if (this.watched.has(id)) this.watched.set(id, false);
    return [...online, ...offline].filter((id) => this.watched.has(id));
  }

  rebroadcast(): void {
    this.link.send(tags.rebroadcast);
  }

  onChange(receive: (change: LobbyChange) => void): void {
    this.receive = receive;
  }
}

/**
 * Who is there, for all workers of this machine: the one place that decides, so that two look-alike names cannot both
 * come in, and that orders joins and leaves, so that every list is the same.
 */
import type { Clock, Timer } from "../clock.ts";
import { sharedKind } from "../link/shared-kind.ts";
import type { JoinOutcome, JoinRequest, LobbyChange, NameCandidate, PresentUser } from "../ports/presence.ts";
import type { UserId } from "../ports/store.ts";

/** A worker, by the number it was started with (never used twice). */
export type WorkerSerial = number;

interface Present {
  user: PresentUser;
  nameKeys: readonly string[];
  /** One item for each connection: the worker that holds it. Replaced, never changed. */
  holders: readonly WorkerSerial[];
  grace: Timer | undefined;
}

export interface RegistryOptions {
  readonly clock: Clock;
  /** From a user's last connection closing to their leaving the lobby. */
  readonly graceMs: number;
  /** From a worker's death to its users' leaving the lobby. */
  readonly leaseMs: number;
  /** Users up to which classic logins are taken. */
  readonly classicUsers: number;
  /** Somebody has the name key now, or nobody has it any more. */
  readonly onName?: (key: string, isHeld: boolean) => void;
  /** Called once at the end of a turn with what changed in it. */
  readonly onChange: (change: LobbyChange) => void;
}

export class Registry {
  private readonly present = new Map<UserId, Present>();
  private readonly addresses = new Set<string>();
  /** Name key → those online who have it. */
  private readonly names = new Map<string, UserId | readonly UserId[]>();
  private readonly singles = new Map<WorkerSerial, readonly WorkerSerial[]>();
  private joined: PresentUser[] = [];
  private left: PresentUser[] = [];
  private flushing = false;
  private rebroadcasting = false;

  constructor(private readonly options: RegistryOptions) {}

  get size(): number {
    return this.present.size;
  }

  all(): PresentUser[] {
    this.flush();
    return Array.from(this.present.values(), ({ user }) => user);
  }

  /** The workers that hold a connection of this user; one may stand there several times. */
  holders(id: UserId): readonly WorkerSerial[] {
    return this.present.get(id)?.holders ?? [];
  }

  join(worker: WorkerSerial, request: JoinRequest): JoinOutcome {
    const isClassic = request.kind === "classic";
    if (isClassic && this.present.size >= this.options.classicUsers) return { ok: false, reason: "full" };
    const known = this.present.get(request.id);
    // Who is here under this name keeps it, whoever else has come under it since.
    const isClaimed = request.kind === "guest" && known?.user.name !== request.name;
    if (isClaimed && this.isTaken(request.nameKeys, request.id)) return { ok: false, reason: "name_taken" };
    if (known !== undefined) {
      known.grace?.cancel();
      known.grace = undefined;
      known.holders = [...known.holders, worker];
      if (known.user.name !== request.name) this.setName(known, request.name, request.nameKeys);
      return { ok: true, user: known.user };
    }
    const { id, name, nameKeys } = request;
    const address = this.freeAddress(request.address);
    const present: Present = {
      user: { id, name, kind: sharedKind(request.kind), address },
      nameKeys,
      holders: this.single(worker),
      grace: undefined,
    };
    this.present.set(id, present);
    this.addresses.add(address);
    this.claim(id, nameKeys);
    this.joined.push(present.user);
    this.changed();
    return { ok: true, user: present.user };
  }

  leave(worker: WorkerSerial, id: UserId, atOnce: boolean): void {
    const present = this.present.get(id);
    const index = present?.holders.indexOf(worker) ?? -1;
    if (present === undefined || index < 0) return;
    present.holders = present.holders.toSpliced(index, 1);
    if (present.holders.length === 0) this.end(present, atOnce ? 0 : this.options.graceMs);
  }

  /** A worker is gone: its classic users with it, the others keep their place for the lease, as they come back elsewhere. */
  workerGone(worker: WorkerSerial): void {
    this.singles.delete(worker);
    for (const present of [...this.present.values()]) {
      if (!present.holders.includes(worker)) continue;
      present.holders = present.holders.filter((holder) => holder !== worker);
      if (present.holders.length === 0)
        this.end(present, present.user.kind === "classic" ? 0 : this.options.leaseMs);
    }
  }

  rename(id: UserId, name: string, nameKeys: readonly string[]): JoinOutcome {
    const present = this.present.get(id);
    if (present === undefined) return { ok: false, reason: "unavailable" };
    if (present.user.kind === "guest" && this.isTaken(nameKeys, id))
      return { ok: false, reason: "name_taken" };
    this.setName(present, name, nameKeys);
    return { ok: true, user: present.user };
  }

  /** A name that the user has taken elsewhere; nobody is asked. */
  adopt(id: UserId, name: string, nameKeys: readonly string[]): void {
    const present = this.present.get(id);
    if (present !== undefined && present.user.name !== name) this.setName(present, name, nameKeys);
  }

  firstFree(candidates: readonly NameCandidate[]): string | undefined {
    return candidates.find(({ nameKeys }) => !this.isTaken(nameKeys, ""))?.name;
  }

  /** An empty change goes to every worker, if there is no other one. */
  rebroadcast(): void {
    this.rebroadcasting = true;
    this.changed();
  }

  get(id: UserId): PresentUser | undefined {
    return this.present.get(id)?.user;
  }

  isTaken(nameKeys: readonly string[], except: UserId): boolean {
    return nameKeys.some((key) => this.owners(key).some((owner) => owner !== except));
  }

  /** One connection, the usual case: all who have theirs in the same worker share the list. */
  private single(worker: WorkerSerial): readonly WorkerSerial[] {
    const known = this.singles.get(worker);
    if (known !== undefined) return known;
    const holders = [worker];
    this.singles.set(worker, holders);
    return holders;
  }

  /** One owner, the usual case, is kept without a list around it. */
  owners(key: string): readonly UserId[] {
    const owners = this.names.get(key);
    if (owners === undefined) return [];
    return typeof owners === "string" ? [owners] : owners;
  }

  private setName(present: Present, name: string, nameKeys: readonly string[]): void {
    this.release(present);
    present.user = { ...present.user, name };
    present.nameKeys = nameKeys;
    this.claim(present.user.id, nameKeys);
    this.joined.push(present.user);
    this.changed();
  }

  private end(present: Present, delayMs: number): void {
    present.grace?.cancel();
    if (delayMs > 0) {
      present.grace = this.options.clock.after(delayMs, () => this.end(present, 0));
      return;
    }
    this.present.delete(present.user.id);
    this.addresses.delete(present.user.address);
    this.release(present);
    this.left.push(present.user);
    this.changed();
  }

  private claim(id: UserId, nameKeys: readonly string[]): void {
    for (const key of nameKeys) {
      const owners = this.owners(key);
      if (owners.length === 0) this.options.onName?.(key, true);
      this.names.set(key, owners.length === 0 ? id : [...owners, id]);
    }
  }

  private release(present: Present): void {
    for (const key of present.nameKeys) {
      const rest = this.owners(key).filter((owner) => owner !== present.user.id);
      const [first] = rest;
      if (first === undefined) {
        if (this.names.delete(key)) this.options.onName?.(key, false);
      } else this.names.set(key, rest.length === 1 ? first : rest);
    }
  }

  /** The wished address, or an invented one (240.0.0.0/4 is never routed, RFC 1112) when there is none or it is in use. */
  private freeAddress(wished: string | undefined): string {
    if (wished !== undefined && !this.addresses.has(wished)) return wished;
    const { clock } = this.options;
    const below = (limit: number): number => Math.floor(clock.random() * limit);
    for (;;) {
      const address = `${240 + below(15)}.${below(256)}.${below(256)}.${below(256)}:${1024 + below(64_512)}`;
      if (!this.addresses.has(address)) return address;
    }
  }

  private changed(): void {
    if (this.flushing) return;
    this.flushing = true;
    this.options.clock.endOfTurn(() => this.flush());
  }

  private flush(): void {
    this.flushing = false;
    if (this.joined.length === 0 && this.left.length === 0 && !this.rebroadcasting) return;
    this.rebroadcasting = false;
    const { joined, left } = this;
    this.joined = [];
    this.left = [];
    // Within one turn a user may come and go: a receiver takes `left` first, and `joined` is how it ended.
    const here = joined.filter((user) => this.present.get(user.id)?.user === user);
    this.options.onChange({ left, joined: here });
  }
}

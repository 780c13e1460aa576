/** Who is there, as the hub asks for it: on the only node, where the registry knows everybody; see also cluster-presence.ts. */
import type { WatchedStates } from "../link/worker-types.ts";
import type { JoinOutcome, JoinRequest, NameCandidate } from "../ports/presence.ts";
import type { UserId } from "../ports/store.ts";
import type { Registry, WorkerSerial } from "./registry.ts";

/** At once where nobody else has to be asked. */
type Soon<T> = T | Promise<T>;

/** There are two: on the only node, and on a node of a cluster. The hub does not know which. */
export interface NodePresence {
  join(worker: WorkerSerial, request: JoinRequest): Soon<JoinOutcome>;
  rename(id: UserId, name: string, nameKeys: readonly string[]): Soon<JoinOutcome>;
  firstFree(candidates: readonly NameCandidate[]): Soon<string | undefined>;
  /** Those of them who are on other nodes. */
  findOnline(ids: readonly UserId[]): Soon<readonly UserId[]>;
  /** Of users on other nodes; what reads their states, from which on every change is told. */
  watch(worker: WorkerSerial, ids: readonly UserId[]): Soon<() => WatchedStates>;
  unwatch(worker: WorkerSerial, ids: readonly UserId[]): void;
  workerGone(worker: WorkerSerial): void;
}

const NOBODY: WatchedStates = Object.freeze({ online: [], offline: [] });

export class LocalPresence implements NodePresence {
  constructor(private readonly registry: Registry) {}

  join(worker: WorkerSerial, request: JoinRequest): JoinOutcome {
    return this.registry.join(worker, request);
  }

  rename(id: UserId, name: string, nameKeys: readonly string[]): JoinOutcome {
    return this.registry.rename(id, name, nameKeys);
  }

  firstFree(candidates: readonly NameCandidate[]): string | undefined {
    return this.registry.firstFree(candidates);
  }

  findOnline(): readonly UserId[] {
    return [];
  }

  watch(): () => WatchedStates {
    return () => NOBODY;
  }

  unwatch(): void {}

  workerGone(): void {}
}

/** The primary's parts, wired: the one writer → the hub → the registry of who is there. No socket, no process. */
import type { Clock } from "../clock.ts";
import { nameKeys } from "../domain/confusables.ts";
import type { WorkerSettings } from "../link/worker-types.ts";
import type { Logger } from "../log.ts";
import type { NodeLink } from "../ports/node-link.ts";
import { ClusterNotes } from "../primary/cluster-notes.ts";
import { ClusterPresence } from "../primary/cluster-presence.ts";
import { Federation } from "../primary/federation.ts";
import { Hub, type WorkerEvents } from "../primary/hub.ts";
import { LocalPresence } from "../primary/local-presence.ts";
import { LocalNotes } from "../primary/notes.ts";
import { Refusals } from "../primary/refusals.ts";
import { Registry } from "../primary/registry.ts";
import { SeenTimes } from "../primary/seen.ts";
import { type BatchCommitter, BatchingWriter } from "../store/index.ts";

const GRACE_MS = 5_000;
const LEASE_MS = 5_000;

export interface PrimarySurroundings {
  readonly clock: Clock;
  readonly log: Logger;
  readonly committer: BatchCommitter;
  /** Users online up to which classic logins are taken. */
  readonly classicUsers: number;
  /** Users online up to which the nodes of a cluster tell each other whom they have. */
  readonly lobbyUsers: number;
  readonly events: WorkerEvents;
  /** To the other nodes; undefined when this is the only one. */
  readonly link?: NodeLink | undefined;
}

export interface PrimaryParts {
  readonly writer: BatchingWriter;
  readonly registry: Registry;
  readonly hub: Hub;
  readonly seenTimes: SeenTimes;
  readonly federation: Federation | undefined;
  readonly cluster: ClusterPresence | undefined;
  /** How a worker's list begins. */
  readonly lobby: () => Pick<WorkerSettings, "lobby" | "remoteUsers">;
}

export function wirePrimary({
  clock,
  log,
  committer,
  classicUsers,
  lobbyUsers,
  events,
  link,
}: PrimarySurroundings): PrimaryParts {
  const writer = new BatchingWriter({
    committer,
    clock,
    publish: (to, note) => hub.publish(to, note),
    onFault: (error) => log.error({ error }, "an answer of the store could not be handed on"),
  });
  const seenTimes = new SeenTimes(clock, (request, done) => writer.submit(request, done));
  const registry = new Registry({
    clock,
    graceMs: GRACE_MS,
    leaseMs: LEASE_MS,
    classicUsers,
    onChange: (change) => {
      seenTimes.onChange(change);
      if (cluster === undefined) hub.broadcast(change);
      else cluster.change(change);
    },
    onName: (key, isHeld) => cluster?.holdName(key, isHeld),
  });
  const refusals = new Refusals(log);
  const federation = link === undefined ? undefined : new Federation({ link, clock, refusals });
  const cluster =
    link === undefined
      ? undefined
      : new ClusterPresence({
          link,
          clock,
          log,
          refusals,
          registry,
          lobbyUsers,
          classicUsers,
          nameKeys,
          isWorkerThere: (serial) => hub.isThere(serial),
          broadcast: (change) => hub.broadcast(change),
          tell: (serial, states) => hub.tellStates(serial, states),
          onNodeGone: () => hub.recheckAll(),
        });
  const notes = federation === undefined ? new LocalNotes() : new ClusterNotes(clock, federation);
  const presence = cluster ?? new LocalPresence(registry);
  const hub = new Hub({ clock, registry, writer, events, notes, presence });
  return {
    writer,
    registry,
    hub,
    seenTimes,
    federation,
    cluster,
    lobby: () =>
      cluster === undefined
        ? { lobby: registry.all() }
        : { lobby: cluster.all(), remoteUsers: cluster.remoteUsers },
  };
}

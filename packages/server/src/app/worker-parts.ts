/** A worker's parts, wired: link to the primary → store, bus, presence → domain → gateway. No socket, no port, no process. */
import { LocalBus } from "../bus/local.ts";
import { WorkerPresence } from "../bus/presence.ts";
import type { Clock } from "../clock.ts";
import { Chat } from "../domain/chat.ts";
import { Members } from "../domain/host-members.ts";
import { HostTokens } from "../domain/host-tokens.ts";
import { Identity } from "../domain/identity.ts";
import { Reading } from "../domain/reading.ts";
import type { TakeRename } from "../domain/renames.ts";
import type { Tokens } from "../domain/tokens.ts";
import { Clients } from "../gateway/clients.ts";
import { Outlet } from "../gateway/connection.ts";
import { Connections } from "../gateway/connections.ts";
import type { Gateway } from "../gateway/context.ts";
import { FailureLog } from "../gateway/failure-log.ts";
import { LobbyBroadcast } from "../gateway/lobby.ts";
import { PositionCheck } from "../gateway/position-check.ts";
import { KeyedBuckets } from "../gateway/rate.ts";
import { Watching } from "../gateway/watching.ts";
import type { PrimaryLink } from "../link/client.ts";
import { tags } from "../link/messages.ts";
import type { WorkerSettings } from "../link/worker-types.ts";
import type { Logger } from "../log.ts";
import type { Presence } from "../ports/presence.ts";
import type { Store, StoreReads, UserId } from "../ports/store.ts";
import { linkedStore } from "./linked-store.ts";

/** Without a heartbeat of the primary for this long, the worker is not ready. */
const PRIMARY_SILENCE_MS = 4_000;
/** And for this long, the node is no longer alive: only who has started it can replace the primary. */
const PRIMARY_LOST_MS = 30_000;
/** Numbers for the connections of one worker's whole life; with two million workers they still fit a double. */
const CONNECTIONS_PER_WORKER = 2 ** 32;
/** Client addresses whose new guests are counted; users whose renames are. */
const MAX_RATE_KEYS = 100_000;

export interface WorkerSurroundings {
  readonly clock: Clock;
  readonly log: Logger;
  /** A number that no other worker has or had. */
  readonly serial: number;
  readonly settings: Omit<WorkerSettings, "page">;
  readonly link: PrimaryLink;
  readonly reader: StoreReads;
  readonly tokens: Tokens;
}

export interface WorkerParts {
  readonly gateway: Gateway;
  readonly clients: Clients;
  /** The primary has given a sign lately, and its store commits. */
  readonly hasPrimary: () => boolean;
  /** It has given none for so long that it will hardly give one again. */
  readonly hasLostPrimary: () => boolean;
}

/** To be called when the settings have come, before the next line of the link is looked at. */
export function wireWorker(surroundings: WorkerSurroundings): WorkerParts {
  const { clock, log, serial, settings, link, reader, tokens } = surroundings;
  const { limits } = settings;
  const store = linkedStore(reader, link);
  const presence = new WorkerPresence(link, settings.lobby, settings.remoteUsers);
  const bus = new LocalBus(link, (user) => presence.isOnlyHere(user));
  const chat = new Chat(store, presence, bus, clock, limits);
  const renames = new KeyedBuckets(limits.renamesPerMinute / 60, limits.renamesPerMinute, MAX_RATE_KEYS);
  const takeRename = (user: UserId): number => renames.take(user, clock.monotonic());
  const members = membersOf(surroundings, store, presence, takeRename);
  const admission = { guests: settings.guests, members };
  const connections = new Connections(
    store.epoch,
    (connection) => gateway.lobby.sendClassicList(connection),
    () => clock.now(),
  );
  const gateway: Gateway = {
    clock,
    limits,
    log,
    epoch: store.epoch,
    identity: new Identity(store, presence, bus, tokens, admission, clock, limits, takeRename),
    chat,
    reading: new Reading(store, presence, chat, limits),
    presence,
    bus,
    connections,
    failures: new FailureLog(log, clock),
    lobby: new LobbyBroadcast(presence.lobby, connections, clock, limits),
    watching: new Watching(presence, clock, limits),
    outlet: new Outlet(clock, limits.outboxBytes),
    guests: new KeyedBuckets(limits.guestsPerMinute / 60, limits.guestsPerMinute, MAX_RATE_KEYS),
    statistics: { messagesIn: 0 },
  };
  bus.onNote((to, note) => {
    // They left while it was on its way.
    if (!connections.deliver(to, note) && note.kind === "relay")
      bus.publish([note.from], { kind: "failure", failure: "offline" });
  });
  const check = new PositionCheck(connections, store, clock, log, (positions) =>
    link.state(tags.positions, positions),
  );
  link.on(tags.recheckAll, () => check.begin());
  link.onStatement(tags.recheck, (users) => check.answer(users));
  presence.onChange((change) => {
    gateway.lobby.onChange(change);
    for (const users of [change.left, change.joined]) gateway.watching.onChange(users.map(({ id }) => id));
  });
  presence.onWatched((users) => gateway.watching.onChange(users));
  const clients = new Clients(gateway, serial * CONNECTIONS_PER_WORKER);
  return { gateway, clients, ...watchPrimary(link, clock) };
}

function membersOf(
  { clock, log, settings: { hostLogin, limits } }: WorkerSurroundings,
  store: Store,
  presence: Presence,
  takeRename: TakeRename,
): Members | undefined {
  if (hostLogin === undefined) return undefined;
  const tokens = new HostTokens(hostLogin, clock, (error) =>
    log.warn({ error }, "the JWKS of host login could not be fetched"),
  );
  return new Members(store, presence, tokens, clock, limits, takeRename);
}

/** By its heartbeats. */
export function watchPrimary(
  link: PrimaryLink,
  clock: Clock,
): Pick<WorkerParts, "hasPrimary" | "hasLostPrimary"> {
  let heardAt = clock.monotonic();
  let storeWell = true;
  link.onStatement(tags.heartbeat, (heartbeat) => {
    heardAt = clock.monotonic();
    storeWell = heartbeat.storeWell;
  });
  const silenceMs = (): number => clock.monotonic() - heardAt;
  return {
    hasPrimary: () => link.isOpen && storeWell && silenceMs() < PRIMARY_SILENCE_MS,
    hasLostPrimary: () => silenceMs() > PRIMARY_LOST_MS,
  };
}

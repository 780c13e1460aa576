/** How often each thing that a run is about has happened: what never happens is not tried. */
import type { ClientFrame, ServerFrame } from "@duologue/protocol";
import { faultNames } from "./faults.ts";

export type Direction = "↑" | "↓";
/** Of a cut: before the frame arrives, or when it has been dealt with. */
export type Moment = "before" | "after";

/** At which frame a connection is cut. */
export interface Cut {
  readonly direction: Direction;
  readonly type: string;
  readonly moment: Moment;
}

/** Frames of what the simulated world has not: host login; and of `logout`, which ends all devices of its user. */
type Unspoken = "token" | "token-expiring" | "token-accepted" | "logout" | "logged-out";

/** How soon one comes on a connection, so that rare ones are waited for on connections of their own. */
type Frequency = "often" | "sometimes" | "rarely";

const clientFrames: Readonly<Record<Exclude<ClientFrame["type"], Unspoken>, Frequency>> = {
  hello: "often",
  search: "rarely",
  open: "sometimes",
  send: "often",
  edit: "rarely",
  retract: "rarely",
  typing: "rarely",
  watch: "sometimes",
  mark: "often",
  conversations: "sometimes",
  history: "rarely",
  sync: "often",
  rename: "rarely",
  ping: "rarely",
};

const serverFrames: Readonly<Record<Exclude<ServerFrame["type"], Unspoken>, Frequency>> = {
  welcome: "often",
  lobby: "often",
  "lobby-change": "often",
  presence: "sometimes",
  users: "rarely",
  conversation: "sometimes",
  ack: "often",
  event: "often",
  typing: "rarely",
  markers: "often",
  conversations: "sometimes",
  history: "rarely",
  changes: "often",
  renamed: "rarely",
  pong: "rarely",
  error: "sometimes",
};

const moments: readonly Moment[] = ["before", "after"];

/** Every step of the protocol, and either side of it. */
export const allCuts: readonly (Cut & { readonly frequency: Frequency })[] = [
  ...Object.entries(clientFrames).map(([type, frequency]) => ({ direction: "↑", type, frequency }) as const),
  ...Object.entries(serverFrames).map(([type, frequency]) => ({ direction: "↓", type, frequency }) as const),
].flatMap((frame) => moments.map((moment) => ({ ...frame, moment })));

export const cuts: Readonly<Record<Frequency, readonly Cut[]>> = {
  often: allCuts.filter(({ frequency }) => frequency === "often"),
  sometimes: allCuts.filter(({ frequency }) => frequency === "sometimes"),
  rarely: allCuts.filter(({ frequency }) => frequency === "rarely"),
};

/** What witnesses try of their own accord (probe.ts). */
export const probes = ["the same", "another text", "another kind", "another conversation"] as const;

export type Probe = (typeof probes)[number];

export function nameOfCut({ direction, type, moment }: Cut): string {
  return `cut ${moment} ${direction} ${type}`;
}

export function nameOfProbe(probe: Probe): string {
  return `answered: an id again with ${probe}`;
}

/** All that should have happened in a few hundred runs. */
export const things: readonly string[] = [
  ...faultNames,
  ...allCuts.map(nameOfCut),
  ...probes.map(nameOfProbe),
];

export class Coverage {
  readonly #counts = new Map<string, number>();

  count(thing: string, times = 1): void {
    this.#counts.set(thing, (this.#counts.get(thing) ?? 0) + times);
  }

  add(other: Coverage): void {
    for (const [thing, times] of other.#counts) this.count(thing, times);
  }

  of(thing: string): number {
    return this.#counts.get(thing) ?? 0;
  }
}

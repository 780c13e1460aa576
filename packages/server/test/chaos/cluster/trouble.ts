/** What a trouble is: how it begins, what must hold while it lasts, how it ends. */
import { killQuietly, type SeededRandom } from "@duologue/testing";
import type { Verdict } from "../oracle.ts";
import type { Site } from "./site.ts";

/** How a node itself notices: `/readyz` says no more, or its log says that the bus is gone. */
export type Notice = "not ready" | "no bus";

/** What must hold while it lasts and after it, by the numbers of nodes. */
export interface Effect {
  /** Cannot reach the store: nothing that is said to them may be acknowledged. */
  readonly silent: readonly number[];
  /** Must go on acknowledging without a pause. */
  readonly working: readonly number[];
  /** Must go on too, as soon as it has given up a connection that does not answer. */
  readonly recovering?: number;
  /** Whose processes are gone. */
  readonly lost?: number;
  /** Whose users must be gone everywhere else: those of a lost node, or of one that nobody hears any more. */
  readonly unseen?: number;
  /** Which clients do not reach, so that connections to it may take as long as TCP pleases to come back to life. */
  readonly unreachable?: number;
  /** Who must notice, and how. */
  readonly notices?: { readonly nodes: readonly number[]; readonly how: Notice };
  /** Ends it; resolves when what was broken takes work again. */
  readonly end: () => Promise<void>;
  /** Of what it has done itself; after the end. `isAlone`: nothing else was wrong at the same time. */
  readonly verdict?: (isAlone: boolean) => Promise<Verdict>;
}

/** Times that must be kept, ms; undefined: there is nothing to keep. */
export interface Bounds {
  /** Between two acknowledgements of a node that must go on. */
  readonly pauseMs: number;
  /** The same, of one that has a connection to give up first. */
  readonly recoveryMs: number;
  /** From the beginning until the node itself has noticed. */
  readonly noticeMs: number;
  /** From the beginning until the users of the node are gone everywhere else. */
  readonly leftMs: number;
  /** From the last that a device heard of a node that it does not reach to its welcome at another. */
  readonly absenceMs: number;
  /** From the end until a node acknowledges. */
  readonly acknowledgedMs: number | undefined;
  /** How long a send may wait for any answer. */
  readonly answerMs: number | undefined;
  /** From the end until what is said at one node is heard at the next one live. */
  readonly liveMs: number;
  /** From the end until everybody has what was missed; undefined: as soon as clients come back. */
  readonly catchUpMs: number | undefined;
}

/** Two at once never break the same place. */
export type Place = "node" | "bus" | "store" | "clients" | "several";

/** A process that is told of an end notices at once; one that is not asks each second, and waits for 3.5 s at most. */
const USUAL: Bounds = {
  // A node that has all it needs acknowledges ten times a second. It waits for another one that stopped in the middle of a
  // transaction about the same people, until the database has ended that one.
  pauseMs: 5_000,
  recoveryMs: 7_000,
  noticeMs: 5_500,
  // A node that gives no sign for 5 s is gone, and its users with it.
  leftMs: 6_000,
  // A client pings after 25 s of silence, and takes 10 s without an answer for the end.
  absenceMs: 40_000,
  acknowledgedMs: undefined,
  answerMs: undefined,
  liveMs: 30_000,
  catchUpMs: undefined,
};

export const BOUNDS: Readonly<Record<Place, Bounds>> = {
  node: USUAL,
  bus: { ...USUAL, pauseMs: 2_000, liveMs: 5_000, catchUpMs: 5_000 },
  // Only the store makes people wait: a node that stands still, or a network that is gone, cannot answer at all.
  store: { ...USUAL, acknowledgedMs: 5_000, answerMs: 15_000 },
  clients: USUAL,
  several: USUAL,
};

export interface Trouble {
  readonly name: string;
  /** For people who read the table. */
  readonly what: string;
  readonly place: Place;
  /** How long it lasts in turn when everything is tried, ms. */
  readonly lengthsMs: readonly number[];
  /** Where they are other than those of the place. */
  readonly bounds?: Partial<Bounds>;
  /** It can only begin while every node is at work. */
  readonly needsAllNodes?: true;
  /** Absent: always. */
  readonly isPossible?: (site: Site) => boolean;
  /** Resolves when it has begun. */
  begin(site: Site, random: SeededRandom): Promise<Effect>;
}

export const ALL: readonly number[] = [0, 1, 2];

export const others = (index: number): number[] => ALL.filter((one) => one !== index);

export const nothing = async (): Promise<void> => undefined;

export function pickNode(site: Site, random: SeededRandom) {
  const index = random.below(site.nodes.length);
  const node = site.nodes[index];
  if (node === undefined) throw new RangeError("there is no node");
  return { index, node };
}

/** Stops a process; call it to let it go on. */
export function pause(pid: number): () => void {
  killQuietly(pid, "SIGSTOP");
  return () => killQuietly(pid, "SIGCONT");
}

/** What goes wrong, how often, and that it ends. */
import { SeededRandom } from "@duologue/testing";

/** Chances, each between 0 and 1, at each occasion. */
export interface Chances {
  /** Of a note of the bus, at the worker that it is for. */
  readonly loseNote: number;
  readonly delayNote: number;
  readonly repeatNote: number;
  /** A client's connection is cut at a chosen frame, the first ones among them. */
  readonly doomedSocket: number;
  /** A connection is cut right after a message has come to the server: it is stored, and the answer is lost. */
  readonly lostReply: number;
  /** Of a cut: neither side is told. */
  readonly silentCut: number;
  /** A frame, or a line between processes, takes much longer than usual. */
  readonly slowDelivery: number;
  /** Of a write between processes: only a part is taken, or it arrives in pieces. */
  readonly partialWrite: number;
  /** A process dies between two call-backs of one turn. */
  readonly crashInTurn: number;
  /** A transaction is refused by the disk, which is well again a moment later. */
  readonly diskFailure: number;
  /** A flush fails; what was to be committed is there or not, and another writer must take over. */
  readonly flushFailure: number;
  /** What a writer reads when it begins cannot be read: at each statement that it prepares. */
  readonly openFailure: number;
  /** One message of a transaction cannot be taken. */
  readonly requestFailure: number;
  /** A tab's storage loses its last writes when the tab crashes. */
  readonly lostWrites: number;
}

/** What somebody or something does to the whole. */
export const troubles = [
  "cut",
  "crash-worker",
  "crash-primary",
  /** Every process ends in order, and begins anew. */
  "restart",
  /** Hardly any room is left on the disk. */
  "full-disk",
  "cut-link",
  "drain-worker",
  /** Each worker is replaced in turn. */
  "reload-workers",
  "pause",
  "slow-reader",
  "clock-jump",
  "reload",
  "crash-tab",
  "absence",
] as const;

export type Trouble = (typeof troubles)[number];

export type FaultName = keyof Chances | Trouble;

export interface FaultPlan {
  readonly chances: Chances;
  readonly troubles: readonly Trouble[];
  /** Between two troubles, on average. */
  readonly troubleEveryMs: number;
}

const rates: Chances = {
  loseNote: 0.15,
  delayNote: 0.2,
  repeatNote: 0.15,
  doomedSocket: 0.7,
  lostReply: 0.05,
  silentCut: 0.25,
  slowDelivery: 0.03,
  partialWrite: 0.2,
  crashInTurn: 0.0005,
  diskFailure: 0.06,
  flushFailure: 0.015,
  openFailure: 0.01,
  requestFailure: 0.02,
  lostWrites: 0.5,
};

const chanceNames = Object.keys(rates) as (keyof Chances)[];

export const faultNames: readonly FaultName[] = [...chanceNames, ...troubles];

/** Not all at once: which ones a run has, and how many of each, is part of its seed, so that rare meetings are tried too. */
export function drawFaults(random: SeededRandom, without: ReadonlySet<FaultName>): FaultPlan {
  const share = random.pick([0.15, 0.4, 0.8]);
  const chances: Record<keyof Chances, number> = { ...rates };
  for (const name of chanceNames) {
    const drawn = random.chance(share) ? rates[name] * random.pick([0.3, 1, 2]) : 0;
    chances[name] = without.has(name) ? 0 : Math.min(1, drawn);
  }
  const drawn = troubles.filter(() => random.chance(share));
  return {
    chances,
    troubles: drawn.filter((trouble) => !without.has(trouble)),
    troubleEveryMs: random.pick([300, 1_000, 3_000]),
  };
}

export class Faults {
  readonly plan: FaultPlan;
  readonly #random: SeededRandom;
  #isOn = false;
  /** Told of each that strikes. */
  onStrike: (name: keyof Chances) => void = () => undefined;

  constructor(plan: FaultPlan, random: SeededRandom) {
    this.plan = plan;
    this.#random = random;
  }

  get isOn(): boolean {
    return this.#isOn;
  }

  begin(): void {
    this.#isOn = true;
  }

  end(): void {
    this.#isOn = false;
  }

  /** `occasion`: what a fault that is not left to chance may depend on. */
  strikes(name: keyof Chances, _occasion = ""): boolean {
    const chance = this.plan.chances[name];
    const isStruck = this.#isOn && chance > 0 && this.#random.chance(chance);
    if (isStruck) this.onStrike(name);
    return isStruck;
  }
}

/** No chance: each strikes where it is told to, whatever the seed. */
export class DirectedFaults extends Faults {
  readonly #planned: { readonly name: keyof Chances; readonly occasion: RegExp }[] = [];

  constructor() {
    const random = new SeededRandom(0);
    super(drawFaults(random, new Set(faultNames)), random);
  }

  /** Strikes once, at the first such occasion from now on. */
  plant(name: keyof Chances, occasion: RegExp = /(?:)/): void {
    this.#planned.push({ name, occasion });
  }

  /** Whether everything that was planted has struck. */
  get areOver(): boolean {
    return this.#planned.length === 0;
  }

  override strikes(name: keyof Chances, occasion = ""): boolean {
    const index = this.#planned.findIndex(
      (planned) => planned.name === name && planned.occasion.test(occasion),
    );
    if (index < 0) return false;
    this.#planned.splice(index, 1);
    this.onStrike(name);
    return true;
  }
}

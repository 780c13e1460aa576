/**
 * The mixture: people talk, a seed says what breaks when, and after each round the judge speaks. The seed decides the
 * faults and their order; what the machine makes of them is never twice the same.
 */
import { elapsed, SeededRandom } from "@duologue/testing";
import { systemClock } from "../../src/clock.ts";
import type { WireLog } from "../harness/wire-log.ts";
import { Deck } from "./deck.ts";
import { type Fault, type FaultKind, faults } from "./faults.ts";
import type { Verdict } from "./oracle.ts";
import { Samples, type Trend } from "./samples.ts";
import { StallWatch } from "./stalls.ts";
import { World, type WorldOptions } from "./world.ts";

export interface ChaosOptions extends WorldOptions {
  readonly seed: number;
  /** How long things break, ms; the judging comes on top of it. */
  readonly durationMs: number;
  /** Before it, ms: the same in haste, so that caches fill; not judged by what it costs. */
  readonly warmUpMs?: number;
  /** Of each device from one message to the next, once it is warm. */
  readonly pauseMs?: number;
  /**
   * Added to every bound (0): how long a client may be waiting already, since its connections have ended again and again.
   */
  readonly waitingMs?: number;
  /** Between two verdicts; each round has new people. */
  readonly roundMs: number;
  /** Instead of all faults. */
  readonly only?: readonly string[];
  /** Browsers, or what else takes part; called at the start of each round, and the result disposed of at its end. */
  readonly guests?: (world: World, random: SeededRandom) => Promise<Guests>;
  readonly progress?: (line: string) => void;
  /** When something is about to be broken. */
  readonly onBroken?: (broken: Broken) => void;
}

export interface Guests extends AsyncDisposable {
  /** What can be broken of them. */
  readonly faults: readonly Fault[];
}

export interface FaultTally extends Pick<FaultKind, "name" | "what" | "wholeWithinMs" | "backWithinMs"> {
  times: number;
  /** From a cut to the next welcome, of each connection that was cut. */
  readonly absencesMs: number[];
  /** From the fault until everybody's messages were acknowledged again. */
  readonly wholeMs: number[];
}

/** When something was broken, since the beginning, and what. */
export interface Broken {
  readonly atMs: number;
  readonly names: readonly string[];
}

export interface ChaosReport {
  readonly seed: number;
  readonly rounds: number;
  readonly durationMs: number;
  readonly tallies: readonly FaultTally[];
  readonly messages: number;
  readonly acknowledged: number;
  readonly repeats: number;
  readonly violations: readonly string[];
  /** From the writing of a message to its acknowledgement, over all faults. */
  readonly delaysMs: readonly number[];
  /** In order. */
  readonly broken: readonly Broken[];
  /** What could have been broken, and never was. */
  readonly untried: readonly string[];
  /** What a connection that stood has swallowed, each with its story. */
  readonly stalls: readonly (readonly string[])[];
  readonly trends: readonly Trend[];
}

/** Between two faults: some work must get through, or nothing is at stake. */
const CALM_MS = { least: 100, most: 1500 } as const;
/** Messages of a device at the same time while caches are to fill. */
const WARM_UP_WINDOW = 16;
/** How often a second fault comes while the first one lasts. */
const TWO_AT_ONCE = 0.2;

const TWO: Pick<FaultKind, "name" | "what" | "wholeWithinMs" | "backWithinMs"> = {
  name: "two at once",
  what: "two of these at the same time",
  wholeWithinMs: 60_000,
};

export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  await using world = await World.begin(options);
  using samples = new Samples(world);
  const run = new Run(world, options);
  using stalls = new StallWatch(world, () => run.recent);
  if (options.warmUpMs !== undefined) {
    world.pace.window = WARM_UP_WINDOW;
    await run.roundsUntil(systemClock.monotonic() + options.warmUpMs);
    samples.judgeFromNow();
  }
  Object.assign(world.pace, { window: 1, pauseMs: options.pauseMs ?? 0 });
  await run.roundsUntil(systemClock.monotonic() + options.durationMs);
  return { ...run.report(), stalls: stalls.stalls, trends: samples.trends() };
}

class Run {
  readonly violations: string[] = [];
  readonly #tallies = new Map<string, FaultTally>();
  readonly #delaysMs: number[] = [];
  /** The last fault, and how many absences each device had counted before it. */
  #open: { tally: FaultTally; before: Map<WireLog, number> } | undefined;
  readonly #broken: Broken[] = [];
  readonly #random: SeededRandom;
  #deck: Deck<FaultKind> | undefined;
  #possible: readonly FaultKind[] = [];
  #rounds = 0;
  #messages = 0;
  #acknowledged = 0;
  #repeats = 0;
  readonly #startedAt = systemClock.monotonic();

  constructor(
    private readonly world: World,
    private readonly options: ChaosOptions,
  ) {
    this.#random = new SeededRandom(options.seed);
  }

  /** The last faults, and when. */
  get recent(): readonly string[] {
    return this.#broken.slice(-5).map(showBroken);
  }

  async roundsUntil(endAt: number): Promise<void> {
    while (systemClock.monotonic() < endAt && this.violations.length === 0) {
      if (this.world.groups.length === 0) await this.world.meet();
      await this.#round(Math.min(endAt, systemClock.monotonic() + this.options.roundMs));
    }
  }

  async #round(endAt: number): Promise<void> {
    this.#rounds += 1;
    await using guests = await this.options.guests?.(this.world, this.#random);
    const possible = [...faults, ...(guests?.faults ?? [])].filter(
      ({ name }) => this.options.only?.includes(name) ?? true,
    );
    this.#possible = possible;
    // Of its own, so that what comes when depends on the seed alone.
    this.#deck ??= new Deck<FaultKind>(possible, this.#random.fork("deck"));
    await Promise.all(this.world.groups.flatMap((group) => group.participants.map((one) => one.begin())));
    while (systemClock.monotonic() < endAt && this.violations.length === 0) {
      await elapsed(CALM_MS.least + this.#random.below(CALM_MS.most - CALM_MS.least));
      const dealt = this.#deal(this.#deck);
      await this.#inflict(possible.filter(({ name }) => dealt.includes(name)));
    }
    await Promise.all(this.world.groups.flatMap((group) => group.participants.map((one) => one.rest())));
    this.#closeTally();
    // When it did not become whole again, people cannot settle, and the first violation says why.
    if (this.violations.length === 0) this.#note(await this.world.verdict());
    for (const { log } of this.world.talkers) this.#delaysMs.push(...log.delaysMs);
    this.world.part();
  }

  /** The names of one fault, or of two in different places. */
  #deal(deck: Deck<FaultKind>): readonly string[] {
    const first = deck.deal();
    const second =
      this.#random.next() < TWO_AT_ONCE ? deck.deal(({ place }) => place !== first?.place) : undefined;
    return [first, second].flatMap((one) => (one === undefined ? [] : [one.name]));
  }

  report(): Omit<ChaosReport, "trends" | "stalls"> {
    const tried = new Set(this.#broken.flatMap(({ names }) => names));
    return {
      seed: this.options.seed,
      rounds: this.#rounds,
      durationMs: systemClock.monotonic() - this.#startedAt,
      tallies: [...this.#tallies.values()],
      messages: this.#messages,
      acknowledged: this.#acknowledged,
      repeats: this.#repeats,
      violations: this.violations,
      delaysMs: this.#delaysMs,
      broken: this.#broken,
      untried: this.#possible.flatMap(({ name }) => (tried.has(name) ? [] : [name])),
    };
  }

  /** Two at once stand in the table as a fault of their own, since it cannot be told which of them did what. */
  async #inflict(chosen: readonly Fault[]): Promise<void> {
    const tally = this.#tallyOf(chosen);
    this.#closeTally();
    tally.times += 1;
    this.#open = {
      tally,
      before: new Map(this.world.talkers.map(({ log }) => [log, log.absencesMs.length])),
    };
    const startedAt = systemClock.monotonic();
    const broken = { atMs: startedAt - this.#startedAt, names: chosen.map(({ name }) => name) };
    this.#broken.push(broken);
    this.options.onBroken?.(broken);
    try {
      await Promise.all(chosen.map((fault) => fault.inflict(this.world, this.#random)));
      await this.world.talkAgain();
    } catch (error) {
      this.violations.push(`not whole again: ${String(error)}`, ...this.#story());
    }
    tally.wholeMs.push(systemClock.monotonic() - startedAt);
  }

  /** What somebody needs who looks for the cause. */
  #story(): string[] {
    const { talkers, server } = this.world;
    return [
      ...this.recent,
      ...talkers.map(({ name, client, conversation, clockShiftMs, log }) => {
        const { kind } = client.connection;
        const unsent = client.timeline(conversation).entries.filter(({ seq }) => seq === undefined);
        const counts = `sent ${log.sent.size}, acknowledged ${log.acknowledged.size}, last ${log.lastSeq}`;
        return `${name}: ${kind}, clock ${clockShiftMs} ms, ${counts}, unsent ${JSON.stringify(unsent)}`;
      }),
      ...server.output.log.slice(-15),
    ];
  }

  /** What came of the last fault, up to now. */
  #closeTally(): void {
    const { tally, before } = this.#open ?? {};
    for (const { log } of this.world.talkers)
      tally?.absencesMs.push(...log.absencesMs.slice(before?.get(log) ?? 0));
    this.#open = undefined;
  }

  #tallyOf(chosen: readonly Fault[]): FaultTally {
    const [first, second] = chosen;
    if (first === undefined) throw new RangeError("nothing was dealt");
    const { name, what, wholeWithinMs, backWithinMs } = second === undefined ? first : TWO;
    const { waitingMs = 0 } = this.options;
    const known = this.#tallies.get(name) ?? {
      name,
      what,
      wholeWithinMs: wholeWithinMs + waitingMs,
      ...(backWithinMs === undefined ? {} : { backWithinMs: backWithinMs + waitingMs }),
      times: 0,
      absencesMs: [],
      wholeMs: [],
    };
    this.#tallies.set(name, known);
    return known;
  }

  #note(verdict: Verdict): void {
    this.#messages += verdict.messages;
    this.#acknowledged += verdict.acknowledged;
    this.#repeats += verdict.repeats;
    this.violations.push(...verdict.violations);
    this.options.progress?.(
      `round ${this.#rounds}: ${verdict.messages} messages, ${verdict.violations.length} violations`,
    );
  }
}

export function showBroken({ atMs, names }: Broken): string {
  return `${(atMs / 1000).toFixed(1)} s: ${names.join(" + ")}`;
}

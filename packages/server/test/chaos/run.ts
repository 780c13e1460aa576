/**
 * The mixture: people talk, a seed says what breaks when, and after each round the judge speaks. The seed decides the
 * faults and their order; what the machine makes of them is never twice the same.
 */
import { elapsed, SeededRandom } from "@duologue/testing";
import { systemClock } from "../../src/clock.ts";
import type { WireLog } from "../harness/wire-log.ts";
import { type Fault, faults } from "./faults.ts";
import type { Verdict } from "./oracle.ts";
import { Samples, type Trend } from "./samples.ts";
import { World, type WorldOptions } from "./world.ts";

export interface ChaosOptions extends WorldOptions {
  readonly seed: number;
  /** How long things break, ms; the judging comes on top of it. */
  readonly durationMs: number;
  /** Before it, ms: the same in haste, so that caches fill; not judged by what it costs. */
  readonly warmUpMs?: number;
  /** Of each device from one message to the next, once it is warm. */
  readonly pauseMs?: number;
  /** Between two verdicts; each round has new people. */
  readonly roundMs: number;
  /** Instead of all faults. */
  readonly only?: readonly string[];
  /** Browsers, or what else takes part; called at the start of each round, and the result disposed of at its end. */
  readonly guests?: (world: World, random: SeededRandom) => Promise<Guests>;
  readonly progress?: (line: string) => void;
}

export interface Guests extends AsyncDisposable {
  /** What can be broken of them. */
  readonly faults: readonly Fault[];
}

export interface FaultTally {
  readonly name: string;
  readonly what: string;
  times: number;
  /** From a cut to the next welcome, of each connection that was cut. */
  readonly absencesMs: number[];
  /** From the fault until everybody's messages were acknowledged again. */
  readonly wholeMs: number[];
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
  readonly trends: readonly Trend[];
}

/** Between two faults: some work must get through, or nothing is at stake. */
const CALM_MS = { least: 100, most: 1500 } as const;
/** Messages of a device at the same time while caches are to fill. */
const WARM_UP_WINDOW = 16;
/** How often a second fault comes while the first one lasts. */
const TWO_AT_ONCE = 0.2;

export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  await using world = await World.begin(options);
  using samples = new Samples(world);
  const random = new SeededRandom(options.seed);
  const run = new Run(world, random, options);
  if (options.warmUpMs !== undefined) {
    world.pace.window = WARM_UP_WINDOW;
    await run.roundsUntil(systemClock.monotonic() + options.warmUpMs);
    samples.judgeFromNow();
  }
  Object.assign(world.pace, { window: 1, pauseMs: options.pauseMs ?? 0 });
  await run.roundsUntil(systemClock.monotonic() + options.durationMs);
  return { ...run.report(), trends: samples.trends() };
}

class Run {
  readonly violations: string[] = [];
  readonly #tallies = new Map<string, FaultTally>();
  readonly #delaysMs: number[] = [];
  /** The last fault, and how many absences each device had counted before it. */
  #open: { tally: FaultTally; before: Map<WireLog, number> } | undefined;
  /** The faults so far, and when. */
  readonly #recent: string[] = [];
  #rounds = 0;
  #messages = 0;
  #acknowledged = 0;
  #repeats = 0;
  readonly #startedAt = systemClock.monotonic();

  constructor(
    private readonly world: World,
    private readonly random: SeededRandom,
    private readonly options: ChaosOptions,
  ) {}

  async roundsUntil(endAt: number): Promise<void> {
    while (systemClock.monotonic() < endAt && this.violations.length === 0) {
      if (this.world.groups.length === 0) await this.world.meet();
      await this.#round(Math.min(endAt, systemClock.monotonic() + this.options.roundMs));
    }
  }

  async #round(endAt: number): Promise<void> {
    this.#rounds += 1;
    await using guests = await this.options.guests?.(this.world, this.random);
    const possible = [...faults, ...(guests?.faults ?? [])].filter(
      ({ name }) => this.options.only?.includes(name) ?? true,
    );
    const bag = possible.flatMap((fault) => Array.from({ length: fault.weight }, () => fault));
    await Promise.all(this.world.groups.flatMap((group) => group.participants.map((one) => one.begin())));
    while (systemClock.monotonic() < endAt && this.violations.length === 0) {
      await elapsed(CALM_MS.least + this.random.below(CALM_MS.most - CALM_MS.least));
      const picked = [this.random.pick(bag)];
      if (this.random.next() < TWO_AT_ONCE) picked.push(this.random.pick(bag));
      await this.#inflict(picked);
    }
    await Promise.all(this.world.groups.flatMap((group) => group.participants.map((one) => one.rest())));
    this.#closeTally();
    // When it did not become whole again, people cannot settle, and the first violation says why.
    if (this.violations.length === 0) this.#note(await this.world.verdict());
    for (const { log } of this.world.talkers) this.#delaysMs.push(...log.delaysMs);
    this.world.part();
  }

  report(): Omit<ChaosReport, "trends"> {
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
    };
  }

  /** Two at once stand in the table as a fault of their own, since it cannot be told which of them did what. */
  async #inflict(picked: readonly Fault[]): Promise<void> {
    const [first, second] = picked;
    const isPair = second !== undefined && second.place !== first?.place;
    const chosen = isPair ? [first, second] : [first];
    const tally = isPair
      ? this.#tally("two at once", "two of these at the same time")
      : this.#tally(first?.name ?? "", first?.what ?? "");
    this.#closeTally();
    tally.times += 1;
    this.#open = {
      tally,
      before: new Map(this.world.talkers.map(({ log }) => [log, log.absencesMs.length])),
    };
    const startedAt = systemClock.monotonic();
    this.#recent.push(
      `${Math.round(startedAt - this.#startedAt)} ms: ${chosen.map((fault) => fault?.name).join(" + ")}`,
    );
    try {
      await Promise.all(chosen.map((fault) => fault?.inflict(this.world, this.random)));
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
      ...this.#recent.slice(-5),
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

  #tally(name: string, what: string): FaultTally {
    const known = this.#tallies.get(name) ?? { name, what, times: 0, absencesMs: [], wholeMs: [] };
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

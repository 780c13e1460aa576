/** One trouble, from a calm cluster to a calm cluster, and what was seen of it from outside. */
import { elapsed, type SeededRandom, until } from "@duologue/testing";
import { systemClock } from "../../../src/clock.ts";
import type { WireLog } from "../../harness/wire-log.ts";
import { combine, type Verdict } from "../oracle.ts";
import type { Effect, Trouble } from "./troubles.ts";
import type { Utterance, Voice } from "./voice.ts";
import type { ClusterWorld, Watcher } from "./world.ts";

/** Times in ms; empty where there was nothing to measure. */
export interface Findings {
  /** Between two acknowledgements of a node that had to go on, the longest. */
  readonly pausesMs: readonly number[];
  /** From the loss of a node until every other node had said that its users had left, each user. */
  readonly leftMs: readonly number[];
  /** From a cut to the next welcome, of each of the clients that were cut. */
  readonly absencesMs: readonly number[];
  /** From the end until each node had acknowledged something that was said after it. */
  readonly acknowledgedMs: readonly number[];
  /** From the end until something that was said after it was heard at the next node within `LIVE_MS`. */
  readonly liveMs: readonly number[];
  /** From the end until every device had what some device had at that moment. */
  readonly caughtUpMs: readonly number[];
  /** From the end until everybody who writes had two more acknowledgements. */
  readonly wholeMs: readonly number[];
  /** The longest that a sender waited for any answer while its node ran. */
  readonly answeredMs: readonly number[];
  readonly verdict: Verdict;
}

/** Acknowledgements of before may still be on their way. */
const IN_FLIGHT_MS = 500;
/**
 * A node that has all it needs acknowledges ten times a second. It waits for another one that stopped in the middle of a
 * transaction about the same people, until the database has ended that one.
 */
const PAUSE_MS = 5_000;
/** A node that gives no sign for 5 s is gone, and its users with it. */
const LEFT_MS = 6_000;
/** After the store can be reached again. */
const BACK_MS = 5_000;
/** From saying to hearing, through two nodes. */
const LIVE_MS = 1_000;
/** Each node must be live again within this. */
const LIVE_AGAIN_MS = 30_000;
/** How long a send may wait for the store before it is refused, so that its sender can try again. */
const ANSWER_MS = 15_000;

export async function tryTrouble(
  world: ClusterWorld,
  trouble: Trouble,
  lengthMs: number,
  random: SeededRandom,
): Promise<Findings> {
  await using parts = new AsyncDisposableStack();
  const voices = (await world.voices()).map((voice) => parts.use(voice));
  const watchers = (await world.watchers()).map((watcher) => parts.use(watcher));
  for (const voice of voices) voice.begin();
  await until(() => voices.every(isHeard), "everybody is heard before anything happens");
  const trial = new Trial(world, trouble, voices, watchers);
  return await trial.run(lengthMs, random);
}

function isHeard({ said }: Voice): boolean {
  return said.some(({ heardAt }) => heardAt !== undefined);
}

class Trial {
  readonly #violations: string[] = [];
  readonly #before: ReadonlyMap<WireLog, number>;
  readonly #workers: string;

  constructor(
    private readonly world: ClusterWorld,
    private readonly trouble: Trouble,
    private readonly voices: readonly Voice[],
    private readonly watchers: readonly Watcher[],
  ) {
    this.#before = new Map(world.talkers.map(({ log }) => [log, log.absencesMs.length]));
    this.#workers = this.#workersNow();
  }

  async run(lengthMs: number, random: SeededRandom): Promise<Findings> {
    const triedAt = systemClock.monotonic();
    const effect = await this.trouble.begin(this.world.site, random);
    const beganAt = systemClock.monotonic();
    await elapsed(lengthMs);
    const endsAt = systemClock.monotonic();
    const leftMs = await this.#departures(effect, triedAt);
    await effect.end();
    const endedAt = systemClock.monotonic();
    const since = async (done: Promise<unknown>): Promise<number[]> => {
      await done;
      return [systemClock.monotonic() - endedAt];
    };
    const [caughtUpMs, wholeMs, live] = await Promise.all([
      since(this.world.caughtUp()),
      since(this.world.whole()),
      this.#live(effect, endedAt),
    ]);
    await this.world.site.whenReady();
    for (const voice of this.voices) voice.rest();
    this.#judgePresence(await this.#presence());
    this.#judgeSilence(effect, beganAt, endsAt);
    this.#bound("caught up", caughtUpMs, this.trouble.catchUpMs);
    if (!["node", "several"].includes(this.trouble.place) && this.#workersNow() !== this.#workers)
      this.#violations.push("processes of the nodes were replaced");
    return {
      pausesMs: this.#pauses(effect, beganAt, endsAt),
      leftMs,
      absencesMs: this.world.talkers.flatMap(({ log }) => log.absencesMs.slice(this.#before.get(log) ?? 0)),
      caughtUpMs,
      wholeMs,
      answeredMs: this.#answers(effect),
      ...live,
      verdict: await this.#verdict(effect),
    };
  }

  #workersNow(): string {
    return JSON.stringify(this.world.site.nodes.map(({ server }) => [server.pid, ...server.workerPids()]));
  }

  /** Every node that must go on does. */
  #pauses({ working }: Effect, from: number, to: number): number[] {
    const pauses = working.map((index) => {
      const times = this.voices[index]?.acknowledgedBetween(from, to).map((one) => one.acknowledgedAt ?? to);
      const marks = [from, ...(times ?? []).toSorted((a, b) => a - b), to];
      return Math.max(...marks.slice(1).map((at, before) => at - (marks[before] ?? at)));
    });
    return this.#bound("acknowledged nothing for", pauses, PAUSE_MS);
  }

  #judgeSilence({ silent }: Effect, from: number, to: number): void {
    for (const index of silent) {
      const lies = this.voices[index]?.acknowledgedBetween(from + IN_FLIGHT_MS, to) ?? [];
      if (lies.length > 0)
        this.#violations.push(`node ${index + 1} acknowledged ${lies.length} messages without its store`);
    }
  }

  /** From the beginning of the trouble; a user that some node still shows after the time that is allowed was too late. */
  async #departures({ lost }: Effect, since: number): Promise<number[]> {
    if (lost === undefined) return [];
    const users = [this.voices[lost]?.speaker, this.voices.at(lost - 1)?.listener];
    const others = this.watchers.filter((_, index) => index !== lost);
    const times = (): number[] =>
      others.flatMap((watcher) =>
        users.map((user) => (watcher.leftAt.get(user?.id ?? "") ?? Number.POSITIVE_INFINITY) - since),
      );
    const restMs = since + LEFT_MS + IN_FLIGHT_MS - systemClock.monotonic();
    // Late or never: the times say which.
    await until(() => times().every(Number.isFinite), "all have left", restMs).catch(() => undefined);
    return this.#bound("left after", times(), LEFT_MS);
  }

  /** Of the voices that nobody has cut. */
  async #live(
    { lost, unreachable }: Effect,
    since: number,
  ): Promise<Pick<Findings, "acknowledgedMs" | "liveMs">> {
    const first = (voice: Voice, at: (one: Utterance) => number | undefined): number | undefined =>
      voice
        .between(since, Number.POSITIVE_INFINITY)
        .map(at)
        .find((time) => time !== undefined);
    const isAt = (node: number | undefined, index: number): boolean =>
      node !== undefined && (index === node || (index + 1) % this.voices.length === node);
    const standing = (): Voice[] =>
      this.voices.filter(({ isCut }, index) => !isCut && index !== lost && !isAt(unreachable, index));
    const isBack = (voice: Voice): boolean =>
      [acknowledged, heardLive].every((at) => first(voice, at) !== undefined);
    try {
      await until(() => standing().every(isBack), "what is said is heard again", LIVE_AGAIN_MS);
    } catch (error) {
      this.#violations.push(String(error));
    }
    const times = (at: (one: Utterance) => number | undefined): number[] =>
      standing().map((voice) => (first(voice, at) ?? Number.POSITIVE_INFINITY) - since);
    const acknowledgedMs = times(acknowledged);
    if (this.trouble.place === "store") this.#bound("acknowledged again after", acknowledgedMs, BACK_MS);
    return { acknowledgedMs, liveMs: times(heardLive) };
  }

  /** Only the store makes people wait; a node that stands still, or a network that is gone, cannot answer at all. */
  #answers({ lost }: Effect): number[] {
    if (this.trouble.place !== "store") return [];
    const waits = this.voices.flatMap(({ said, isCut }, index) =>
      isCut || index === lost
        ? []
        : said.map(
            ({ saidAt, acknowledgedAt, refusedAt }) =>
              (acknowledgedAt ?? refusedAt ?? systemClock.monotonic()) - saidAt,
          ),
    );
    const final = this.voices.flatMap(({ said }) => said.filter(({ retryable }) => retryable === false));
    if (final.length > 0) this.#violations.push(`${final.length} sends were refused for good`);
    return this.#bound("answered after", [Math.max(...waits)], ANSWER_MS);
  }

  async #presence(): Promise<string[]> {
    await using parts = new AsyncDisposableStack();
    const watchers = (await this.world.watchers()).map((watcher) => parts.use(watcher));
    return await this.world.presenceWhole(watchers);
  }

  #judgePresence(differences: readonly string[]): void {
    if (differences.length > 0)
      this.#violations.push(
        `${differences.length} differences between lobbies, the first: ${differences[0]}`,
      );
  }

  async #verdict(effect: Effect): Promise<Verdict> {
    const url = this.world.site.balancer.urls[0] ?? "";
    const verdicts = [await this.world.verdict()];
    for (const voice of this.voices) verdicts.push(await voice.judge(url));
    if (effect.verdict !== undefined) verdicts.push(await effect.verdict());
    const own = { messages: 0, acknowledged: 0, repeats: 0, violations: this.#violations };
    return combine([...verdicts, own]);
  }

  #bound(what: string, timesMs: readonly number[], mostMs: number | undefined): number[] {
    const late = timesMs.filter((ms) => ms > (mostMs ?? Number.POSITIVE_INFINITY));
    for (const ms of late) this.#violations.push(`${what} ${Math.round(ms)} ms, of ${mostMs} allowed`);
    return [...timesMs];
  }
}

function acknowledged({ acknowledgedAt }: Utterance): number | undefined {
  return acknowledgedAt;
}

function heardLive({ saidAt, heardAt }: Utterance): number | undefined {
  return heardAt !== undefined && heardAt - saidAt < LIVE_MS ? heardAt : undefined;
}

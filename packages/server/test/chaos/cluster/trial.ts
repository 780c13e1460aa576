/** One trouble, from a calm cluster to a calm cluster, and what was seen of it from outside. */
import { elapsed, type SeededRandom, until } from "@duologue/testing";
import { systemClock } from "../../../src/clock.ts";
import type { WireLog } from "../../harness/wire-log.ts";
import { combine, type Verdict } from "../oracle.ts";
import { NoticeWatch } from "./notice-watch.ts";
import { BOUNDS, type Bounds, type Effect, type Trouble } from "./trouble.ts";
import type { Utterance, Voice } from "./voice.ts";
import type { ClusterWorld, Watcher } from "./world.ts";

/** Times in ms; empty where there was nothing to measure. */
export interface Findings {
  /** Between two acknowledgements of a node that had to go on, the longest. */
  readonly pausesMs: readonly number[];
  /** From the beginning until a node itself had noticed, each that had to. */
  readonly noticedMs: readonly number[];
  /** From the beginning until every other node had said that a node's users had left, each user. */
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
  /** What took longer than it may. */
  readonly missed: readonly string[];
  /** What must never be. */
  readonly verdict: Verdict;
}

/** Acknowledgements of before may still be on their way. */
const IN_FLIGHT_MS = 500;
/** From saying to hearing, through two nodes. */
const LIVE_MS = 1_000;
/** How long it is looked whether the nodes are live again, so that it can be said when they were. */
const LIVE_AGAIN_MS = 30_000;

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
  readonly #missed: string[] = [];
  readonly #bounds: Bounds;
  readonly #before: ReadonlyMap<WireLog, number>;
  readonly #workers: string;

  constructor(
    private readonly world: ClusterWorld,
    private readonly trouble: Trouble,
    private readonly voices: readonly Voice[],
    private readonly watchers: readonly Watcher[],
  ) {
    this.#bounds = { ...BOUNDS[trouble.place], ...trouble.bounds };
    this.#before = new Map(world.talkers.map(({ log }) => [log, log.absencesMs.length]));
    this.#workers = this.#workersNow();
  }

  async run(lengthMs: number, random: SeededRandom): Promise<Findings> {
    using notices = new NoticeWatch(this.world.site);
    const effect = await this.trouble.begin(this.world.site, random);
    notices.begin(effect.notices);
    // Whatever fails meanwhile, the next trouble is to begin in a calm cluster.
    const during = await this.#during(effect, notices, lengthMs).catch(async (error: unknown) => {
      await effect.end();
      throw error;
    });
    await effect.end();
    const after = await this.#after(effect);
    this.#judgePresence(await this.#presence());
    const isChanged = this.#workersNow() !== this.#workers;
    if (isChanged && ["bus", "store", "clients"].includes(this.trouble.place))
      this.#violations.push("processes of the nodes were replaced");
    return {
      ...during,
      ...after,
      absencesMs: this.world.talkers.flatMap(({ log }) => this.#absences(log)),
      answeredMs: this.#answers(effect),
      // Last, since it says what all of this has found.
      verdict: await this.#verdict(effect),
      missed: this.#missed,
    };
  }

  #workersNow(): string {
    return JSON.stringify(this.world.site.nodes.map(({ server }) => [server.pid, ...server.workerPids()]));
  }

  /** While it lasts. */
  async #during(
    effect: Effect,
    notices: NoticeWatch,
    lengthMs: number,
  ): Promise<Pick<Findings, "noticedMs" | "leftMs" | "pausesMs">> {
    const { noticeMs } = this.#bounds;
    const beganAt = systemClock.monotonic();
    await elapsed(lengthMs);
    const endsAt = systemClock.monotonic();
    const leftMs = await this.#departures(effect, beganAt, lengthMs);
    this.#judgeSilence(effect, beganAt, endsAt);
    this.#judgeAbsences(effect, lengthMs);
    return {
      leftMs,
      noticedMs: this.#bound("noticed after", notices.timesMs(noticeMs), noticeMs),
      pausesMs: this.#pauses(effect, beganAt, endsAt),
    };
  }

  /** When it is over, until all talk again. */
  async #after(
    effect: Effect,
  ): Promise<Pick<Findings, "acknowledgedMs" | "liveMs" | "caughtUpMs" | "wholeMs">> {
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
    this.#bound("caught up after", caughtUpMs, this.#bounds.catchUpMs);
    return { caughtUpMs, wholeMs, ...live };
  }

  /** Every node that must go on does. */
  #pauses({ working, recovering }: Effect, from: number, to: number): readonly number[] {
    const longest = (index: number): number => {
      const times = this.voices[index]?.acknowledgedBetween(from, to).map((one) => one.acknowledgedAt ?? to);
      const marks = [from, ...(times ?? []).toSorted((a, b) => a - b), to];
      return Math.max(...marks.slice(1).map((at, before) => at - (marks[before] ?? at)));
    };
    const { pauseMs, recoveryMs } = this.#bounds;
    const pauses = this.#bound("acknowledged again after a pause of", working.map(longest), pauseMs);
    if (recovering === undefined) return pauses;
    return [
      ...pauses,
      ...this.#bound("acknowledged again after a pause of", [longest(recovering)], recoveryMs),
    ];
  }

  #judgeSilence({ silent }: Effect, from: number, to: number): void {
    for (const index of silent) {
      const lies = this.voices[index]?.acknowledgedBetween(from + IN_FLIGHT_MS, to) ?? [];
      if (lies.length > 0)
        this.#violations.push(`node ${index + 1} acknowledged ${lies.length} messages without its store`);
    }
  }

  /** From the beginning of the trouble; a user that some node still shows after the time that is allowed was too late. */
  async #departures({ lost, unseen }: Effect, since: number, lengthMs: number): Promise<readonly number[]> {
    const { leftMs } = this.#bounds;
    // One that is only not heard comes back with the end.
    if (unseen === undefined || (lost === undefined && lengthMs < leftMs)) return [];
    const users = [this.voices[unseen]?.speaker, this.voices.at(unseen - 1)?.listener];
    const elsewhere = this.watchers.filter((_, index) => index !== unseen);
    const times = (): number[] =>
      elsewhere.flatMap((watcher) =>
        users.map((user) => (watcher.leftAt.get(user?.id ?? "") ?? Number.POSITIVE_INFINITY) - since),
      );
    const restMs = since + leftMs + IN_FLIGHT_MS - systemClock.monotonic();
    // Late or never: the times say which.
    await until(() => times().every(Number.isFinite), "all have left", restMs).catch(() => undefined);
    return this.#bound("left after", times(), leftMs);
  }

  #absences(log: WireLog): readonly number[] {
    return log.absencesMs.slice(this.#before.get(log) ?? 0);
  }

  /** Whoever does not reach a node for long enough has gone to another. */
  #judgeAbsences({ unreachable }: Effect, lengthMs: number): void {
    const { absenceMs } = this.#bounds;
    if (unreachable === undefined || lengthMs < absenceMs) return;
    const absences = this.world
      .talkersAt(unreachable)
      .map(({ log }) => Math.max(...this.#absences(log)))
      .map((ms) => (ms < 0 ? Number.POSITIVE_INFINITY : ms));
    this.#bound("back at another node after", absences, absenceMs);
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
    // Late or never: the times say which.
    await until(() => standing().every(isBack), "what is said is heard", LIVE_AGAIN_MS).catch(
      () => undefined,
    );
    const times = (at: (one: Utterance) => number | undefined): number[] =>
      standing().map((voice) => (first(voice, at) ?? Number.POSITIVE_INFINITY) - since);
    return {
      acknowledgedMs: this.#bound(
        "acknowledged again after",
        times(acknowledged),
        this.#bounds.acknowledgedMs,
      ),
      liveMs: this.#bound("heard live again after", times(heardLive), this.#bounds.liveMs),
    };
  }

  #answers({ lost }: Effect): readonly number[] {
    const { answerMs } = this.#bounds;
    if (answerMs === undefined) return [];
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
    return this.#bound("answered after", [Math.max(...waits)], answerMs);
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
    verdicts.push(...(await Promise.all(this.voices.map((voice) => voice.judge(url)))));
    if (effect.verdict !== undefined) verdicts.push(await effect.verdict(true));
    const own = { messages: 0, acknowledged: 0, repeats: 0, violations: this.#violations };
    return combine([...verdicts, own]);
  }

  #bound(what: string, timesMs: readonly number[], mostMs: number | undefined): readonly number[] {
    for (const ms of timesMs.filter((one) => one > (mostMs ?? Number.POSITIVE_INFINITY))) {
      const late = Number.isFinite(ms) ? `${what} ${Math.round(ms)} ms` : `never ${what}`;
      this.#missed.push(`${late}, of ${mostMs} ms allowed`);
    }
    return timesMs;
  }
}

function acknowledged({ acknowledgedAt }: Utterance): number | undefined {
  return acknowledgedAt;
}

function heardLive({ saidAt, heardAt }: Utterance): number | undefined {
  return heardAt !== undefined && heardAt - saidAt < LIVE_MS ? heardAt : undefined;
}

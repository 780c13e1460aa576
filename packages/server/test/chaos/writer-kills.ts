/**
 * The writer dies, again and again: kill −9 of a real primary, at any moment or in the middle of a write, as the seed
 * says, while people write as fast as they are answered. Its files are looked at before anybody touches them again; then a new one begins on them,
 * another one beside it is refused, and the judge reads every conversation.
 */
import { join } from "node:path";
import { elapsed, runCommand, SeededRandom, withDeadline } from "@duologue/testing";
import { systemClock } from "../../src/clock.ts";
import { lookInto } from "./remains.ts";
import { ms } from "./report.ts";
import { World } from "./world.ts";

export interface WriterKillsOptions {
  readonly kills: number;
  readonly seed: number;
  readonly progress?: (line: string) => void;
}

export interface WriterKill {
  /** While it wrote to its log, and not at any moment. */
  readonly isAimed: boolean;
  /** Committed, and no device had been told by then. */
  readonly untold: number;
  /** Its log ends within a transaction. */
  readonly isWithinTransaction: boolean;
  /** From the kill until its workers have ended and the port is free. */
  readonly endedMs: number;
  /** From the command that starts a new one until it says where it serves, the start of the runtime included. */
  readonly startMs: number;
  /** From the kill until every device has been acknowledged two more messages. */
  readonly wholeMs: number;
}

export interface WriterKillsReport {
  readonly seed: number;
  readonly kills: readonly WriterKill[];
  readonly messages: number;
  readonly acknowledged: number;
  readonly repeats: number;
  readonly violations: readonly string[];
}

/** The longest time from everybody's being acknowledged to the kill. */
const CALM_MS = 400;
/** How many of the kills are aimed at a write of the log; the others come when they come. */
const AIMED = 0.7;
/** About as long as the writing of a batch, its flush and its answers take. */
const BATCH_US = 3_000;
const KILLER = join(import.meta.dir, "killer-child.ts");
/** Messages of a device that wait for their number: so that the writer always has a batch to work on. */
const WINDOW = 8;
/** After so many kills others take over: clients wait the longer, the more of their connections have ended within moments. */
const SAME_PEOPLE = 2;

export async function runWriterKills(options: WriterKillsOptions): Promise<WriterKillsReport> {
  await using world = await World.begin({ workers: 2, conversations: 4, devices: 4 });
  world.pace.window = WINDOW;
  const run = new Run(world, new SeededRandom(options.seed));
  for (let count = 1; count <= options.kills && run.violations.length === 0; count += 1) {
    const kill = await run.killOnce(count % SAME_PEOPLE === 0);
    options.progress?.(
      `kill ${count} of ${options.kills} ${kill.isAimed ? "at a write" : "at any moment"}: ` +
        `${kill.untold} committed and untold, serves again after ${ms(kill.startMs)}, ` +
        `everybody goes on after ${ms(kill.wholeMs)}, ${run.violations.length} violations`,
    );
  }
  return { seed: options.seed, ...run.outcome() };
}

class Run {
  readonly violations: string[] = [];
  readonly #kills: WriterKill[] = [];
  /** Of everybody, from the beginning: message id → number. */
  readonly #acknowledged = new Map<string, number>();
  /** Of those who have left, and of those who are here. */
  #messages = { before: 0, now: 0 };
  #repeats = 0;

  constructor(
    private readonly world: World,
    private readonly random: SeededRandom,
  ) {}

  outcome(): Omit<WriterKillsReport, "seed"> {
    return {
      kills: this.#kills,
      messages: this.#messages.before + this.#messages.now,
      acknowledged: this.#acknowledged.size,
      repeats: this.#repeats,
      violations: this.violations,
    };
  }

  async killOnce(isTheirLast: boolean): Promise<WriterKill> {
    const { world } = this;
    await world.talkAgain();
    const isAimed = this.random.chance(AIMED);
    await elapsed(this.random.below(CALM_MS));
    let killedAt = systemClock.monotonic();
    await world.kill(
      isAimed
        ? async (pid) => {
            await this.#aim(pid);
            killedAt = systemClock.monotonic();
          }
        : undefined,
    );
    const endedMs = systemClock.monotonic() - killedAt;
    const remains = this.#examine();
    const startedAt = systemClock.monotonic();
    await world.startAgain();
    const startMs = systemClock.monotonic() - startedAt;
    await this.#refuseAnother();
    await world.talkAgain();
    const kill = { ...remains, isAimed, endedMs, startMs, wholeMs: systemClock.monotonic() - killedAt };
    this.#kills.push(kill);
    await this.#judge(isTheirLast);
    return kill;
  }

  /** Resolves when it was killed while it wrote to its log: at a random point of a batch. */
  async #aim(pid: number): Promise<void> {
    const log = join(this.world.dataDirectory, "duologue.db-wal");
    const killer = Bun.spawn(
      [process.execPath, KILLER, String(pid), log, String(this.random.below(BATCH_US))],
      { stdin: "ignore", stdout: "ignore", stderr: "inherit" },
    );
    await withDeadline(killer.exited, () => "nothing was written to the log");
  }

  /** What anybody was told by now must be in the files that the dead one left: nothing else can have put it there. */
  #examine(): Pick<WriterKill, "untold" | "isWithinTransaction"> {
    const told = this.world.talkers.flatMap(({ log }) => [...log.acknowledged]);
    for (const [id, seq] of told) this.#acknowledged.set(id, seq);
    const { problems, numbers, isWithinTransaction } = lookInto(this.world.dataDirectory);
    this.violations.push(...problems);
    const missing = [...this.#acknowledged].filter(([id, seq]) => numbers.get(id) !== seq);
    for (const [id, seq] of missing.slice(0, 5))
      this.violations.push(`${id} was acknowledged as ${seq}, and the files say ${numbers.get(id)}`);
    const heard = new Set(this.world.talkers.flatMap(({ log }) => [...log.numbered]));
    const own = this.world.talkers.flatMap(({ log }) => [...log.sent]);
    return { untold: own.filter((id) => numbers.has(id) && !heard.has(id)).length, isWithinTransaction };
  }

  async #refuseAnother(): Promise<void> {
    const words = ["serve", "--host", "127.0.0.1", "--port", "0", "--data", this.world.dataDirectory];
    const { exitCode, stderr } = await runCommand(words);
    if (exitCode !== 1 || !stderr.includes("already running"))
      this.violations.push(`another writer was not refused: exit code ${exitCode}, ${stderr}`);
  }

  async #judge(isTheirLast: boolean): Promise<void> {
    const { world } = this;
    const { messages, repeats, violations } = await world.verdict();
    this.violations.push(...violations);
    this.#repeats += repeats;
    this.#messages.now = messages;
    if (!isTheirLast) {
      for (const group of world.groups) group.begin();
      return;
    }
    this.#messages = { before: this.#messages.before + messages, now: 0 };
    world.part();
    await world.meet();
  }
}

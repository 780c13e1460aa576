/** One run: a stage from its seed, what happens on it, its end, and the verdict. */
import { SeededRandom } from "@duologue/testing";
import type { Coverage } from "./coverage.ts";
import { Faults } from "./faults.ts";
import { drawPlan, type Plan, type PlanLimits } from "./plan.ts";
import { EndlessRunError } from "./schedule.ts";
import { Stage } from "./stage.ts";
import { Troubles } from "./troubles.ts";
import { Users } from "./users.ts";
import type { Violation } from "./world.ts";

export interface RunResult {
  readonly seed: number;
  readonly plan: Plan;
  /** Empty when all is well. */
  readonly violations: readonly Violation[];
  readonly trace: readonly string[];
  readonly coverage: Coverage;
  /** Two runs with the same one went the same way. */
  readonly hash: string;
  readonly steps: number;
  readonly messages: number;
  /** Sends that the server had already, and answered with the first one's number. */
  readonly repeats: number;
}

const START_MS = 30_000;
const ACTIONS_MS = 600_000;

export async function runSeed(seed: number, limits: PlanLimits = {}): Promise<RunResult> {
  const random = new SeededRandom(seed);
  const plan = drawPlan(random.fork("plan"), limits);
  const faults = new Faults(plan.faults, random.fork("chances"));
  using stage = new Stage({ random, faults, workers: plan.workers, limits: plan.limits });
  const problems = await live(stage, plan);
  const { witness, world } = stage;
  const { schedule, violations, coverage } = world;
  return {
    seed,
    plan,
    violations: [...violations, ...problems.map((what) => ({ what }))],
    // Without what the end of the stage adds.
    trace: [...schedule.trace],
    coverage,
    hash: schedule.hash,
    steps: schedule.steps,
    messages: witness.sent.size,
    repeats: witness.repeats,
  };
}

/** What is wrong in the end, beside the violations that were seen on the way. */
async function live(stage: Stage, plan: Plan): Promise<readonly string[]> {
  const { world } = stage;
  try {
    const problem = await stage.begin(plan.users);
    if (problem !== undefined) return [problem];
    await openConversations(stage);
    const users = new Users(stage, plan);
    const troubles = new Troubles(stage);
    world.faults.begin();
    troubles.begin();
    users.begin();
    await world.run(ACTIONS_MS, () => users.areDone);
    troubles.end();
    await world.run(plan.lingerMs);
    world.faults.end();
    const unsettled = await stage.settle();
    return unsettled === undefined ? await stage.judge() : [unsettled];
  } catch (error) {
    if (!(error instanceof EndlessRunError)) throw error;
    return [error.message];
  }
}

/** Some of those that there could be. */
async function openConversations(stage: Stage): Promise<void> {
  const { world, devices, conversations } = stage;
  const random = world.random.fork("conversations");
  const ids = [...new Set(devices.map(({ user }) => user))];
  const pairs = ids.flatMap((one, index) => ids.slice(index + 1).map((other) => [one, other] as const));
  const chosen = pairs.filter((_, index) => index === 0 || random.chance(0.6));
  for (const [one, other] of chosen) {
    const tab = devices.find(({ user }) => user === one)?.tabs[0];
    if (tab !== undefined) stage.openWith(tab, other);
  }
  await world.run(START_MS, () => conversations.size === chosen.length);
  for (const tab of stage.tabs) {
    for (const [conversation, members] of conversations) {
      if (members.includes(tab.device.user) && random.chance(0.8)) tab.open(conversation);
    }
  }
}

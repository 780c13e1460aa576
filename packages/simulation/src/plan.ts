/** What a run consists of; all of it follows from the seed. */
import type { Limits } from "@duologue/protocol";
import type { SeededRandom } from "@duologue/testing";
import { drawFaults, type FaultName, type FaultPlan } from "./faults.ts";

export interface DevicePlan {
  readonly tabs: number;
  readonly sharedTabs: boolean;
  readonly isSlowDisk: boolean;
  readonly offline: boolean;
}

export interface Plan {
  /** One list of devices for each user. */
  readonly users: readonly (readonly DevicePlan[])[];
  readonly workers: number;
  readonly limits: Partial<Limits>;
  /** What users do, in number; between two of these, on average. */
  readonly actions: number;
  readonly actionEveryMs: number;
  /** How long it goes on when nobody does anything any more, so that pings and repeats meet faults too. */
  readonly lingerMs: number;
  /** Of a message, at most. */
  readonly textCharacters: number;
  readonly faults: FaultPlan;
}

/** To make a failing run smaller, or to look at one part of it. */
export interface PlanLimits {
  readonly actions?: number | undefined;
  readonly users?: number | undefined;
  readonly devices?: number | undefined;
  readonly without?: readonly FaultName[] | undefined;
}

export function drawPlan(random: SeededRandom, limits: PlanLimits = {}): Plan {
  const userCount = random.pick([2, 2, 2, 3, 4]);
  const users = Array.from({ length: userCount }, () =>
    Array.from({ length: random.pick([1, 1, 2, 2, 3]) }, () => drawDevice(random)),
  );
  const size = drawSize(random);
  const plan: Plan = {
    users,
    workers: random.between(1, 4),
    ...size,
    actions: random.between(15, 90),
    actionEveryMs: random.pick([20, 120, 120, 500, 1_500]),
    lingerMs: random.pick([0, 0, 45_000]),
    faults: drawFaults(random.fork("faults"), new Set(limits.without)),
  };
  return {
    ...plan,
    users: plan.users.slice(0, limits.users).map((devices) => devices.slice(0, limits.devices)),
    actions: Math.min(plan.actions, limits.actions ?? plan.actions),
  };
}

function drawDevice(random: SeededRandom): DevicePlan {
  const sharedTabs = random.chance(0.35);
  return {
    sharedTabs,
    tabs: sharedTabs ? random.between(1, 3) : 1,
    isSlowDisk: random.chance(0.4),
    offline: random.chance(0.5),
  };
}

/** Small pages, outboxes and lobbies are reached by few messages and people; with a small outbox, a few long ones fill it. */
function drawSize(random: SeededRandom): Pick<Plan, "limits" | "textCharacters"> {
  const pageEvents = random.pick([100, 4, 12]);
  const pageConversations = random.pick([50, 50, 1, 2]);
  const syncEvents = random.pick([5_000, 5_000, 15]);
  const lobbyUsers = random.pick([1_000, 1_000, 1_000, 1]);
  const limits = { pageEvents, pageConversations, syncEvents, lobbyUsers };
  if (random.chance(0.8)) return { limits, textCharacters: 30 };
  return { limits: { ...limits, pageEvents: 4, outboxBytes: 40_000 }, textCharacters: 1_500 };
}

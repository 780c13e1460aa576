/** Coming back, in every way and after everything, against the model: nothing is missing when it says that nothing is. */
import { describe, test } from "bun:test";
import fc from "fast-check";
import { type Visit, Visits } from "./resume-model.ts";

const RUNS = Number(process.env.DUOLOGUE_PROPERTY_RUNS ?? 10_000);
/** One run again, as a failure has named it. */
const SEED = process.env.DUOLOGUE_PROPERTY_SEED;
const PATH = process.env.DUOLOGUE_PROPERTY_PATH;
const CURSOR = /(?<="cursor":")([a-z0-9]+)\.(\d+)(?=","limits")/;

type Step =
  | { readonly do: "write"; readonly from: number; readonly count: number }
  | { readonly do: "send"; readonly to: number }
  | { readonly do: "pass"; readonly forMs: number }
  /** At every step of the protocol: the frames of the login are among these. */
  | { readonly do: "cut"; readonly afterFrames: number }
  /** The worker goes; the next login is at the other one, or at a new one. */
  | { readonly do: "crash the worker" | "crash the server" | "restart the server" | "open another tab" }
  | { readonly do: "come back"; readonly isCrash: boolean; readonly from: number; readonly missed: number }
  /** What is stored has a cursor of another server's, of the future, of the beginning, or one that was never given. */
  | { readonly do: "tamper"; readonly cursor: string };

interface Run {
  readonly seed: number;
  readonly sharedTabs: boolean;
  readonly steps: readonly Step[];
}

const peer = fc.nat({ max: 1 });
const pass = (min: number, max: number) =>
  fc.record({ do: fc.constant("pass" as const), forMs: fc.integer({ min, max }) });

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("write" as const),
      from: peer,
      count: fc.integer({ min: 1, max: 7 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("send" as const), to: peer }) },
  // A login and what follows it take about this long.
  { weight: 6, arbitrary: pass(1, 25) },
  { weight: 3, arbitrary: pass(100, 1_500) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("cut" as const), afterFrames: fc.nat({ max: 8 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom("crash the worker" as const, "open another tab" as const) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom("crash the server" as const, "restart the server" as const) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("come back" as const),
      isCrash: fc.boolean(),
      from: peer,
      missed: fc.nat({ max: 30 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("tamper" as const),
      cursor: fc.constantFrom("another.$2", "$1.99999999", "$1.0", "$1.007"),
    }),
  },
);

async function perform(step: Step, visits: Visits, visit: Visit): Promise<void> {
  const { device, conversations } = visit;
  switch (step.do) {
    case "write":
      return visits.write(visit, step.from, step.count);
    case "send": {
      const [tab] = device.tabs;
      if (tab !== undefined) visits.send(visit, tab, conversations[step.to] ?? "");
      return;
    }
    case "pass":
      return visits.pass(step.forMs);
    case "cut":
      for (const { wires } of device.tabs) for (const wire of wires) wire.cutAfter(step.afterFrames);
      return;
    case "crash the worker": {
      const [wire] = device.tabs.flatMap(({ wires }) => wires);
      const worker = visits.server.readyWorkers.find(({ life }) => life === wire?.worker);
      worker?.exit(null, "SIGKILL");
      return;
    }
    case "crash the server":
      visits.server.primary?.crash();
      return;
    case "restart the server":
      void visits.server.primary?.stop();
      return;
    case "open another tab":
      if (device.tabs.length < 3) visits.openTab(visit);
      return;
    case "come back": {
      const [tab] = device.tabs;
      if (tab === undefined) return;
      if (step.isCrash) device.crashTab(tab);
      else device.closeTab(tab);
      await visits.write(visit, step.from, step.missed);
      visits.openTab(visit);
      return;
    }
    case "tamper": {
      for (const tab of [...device.tabs]) device.closeTab(tab);
      const stored = device.disk.values.get("snapshot");
      if (stored !== undefined) device.disk.write("snapshot", stored.replace(CURSOR, step.cursor));
      visits.openTab(visit);
      return;
    }
    default:
      step satisfies never;
  }
}

async function problemsOf(visits: Visits, { seed, sharedTabs, steps }: Run): Promise<readonly string[]> {
  const visit = await visits.begin(seed, sharedTabs);
  for (const step of steps) {
    await perform(step, visits, visit);
    if (visit.model.problems.length > 0) break;
  }
  return await visits.end(visit);
}

async function problemsAlone(run: Run): Promise<readonly string[]> {
  await using visits = await Visits.begin();
  return await problemsOf(visits, run);
}

/** All visits are of one server, which is quicker; what fails is made smaller on servers of its own. */
async function check(name: string, runs: number, maxLength: number): Promise<void> {
  await using visits = await Visits.begin();
  let isAlone = SEED !== undefined;
  const run = fc.record({
    seed: fc.nat(),
    sharedTabs: fc.boolean(),
    steps: fc.array(anyStep, { maxLength, size: "max" }),
  });
  const property = fc.asyncProperty(run, async (drawn) => {
    const problems = isAlone ? [] : await problemsOf(visits, drawn);
    if (!isAlone && problems.length === 0) return;
    const alone = await problemsAlone(drawn);
    const isFirst = !isAlone;
    isAlone = true;
    if (alone.length > 0) throw new Error(alone.join("\n"));
    if (isFirst) throw new Error(`only after the runs before it:\n${problems.join("\n")}`);
  });
  const found = await fc.check(property, {
    numRuns: runs,
    ...(SEED === undefined ? {} : { seed: Number(SEED) }),
    ...(PATH === undefined ? {} : { path: PATH }),
  });
  if (!found.failed) return;
  const again = `DUOLOGUE_PROPERTY_SEED=${found.seed} DUOLOGUE_PROPERTY_PATH=${found.counterexamplePath} npm test -- packages/simulation/test/resume.test.ts -t "${name}"`;
  throw new Error(`${JSON.stringify(found.counterexample)}\n${found.errorInstance}\nagain: ${again}\n`);
}

describe("coming back", () => {
  const short = "is as the model says, whatever was cut, closed, crashed, restarted or tampered with";
  test(`[SY2, SY3, HL3] ${short}`, async () => {
    await check(short, RUNS, 4);
  }, 600_000);

  const long = "is as the model says after many such things";
  test(`[SY2, SY3, HL3] ${long}`, async () => {
    await check(long, Math.ceil(RUNS / 25), 12);
  }, 600_000);
});

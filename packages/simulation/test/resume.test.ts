/** Coming back, in every way and after everything, against the model: nothing is missing when it says that nothing is. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ResumeBench, type Visit } from "./resume-bench.ts";

const RUNS = Number(process.env.DUOLOGUE_PROPERTY_RUNS ?? 10_000);
const CURSOR = /(?<="cursor":")([a-z0-9]+)\.(\d+)(?=","limits")/;

interface Real {
  readonly bench: ResumeBench;
  readonly visit: Visit;
}

type Command = fc.AsyncCommand<object, Real>;

/** `toString` is what a failure shows. */
function command(name: string, run: (real: Real) => Promise<void> | void): Command {
  return {
    check: () => true,
    run: async (_model, real) => {
      await run(real);
      expect(real.visit.model.problems).toEqual([]);
    },
    toString: () => name,
  };
}

const peer = fc.nat({ max: 1 });
const anyWrite = fc
  .tuple(peer, fc.integer({ min: 1, max: 7 }))
  .map(([from, count]) =>
    command(`write ${from} ${count}`, ({ bench, visit }) => bench.write(visit, from, count)),
  );
const anyMessage = peer.map((to) =>
  command(`send ${to}`, ({ bench, visit }) => {
    const [tab] = visit.device.tabs;
    if (tab !== undefined) bench.send(visit, tab, visit.conversations[to] ?? "");
  }),
);
const pause = (forMs: number): Command => command(`pass ${forMs}`, ({ bench }) => bench.pass(forMs));
/** A login and what follows it take about this long. */
const anyMoment = fc.integer({ min: 1, max: 25 }).map(pause);
const anyPause = fc.integer({ min: 100, max: 1_500 }).map(pause);
/** At every step of the protocol: the frames of the login are among these. */
const anyCut = fc.nat({ max: 8 }).map((frames) =>
  command(`cut after ${frames}`, ({ visit }) => {
    for (const tab of visit.device.tabs) for (const wire of tab.wires) wire.cutAfter(frames);
  }),
);
/** The worker goes; the next login is at the other one, or at a new one. */
const anyCrash = fc.constant(
  command("crash the worker", ({ bench, visit }) => {
    const [wire] = visit.device.tabs.flatMap((tab) => tab.wires);
    const worker = bench.server.readyWorkers.find(({ life }) => life === wire?.worker);
    worker?.exit(null, "SIGKILL");
  }),
);
const anyRestart = fc.constant(command("restart the server", ({ bench }) => bench.server.primary?.crash()));
const anyReload = fc.tuple(fc.boolean(), fc.nat({ max: 30 }), peer).map(([isCrash, count, from]) =>
  command(`${isCrash ? "crash" : "close"} the tab, write ${count}, come back`, async ({ bench, visit }) => {
    const [tab] = visit.device.tabs;
    if (tab === undefined) return;
    if (isCrash) visit.device.crashTab(tab);
    else visit.device.closeTab(tab);
    await bench.write(visit, from, count);
    bench.openTab(visit);
  }),
);
const anySecondTab = fc.constant(
  command("open another tab", ({ bench, visit }) => {
    if (visit.device.tabs.length < 3) bench.openTab(visit);
  }),
);
/** What is stored has a cursor of another server's, of the future, of the beginning, or one that was never given. */
const anyTampering = fc.constantFrom("another.$2", "$1.99999999", "$1.0", "$1.007").map((cursor) =>
  command(`come back with the cursor ${cursor}`, ({ bench, visit }) => {
    const { device } = visit;
    for (const tab of [...device.tabs]) device.closeTab(tab);
    const stored = device.disk.values.get("snapshot");
    if (stored !== undefined) device.disk.write("snapshot", stored.replace(CURSOR, cursor));
    bench.openTab(visit);
  }),
);

const commands = [
  anyWrite,
  anyWrite,
  anyMessage,
  anyMoment,
  anyMoment,
  anyPause,
  anyCut,
  anyCut,
  anyCrash,
  anyReload,
  anySecondTab,
  anyTampering,
];

async function check(
  runs: number,
  list: readonly fc.Arbitrary<Command>[],
  maxCommands: number,
): Promise<void> {
  await using bench = await ResumeBench.start();
  await fc.assert(
    fc.asyncProperty(
      fc.nat(),
      fc.boolean(),
      fc.commands([...list], { maxCommands, size: "max" }),
      async (seed, sharedTabs, planned) => {
        const visit = await bench.begin(seed, sharedTabs);
        try {
          await fc.asyncModelRun(() => ({ model: {}, real: { bench, visit } }), planned);
        } finally {
          expect(await bench.end(visit)).toEqual([]);
        }
      },
    ),
    { numRuns: runs, endOnFailure: true },
  );
}

describe("coming back", () => {
  test("[SY2, SY3] is as the model says, whatever was cut, closed, crashed or tampered with", async () => {
    await check(RUNS, commands, 4);
  }, 600_000);

  test("[HL3, SY2] is as the model says after many such things, and when the whole server starts anew", async () => {
    await check(Math.ceil(RUNS / 25), [...commands, anyRestart], 12);
  }, 600_000);
});

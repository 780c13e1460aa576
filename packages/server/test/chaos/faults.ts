/** What can be broken while people talk. Each resolves when the harm is done and what it broke is whole again. */
import { childrenOf, elapsed, type SeededRandom, until } from "@duologue/testing";
import { systemClock } from "../../src/clock.ts";
import { RECOVERY_MS } from "./group.ts";
import type { World } from "./world.ts";

/** What can be said of a fault before it is inflicted. */
export interface FaultKind {
  readonly name: string;
  /** For people who read the table. */
  readonly what: string;
  /** Two at once never break the same place: one would wait for what the other has taken away. */
  readonly place: "server" | "network" | "client" | "browser";
  /** How often it is dealt, compared with the others. */
  readonly weight: number;
  /** From its beginning, its own length included, everybody's messages are acknowledged again within this. */
  readonly wholeWithinMs: number;
  /** Of a hundred connections that it cut, 99 are back within this; nothing is asked where it goes on for a while itself. */
  readonly backWithinMs?: number;
}

export interface Fault extends FaultKind {
  inflict(world: World, random: SeededRandom): Promise<void>;
}

/** A killed or hung worker must be replaced within this, by the supervisor. */
const REPLACED_MS = 10_000;
/** Longer than anybody waits: pings, heartbeats, answers. */
const STOPPED_MS = 30_000;
const DAY_MS = 86_400_000;
/** The network comes and goes. */
const FLAP_MS = 300;

async function replaced(world: World, gone: readonly number[], timeoutMs: number): Promise<void> {
  const { server } = world;
  const all = server.workerPids().length;
  await until(
    () => {
      const pids = childrenOf(server.pid);
      return pids.length >= Math.max(all, gone.length) && !gone.some((pid) => pids.includes(pid));
    },
    "the workers were replaced",
    timeoutMs,
  );
}

function stopPrimary(world: World, durationMs: number): Promise<void> {
  return world.standStill(async () => {
    world.server.signal("SIGSTOP");
    await elapsed(durationMs);
    world.server.signal("SIGCONT");
  });
}

export const faults: readonly Fault[] = [
  {
    name: "worker killed",
    place: "server",
    what: "kill −9 of one worker",
    weight: 4,
    wholeWithinMs: 10_000,
    backWithinMs: 3_000,
    async inflict(world, random) {
      const pid = random.pick(world.server.workerPids());
      world.killWorkers([pid]);
      await replaced(world, [pid], REPLACED_MS);
    },
  },
  {
    name: "all workers killed",
    place: "server",
    what: "kill −9 of every worker at once: everybody is cut, and comes back",
    weight: 1,
    wholeWithinMs: 20_000,
    backWithinMs: 10_000,
    async inflict(world) {
      const pids = world.server.workerPids();
      world.killWorkers(pids);
      await replaced(world, pids, REPLACED_MS);
    },
  },
  {
    name: "writer killed",
    place: "server",
    what: "kill −9 of the primary, which is the writer, under load; started again on the same port",
    weight: 2,
    wholeWithinMs: 15_000,
    backWithinMs: 10_000,
    inflict: (world) => world.restartAfterKill(),
  },
  {
    name: "worker hung",
    place: "server",
    what: "SIGSTOP of a worker until the supervisor has killed and replaced it",
    weight: 1,
    wholeWithinMs: 20_000,
    async inflict(world, random) {
      const pid = random.pick(world.server.workerPids());
      await world.standStill(() => {
        world.killWorkers([pid], "SIGSTOP");
        return replaced(world, [pid], REPLACED_MS);
      });
    },
  },
  {
    name: "worker paused",
    place: "server",
    what: "SIGSTOP of a worker for up to 3 s, then SIGCONT",
    weight: 2,
    wholeWithinMs: 10_000,
    async inflict(world, random) {
      const pid = random.pick(world.server.workerPids());
      await world.standStill(async () => {
        world.killWorkers([pid], "SIGSTOP");
        await elapsed(random.below(3000));
        world.killWorkers([pid], "SIGCONT");
      });
    },
  },
  {
    name: "writer paused",
    place: "server",
    what: "SIGSTOP of the primary for up to 8 s, then SIGCONT",
    weight: 1,
    wholeWithinMs: 15_000,
    inflict: (world, random) => stopPrimary(world, random.below(8000)),
  },
  {
    name: "writer stopped",
    place: "server",
    what: "SIGSTOP of the primary for 30 s, then SIGCONT",
    weight: 1,
    wholeWithinMs: 45_000,
    inflict: (world) => stopPrimary(world, STOPPED_MS),
  },
  {
    name: "replies lost",
    place: "network",
    what: "the proxy lets each client's next request through, and cuts instead of the answer",
    weight: 4,
    wholeWithinMs: 10_000,
    backWithinMs: 5_000,
    async inflict(world) {
      world.proxy.loseNextReplies();
      await until(() => world.proxy.doomed === 0, "the replies were lost", RECOVERY_MS);
    },
  },
  {
    name: "network flaps",
    place: "network",
    what: "every connection through the proxy is cut every 300 ms for 3 s",
    weight: 2,
    wholeWithinMs: 20_000,
    async inflict(world) {
      const over = Promise.withResolvers<void>();
      let rounds = 10;
      const timer = systemClock.every(FLAP_MS, () => {
        world.proxy.cutAll();
        rounds -= 1;
        if (rounds === 0) over.resolve();
      });
      await over.promise;
      timer.cancel();
    },
  },
  {
    name: "rolling reload",
    place: "server",
    what: "`duologue reload`: each worker replaced in turn",
    weight: 1,
    wholeWithinMs: 30_000,
    backWithinMs: 10_000,
    async inflict(world) {
      const { exitCode, stderr } = await world.server.run("reload");
      if (exitCode !== 0) throw new Error(`the reload failed: ${stderr}`);
    },
  },
  {
    name: "page reloaded",
    place: "client",
    what: "a client is thrown away with what it has not sent, and begins anew from its storage",
    weight: 3,
    wholeWithinMs: 10_000,
    async inflict(world, random) {
      const group = random.pick(world.groups);
      await group.reload(random.pick(group.talkers), true);
    },
  },
  {
    name: "page lost",
    place: "client",
    what: "the same without a storage: what was not acknowledged may be gone, but nothing else",
    weight: 2,
    wholeWithinMs: 10_000,
    async inflict(world, random) {
      const group = random.pick(world.groups);
      await group.reload(random.pick(group.talkers), false);
    },
  },
  {
    name: "clock moved",
    place: "client",
    what: "a client's clock jumps by up to a day, back or forth",
    weight: 2,
    wholeWithinMs: 5_000,
    inflict(world, random) {
      random.pick(world.talkers).clockShiftMs = random.below(2 * DAY_MS) - DAY_MS;
      return Promise.resolve();
    },
  },
];

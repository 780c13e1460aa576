/** One run: a world from its seed, what happens in it, its end, and the verdict. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "@duologue/client";
import { SeededRandom } from "@duologue/testing";
import { Device, register, type Surroundings } from "./device.ts";
import { Faults } from "./faults.ts";
import { drawPlan, type Plan, type PlanLimits } from "./plan.ts";
import { EndlessRunError, Schedule } from "./schedule.ts";
import { SimulatedServer } from "./server.ts";
import { Troubles } from "./troubles.ts";
import { Users } from "./users.ts";
import { judge, outboxOf } from "./verdict.ts";
import type { Wire } from "./wire.ts";
import { Witness } from "./witness.ts";
import { World } from "./world.ts";

export interface RunResult {
  readonly seed: number;
  readonly plan: Plan;
  /** Empty when all is well. */
  readonly violations: readonly string[];
  readonly trace: readonly string[];
  /** Two runs with the same one went the same way. */
  readonly hash: string;
  readonly steps: number;
  readonly messages: number;
  /** Sends that the server had already, and answered with the first one's number. */
  readonly repeats: number;
}

const START_MS = 30_000;
const ACTIONS_MS = 600_000;
const SETTLE_MS = 300_000;
/** A lost last note is noticed by the next ping; by then everybody has pinged. */
const PINGS_MS = 40_000;
const LOAD_MS = 30_000;

export async function runSeed(seed: number, limits: PlanLimits = {}): Promise<RunResult> {
  // Memory, where there is a directory of it: the runs are about order, not about disks.
  const directory = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "duologue-simulation-"));
  const run = new Run(seed, limits, directory);
  try {
    return await run.carryOut();
  } finally {
    run.end();
    rmSync(directory, { recursive: true, force: true });
  }
}

class Run {
  readonly #seed: number;
  readonly #plan: Plan;
  readonly #world: World;
  readonly #server: SimulatedServer;
  readonly #witness: Witness;
  readonly #wires = new Set<Wire>();
  #devices: readonly Device[] = [];
  #problems: readonly string[] = [];

  constructor(seed: number, limits: PlanLimits, directory: string) {
    const random = new SeededRandom(seed);
    this.#seed = seed;
    this.#plan = drawPlan(random.fork("plan"), limits);
    const faults = new Faults(this.#plan.faults, random.fork("chances"));
    this.#world = new World(new Schedule(), faults, random);
    const { workers, limits: serverLimits } = this.#plan;
    this.#server = new SimulatedServer(this.#world, { directory, workers, limits: serverLimits });
    this.#server.onWorkerGone = (life) => {
      for (const wire of this.#wires) if (wire.worker === life) wire.workerGone();
    };
    this.#witness = new Witness(this.#world);
  }

  async carryOut(): Promise<RunResult> {
    try {
      this.#problems = (await this.#live()) ?? [];
    } catch (error) {
      if (!(error instanceof EndlessRunError)) throw error;
      this.#problems = [error.message];
    }
    const { schedule, violations } = this.#world;
    return {
      seed: this.#seed,
      plan: this.#plan,
      violations: [...violations, ...this.#problems],
      trace: schedule.trace,
      hash: schedule.hash,
      steps: schedule.steps,
      messages: this.#witness.sent.size,
      repeats: this.#witness.repeats,
    };
  }

  end(): void {
    this.#server.end();
  }

  async #live(): Promise<readonly string[] | undefined> {
    const world = this.#world;
    this.#server.start();
    if (!(await world.run(START_MS, () => this.#server.isWhole))) return ["the server did not start"];
    const users = await this.#begin();
    if (users === undefined) return ["the users could not begin"];
    const troubles = new Troubles(world, this.#server, this.#devices, this.#wires);
    world.faults.begin();
    troubles.begin();
    users.begin();
    await world.run(ACTIONS_MS, () => users.areDone);
    world.faults.end();
    troubles.end();
    return (await this.#settle(users)) ?? this.#judge(users);
  }

  /** Everybody is logged in on all devices, and some conversations are open. */
  async #begin(): Promise<Users | undefined> {
    const surroundings: Surroundings = {
      world: this.#world,
      server: this.#server,
      witness: this.#witness,
      wires: this.#wires,
    };
    const devices: Device[] = [];
    for (const [index, plans] of this.#plan.users.entries()) {
      const nickname = ["alice", "bob", "carol", "dave"][index] ?? `user ${index}`;
      const known = await register(surroundings, nickname);
      if (known === undefined) return undefined;
      for (const [number, plan] of plans.entries()) {
        const device = new Device(
          surroundings,
          { ...plan, name: `${nickname}-${number + 1}` },
          known.user,
          known.token,
        );
        devices.push(device);
        for (let tab = 0; tab < plan.tabs; tab += 1) device.openTab();
      }
    }
    this.#devices = devices;
    if (!(await this.#world.run(START_MS, () => this.#areOnline))) return undefined;
    const users = new Users(this.#world, this.#plan, this.#witness, devices);
    await this.#openConversations(users);
    return users;
  }

  async #openConversations(users: Users): Promise<void> {
    const random = this.#world.random.fork("conversations");
    const ids = [...new Set(this.#devices.map(({ user }) => user))];
    const pairs = ids.flatMap((one, index) => ids.slice(index + 1).map((other) => [one, other] as const));
    const chosen = pairs.filter((_, index) => index === 0 || random.chance(0.6));
    for (const [one, other] of chosen) {
      const tab = this.#devices.find(({ user }) => user === one)?.tabs[0];
      if (tab !== undefined) users.openWith(tab, other);
    }
    await this.#world.run(START_MS, () => users.conversations.size === chosen.length);
    for (const tab of this.#tabs) {
      for (const [conversation, members] of users.conversations) {
        if (members.includes(tab.device.user) && random.chance(0.8)) tab.open(conversation);
      }
    }
  }

  get #tabs() {
    return this.#devices.flatMap(({ tabs }) => tabs);
  }

  get #areOnline(): boolean {
    return this.#tabs.every((tab) => tab.isOnline);
  }

  get #isSettled(): boolean {
    const isSent = (device: Device): boolean =>
      [...outboxOf(device)].every(([id, code]) => code !== undefined || this.#witness.isPlaced(id));
    const isWell = this.#server.isWhole && this.#areOnline && this.#devices.every(isSent);
    return isWell && this.#tabs.every(({ client }) => !client.syncing);
  }

  /** Without faults, all goes well in time. */
  async #settle(users: Users): Promise<readonly string[] | undefined> {
    const world = this.#world;
    const isSettled = (): boolean => this.#isSettled;
    if (!(await world.run(SETTLE_MS, isSettled))) return this.#unsettled("after the faults");
    await world.run(PINGS_MS);
    if (!(await world.run(SETTLE_MS, isSettled))) return this.#unsettled("after the pings");
    for (const tab of this.#tabs) {
      for (const conversation of tab.opened) tab.open(conversation);
    }
    const loading = this.#tabs.map((tab) => this.#loadAll(users, tab));
    let isLoaded = false;
    void Promise.all(loading).then(() => {
      isLoaded = true;
    });
    if (!(await world.run(LOAD_MS, () => isLoaded))) return this.#unsettled("while everything is loaded");
    await world.run(PINGS_MS);
    return (await world.run(SETTLE_MS, isSettled)) ? undefined : this.#unsettled("at the end");
  }

  async #loadAll(users: Users, { client, opened }: Device["tabs"][number]): Promise<void> {
    for (let page = 0; client.hasMoreConversations && page < 100; page += 1) await client.loadConversations();
    for (const conversation of users.conversations.keys()) {
      if (!opened.has(conversation)) continue;
      await client.openConversation(conversation);
      while (client.timeline(conversation).hasOlder) {
        if (client.timeline(conversation).loading) await nextChange(client);
        else await client.loadOlder(conversation);
      }
    }
  }

  #unsettled(when: string): readonly string[] {
    const states = this.#tabs.map(({ life, client, device }) => {
      const waiting = [...outboxOf(device).values()].filter((code) => code === undefined).length;
      return `${life.name}: ${JSON.stringify(client.connection)}, syncing ${client.syncing}, ${waiting} unsent`;
    });
    return [`${when}, it does not settle. Server whole: ${this.#server.isWhole}. ${states.join("; ")}`];
  }

  async #judge(users: Users): Promise<readonly string[]> {
    using reader = this.#server.openReader();
    const { chances, troubles } = this.#plan.faults;
    return await judge({
      reader,
      witness: this.#witness,
      devices: this.#devices,
      conversations: users.conversations,
      mayReorder: chances.diskFailure > 0 || chances.flushFailure > 0 || troubles.includes("full-disk"),
    });
  }
}

function nextChange(client: Client): Promise<void> {
  return new Promise((resolve) => {
    const stop = client.subscribe(() => {
      stop();
      resolve();
    });
  });
}

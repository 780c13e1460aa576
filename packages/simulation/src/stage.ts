/** A world with a server, people and their devices, and its end: everything settles, and is judged. What happens on it is others' part. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "@duologue/client";
import type { Limits } from "@duologue/protocol";
import type { SeededRandom } from "@duologue/testing";
import { Answers } from "./answers.ts";
import { Device, register, type Surroundings, type Tab } from "./device.ts";
import type { Faults } from "./faults.ts";
import type { DevicePlan } from "./plan.ts";
import { Schedule } from "./schedule.ts";
import { SimulatedServer } from "./server.ts";
import { judge, outboxOf, type Scene } from "./verdict.ts";
import type { Listener, Wire } from "./wire.ts";
import { Witness } from "./witness.ts";
import { World } from "./world.ts";

export interface StageOptions {
  readonly random: SeededRandom;
  readonly faults: Faults;
  readonly workers: number;
  readonly limits: Partial<Limits>;
}

const NAMES = ["alice", "bob", "carol", "dave"];
const START_MS = 30_000;
const SETTLE_MS = 300_000;
/** A lost last note is noticed by the next ping; by then everybody has pinged. */
const PINGS_MS = 40_000;
const LOAD_MS = 30_000;

export class Stage implements Disposable {
  readonly world: World;
  readonly server: SimulatedServer;
  readonly witness: Witness;
  readonly wires = new Set<Wire>();
  readonly surroundings: Surroundings;
  readonly devices: Device[] = [];
  /** Conversations that were opened, with their two users. */
  readonly conversations = new Map<string, readonly [string, string]>();
  /** Who takes the next connection. */
  route: (ready: readonly Listener[], random: SeededRandom) => Listener | undefined = (ready, random) =>
    ready.length === 0 ? undefined : random.pick(ready);
  readonly #directory: string;

  constructor({ random, faults, workers, limits }: StageOptions) {
    // Memory, where there is a directory of it: the runs are about order, not about disks.
    this.#directory = mkdtempSync(
      join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "duologue-simulation-"),
    );
    this.world = new World(new Schedule(), faults, random);
    this.witness = new Witness(this.world);
    const answers = new Answers(this.world);
    this.server = new SimulatedServer(this.world, { directory: this.#directory, workers, limits });
    this.server.onWorkerGone = (life) => {
      for (const wire of this.wires) if (wire.worker === life) wire.workerGone();
    };
    this.server.onRefused = (id) => this.witness.refusals.refused(id);
    this.world.onLook = () => {
      answers.look();
      for (const tab of this.tabs) tab.judgeShown(this.conversations.keys());
    };
    this.surroundings = {
      world: this.world,
      witness: this.witness,
      answers,
      wires: this.wires,
      findListener: (by) => this.route(this.server.readyWorkers, by),
    };
  }

  get tabs(): readonly Tab[] {
    return this.devices.flatMap(({ tabs }) => tabs);
  }

  /** The server is started, and everybody is logged in on all devices; otherwise, what went wrong. */
  async begin(users: readonly (readonly DevicePlan[])[]): Promise<string | undefined> {
    const { world, server, surroundings } = this;
    server.start();
    if (!(await world.run(START_MS, () => server.isWhole))) return "the server did not start";
    for (const [index, plans] of users.entries()) {
      const nickname = NAMES[index] ?? `user ${index}`;
      const known = await register(surroundings, nickname);
      if (known === undefined) return `${nickname} could not begin`;
      for (const [number, plan] of plans.entries()) {
        const options = { ...plan, name: `${nickname}-${number + 1}` };
        const device = new Device(surroundings, options, known.user, known.token);
        this.devices.push(device);
        for (let tab = 0; tab < plan.tabs; tab += 1) device.openTab();
      }
    }
    if (!(await world.run(START_MS, () => this.#areOnline))) return "not everybody came in";
    return undefined;
  }

  /** The conversation of two users, opened by the first one; known when the answer has come. */
  openWith(tab: Tab, peer: string): void {
    tab.client.open(peer).then(
      (conversation) => {
        this.conversations.set(conversation, [tab.device.user, peer]);
        tab.opened.add(conversation);
      },
      () => undefined,
    );
  }

  /** Without faults, all goes well in time; otherwise, what does not. */
  async settle(): Promise<string | undefined> {
    const { world } = this;
    const isSettled = (): boolean => this.#isSettled;
    if (!(await world.run(SETTLE_MS, isSettled))) return this.#unsettled("after the faults");
    await world.run(PINGS_MS);
    if (!(await world.run(SETTLE_MS, isSettled))) return this.#unsettled("after the pings");
    for (const tab of this.tabs) {
      for (const conversation of tab.opened) tab.open(conversation);
    }
    const loading = this.tabs.map((tab) => this.#loadAll(tab));
    let isLoaded = false;
    void Promise.all(loading).then(() => {
      isLoaded = true;
    });
    if (!(await world.run(LOAD_MS, () => isLoaded))) return this.#unsettled("while everything is loaded");
    await world.run(PINGS_MS);
    return (await world.run(SETTLE_MS, isSettled)) ? undefined : this.#unsettled("at the end");
  }

  /** Settles and judges; everything that is not as it should be. */
  async end(): Promise<readonly string[]> {
    const problem = await this.settle();
    const found = this.world.violations.map(({ what }) => what);
    return [...found, ...(problem === undefined ? await this.judge() : [problem])];
  }

  async judge(): Promise<readonly string[]> {
    using reader = this.server.openReader();
    return await judge(this.sceneFor(reader));
  }

  sceneFor(reader: Scene["reader"]): Scene {
    const { witness, devices, conversations } = this;
    return { reader, witness, devices, conversations };
  }

  [Symbol.dispose](): void {
    this.server.end();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  get #areOnline(): boolean {
    return this.tabs.every((tab) => tab.isOnline);
  }

  get #isSettled(): boolean {
    const isSent = (device: Device): boolean =>
      [...outboxOf(device)].every(
        ([id, code]) => code !== undefined || this.witness.placeOf(id) !== undefined,
      );
    const isWell = this.server.isWhole && this.#areOnline && this.devices.every(isSent);
    return isWell && this.tabs.every(({ client }) => !client.syncing);
  }

  async #loadAll({ client, opened }: Tab): Promise<void> {
    for (let page = 0; client.hasMoreConversations && page < 100; page += 1) await client.loadConversations();
    for (const conversation of this.conversations.keys()) {
      if (!opened.has(conversation)) continue;
      await client.openConversation(conversation);
      while (client.timeline(conversation).hasOlder) {
        if (client.timeline(conversation).loading) await nextChange(client);
        else await client.loadOlder(conversation);
      }
    }
  }

  #unsettled(when: string): string {
    const states = this.tabs.map(({ life, client, device }) => {
      const waiting = [...outboxOf(device).values()].filter((code) => code === undefined).length;
      return `${life.name}: ${JSON.stringify(client.connection)}, syncing ${client.syncing}, ${waiting} unsent`;
    });
    return `${when}, it does not settle. Server whole: ${this.server.isWhole}. ${states.join("; ")}`;
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

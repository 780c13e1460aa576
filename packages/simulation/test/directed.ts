/**
 * A few people, and faults at the moments that a test chooses instead of a seed: what a seed has found once is shown like
 * this from then on, since any change of the simulator deals the seeds anew.
 */
import { SeededRandom } from "@duologue/testing";
import type { Device, Tab } from "../src/device.ts";
import { DirectedFaults } from "../src/faults.ts";
import type { DevicePlan } from "../src/plan.ts";
import type { Life } from "../src/schedule.ts";
import { Stage } from "../src/stage.ts";

const PATIENCE_MS = 60_000;

export const plain: DevicePlan = { tabs: 1, sharedTabs: false, isSlowDisk: false, offline: false };

export class Directed implements Disposable {
  readonly stage: Stage;
  readonly faults = new DirectedFaults();
  /** Of the first two people. */
  conversation = "";

  /** Everybody is online on every device, and the first two have their conversation open. `seed`: of delays and ids. */
  static async begin(seed: number, users: readonly (readonly DevicePlan[])[]): Promise<Directed> {
    const directed = new Directed(seed);
    const { stage } = directed;
    const problem = await stage.begin(users);
    if (problem !== undefined) throw new Error(problem);
    const [first, ...others] = stage.tabs;
    const peer = others.find(({ device }) => device.user !== first?.device.user)?.device.user ?? "";
    first?.client.open(peer).then(
      (conversation) => {
        directed.conversation = conversation;
      },
      () => undefined,
    );
    await directed.until("they meet", () => directed.conversation !== "");
    stage.conversations.set(directed.conversation, [first?.device.user ?? "", peer]);
    for (const tab of stage.tabs) tab.open(directed.conversation);
    await stage.world.run(1_000);
    return directed;
  }

  private constructor(seed: number) {
    const { faults } = this;
    this.stage = new Stage({ random: new SeededRandom(seed), faults, workers: 2, limits: {} });
  }

  tab(index: number): Tab {
    const found = this.stage.tabs[index];
    if (found === undefined) throw new RangeError(`there is no tab ${index}`);
    return found;
  }

  device(index: number): Device {
    const found = this.stage.devices[index];
    if (found === undefined) throw new RangeError(`there is no device ${index}`);
    return found;
  }

  /** The worker that holds a tab's connection. */
  workerOf(tab: Tab): Life {
    const worker = tab.wires[0]?.worker;
    if (worker === undefined) throw new RangeError(`${tab.life.name} has no connection`);
    return worker;
  }

  /** Cuts a tab off; it comes back at another worker than this one. */
  async moveFrom(worker: Life, tab: Tab): Promise<void> {
    const { stage } = this;
    const { route } = stage;
    stage.route = (ready) => ready.find(({ life }) => life !== worker);
    for (const wire of tab.wires) wire.cut();
    await this.until("it is cut off", () => !tab.isOnline);
    await this.until("it is back", () => tab.isOnline);
    stage.route = route;
  }

  /** A process stands still for a while. */
  pause(life: Life, forMs: number): void {
    const { schedule, calm } = this.stage.world;
    life.pausedUntilMs = schedule.nowMs + forMs;
    calm.disturb(life.pausedUntilMs);
  }

  /** Lets the world go on until it is so. */
  async until(what: string, condition: () => boolean): Promise<void> {
    const isSo = await this.stage.world.run(PATIENCE_MS, condition);
    if (!isSo || !condition()) throw new Error(`${what}: not within ${PATIENCE_MS} ms`);
  }

  /** Lets the world go on until somebody has an answer, of whichever kind. */
  async answered(work: Promise<unknown>): Promise<void> {
    let isOver = false;
    const end = (): void => {
      isOver = true;
    };
    work.then(end, end);
    await this.until("an answer comes", () => isOver);
  }

  async pass(forMs: number): Promise<void> {
    await this.stage.world.run(forMs);
  }

  /** Everything that is wrong when all has settled. */
  end(): Promise<readonly string[]> {
    return this.stage.end();
  }

  [Symbol.dispose](): void {
    this.stage[Symbol.dispose]();
  }
}

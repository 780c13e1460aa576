/** What happens to processes, connections and clocks, each at the moment that the seed says. */

import type { SeededRandom } from "@duologue/testing";
import type { Device, Tab } from "./device.ts";
import type { Trouble } from "./faults.ts";
import type { Primary } from "./primary.ts";
import { Life } from "./schedule.ts";
import type { Stage } from "./stage.ts";
import type { Wire } from "./wire.ts";
import type { Worker } from "./worker.ts";
import type { World } from "./world.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** Sessions of guests last 90 days from their last login. */
const LONGEST_ABSENCES_MS = 75 * DAY_MS;
const REOPEN_MS = 600;
const FULL_MS = 4_000;
const SPARE_PAGES = 6;
const STALL_MS = 6_000;
/** On average: a worker that gives no sign for more than five seconds is killed. */
const PAUSES_MS = [300, 2_000, 8_000];

const fate = new Life("fate");

export class Troubles {
  readonly #stage: Stage;
  readonly #world: World;
  readonly #random: SeededRandom;
  readonly #stalled = new Set<Wire>();
  #areOver = false;

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#world = stage.world;
    this.#random = stage.world.random.fork("troubles");
  }

  begin(): void {
    const { troubles, troubleEveryMs } = this.#world.faults.plan;
    if (troubles.length === 0) return;
    this.#world.schedule.after(this.#random.exponential(troubleEveryMs), fate, "strikes", () => {
      if (this.#areOver) return;
      this.#strike(this.#random.pick(troubles));
      this.begin();
    });
  }

  /** Nothing more happens, and everybody reads again. */
  end(): void {
    this.#areOver = true;
    for (const wire of this.#stalled) wire.resume();
    this.#stalled.clear();
    this.#stage.server.disk.fill(undefined);
    for (const device of this.#stage.devices) device.offsetMs = 0;
    for (const device of this.#stage.devices) if (device.tabs.length === 0) device.openTab();
  }

  #strike(trouble: Trouble): void {
    this.#world.schedule.note(fate, trouble);
    if (!this.#happens(trouble)) return;
    this.#world.coverage.count(trouble);
    this.#world.calm.disturb();
  }

  /** False when there is nothing that it could happen to. */
  #happens(trouble: Trouble): boolean {
    switch (trouble) {
      case "cut":
        return this.#withSome(this.#openWires, (wire) => wire.cut());
      case "crash-primary":
        return this.#withPrimary((primary) => primary.crash());
      case "restart":
        return this.#withPrimary((primary) => void primary.stop());
      case "reload-workers":
        return this.#withPrimary((primary) => void primary.reload());
      case "full-disk":
        return this.#fillDisk();
      case "crash-worker":
        return this.#withWorker((worker) => worker.exit(null, "SIGKILL"));
      case "drain-worker":
        return this.#withWorker((worker) => worker.leave());
      case "cut-link":
        return this.#withWorker((worker) => worker.cutLink());
      case "pause":
        return this.#withSome(this.#lives, (life) => this.#pause(life));
      case "slow-reader":
        return this.#withSome(this.#openWires, (wire) => this.#stall(wire));
      case "clock-jump":
        return this.#withSome(this.#clocks, (clock) => this.#jump(clock));
      case "reload":
      case "crash-tab":
        return this.#withSome(this.#stage.tabs, (tab) => {
          this.#end(tab, trouble === "crash-tab");
          this.#openLater(tab.device);
        });
      case "absence":
        return this.#withSome(this.#stage.devices, (device) => this.#beAbsent(device));
      default:
        return trouble satisfies never;
    }
  }

  #withSome<T>(places: readonly T[], act: (place: T) => void): boolean {
    if (places.length === 0) return false;
    act(this.#random.pick(places));
    return true;
  }

  #withPrimary(act: (primary: Primary) => void): boolean {
    const { primary } = this.#stage.server;
    return this.#withSome(primary === undefined ? [] : [primary], act);
  }

  #withWorker(act: (worker: Worker) => void): boolean {
    return this.#withSome(this.#stage.server.readyWorkers, act);
  }

  get #openWires(): readonly Wire[] {
    return [...this.#stage.wires].filter((wire) => wire.isOpen);
  }

  /** Processes of the server. */
  get #processes(): readonly (Primary | Worker)[] {
    const { readyWorkers, primary } = this.#stage.server;
    return primary === undefined ? readyWorkers : [...readyWorkers, primary];
  }

  get #lives(): readonly Life[] {
    return [...this.#processes, ...this.#stage.tabs].map(({ life }) => life);
  }

  get #clocks(): readonly { offsetMs: number }[] {
    return [...this.#processes.map(({ clock }) => clock), ...this.#stage.devices];
  }

  /** Hardly any room is left, until somebody makes some. */
  #fillDisk(): boolean {
    const { disk } = this.#stage.server;
    disk.fill(this.#random.below(SPARE_PAGES));
    this.#world.schedule.after(this.#random.exponential(FULL_MS), fate, "there is room on the disk", () =>
      disk.fill(undefined),
    );
    return true;
  }

  /** It does nothing for a while: a long collection, a stopped process, a tab in the background. */
  #pause(life: Life): void {
    const lastingMs = this.#random.exponential(this.#random.pick(PAUSES_MS));
    life.pausedUntilMs = Math.max(life.pausedUntilMs, this.#world.schedule.nowMs + lastingMs);
    this.#world.calm.disturb(life.pausedUntilMs);
  }

  #stall(wire: Wire): void {
    wire.stall();
    this.#stalled.add(wire);
    const lastingMs = this.#random.exponential(STALL_MS);
    this.#world.calm.disturb(this.#world.schedule.nowMs + lastingMs);
    this.#world.schedule.after(lastingMs, fate, "reads again", () => {
      this.#stalled.delete(wire);
      wire.resume();
    });
  }

  #jump(clock: { offsetMs: number }): void {
    const reachMs = this.#random.pick([500, 5 * MINUTE_MS, DAY_MS]);
    clock.offsetMs = this.#random.between(-reachMs, reachMs);
  }

  /** Everything of a device is closed, and opened again after a time that everybody's clocks show. */
  #beAbsent(device: Device): void {
    for (const tab of [...device.tabs]) this.#end(tab, this.#random.chance(0.5));
    const longMs = this.#random.pick([10 * MINUTE_MS, 30 * DAY_MS]);
    if (this.#world.wallOffsetMs + longMs <= LONGEST_ABSENCES_MS) this.#world.wallOffsetMs += longMs;
    this.#openLater(device);
  }

  #end(tab: Tab, isCrash: boolean): void {
    if (isCrash) tab.device.crashTab(tab);
    else tab.device.closeTab(tab);
  }

  #openLater(device: Device): void {
    const delayMs = this.#random.exponential(REOPEN_MS);
    this.#world.schedule.after(delayMs, fate, `${device.options.name} is opened again`, () =>
      device.openTab(),
    );
  }
}

/** What happens to processes, connections and clocks, each at the moment that the seed says. */

import type { SeededRandom } from "@duologue/testing";
import type { Device, Tab } from "./device.ts";
import type { Trouble } from "./faults.ts";
import { Life } from "./schedule.ts";
import type { SimulatedServer } from "./server.ts";
import type { Wire } from "./wire.ts";
import type { World } from "./world.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** Sessions of guests last 90 days from their last login. */
const LONGEST_ABSENCES_MS = 75 * DAY_MS;
const REOPEN_MS = 600;
const FULL_MS = 4_000;

const fate = new Life("fate");

export class Troubles {
  readonly #world: World;
  readonly #server: SimulatedServer;
  readonly #devices: readonly Device[];
  readonly #wires: ReadonlySet<Wire>;
  readonly #random: SeededRandom;
  readonly #stalled = new Set<Wire>();

  constructor(world: World, server: SimulatedServer, devices: readonly Device[], wires: ReadonlySet<Wire>) {
    this.#world = world;
    this.#server = server;
    this.#devices = devices;
    this.#wires = wires;
    this.#random = world.random.fork("troubles");
  }

  begin(): void {
    const { troubles, troubleEveryMs } = this.#world.faults.plan;
    if (troubles.length === 0) return;
    this.#world.schedule.after(this.#random.exponential(troubleEveryMs), fate, "strikes", () => {
      if (!this.#world.faults.isOn) return;
      this.#strike(this.#random.pick(troubles));
      this.begin();
    });
  }

  /** Nothing more happens, and everybody reads again. */
  end(): void {
    for (const wire of this.#stalled) wire.resume();
    this.#stalled.clear();
    this.#server.disk.fill(undefined);
    for (const device of this.#devices) device.offsetMs = 0;
    for (const device of this.#devices) if (device.tabs.length === 0) device.openTab();
  }

  #strike(trouble: Trouble): void {
    this.#world.schedule.note(fate, trouble);
    switch (trouble) {
      case "cut":
        this.#pickWire()?.cut();
        return;
      case "crash-primary":
        this.#server.primary?.crash();
        return;
      case "restart":
        void this.#server.primary?.stop();
        return;
      case "reload-workers":
        void this.#server.primary?.reload();
        return;
      case "full-disk":
        this.#fillDisk();
        return;
      case "crash-worker":
      case "drain-worker":
      case "cut-link":
        this.#strikeWorker(trouble);
        return;
      case "pause":
        this.#pause();
        return;
      case "slow-reader":
        this.#stall();
        return;
      case "clock-jump":
        this.#jump();
        return;
      case "reload":
      case "crash-tab":
        this.#leave(trouble);
        return;
      case "absence":
        this.#beAbsent();
        return;
      default:
        trouble satisfies never;
    }
  }

  #strikeWorker(trouble: "crash-worker" | "drain-worker" | "cut-link"): void {
    const workers = this.#server.readyWorkers;
    if (workers.length === 0) return;
    const worker = this.#random.pick(workers);
    if (trouble === "crash-worker") worker.exit(null, "SIGKILL");
    else if (trouble === "drain-worker") worker.leave();
    else worker.cutLink();
  }

  /** Hardly any room is left, until somebody makes some. */
  #fillDisk(): void {
    this.#server.disk.fill(this.#random.below(6));
    this.#world.schedule.after(this.#random.exponential(FULL_MS), fate, "there is room on the disk", () =>
      this.#server.disk.fill(undefined),
    );
  }

  #pickWire(): Wire | undefined {
    const open = [...this.#wires].filter((wire) => wire.isOpen);
    return open.length === 0 ? undefined : this.#random.pick(open);
  }

  #pickTab(): Tab | undefined {
    const tabs = this.#devices.flatMap((device) => device.tabs);
    return tabs.length === 0 ? undefined : this.#random.pick(tabs);
  }

  /** A process does nothing for a while: a long collection, a stopped process, a tab in the background. */
  #pause(): void {
    const lives = [
      ...this.#server.readyWorkers.map(({ life }) => life),
      ...this.#devices.flatMap(({ tabs }) => tabs.map(({ life }) => life)),
      ...(this.#server.primary === undefined ? [] : [this.#server.primary.life]),
    ];
    if (lives.length === 0) return;
    const life = this.#random.pick(lives);
    const untilMs = this.#world.schedule.nowMs + this.#random.exponential(2_000);
    life.pausedUntilMs = Math.max(life.pausedUntilMs, untilMs);
  }

  #stall(): void {
    const wire = this.#pickWire();
    if (wire === undefined) return;
    wire.stall();
    this.#stalled.add(wire);
    this.#world.schedule.after(this.#random.exponential(6_000), fate, "reads again", () => {
      this.#stalled.delete(wire);
      wire.resume();
    });
  }

  #jump(): void {
    const clocks = [...this.#server.readyWorkers, ...(this.#server.primary ? [this.#server.primary] : [])];
    const places = [...clocks.map(({ clock }) => clock), ...this.#devices];
    if (places.length === 0) return;
    const reachMs = this.#random.pick([500, 5 * MINUTE_MS, DAY_MS]);
    this.#random.pick(places).offsetMs = this.#random.between(-reachMs, reachMs);
  }

  #leave(way: "reload" | "crash-tab"): void {
    const tab = this.#pickTab();
    if (tab === undefined) return;
    this.#end(tab, way === "crash-tab");
    this.#openLater(tab.device);
  }

  /** Everything of a device is closed, and opened again after a time that everybody's clocks show. */
  #beAbsent(): void {
    const device = this.#random.pick(this.#devices);
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

/**
 * Looks for what a connection that stands has swallowed: a message that is not answered though nobody was cut, and nothing
 * of the server was stopped meanwhile. The client sends it again, so that it is not lost; but when it happens it shall
 * explain itself.
 */
import { systemClock, type Timer } from "../../src/clock.ts";
import { stateOf, waitingInKernel } from "../harness/processes.ts";
import type { SocketTrail, Unanswered } from "../harness/trail.ts";
import type { World } from "./world.ts";

/** Longer than anything takes while all processes run, on a busy machine too; shorter than the client waits for the answer to
 * a message before it repeats it. */
const STALL_MS = 8_000;
const LOOK_MS = 500;
/** More of them say nothing new. */
const MAX_STALLS = 10;

interface Suspect {
  readonly talker: string;
  readonly trail: SocketTrail;
  readonly message: Unanswered;
  readonly story: readonly string[];
}

export class StallWatch implements Disposable {
  /** Each with its story, line by line. */
  readonly stalls: (readonly string[])[] = [];
  readonly #world: World;
  readonly #recent: () => readonly string[];
  readonly #now: () => number;
  readonly #timer: Timer;
  #suspects: Suspect[] = [];
  /** Since when, of time in which nothing was stopped, each has waited. */
  readonly #waitingSince = new WeakMap<Unanswered, number>();

  /** `recent`: what was broken last. */
  constructor(world: World, recent: () => readonly string[], now = systemClock.monotonic) {
    this.#world = world;
    this.#recent = recent;
    this.#now = now;
    this.#timer = systemClock.every(LOOK_MS, () => this.look());
  }

  look(): void {
    this.#settleSuspects();
    const movedMs = this.#now() - this.#world.stoodStillMs;
    for (const { name, trail } of this.#world.talkers) {
      for (const message of trail?.unanswered ?? []) {
        const since = this.#waitingSince.get(message);
        if (since === undefined) this.#waitingSince.set(message, movedMs);
        else if (movedMs - since >= STALL_MS && trail !== undefined) this.#suspect(name, trail, message);
      }
    }
  }

  [Symbol.dispose](): void {
    this.#timer.cancel();
  }

  #suspect(talker: string, trail: SocketTrail, message: Unanswered): void {
    if (this.stalls.length + this.#suspects.length >= MAX_STALLS) return;
    if (this.#suspects.some((suspect) => suspect.message === message)) return;
    const { server, proxy } = this.#world;
    const story = [
      `${talker}: ${message.id} is not answered on connection ${trail.number}, which stands`,
      ...this.#recent().slice(-5),
      ...[server.pid, ...server.workerPids()].map((pid) => `process ${pid}: ${stateOf(pid)}`),
      ...waitingInKernel([server.port, proxy.port]),
    ];
    this.#suspects.push({ talker, trail, message, story });
  }

  /** A connection that ended meanwhile was dead, and found so. One that answered stood all the time. */
  #settleSuspects(): void {
    this.#suspects = this.#suspects.filter(({ trail, message, story }) => {
      if (trail.unanswered.includes(message)) return true;
      const tookMs = this.#now() - message.atMs;
      const how = trail.isOver ? "its connection ended" : `it was answered, written ${message.writes} times,`;
      const carried = this.#world.proxy.trail(trail.number);
      this.stalls.push([
        ...story,
        `${how} after ${Math.round(tookMs)} ms`,
        "at the client (times from the first writing of it):",
        ...trail.excerpt(message.atMs),
        ...(carried === undefined
          ? ["not through the proxy"]
          : ["at the proxy:", ...carried.excerpt(message.atMs)]),
        "the server's log:",
        ...this.#world.server.output.log.slice(-15),
      ]);
      return false;
    });
  }
}

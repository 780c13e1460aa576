/** Locks and channels of the tabs of one browser. */
import type { TabChannel, TabEnvironment } from "@duologue/client";
import type { Life } from "./schedule.ts";
import type { World } from "./world.ts";

type LockEvents = Parameters<TabEnvironment["lock"]>[1];

interface LockRequest {
  readonly name: string;
  readonly life: Life;
  readonly events: LockEvents;
  isReleased: boolean;
}

interface OpenChannel {
  readonly name: string;
  readonly life: Life;
  readonly received: (message: unknown) => void;
  /** When the last message to it arrives: nothing overtakes. */
  arrivesAtMs: number;
}

export class BrowserTabs {
  readonly #world: World;
  #waiting: LockRequest[] = [];
  readonly #held = new Map<string, LockRequest>();
  readonly #channels = new Set<OpenChannel>();

  constructor(world: World) {
    this.#world = world;
  }

  environment(life: Life): TabEnvironment {
    return {
      lock: (name, events, steal) => {
        const request: LockRequest = { name, life, events, isReleased: false };
        if (steal) this.#steal(request);
        else {
          this.#waiting.push(request);
          this.#grantNext(name);
        }
        return {
          release: () => this.#release(request),
          confirm: (known) =>
            void this.#later(life, "knows whose the lock is", () => known(this.#held.get(name) === request)),
        };
      },
      openChannel: (name, received) => this.#open({ name, life, received, arrivesAtMs: 0 }),
    };
  }

  /** A tab has crashed: its locks are free, and it hears nothing more. */
  forget(life: Life): void {
    for (const channel of this.#channels) if (channel.life === life) this.#channels.delete(channel);
    for (const request of [...this.#waiting, ...this.#held.values()]) {
      if (request.life === life) this.#release(request);
    }
  }

  #open(channel: OpenChannel): TabChannel {
    const { schedule } = this.#world;
    this.#channels.add(channel);
    return {
      post: (message) => {
        for (const to of this.#channels) {
          if (to === channel || to.name !== channel.name) continue;
          const copy: unknown = structuredClone(message);
          to.arrivesAtMs = Math.max(to.arrivesAtMs, schedule.nowMs + this.#world.momentMs());
          schedule.at(to.arrivesAtMs, to.life, `from ${channel.life.name}: ${kindOf(copy)}`, () => {
            if (this.#channels.has(to)) to.received(copy);
          });
        }
      },
      close: () => void this.#channels.delete(channel),
    };
  }

  #steal(request: LockRequest): void {
    const holder = this.#held.get(request.name);
    this.#hold(request);
    if (holder === undefined) return;
    this.#later(holder.life, "has lost the lock", () => {
      if (!holder.isReleased) holder.events.lost();
    });
  }

  #release(request: LockRequest): void {
    request.isReleased = true;
    this.#waiting = this.#waiting.filter((other) => other !== request);
    if (this.#held.get(request.name) !== request) return;
    this.#held.delete(request.name);
    this.#grantNext(request.name);
  }

  #grantNext(name: string): void {
    if (this.#held.has(name)) return;
    const next = this.#waiting.find((request) => request.name === name);
    if (next === undefined) return;
    this.#waiting = this.#waiting.filter((other) => other !== next);
    this.#hold(next);
  }

  #hold(request: LockRequest): void {
    this.#held.set(request.name, request);
    this.#later(request.life, "has the lock", () => {
      if (!request.isReleased && this.#held.get(request.name) === request) request.events.granted();
    });
  }

  #later(life: Life, what: string, run: () => void): void {
    this.#world.schedule.after(this.#world.momentMs(), life, what, run);
  }
}

function kindOf(message: unknown): string {
  return typeof message === "object" && message !== null && "kind" in message ? String(message.kind) : "?";
}

/** What a browser keeps over reloads; a crash may lose the last writes, also those that removed something. */
import type { ClientStorage } from "@duologue/client";
import type { Life } from "./schedule.ts";
import type { World } from "./world.ts";

interface Write {
  readonly atMs: number;
  readonly key: string;
  readonly before: string | undefined;
}

/** A write is safe after this time. */
const FLUSH_MS = 60;

export class BrowserDisk {
  readonly #world: World;
  readonly #values = new Map<string, string>();
  #recent: Write[] = [];
  /** Needs a moment to open, as a database does. */
  readonly isSlow: boolean;

  constructor(world: World, isSlow: boolean) {
    this.#world = world;
    this.isSlow = isSlow;
  }

  get values(): ReadonlyMap<string, string> {
    return this.#values;
  }

  write(key: string, value: string | undefined): void {
    const { nowMs } = this.#world.schedule;
    this.#recent = this.#recent.filter(({ atMs }) => atMs + FLUSH_MS > nowMs);
    this.#recent.push({ atMs: nowMs, key, before: this.#values.get(key) });
    this.#put(key, value);
  }

  /** The browser's process is gone, and perhaps some of what was not flushed: from some moment on, all of it. */
  crash(): void {
    const { nowMs } = this.#world.schedule;
    const unsafe = this.#recent.filter(({ atMs }) => atMs + FLUSH_MS > nowMs);
    this.#recent = [];
    if (!this.#world.faults.strikes("lostWrites")) return;
    const lost = this.#world.random.below(unsafe.length + 1);
    for (const { key, before } of unsafe.slice(unsafe.length - lost).reverse()) this.#put(key, before);
  }

  #put(key: string, value: string | undefined): void {
    if (value === undefined) this.#values.delete(key);
    else this.#values.set(key, value);
  }
}

/** A tab's way to it. */
export function openStorage(world: World, life: Life, disk: BrowserDisk): ClientStorage {
  const set = (key: string, value: string | undefined): void => {
    if (!life.isOver) disk.write(key, value);
  };
  const plain: ClientStorage = {
    list: (prefix) => new Map([...disk.values].filter(([key]) => key.startsWith(prefix))),
    set,
    remove: (key) => set(key, undefined),
  };
  return disk.isSlow ? new SlowStorage(world, life, plain) : plain;
}

/** As over IndexedDB: says nothing before it is loaded, and then what was there at that moment and what this tab wrote. */
class SlowStorage implements ClientStorage {
  readonly #world: World;
  readonly #life: Life;
  readonly #disk: ClientStorage;
  #values = new Map<string, string>();
  readonly #dirty = new Set<string>();

  constructor(world: World, life: Life, disk: ClientStorage) {
    this.#world = world;
    this.#life = life;
    this.#disk = disk;
  }

  load(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#dirty.clear();
    const { schedule, random } = this.#world;
    schedule.after(random.exponential(20), this.#life, "storage is loaded", () => {
      const found = new Map(this.#disk.list(""));
      for (const key of this.#dirty) {
        const value = this.#values.get(key);
        if (value === undefined) found.delete(key);
        else found.set(key, value);
      }
      this.#values = found;
      resolve();
    });
    return promise;
  }

  list(prefix: string): ReadonlyMap<string, string> {
    return new Map([...this.#values].filter(([key]) => key.startsWith(prefix)));
  }

  set(key: string, value: string): void {
    this.#values.set(key, value);
    this.#dirty.add(key);
    this.#disk.set(key, value);
  }

  remove(key: string): void {
    this.#values.delete(key);
    this.#dirty.add(key);
    this.#disk.remove(key);
  }
}

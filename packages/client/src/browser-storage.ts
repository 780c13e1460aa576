/**
 * Storage for browsers: IndexedDB, and where that is denied or full (private windows, sandboxes), Web Storage, and where
 * that is too, memory. The values are held in memory and written behind, so that reading needs no waiting.
 */
import type { IDBPDatabase } from "idb";
import { Notifier } from "./notifier.ts";
import {
  type ClientStorage,
  memoryStorage,
  type StandardStorage,
  type StorageState,
  webStorage,
} from "./storage.ts";

const STORE = "values";

export interface BrowserStorageOptions {
  /** Of the database, and of the keys in Web Storage. */
  readonly name?: string;
  /** Instead of the browser's. */
  readonly webStorage?: () => StandardStorage;
}

/** Nothing is opened, and `idb` not loaded, before somebody logs in. Never throws, and never rejects. */
export function browserStorage(options: BrowserStorageOptions = {}): ClientStorage {
  return new BrowserStorage(options);
}

class BrowserStorage implements ClientStorage {
  readonly #name: string;
  readonly #second: ClientStorage;
  readonly #values = new Map<string, string>();
  /** Changed since the last read began: what the read brings is older. */
  readonly #dirty = new Set<string>();
  /** Not written yet. */
  readonly #writing = new Set<string>();
  readonly #notifier = new Notifier();
  #database: Promise<IDBPDatabase | undefined> | undefined;
  #state: StorageState = { kind: "opening" };

  constructor({ name = "duologue", webStorage: find = () => localStorage }: BrowserStorageOptions) {
    this.#name = name;
    this.#second = openWebStorage(find, `${name}/`);
  }

  get state(): StorageState {
    return this.#state;
  }

  subscribe(listener: () => void): () => void {
    return this.#notifier.subscribe(listener);
  }

  /** Again and again: other tabs write into the same database. */
  async load(): Promise<void> {
    this.#dirty.clear();
    for (const key of this.#writing) this.#dirty.add(key);
    this.#database ??= this.#open();
    const database = await this.#database;
    const found = (await attempt(() => readAll(database))) ?? new Map<string, string>();
    // What was written there while the database was full, or by an older version of the page.
    const seconds = this.#second.list("");
    for (const key of [...this.#values.keys()]) {
      if (!found.has(key) && !seconds.has(key) && !this.#dirty.has(key) && database !== undefined)
        this.#values.delete(key);
    }
    for (const [key, value] of [...found, ...seconds]) {
      if (!this.#dirty.has(key)) this.#values.set(key, value);
    }
    if (this.#state.kind === "opening") this.#become(database === undefined ? "denied" : undefined);
  }

  list(prefix: string): ReadonlyMap<string, string> {
    return new Map([...this.#values].filter(([key]) => key.startsWith(prefix)));
  }

  set(key: string, value: string): void {
    this.#values.set(key, value);
    this.#dirty.add(key);
    void this.#write(key, value);
  }

  remove(key: string): void {
    this.#values.delete(key);
    this.#dirty.add(key);
    this.#second.remove(key);
    void this.#write(key, undefined);
  }

  async #open(): Promise<IDBPDatabase | undefined> {
    return await attempt(async () => {
      const { openDB } = await import("idb");
      return await openDB(this.#name, 1, {
        upgrade: (database) => void database.createObjectStore(STORE),
        // A newer version of the page waits in another tab; this one goes on with Web Storage.
        blocking: (_current, _wanted, event) => (event.target as IDBDatabase).close(),
      });
    });
  }

  async #write(key: string, value: string | undefined): Promise<void> {
    this.#writing.add(key);
    await this.#writeBehind(key, value);
    this.#writing.delete(key);
  }

  async #writeBehind(key: string, value: string | undefined): Promise<void> {
    this.#database ??= this.#open();
    const database = await this.#database;
    // Several writes of one key wait for the same opening; only the last one counts.
    if (this.#values.get(key) !== value) return;
    const written = await attempt(async () => {
      if (database === undefined) return false;
      if (value === undefined) await database.delete(STORE, key);
      else await database.put(STORE, value, key);
      return true;
    });
    if (written === true) {
      // What is removed needs no room: that there is some again, only a value shows.
      if (value === undefined) return;
      if (this.#state.kind !== "kept" || this.#state.where !== "indexeddb") this.#become(undefined);
      return;
    }
    if (value === undefined) return;
    if (this.#values.get(key) === value) this.#second.set(key, value);
    this.#become(database === undefined ? "denied" : "full");
  }

  #become(problem: "denied" | "full" | undefined): void {
    const before = this.#state;
    const second = this.#second.state;
    if (problem === undefined) this.#state = { kind: "kept", where: "indexeddb" };
    else if (second?.kind === "kept") this.#state = second;
    else this.#state = { kind: "memory", reason: problem };
    if (JSON.stringify(before) !== JSON.stringify(this.#state)) this.#notifier.changed();
  }
}

/** Merely naming localStorage throws where cookies are blocked. */
function openWebStorage(find: () => StandardStorage, namespace: string): ClientStorage {
  try {
    return webStorage(find(), namespace);
  } catch {
    return memoryStorage("denied");
  }
}

async function readAll(database: IDBPDatabase | undefined): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  if (database === undefined) return found;
  const transaction = database.transaction(STORE);
  const [keys, values] = await Promise.all([transaction.store.getAllKeys(), transaction.store.getAll()]);
  for (const [index, key] of keys.entries()) found.set(String(key), String(values[index]));
  return found;
}

/** Browsers refuse in many ways, at every step; none of them may stop the chat. */
async function attempt<T>(run: () => Promise<T>): Promise<T | undefined> {
  try {
    return await run();
  } catch {
    return undefined;
  }
}

import type { Environment } from "./environment.ts";
import { STORAGE_WAIT_MS } from "./limits.ts";

/**
 * Where unsent messages wait, and what the next start shows. One key for each message, so that two tabs sharing a storage do not overwrite each other.
 * Implementations never throw: a full or forbidden storage only means that nothing survives a reload.
 */
export interface ClientStorage {
  /** Resolves when `list` says what is stored now, other tabs' changes included. Absent: it always does. Never rejects. */
  load?(): Promise<void>;
  /** How safe the values are; absent where nobody can tell. */
  readonly state?: StorageState;
  /** Calls when the state has changed. Returns how to stop. */
  subscribe?(listener: () => void): () => void;
  /** All values whose key begins with the prefix, by key, in no particular order. */
  list(prefix: string): ReadonlyMap<string, string>;
  set(key: string, value: string): void;
  remove(key: string): void;
}

/**
 * Calls when `list` says what is stored, perhaps inside this call. A storage that takes longer than STORAGE_WAIT_MS is not
 * waited for: it calls then, and again when that is known.
 */
export function whenLoaded(storage: ClientStorage, environment: Environment, goOn: () => void): void {
  if (storage.load === undefined) {
    goOn();
    return;
  }
  const timer = environment.after(STORAGE_WAIT_MS, goOn);
  void storage.load().then(() => {
    timer.cancel();
    goOn();
  });
}

export type StorageState =
  | { readonly kind: "opening" }
  /** What is unsent survives a reload. */
  | { readonly kind: "kept"; readonly where: "indexeddb" | "web-storage" }
  /** What is unsent lives as long as the page. `chosen`: by the program. */
  | { readonly kind: "memory"; readonly reason: "chosen" | "denied" | "full" };

export function memoryStorage(reason: "chosen" | "denied" = "chosen"): ClientStorage {
  const values = new Map<string, string>();
  return {
    state: { kind: "memory", reason },
    list: (prefix) => new Map([...values].filter(([key]) => key.startsWith(prefix))),
    set: (key, value) => {
      values.set(key, value);
    },
    remove: (key) => {
      values.delete(key);
    },
  };
}

/** The part of the Web Storage standard that is used. */
export type StandardStorage = Pick<Storage, "length" | "key" | "getItem" | "setItem" | "removeItem">;

/** Over `localStorage` or `sessionStorage`. The namespace keeps our keys apart from the page's other ones. */
export function webStorage(storage: StandardStorage, namespace = "duologue/"): ClientStorage {
  // What did not fit, or was denied; the state says so, and a reload loses it.
  const unkept = new Set<string>();
  // That the value which did not fit is gone does not mean that the next one fits.
  let isFull = false;
  return {
    get state() {
      return !isFull
        ? ({ kind: "kept", where: "web-storage" } as const)
        : ({ kind: "memory", reason: "full" } as const);
    },
    list(prefix) {
      const found = new Map<string, string>();
      attempt(() => {
        for (let index = 0; index < storage.length; index += 1) {
          const key = storage.key(index);
          if (key?.startsWith(namespace + prefix)) {
            found.set(key.slice(namespace.length), storage.getItem(key) ?? "");
          }
        }
      });
      return found;
    },
    set(key, value) {
      if (attempt(() => storage.setItem(namespace + key, value))) unkept.delete(key);
      else unkept.add(key);
      isFull = unkept.size > 0;
    },
    remove(key) {
      unkept.delete(key);
      attempt(() => storage.removeItem(namespace + key));
    },
  };
}

/** Web Storage throws when it is full, switched off, or the page is in a sandbox; none of these may stop the chat. */
function attempt(run: () => void): boolean {
  try {
    run();
    return true;
  } catch {
    return false;
  }
}

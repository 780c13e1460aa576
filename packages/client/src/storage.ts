/**
 * Where unsent messages wait. One key for each message, so that two tabs sharing a storage do not overwrite each other.
 * Implementations never throw: a full or forbidden storage only means that nothing survives a reload.
 */
export interface ClientStorage {
  /** All values whose key begins with the prefix, by key, in no particular order. */
  list(prefix: string): ReadonlyMap<string, string>;
  set(key: string, value: string): void;
  remove(key: string): void;
}

export function memoryStorage(): ClientStorage {
  const values = new Map<string, string>();
  return {
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
  return {
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
    set: (key, value) => attempt(() => storage.setItem(namespace + key, value)),
    remove: (key) => attempt(() => storage.removeItem(namespace + key)),
  };
}

/** Web Storage throws when it is full, switched off, or the page is in a sandbox; none of these may stop the chat. */
function attempt(run: () => void): void {
  try {
    run();
  } catch {
    return;
  }
}

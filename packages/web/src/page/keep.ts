/** What a browser remembers between visits. Without storage the page works, and forgets. */
import { type ClientStorage, memoryStorage, webStorage } from "@duologue/client";

const TOKEN = "duologue/token";

export function keptToken(): string | undefined {
  return attempt(() => localStorage.getItem(TOKEN)) ?? undefined;
}

export function keepToken(token: string | undefined): void {
  attempt(() => (token === undefined ? localStorage.removeItem(TOKEN) : localStorage.setItem(TOKEN, token)));
}

export function openStorage(): ClientStorage {
  // Merely naming localStorage throws where cookies are blocked.
  return attempt(() => webStorage(localStorage)) ?? memoryStorage();
}

/** Calls when another tab logged in or out. Returns nothing: it lasts as long as the page. */
export function onTokenChange(listener: (token: string | undefined) => void): void {
  window.addEventListener("storage", (event: StorageEvent) => {
    if (event.key === TOKEN) listener(event.newValue ?? undefined);
  });
}

function attempt<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch {
    return undefined;
  }
}

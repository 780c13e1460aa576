/** What the frame remembers of a guest between visits. Browsers keep it apart for each site that embeds the frame. */
import { type ClientStorage, memoryStorage, webStorage } from "@duologue/client";

/** Not the page's own key: what one does on a stranger's site is not to be done as the user of the page itself. */
const TOKEN = "duologue-embed/token";

export function keptToken(): string | undefined {
  return attempt(() => localStorage.getItem(TOKEN)) ?? undefined;
}

export function keepToken(token: string | undefined): void {
  attempt(() => (token === undefined ? localStorage.removeItem(TOKEN) : localStorage.setItem(TOKEN, token)));
}

export function openStorage(): ClientStorage {
  return attempt(() => webStorage(localStorage, "duologue-embed/")) ?? memoryStorage();
}

/** Merely naming localStorage throws where the browser blocks it in frames; the chat then works, and forgets. */
function attempt<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch {
    return undefined;
  }
}

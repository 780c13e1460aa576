/** What a browser remembers between visits. Without storage the page works, and forgets. */
import type { StandingsStore } from "./standings.ts";

const TOKEN = "duologue/token";
const PREFERENCE = "duologue/preference/";
const DRAFT = "duologue/draft/";
const STANDINGS = "duologue/standings/";

export function keptToken(): string | undefined {
  return read(TOKEN);
}

export function keepToken(token: string | undefined): void {
  write(TOKEN, token);
}

/** Calls when another tab logged in or out. Returns nothing: it lasts as long as the page. */
export function onTokenChange(listener: (token: string | undefined) => void): void {
  onChange(TOKEN, listener);
}

export function keptPreference(name: string): string | undefined {
  return read(PREFERENCE + name);
}

/** Undefined: as it was before anybody chose. */
export function keepPreference(name: string, value: string | undefined): void {
  write(PREFERENCE + name, value);
}

/** What was written and not sent, by conversation. */
export function keptDrafts(user: string): ReadonlyMap<string, string> {
  const prefix = `${DRAFT}${user}/`;
  const drafts = new Map<string, string>();
  for (const key of keysFrom(prefix)) drafts.set(key.slice(prefix.length), read(key) ?? "");
  return drafts;
}

/** An empty text forgets the draft. */
export function keepDraft(user: string, conversation: string, text: string): void {
  write(`${DRAFT}${user}/${conversation}`, text === "" ? undefined : text);
}

export function forgetDrafts(user: string): void {
  for (const key of keysFrom(`${DRAFT}${user}/`)) write(key, undefined);
}

/** How this user's conversations stand in the list. */
export function standingsStore(user: string): StandingsStore {
  const key = STANDINGS + user;
  return {
    read: () => read(key),
    write: (text) => write(key, text),
    onChange: (listener) => onChange(key, listener),
  };
}

/** Calls when another tab changed it. What it returns ends that. */
function onChange(key: string, listener: (value: string | undefined) => void): () => void {
  const onStorage = (event: StorageEvent): void => {
    if (event.key === key) listener(event.newValue ?? undefined);
  };
  window.addEventListener("storage", onStorage);
  return () => window.removeEventListener("storage", onStorage);
}

function keysFrom(prefix: string): readonly string[] {
  return attempt(() => Object.keys(localStorage).filter((key) => key.startsWith(prefix))) ?? [];
}

function read(key: string): string | undefined {
  return attempt(() => localStorage.getItem(key)) ?? undefined;
}

function write(key: string, value: string | undefined): void {
  attempt(() => (value === undefined ? localStorage.removeItem(key) : localStorage.setItem(key, value)));
}

function attempt<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch {
    return undefined;
  }
}

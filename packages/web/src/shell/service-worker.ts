/**
 * Keeps the files of one version of the page in the browser, so that the page opens without the server. It looks at
 * nothing else: what others embed, health checks and WebSockets never come by here.
 */

import { abortAfter } from "./environment.ts";

/** Put in by the build. */
declare const SHELL: { readonly version: string; readonly paths: readonly string[] };

interface ExtendableEvent extends Event {
  waitUntil(work: Promise<unknown>): void;
}

interface FetchEvent extends ExtendableEvent {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}

interface Events {
  readonly install: ExtendableEvent;
  readonly activate: ExtendableEvent;
  readonly fetch: FetchEvent;
}

/** The part of a worker's global scope that is used; the library of types for workers does not go with the page's. */
interface Scope {
  readonly location: { readonly origin: string };
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener<K extends keyof Events>(type: K, listener: (event: Events[K]) => void): void;
}

const scope = globalThis as unknown as Scope;
const CACHES = "duologue-page-";
const CACHE = CACHES + SHELL.version;
const DOCUMENT = "/";
const ASSETS = "/assets/";
/** The version before this one stays: a tab that is still open may load parts of it. */
const VERSIONS_KEPT = 2;
/** A server that takes longer is as good as away. */
const PATIENCE_MS = 2_000;

scope.addEventListener("install", (event) => event.waitUntil(install()));
scope.addEventListener("activate", (event) => event.waitUntil(activate()));
scope.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== scope.location.origin) return;
  if (request.mode === "navigate") {
    if (pathname === DOCUMENT) event.respondWith(answerDocument(request));
  } else if (pathname.startsWith(ASSETS) || SHELL.paths.includes(pathname)) {
    event.respondWith(answerAsset(request, pathname));
  }
});

/** All files or none: while the server changes versions, a document may name files that this version has not. */
async function install(): Promise<void> {
  const cache = await caches.open(CACHE);
  try {
    await cache.addAll(SHELL.paths.map((path) => new Request(path, { cache: "no-cache" })));
    const text = (await (await cache.match(DOCUMENT))?.text()) ?? "";
    const isWhole = [...text.matchAll(/"(\/assets\/[^"]+)"/g)].every(([, path]) =>
      SHELL.paths.includes(path ?? ""),
    );
    if (!isWhole) throw new TypeError("The server's document is of another version.");
  } catch (error) {
    await caches.delete(CACHE);
    throw error;
  }
  await scope.skipWaiting();
}

async function activate(): Promise<void> {
  const names = (await caches.keys()).filter((name) => name.startsWith(CACHES) && name !== CACHE);
  await Promise.all(names.slice(0, 1 - VERSIONS_KEPT).map((name) => caches.delete(name)));
  await scope.clients.claim();
}

/** The server's own if it answers in time, so that a new version shows at the first visit; else the one that was kept. */
async function answerDocument(request: Request): Promise<Response> {
  const inTime = await fetch(request, { signal: abortAfter(PATIENCE_MS) }).catch(() => undefined);
  // A proxy before a server that is away answers for it.
  if (inTime !== undefined && inTime.status < 500) return inTime;
  const cache = await caches.open(CACHE);
  return (await cache.match(DOCUMENT)) ?? inTime ?? fetch(request);
}

/** Its name says what it holds, so the one that was kept is as good as the server's. */
async function answerAsset(request: Request, pathname: string): Promise<Response> {
  const isImmutable = pathname.startsWith(ASSETS);
  const kept = isImmutable ? await caches.match(request) : undefined;
  if (kept !== undefined) return kept;
  try {
    return await fetch(request);
  } catch (error) {
    const last = await caches.match(request);
    if (last !== undefined) return last;
    throw error;
  }
}

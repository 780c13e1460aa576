/**
 * What the client needs from the place it runs in. Nothing else in this package may read time, set timers, draw random
 * numbers or open sockets, so that tests own all four.
 */
export interface Environment {
  /** Milliseconds since 1970, UTC. May jump, also backwards: only for stamps that people see and for ids. */
  now(): number;
  after(delayMs: number, run: () => void): Timer;
  /** From 0 to below 1; for jitter. */
  random(): number;
  /** Unguessable. */
  randomBytes(length: number): Uint8Array;
  /** Opens a WebSocket; `events` are called until `closed`, and never inside this call. Throws on a malformed address. */
  openSocket(url: string, subprotocol: string, events: SocketEvents): Socket;
  /** Calls when a try is likely to succeed now (network back, page visible again). Returns how to stop. */
  onWake(listener: () => void): () => void;
  /** Absent where tabs cannot find each other, or there are none. */
  readonly tabs?: TabEnvironment;
}

/** What tabs of one origin need to agree on who leads. */
export interface TabEnvironment {
  /**
   * Asks for a lock that one tab has at a time, and keeps until it goes or releases it; with `steal`, takes it from whoever
   * has it. `events` are never called inside this call.
   */
  lock(name: string, events: TabLockEvents, steal: boolean): TabLock;
  /** What this tab posts, all other tabs receive, each tab's messages in order. */
  openChannel(name: string, received: (message: unknown) => void): TabChannel;
}

export interface TabLockEvents {
  granted(): void;
  /** Another tab took it. One that was frozen hears of it some time after it wakes. */
  lost(): void;
}

export interface TabLock {
  /** Also ends the wait for it. No event comes after this. */
  release(): void;
  /** Finds out whether it is still this tab's; `known` is never called inside this call. */
  confirm(known: (isHeld: boolean) => void): void;
}

export interface TabChannel {
  /** Anything that structured cloning takes. */
  post(message: unknown): void;
  close(): void;
}

export interface Timer {
  cancel(): void;
}

export interface Socket {
  send(text: string): void;
  /** After this no event of the socket comes any more, `closed` neither. */
  drop(): void;
}

export interface SocketEvents {
  opened(): void;
  received(text: string): void;
  /** `code` as in RFC 6455 §7.4.1; 1006 when there was no close frame. */
  closed(code: number): void;
}

/** The part of the WebSocket standard that is used: browsers, Bun, Node >= 22 and the `ws` package have it. */
export interface StandardSocket {
  onopen: ((event: never) => void) | null;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onclose: ((event: { readonly code: number }) => void) | null;
  onerror: ((event: never) => void) | null;
  send(text: string): void;
  close(code?: number): void;
}

export type StandardSocketConstructor = new (url: string, subprotocol: string) => StandardSocket;

export interface EnvironmentOptions {
  /** For places without a global WebSocket, such as Node 20 with the `ws` package. */
  readonly WebSocket?: StandardSocketConstructor;
}

/**
 * The real thing, in a browser as in Bun or Node; what the place lacks (page, network events) is left out. Throws TypeError
 * where there is no WebSocket and none was passed.
 */
export function browserEnvironment(options: EnvironmentOptions = {}): Environment {
  const tabs = browserTabs();
  const own = globalThis.WebSocket as unknown as StandardSocketConstructor | undefined;
  const Constructor = options.WebSocket ?? own;
  if (Constructor === undefined)
    throw new TypeError("There is no WebSocket here; pass one: browserEnvironment({ WebSocket }).");
  return {
    now: () => Date.now(),
    after(delayMs, run) {
      const handle = setTimeout(run, delayMs);
      return { cancel: () => clearTimeout(handle) };
    },
    random: () => Math.random(),
    randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
    openSocket: (url, subprotocol, events) => openStandardSocket(Constructor, url, subprotocol, events),
    onWake: listenForWake,
    ...(tabs === undefined ? {} : { tabs }),
  };
}

/** Web Locks need a secure context; without them each tab is on its own. */
function browserTabs(): TabEnvironment | undefined {
  const locks = (globalThis.navigator as Navigator | undefined)?.locks as LockManager | undefined;
  if (locks === undefined || typeof BroadcastChannel !== "function") return undefined;
  return {
    lock: (name, events, steal) => browserLock(locks, name, events, steal),
    openChannel(name, received) {
      const channel = new BroadcastChannel(name);
      channel.onmessage = ({ data }) => received(data);
      return {
        post: (message) => channel.postMessage(message),
        close: () => channel.close(),
      };
    },
  };
}

function browserLock(locks: LockManager, name: string, events: TabLockEvents, steal: boolean): TabLock {
  const waiting = new AbortController();
  let release = (): void => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  let isHeld = false;
  let isOver = false;
  /** This page, as the browser names it to `query`. */
  let page: string | undefined;
  const findHolder = async (): Promise<string | undefined> =>
    (await locks.query()).held?.find((lock) => lock.name === name)?.clientId;
  const request = locks.request(name, steal ? { steal } : { signal: waiting.signal }, () => {
    if (isOver) return undefined;
    isHeld = true;
    void findHolder().then(
      (holder) => {
        page = holder;
      },
      () => undefined,
    );
    events.granted();
    return released;
  });
  // Rejected when the wait ends, of which whoever ended it knows, or when another tab takes the lock.
  void request.catch(() => {
    if (!isHeld || isOver) return;
    isHeld = false;
    events.lost();
  });
  return {
    release() {
      isOver = true;
      waiting.abort();
      release();
    },
    confirm(known) {
      void findHolder().then(
        (holder) => known(isHeld && (page === undefined || holder === page)),
        () => known(isHeld),
      );
    },
  };
}

function openStandardSocket(
  Constructor: StandardSocketConstructor,
  url: string,
  subprotocol: string,
  events: SocketEvents,
): Socket {
  const socket = new Constructor(url, subprotocol);
  socket.onopen = () => events.opened();
  socket.onmessage = (event) => {
    if (typeof event.data === "string") events.received(event.data);
  };
  socket.onclose = (event) => events.closed(event.code);
  // Without a listener some places print or throw; `close` always follows and says all there is to know.
  const ignore = (): void => {};
  socket.onerror = ignore;
  return {
    send: (text) => socket.send(text),
    drop() {
      socket.onopen = null;
      socket.onmessage = null;
      socket.onclose = null;
      socket.close();
    },
  };
}

function listenForWake(listener: () => void): () => void {
  if (typeof globalThis.addEventListener !== "function") return () => {};
  const page = globalThis.document as Document | undefined;
  const onVisible = (): void => {
    if (page?.visibilityState === "visible") listener();
  };
  globalThis.addEventListener("online", listener);
  page?.addEventListener("visibilitychange", onVisible);
  return () => {
    globalThis.removeEventListener("online", listener);
    page?.removeEventListener("visibilitychange", onVisible);
  };
}

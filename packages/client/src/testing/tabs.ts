/** Tabs of one browser, with locks and channels that move only when the test says so, and tabs that crash. */
import type { Client } from "../client.ts";
import type { ConnectOptions } from "../client-types.ts";
import type { Environment, Socket, TabChannel, TabEnvironment } from "../environment.ts";
import { memoryStorage } from "../storage.ts";
import { Room } from "./room.ts";

interface FakeChannel {
  readonly name: string;
  readonly tab: FakeTab;
  readonly received: (message: unknown) => void;
}

export class FakeTabs {
  readonly waiting: { readonly name: string; readonly tab: FakeTab; readonly granted: () => void }[] = [];
  readonly held = new Map<string, FakeTab>();
  readonly channels = new Set<FakeChannel>();
  readonly messages: { readonly to: FakeChannel; readonly message: unknown }[] = [];

  /** One message or one lock; false when there is nothing to move. */
  step(): boolean {
    const next = this.messages.shift();
    if (next !== undefined) {
      if (this.channels.has(next.to)) next.to.received(next.message);
      return true;
    }
    const index = this.waiting.findIndex(({ name }) => !this.held.has(name));
    const [request] = index < 0 ? [] : this.waiting.splice(index, 1);
    if (request === undefined) return false;
    this.held.set(request.name, request.tab);
    request.granted();
    return true;
  }

  forget(name: string, tab: FakeTab): void {
    const index = this.waiting.findIndex((request) => request.tab === tab && request.name === name);
    if (index >= 0) this.waiting.splice(index, 1);
    if (this.held.get(name) === tab) this.held.delete(name);
  }
}

export class FakeTab implements TabEnvironment {
  readonly #tabs: FakeTabs;
  readonly #sockets = new Set<Socket>();
  readonly #names = new Set<string>();
  /** Its code does not run any more; a crashed one has lost its locks, sockets and channels too. */
  isFrozen = false;

  constructor(tabs: FakeTabs) {
    this.#tabs = tabs;
  }

  lock(name: string, granted: () => void): () => void {
    this.#names.add(name);
    this.#tabs.waiting.push({ name, tab: this, granted });
    return () => this.#tabs.forget(name, this);
  }

  openChannel(name: string, received: (message: unknown) => void): TabChannel {
    const channel: FakeChannel = {
      name,
      tab: this,
      received: (message) => {
        if (!this.isFrozen) received(message);
      },
    };
    this.#tabs.channels.add(channel);
    return {
      post: (message) => {
        for (const to of this.#tabs.channels) {
          if (to !== channel && to.name === name)
            this.#tabs.messages.push({ to, message: structuredClone(message) });
        }
      },
      close: () => void this.#tabs.channels.delete(channel),
    };
  }

  crash(): void {
    this.isFrozen = true;
    for (const socket of this.#sockets) socket.drop();
    for (const channel of this.#tabs.channels) if (channel.tab === this) this.#tabs.channels.delete(channel);
    for (const name of this.#names) this.#tabs.forget(name, this);
  }

  /** The browser as this tab sees it. */
  environment(of: Environment): Environment {
    const awake = (run: () => void) => () => {
      if (!this.isFrozen) run();
    };
    return {
      now: () => of.now(),
      after: (delayMs, run) => of.after(delayMs, awake(run)),
      random: () => of.random(),
      randomBytes: (length) => of.randomBytes(length),
      openSocket: (url, subprotocol, events) => {
        const socket = of.openSocket(url, subprotocol, {
          opened: awake(() => events.opened()),
          received: (text) => awake(() => events.received(text))(),
          closed: (code) => awake(() => events.closed(code))(),
        });
        this.#sockets.add(socket);
        return socket;
      },
      onWake: (listener) => of.onWake(awake(listener)),
      tabs: this,
    };
  }
}

/** A room where some clients are tabs of one browser, with one storage. */
export class TabRoom extends Room {
  readonly tabs = new FakeTabs();
  readonly storage = memoryStorage();

  /** Not connected before something moves. */
  openTab(options: Partial<ConnectOptions>): { client: Client; tab: FakeTab } {
    const tab = new FakeTab(this.tabs);
    const environment = tab.environment(this.environment);
    const client = this.connect({ tabs: "group", storage: this.storage, environment, ...options });
    return { client, tab };
  }

  /** Until neither the network nor the tabs have anything to move. */
  settle(): void {
    while (this.server.flush() || this.tabs.step());
  }

  override pass(byMs: number): void {
    this.settle();
    for (let leftMs = byMs; leftMs > 0; leftMs -= 100) {
      this.environment.advance(Math.min(leftMs, 100));
      this.settle();
    }
  }
}

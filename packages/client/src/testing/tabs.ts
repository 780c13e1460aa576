/** Tabs of one browser, with locks and channels that move only when the test says so, and tabs that crash. */
import type { Client } from "../client.ts";
import type { ConnectOptions } from "../client-types.ts";
import type {
  Environment,
  Socket,
  SocketEvents,
  TabChannel,
  TabEnvironment,
  TabLock,
  TabLockEvents,
} from "../environment.ts";
import { memoryStorage } from "../storage.ts";
import { Room } from "./room.ts";

interface FakeChannel {
  readonly name: string;
  readonly tab: FakeTab;
  readonly received: (message: unknown) => void;
}

interface FakeRequest {
  readonly name: string;
  readonly tab: FakeTab;
  readonly events: TabLockEvents;
}

export class FakeTabs {
  readonly waiting: FakeRequest[] = [];
  readonly held = new Map<string, FakeRequest>();
  readonly channels = new Set<FakeChannel>();
  readonly messages: { readonly to: FakeChannel; readonly message: unknown }[] = [];
  /** Locks that were taken away, and what tabs wait to hear of theirs. */
  readonly #news: (() => void)[] = [];

  /** One message, one lock or one word of the browser's; false when there is nothing to move. */
  step(): boolean {
    const next = this.messages.shift();
    if (next !== undefined) {
      if (this.channels.has(next.to)) next.to.received(next.message);
      return true;
    }
    const news = this.#news.shift();
    if (news !== undefined) {
      news();
      return true;
    }
    const index = this.waiting.findIndex(({ name }) => !this.held.has(name));
    const [request] = index < 0 ? [] : this.waiting.splice(index, 1);
    if (request === undefined) return false;
    this.held.set(request.name, request);
    request.tab.run(() => request.events.granted());
    return true;
  }

  tell(news: () => void): void {
    this.#news.push(news);
  }

  /** Before all that wait, as Web Locks have it. */
  steal(request: FakeRequest): void {
    const holder = this.held.get(request.name);
    this.held.delete(request.name);
    this.waiting.unshift(request);
    if (holder !== undefined) this.tell(() => holder.tab.run(() => holder.events.lost()));
  }

  release(request: FakeRequest): void {
    const index = this.waiting.indexOf(request);
    if (index >= 0) this.waiting.splice(index, 1);
    if (this.held.get(request.name) === request) this.held.delete(request.name);
  }

  forget(tab: FakeTab): void {
    for (const request of [...this.waiting, ...this.held.values()]) {
      if (request.tab === tab) this.release(request);
    }
  }
}

export class FakeTab implements TabEnvironment {
  readonly #tabs: FakeTabs;
  readonly #sockets = new Set<Socket>();
  /** While it is frozen: what it has to do when it wakes. */
  #backlog: (() => void)[] | undefined;
  #isCrashed = false;

  constructor(tabs: FakeTabs) {
    this.#tabs = tabs;
  }

  get isFrozen(): boolean {
    return this.#backlog !== undefined;
  }

  /** Its code does not run any more; locks, sockets and channels stay as they are. */
  freeze(): void {
    this.#backlog ??= [];
  }

  /** What it missed comes now, in the order that `order` makes of it: browsers promise none. What it sends leaves at once. */
  wake(
    order: (tasks: (() => void)[]) => (() => void)[] = (tasks) => tasks,
    send: () => void = () => {},
  ): void {
    const backlog = this.#backlog ?? [];
    this.#backlog = undefined;
    for (const task of order(backlog)) {
      this.run(task);
      send();
    }
  }

  run(task: () => void): void {
    if (this.#isCrashed) return;
    if (this.#backlog === undefined) task();
    else this.#backlog.push(task);
  }

  lock(name: string, events: TabLockEvents, steal: boolean): TabLock {
    let isOver = false;
    const request: FakeRequest = {
      name,
      tab: this,
      events: {
        granted: () => {
          if (!isOver) events.granted();
        },
        lost: () => {
          if (!isOver) events.lost();
        },
      },
    };
    if (steal) this.#tabs.steal(request);
    else this.#tabs.waiting.push(request);
    return {
      release: () => {
        isOver = true;
        this.#tabs.release(request);
      },
      confirm: (known) => {
        this.#tabs.tell(() => {
          const isHeld = this.#tabs.held.get(name) === request;
          this.run(() => known(isHeld));
        });
      },
    };
  }

  openChannel(name: string, received: (message: unknown) => void): TabChannel {
    let isOpen = true;
    const channel: FakeChannel = {
      name,
      tab: this,
      received: (message) =>
        this.run(() => {
          if (isOpen) received(message);
        }),
    };
    this.#tabs.channels.add(channel);
    return {
      post: (message) => {
        for (const to of this.#tabs.channels) {
          if (to !== channel && to.name === name)
            this.#tabs.messages.push({ to, message: structuredClone(message) });
        }
      },
      close: () => {
        isOpen = false;
        this.#tabs.channels.delete(channel);
      },
    };
  }

  /** It is gone, with its locks, sockets and channels. */
  crash(): void {
    this.#isCrashed = true;
    for (const socket of this.#sockets) socket.drop();
    for (const channel of this.#tabs.channels) if (channel.tab === this) this.#tabs.channels.delete(channel);
    this.#tabs.forget(this);
  }

  /** The browser as this tab sees it. */
  environment(of: Environment): Environment {
    return {
      now: () => of.now(),
      after: (delayMs, run) => {
        let isCancelled = false;
        const timer = of.after(delayMs, () =>
          this.run(() => {
            if (!isCancelled) run();
          }),
        );
        return {
          cancel: () => {
            isCancelled = true;
            timer.cancel();
          },
        };
      },
      random: () => of.random(),
      randomBytes: (length) => of.randomBytes(length),
      openSocket: (url, subprotocol, events) => this.#openSocket(of, url, subprotocol, events),
      onWake: (listener) => of.onWake(() => this.run(listener)),
      tabs: this,
    };
  }

  #openSocket(of: Environment, url: string, subprotocol: string, events: SocketEvents): Socket {
    let isDropped = false;
    const deliver = (run: () => void): void =>
      this.run(() => {
        if (!isDropped) run();
      });
    const inner = of.openSocket(url, subprotocol, {
      opened: () => deliver(() => events.opened()),
      received: (text) => deliver(() => events.received(text)),
      closed: (code) => deliver(() => events.closed(code)),
    });
    const socket: Socket = {
      send: (text) => inner.send(text),
      drop: () => {
        isDropped = true;
        inner.drop();
      },
    };
    this.#sockets.add(socket);
    return socket;
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

export interface Scene {
  readonly bob: Client;
  readonly conversation: string;
  readonly token: string;
  readonly tabs: { readonly client: Client; readonly tab: FakeTab }[];
}

/** Bob on a device of his own, and alice with this many tabs that look at their conversation; the first one leads. */
export async function joinWithTabs(room: TabRoom, count: number): Promise<Scene> {
  const { client: bob, id: bobId } = room.join("bob");
  const { client: first } = room.join("alice");
  const token = first.token ?? "";
  const opened = first.open(bobId);
  room.settle();
  const conversation = await opened;
  first.close();
  void bob.openConversation(conversation);
  const tabs = [];
  for (let index = 0; index < count; index += 1) {
    const one = room.openTab({ token });
    room.settle();
    const loaded = one.client.openConversation(conversation);
    room.settle();
    await loaded;
    room.settle();
    tabs.push(one);
  }
  return { bob, conversation, token, tabs };
}

export function tabAt(scene: Scene, index: number): { readonly client: Client; readonly tab: FakeTab } {
  const found = scene.tabs[index];
  if (found === undefined) throw new RangeError(`there is no tab ${index}`);
  return found;
}

export function connections(room: TabRoom): number {
  return room.server.links.filter((link) => !link.isGone).length;
}

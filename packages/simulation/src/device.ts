/** A user's browser with its tabs: real clients in surroundings that can be reloaded, crashed and kept from reading. */
import { type Client, connect, type Environment, NotLoggedInError } from "@duologue/client";
import type { SeededRandom } from "@duologue/testing";
import { Life } from "./schedule.ts";
import type { SimulatedServer } from "./server.ts";
import { BrowserDisk, openStorage } from "./storage.ts";
import { BrowserTabs } from "./tabs.ts";
import { Wire } from "./wire.ts";
import type { Witness } from "./witness.ts";
import type { World } from "./world.ts";

const URL = "ws://duologue.test/";
const REGISTER_MS = 20_000;

export interface Surroundings {
  readonly world: World;
  readonly server: SimulatedServer;
  readonly witness: Witness;
  /** All connections that are open or being opened. */
  readonly wires: Set<Wire>;
  /** Hears every frame of every tab, as it is written and as it arrives. */
  readonly tap?: Tap;
}

export interface Tap {
  sent(life: Life, text: string): void;
  received(life: Life, text: string): void;
}

export interface DeviceOptions {
  readonly name: string;
  readonly isSlowDisk: boolean;
  /** Its tabs share one connection; otherwise each is on its own. */
  readonly sharedTabs: boolean;
  /** Keeps what it shows over reloads. */
  readonly offline: boolean;
}

interface Place {
  readonly life: Life;
  readonly offsetMs: () => number;
  readonly witness: (text: string, isFirst: boolean) => void;
  readonly listen?: (text: string) => void;
}

function environmentOf(
  { world, server, wires }: Surroundings,
  { life, offsetMs, witness, listen }: Place,
): Environment {
  const random = world.random.fork(life.name);
  return {
    now: () => world.wallMs + offsetMs(),
    after: (delayMs, run) => world.schedule.after(delayMs + world.momentMs(), life, "timer", run),
    random: () => random.next(),
    randomBytes: (length) => random.bytes(length),
    openSocket: (_url, _subprotocol, events) => {
      const wire = new Wire(world, { life, events, witness, listen }, () => pickWorker(server, random));
      wires.add(wire);
      return wire;
    },
    onWake: () => () => undefined,
  };
}

/** A guest's first visit; resolves to who they are from now on, and undefined when it did not come to that. */
export async function register(
  surroundings: Surroundings,
  nickname: string,
): Promise<{ readonly user: string; readonly token: string } | undefined> {
  const life = new Life(`${nickname}.0`);
  const environment = environmentOf(surroundings, { life, offsetMs: () => 0, witness: () => undefined });
  const client = connect({ url: URL, nickname, environment });
  await surroundings.world.run(REGISTER_MS, () => client.connection.kind === "online");
  const { me, token } = client;
  client.close();
  life.isOver = true;
  return me === undefined || token === undefined ? undefined : { user: me.id, token };
}

export class Tab {
  readonly life: Life;
  readonly client: Client;
  readonly device: Device;
  /** Conversations that the user has opened in it. */
  readonly opened = new Set<string>();
  /** Messages by conversation, in the order in which they were written. */
  readonly written = new Map<string, string[]>();
  readonly #arrived = new Set<string>();

  constructor(device: Device, number: number, login: { readonly token?: string }) {
    const { world, witness } = device.surroundings;
    this.device = device;
    this.life = new Life(`${device.options.name}.${number}`);
    const { life } = this;
    const environment = environmentOf(device.surroundings, {
      life,
      offsetMs: () => device.offsetMs,
      witness: (text, isFirst) => {
        witness.receive(device.user, life, text, isFirst);
        device.surroundings.tap?.received(life, text);
      },
      listen: (text) => device.surroundings.tap?.sent(life, text),
    });
    this.client = connect({
      url: URL,
      environment: device.options.sharedTabs
        ? { ...environment, tabs: device.browserTabs.environment(life) }
        : environment,
      storage: openStorage(world, life, device.disk),
      onToken: (token) => device.keepToken(life, token),
      offline: device.options.offline,
      ...(device.options.sharedTabs ? { tabs: "user" } : {}),
      ...login,
    });
    this.client.onArrival(({ id }) => {
      if (this.#arrived.has(id)) world.violate(`${life.name} was told twice that ${id} arrived`);
      this.#arrived.add(id);
    });
  }

  get wires(): readonly Wire[] {
    return [...this.device.surroundings.wires].filter((wire) => wire.client === this.life && wire.isOpen);
  }

  get isOnline(): boolean {
    return this.client.connection.kind === "online";
  }

  /** Runs what a user does; what is refused because nobody is logged in yet has not been done. */
  do(act: (client: Client) => void): void {
    try {
      act(this.client);
    } catch (error) {
      if (!(error instanceof NotLoggedInError)) throw error;
    }
  }

  open(conversation: string): void {
    this.opened.add(conversation);
    this.client.openConversation(conversation).catch(() => this.opened.delete(conversation));
  }
}

export class Device {
  readonly surroundings: Surroundings;
  readonly options: DeviceOptions;
  readonly disk: BrowserDisk;
  readonly browserTabs: BrowserTabs;
  readonly user: string;
  offsetMs = 0;
  tabs: Tab[] = [];
  /** Those that are closed too. */
  readonly allTabs: Tab[] = [];
  #token: string | undefined;
  #nextTab = 1;

  constructor(surroundings: Surroundings, options: DeviceOptions, user: string, token: string) {
    this.surroundings = surroundings;
    this.options = options;
    this.user = user;
    this.#token = token;
    this.disk = new BrowserDisk(surroundings.world, options.isSlowDisk);
    this.browserTabs = new BrowserTabs(surroundings.world);
  }

  get isLoggedOut(): boolean {
    return this.#token === undefined;
  }

  keepToken(life: Life, token: string | undefined): void {
    if (!life.isOver) this.#token = token;
  }

  openTab(): Tab {
    const tab = new Tab(this, this.#nextTab++, this.#token === undefined ? {} : { token: this.#token });
    this.tabs.push(tab);
    this.allTabs.push(tab);
    return tab;
  }

  /** The page is left in order; what it wanted to say is said. */
  closeTab(tab: Tab): void {
    this.surroundings.world.schedule.note(tab.life, "is closed");
    tab.client.close();
    this.#end(tab);
  }

  crashTab(tab: Tab): void {
    this.surroundings.world.schedule.note(tab.life, "crashes");
    const unsent = [...this.disk.values.keys()];
    this.disk.crash();
    this.#forgive(unsent);
    for (const wire of tab.wires) wire.clientGone();
    this.#end(tab);
  }

  /** What the disk has lost, nobody can send any more. */
  #forgive(keysBefore: readonly string[]): void {
    const { witness } = this.surroundings;
    for (const key of keysBefore) {
      const id = key.split("/").at(-1) ?? "";
      if (!this.disk.values.has(key)) witness.forgivable.add(id);
    }
  }

  #end(tab: Tab): void {
    tab.life.isOver = true;
    this.browserTabs.forget(tab.life);
    this.tabs = this.tabs.filter((other) => other !== tab);
  }
}

function pickWorker(
  server: SimulatedServer,
  random: SeededRandom,
): SimulatedServer["readyWorkers"][number] | undefined {
  const ready = server.readyWorkers;
  return ready.length === 0 ? undefined : random.pick(ready);
}

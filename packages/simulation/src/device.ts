/** A user's browser with its tabs: real clients in surroundings that can be reloaded, crashed and kept from reading. */
import { type Client, connect, type Environment, NotLoggedInError, type OutboxFrame } from "@duologue/client";
import { type Markers, referenceOf, type ServerFrame } from "@duologue/protocol";
import type { SeededRandom } from "@duologue/testing";
import type { Answers } from "./answers.ts";
import { Life } from "./schedule.ts";
import { BrowserDisk, openStorage } from "./storage.ts";
import { BrowserTabs } from "./tabs.ts";
import { type Listener, type Observer, Wire } from "./wire.ts";
import type { Witness } from "./witness.ts";
import type { World } from "./world.ts";

const URL = "ws://duologue.test/";
const REGISTER_MS = 20_000;

export interface Surroundings {
  readonly world: World;
  readonly witness: Witness;
  readonly answers: Answers;
  /** All connections that are open or being opened. */
  readonly wires: Set<Wire>;
  /** Who takes the next connection; undefined: nobody. */
  readonly findListener: (random: SeededRandom) => Listener | undefined;
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
  readonly observer: Observer;
}

function environmentOf(
  { world, wires, findListener }: Surroundings,
  { life, offsetMs, observer }: Place,
): Environment {
  const random = world.random.fork(life.name);
  return {
    now: () => world.wallMs + offsetMs(),
    after: (delayMs, run) => world.schedule.after(delayMs + world.momentMs(), life, "timer", run),
    random: () => random.next(),
    randomBytes: (length) => random.bytes(length),
    openSocket: (_url, _subprotocol, events) => {
      const wire = new Wire(world, { life, events, observer }, () => findListener(random));
      wires.add(wire);
      return wire;
    },
    onWake: () => () => undefined,
  };
}

const nobody: Observer = { sent: () => undefined, received: () => undefined, dealtWith: () => undefined };

/** A guest's first visit; resolves to who they are from now on, and undefined when it did not come to that. */
export async function register(
  surroundings: Surroundings,
  nickname: string,
): Promise<{ readonly user: string; readonly token: string } | undefined> {
  const life = new Life(`${nickname}.0`);
  const environment = environmentOf(surroundings, { life, offsetMs: () => 0, observer: nobody });
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
  /** Ids by conversation, in the order in which they were written. */
  readonly written = new Map<string, string[]>();
  /** How far the user has looked here, by conversation. */
  readonly looked = new Map<string, number>();
  readonly #arrived = new Set<string>();
  /** What it has shown of whose markers: each goes forward only. */
  readonly #shown = new Map<string, Markers>();
  /** The frame that is being dealt with. */
  #frame: ServerFrame | undefined;

  constructor(device: Device, number: number, login: { readonly token?: string }) {
    const { world } = device.surroundings;
    this.device = device;
    this.life = new Life(`${device.options.name}.${number}`);
    const { life } = this;
    const environment = environmentOf(device.surroundings, {
      life,
      offsetMs: () => device.offsetMs,
      observer: this.#observe(),
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

  open(conversation: string): void {
    this.opened.add(conversation);
    this.client.openConversation(conversation).catch(() => this.opened.delete(conversation));
  }

  send(conversation: string, text: string, replyTo?: number): void {
    const reply = replyTo === undefined ? {} : { replyTo };
    const body = { kind: "text", text } as const;
    this.#write((client) => {
      const id = client.send(conversation, text, reply);
      return { type: "send", id, conversation, body, ...reply };
    });
  }

  edit(conversation: string, target: number, text: string): void {
    const body = { kind: "text", text } as const;
    this.#write((client) => {
      const id = client.edit(conversation, target, text);
      return { type: "edit", id, conversation, target, body };
    });
  }

  retract(conversation: string, target: number): void {
    this.#write((client) => {
      const id = client.retract(conversation, target);
      return { type: "retract", id, conversation, target };
    });
  }

  /** Up to this number. */
  read(conversation: string, seq: number): void {
    this.device.surroundings.witness.look(this.device.user, conversation, seq);
    this.looked.set(conversation, Math.max(seq, this.looked.get(conversation) ?? 0));
    this.client.markRead(conversation, seq);
  }

  /** What is refused because nobody is logged in yet has not been written. */
  #write(act: (client: Client) => OutboxFrame): void {
    try {
      const frame = act(this.client);
      const { id, conversation } = frame;
      this.written.set(conversation, [...(this.written.get(conversation) ?? []), id]);
      this.device.surroundings.witness.write(this.device.user, frame);
    } catch (error) {
      if (!(error instanceof NotLoggedInError)) throw error;
    }
  }

  #observe(): Observer {
    const { life, device } = this;
    const { surroundings, user } = device;
    const { witness, answers, tap } = surroundings;
    return {
      sent: (wire, text) => {
        answers.sent(wire, text);
        const { id } = referenceOf(text);
        if (id !== undefined) witness.refusals.written(id);
        tap?.sent(life, text);
      },
      received: (wire, text, isFirst) => {
        this.#frame = witness.receive({ user, name: life.name, connection: wire }, text, isFirst);
        answers.received(wire, text);
        tap?.received(life, text);
      },
      dealtWith: () => this.judgeShown(conversationsIn(this.#frame)),
    };
  }

  /** What it shows of these now, against what it has shown before. */
  judgeShown(conversations: Iterable<string>): void {
    for (const id of conversations) {
      const view = this.client.conversation(id);
      if (view === undefined) continue;
      for (const whose of ["mine", "theirs"] as const) {
        const key = `${whose} ${id}`;
        const [before, now] = [this.#shown.get(key), view[whose]];
        if (before !== undefined && (now.delivered < before.delivered || now.read < before.read))
          this.device.surroundings.world.violate(
            `${this.life.name} shows that ${key} went from ${JSON.stringify(before)} to ${JSON.stringify(now)}`,
          );
        this.#shown.set(key, now);
      }
    }
  }
}

/** Those whose markers a frame may have moved. */
function conversationsIn(frame: ServerFrame | undefined): readonly string[] {
  switch (frame?.type) {
    case "ack":
    case "event":
    case "markers":
      return [frame.conversation];
    case "conversation":
      return [frame.conversation.id];
    case "conversations":
    case "changes":
      return frame.conversations.map(({ id }) => id);
    case "welcome":
      return frame.changes?.conversations.map(({ id }) => id) ?? [];
    default:
      return [];
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

  /** Undefined when it was logged out. */
  get token(): string | undefined {
    return this.#token;
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

/** What users do with their clients, one thing at a time, as the seed says. */
import type { Client } from "@duologue/client";
import type { SeededRandom } from "@duologue/testing";
import { allCuts } from "./coverage.ts";
import type { Tab } from "./device.ts";
import type { Plan } from "./plan.ts";
import { Prober } from "./probe.ts";
import { Life } from "./schedule.ts";
import type { Stage } from "./stage.ts";

type Deed =
  | "send"
  | "burst"
  | "reply"
  | "edit"
  | "retract"
  | "read"
  | "typing"
  | "older"
  | "open"
  | "discard"
  | "rename"
  | "search"
  | "probe"
  | "doom";

const deeds: readonly Deed[] = [
  ...Array.from({ length: 10 }, () => "send" as const),
  "burst",
  "reply",
  "reply",
  "edit",
  "edit",
  "retract",
  "read",
  "read",
  "read",
  "typing",
  "typing",
  "typing",
  "older",
  "older",
  "open",
  "discard",
  "rename",
  "rename",
  "search",
  "search",
  "probe",
  "probe",
  ...Array.from({ length: 5 }, () => "doom" as const),
];

/** What brings a frame of this kind, so that a cut there does not have to wait for chance. */
const provoking: ReadonlyMap<string, Deed> = new Map([
  ["↑ send", "send"],
  ["↓ ack", "send"],
  ["↓ event", "send"],
  ["↑ edit", "edit"],
  ["↑ retract", "retract"],
  ["↑ mark", "read"],
  ["↓ markers", "read"],
  ["↑ typing", "typing"],
  ["↓ typing", "typing"],
  ["↑ history", "older"],
  ["↓ history", "older"],
  ["↑ open", "open"],
  ["↓ conversation", "open"],
  ["↑ rename", "rename"],
  ["↓ renamed", "rename"],
  ["↑ search", "search"],
  ["↓ users", "search"],
]);
/** The other side does it. */
const provokedByPeer: ReadonlySet<string> = new Set(["↓ event", "↓ typing"]);
/** Some of what should bring these does not: all is loaded, the other side is away. */
const OFTEN_IN_VAIN = new Set(["typing", "history", "conversation", "retract", "edit"]);
const provokedCuts = allCuts
  .filter(({ direction, type }) => provoking.has(`${direction} ${type}`))
  .flatMap((cut) => (OFTEN_IN_VAIN.has(cut.type) ? [cut, cut] : [cut]));

const usersLife = new Life("users");

export class Users {
  readonly #stage: Stage;
  readonly #plan: Plan;
  readonly #random: SeededRandom;
  readonly #prober: Prober;
  #left: number;
  #count = 0;

  constructor(stage: Stage, plan: Plan) {
    this.#stage = stage;
    this.#plan = plan;
    this.#random = stage.world.random.fork("users");
    this.#prober = new Prober(stage);
    this.#left = plan.actions;
  }

  get areDone(): boolean {
    return this.#left === 0;
  }

  begin(): void {
    if (this.#left === 0) return;
    const delayMs = this.#random.exponential(this.#plan.actionEveryMs);
    this.#stage.world.schedule.after(delayMs, usersLife, "do something", () => {
      this.#left -= 1;
      this.#act();
      this.begin();
    });
  }

  #act(): void {
    const { devices, conversations, world } = this.#stage;
    const device = this.#random.pick(devices);
    const tab = device.tabs.length === 0 ? undefined : this.#random.pick(device.tabs);
    const mine = [...conversations].filter(([, users]) => users.includes(device.user));
    const deed = this.#random.pick(deeds);
    if (tab === undefined || mine.length === 0) return;
    const [conversation] = this.#random.pick(mine);
    world.schedule.note(tab.life, deed);
    this.#carryOut(deed, tab, conversation);
  }

  #carryOut(deed: Deed, tab: Tab, conversation: string): void {
    switch (deed) {
      case "send":
        tab.send(conversation, this.#makeText());
        return;
      case "burst":
        for (let left = this.#random.between(3, 40); left > 0; left -= 1)
          tab.send(conversation, this.#makeText());
        return;
      case "reply":
        tab.send(conversation, this.#makeText(), this.#pickSeq(tab.client, conversation, false));
        return;
      case "edit":
      case "retract":
        this.#change(deed, tab, conversation);
        return;
      case "read":
        this.#read(tab, conversation);
        return;
      case "typing":
        // Who goes on typing says nothing new.
        if (this.#random.chance(0.7)) tab.client.setTyping(conversation, false);
        tab.client.setTyping(conversation, this.#random.chance(0.8));
        return;
      case "older":
        tab.client.loadOlder(conversation).catch(() => undefined);
        return;
      case "open":
        this.#open(tab, conversation);
        return;
      case "discard":
        this.#discard(tab, conversation);
        return;
      case "rename":
        tab.client.rename(`${tab.device.options.name} the ${this.#random.below(100)}`).catch(() => undefined);
        return;
      case "search":
        tab.client.search(this.#random.pick(["a", "bob", "the"])).catch(() => undefined);
        return;
      case "probe":
        void this.#prober.probe(tab.device, this.#random);
        return;
      case "doom":
        this.#doom(tab, conversation);
        return;
      default:
        deed satisfies never;
    }
  }

  #change(deed: "edit" | "retract", tab: Tab, conversation: string): void {
    const target = this.#pickSeq(tab.client, conversation, true);
    if (target === undefined) return;
    if (deed === "retract") tab.retract(conversation, target);
    else tab.edit(conversation, target, this.#makeText());
  }

  #read(tab: Tab, conversation: string): void {
    const lastSeq = tab.client.conversation(conversation)?.lastSeq;
    if (lastSeq === undefined || lastSeq === 0) return;
    tab.read(conversation, this.#random.chance(0.7) ? lastSeq : this.#random.between(1, lastSeq));
  }

  /** The connection is cut at a frame of some kind, and somebody brings one about. */
  #doom(tab: Tab, conversation: string): void {
    const { devices, conversations, world } = this.#stage;
    // One of them has it for all, where they share it.
    const [wire] = tab.device.tabs.flatMap(({ wires }) => wires);
    if (wire === undefined || !world.faults.strikes("doomedSocket")) return;
    const { direction, type, moment } = this.#random.pick(provokedCuts);
    const kind = `${direction} ${type}`;
    wire.cutAt({ direction, type, moment });
    const peers = devices
      .filter(({ user }) => user !== tab.device.user && conversations.get(conversation)?.includes(user))
      .flatMap(({ tabs }) => tabs);
    const actors = provokedByPeer.has(kind) ? peers : [tab];
    const deed = provoking.get(kind);
    if (actors.length > 0 && deed !== undefined)
      this.#carryOut(deed, this.#random.pick(actors), conversation);
  }

  #open(tab: Tab, conversation: string): void {
    if (this.#random.chance(0.5)) {
      tab.open(conversation);
      return;
    }
    const peers = this.#stage.devices.filter(({ user }) => user !== tab.device.user);
    if (peers.length > 0) this.#stage.openWith(tab, this.#random.pick(peers).user);
  }

  #discard(tab: Tab, conversation: string): void {
    const waiting = tab.client.timeline(conversation).entries.filter(({ pending }) => pending !== undefined);
    if (waiting.length === 0) return;
    const { id } = this.#random.pick(waiting);
    if (tab.client.discard(id)) this.#stage.witness.forgivable.add(id);
  }

  /** Of a message that this client shows with its number. */
  #pickSeq(client: Client, conversation: string, isOwn: boolean): number | undefined {
    const seqs = client
      .timeline(conversation)
      .entries.flatMap(({ seq, mine, retracted }) =>
        seq === undefined || (isOwn && (!mine || retracted)) ? [] : [seq],
      );
    return seqs.length === 0 ? undefined : this.#random.pick(seqs);
  }

  #makeText(): string {
    this.#count += 1;
    return `text ${this.#count} ${"·".repeat(this.#random.below(this.#plan.textCharacters))}`;
  }
}

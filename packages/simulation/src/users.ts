/** What users do with their clients, one thing at a time, as the seed says. */
import type { Client, OutboxFrame } from "@duologue/client";
import type { SeededRandom } from "@duologue/testing";
import type { Device, Tab } from "./device.ts";
import type { Plan } from "./plan.ts";
import { Life } from "./schedule.ts";
import type { Witness } from "./witness.ts";
import type { World } from "./world.ts";

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
  | "discard";

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
  "older",
  "open",
  "discard",
];

const usersLife = new Life("users");

export class Users {
  readonly #world: World;
  readonly #plan: Plan;
  readonly #witness: Witness;
  readonly #devices: readonly Device[];
  readonly #random: SeededRandom;
  #left: number;
  #count = 0;
  /** Conversations that were opened, with their two users. */
  readonly conversations = new Map<string, readonly [string, string]>();

  constructor(world: World, plan: Plan, witness: Witness, devices: readonly Device[]) {
    this.#world = world;
    this.#plan = plan;
    this.#witness = witness;
    this.#devices = devices;
    this.#random = world.random.fork("users");
    this.#left = plan.actions;
  }

  get areDone(): boolean {
    return this.#left === 0;
  }

  begin(): void {
    if (this.#left === 0) return;
    const delayMs = this.#random.exponential(this.#plan.actionEveryMs);
    this.#world.schedule.after(delayMs, usersLife, "do something", () => {
      this.#left -= 1;
      this.#act();
      this.begin();
    });
  }

  /** The conversation of two users, opened by the first one; known when the answer has come. */
  openWith(tab: Tab, peer: string): void {
    tab.client.open(peer).then(
      (conversation) => {
        this.conversations.set(conversation, [tab.device.user, peer]);
        tab.opened.add(conversation);
      },
      () => undefined,
    );
  }

  #act(): void {
    const device = this.#random.pick(this.#devices);
    const tab = device.tabs.length === 0 ? undefined : this.#random.pick(device.tabs);
    const mine = [...this.conversations].filter(([, users]) => users.includes(device.user));
    const deed = this.#random.pick(deeds);
    if (tab === undefined || mine.length === 0) return;
    const [conversation] = this.#random.pick(mine);
    this.#world.schedule.note(tab.life, deed);
    this.#carryOut(deed, tab, conversation);
  }

  #carryOut(deed: Deed, tab: Tab, conversation: string): void {
    switch (deed) {
      case "send":
        this.#send(tab, conversation, undefined);
        return;
      case "burst":
        for (let left = this.#random.between(3, 40); left > 0; left -= 1)
          this.#send(tab, conversation, undefined);
        return;
      case "reply":
        this.#send(tab, conversation, this.#pickSeq(tab.client, conversation, false));
        return;
      case "edit":
      case "retract":
        this.#change(deed, tab, conversation);
        return;
      case "read":
        this.#read(tab, conversation);
        return;
      case "typing":
        tab.client.setTyping(conversation, this.#random.chance(0.7));
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
      default:
        deed satisfies never;
    }
  }

  #send(tab: Tab, conversation: string, replyTo: number | undefined): void {
    const text = this.#makeText();
    tab.do((client) => {
      const id = client.send(conversation, text, replyTo === undefined ? {} : { replyTo });
      const body = { kind: "text", text } as const;
      tab.written.set(conversation, [...(tab.written.get(conversation) ?? []), id]);
      this.#log(tab, {
        type: "send",
        id,
        conversation,
        body,
        ...(replyTo === undefined ? {} : { replyTo }),
      });
    });
  }

  #change(deed: "edit" | "retract", tab: Tab, conversation: string): void {
    const target = this.#pickSeq(tab.client, conversation, true);
    if (target === undefined) return;
    const text = this.#makeText();
    tab.do((client) => {
      if (deed === "retract") {
        const id = client.retract(conversation, target);
        this.#log(tab, { type: "retract", id, conversation, target });
      } else {
        const id = client.edit(conversation, target, text);
        this.#log(tab, { type: "edit", id, conversation, target, body: { kind: "text", text } });
      }
    });
  }

  #read(tab: Tab, conversation: string): void {
    const lastSeq = tab.client.conversation(conversation)?.lastSeq;
    if (lastSeq === undefined || lastSeq === 0) return;
    const seq = this.#random.chance(0.7) ? lastSeq : this.#random.between(1, lastSeq);
    this.#witness.look(tab.device.user, conversation, seq);
    tab.client.markRead(conversation, seq);
  }

  #open(tab: Tab, conversation: string): void {
    if (this.#random.chance(0.5)) {
      tab.open(conversation);
      return;
    }
    const peers = this.#devices.filter(({ user }) => user !== tab.device.user);
    if (peers.length > 0) this.openWith(tab, this.#random.pick(peers).user);
  }

  #discard(tab: Tab, conversation: string): void {
    const waiting = tab.client.timeline(conversation).entries.filter(({ pending }) => pending !== undefined);
    if (waiting.length === 0) return;
    const { id } = this.#random.pick(waiting);
    if (tab.client.discard(id)) this.#witness.forgivable.add(id);
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

  #log(tab: Tab, frame: OutboxFrame): void {
    this.#witness.write(tab.device.user, frame);
  }

  #makeText(): string {
    this.#count += 1;
    return `text ${this.#count} ${"·".repeat(this.#random.below(this.#plan.textCharacters))}`;
  }
}

/** The model of catching up (SPEC SY): what is true, and one server for many short visits of bob's, who should find it so. */
import { decodeServerFrame, type ServerFrameOf } from "@duologue/protocol";
import { SeededRandom } from "@duologue/testing";
import type { SqliteReader } from "duologue";
import { Device, register, type Surroundings, type Tab } from "../src/device.ts";
import { DirectedFaults } from "../src/faults.ts";
import { telling } from "../src/report.ts";
import type { SimulatedServer } from "../src/server.ts";
import { Stage } from "../src/stage.ts";
import type { Wire } from "../src/wire.ts";
import type { World } from "../src/world.ts";

export const SYNC_EVENTS = 24;
type Request = Parameters<NonNullable<SimulatedServer["primary"]>["parts"]["writer"]["submit"]>[0];

/** What is looked at of the store's answers. */
interface Outcome {
  readonly conversation?: string;
  readonly position?: number;
}

const PEERS = 2;
const PATIENCE_MS = 120_000;
const MOMENT_MS = 40;
const JUDGED = /^\{"type":"(ack|changes|welcome)"/;

interface Change {
  readonly position: number;
  readonly id: string;
}

/** What is true, and what bob's clients said and heard of it. */
export class Model {
  /** Committed, in order; of bob's own messages those that somebody was told of. */
  readonly changes: Change[] = [];
  readonly problems: string[] = [];
  readonly #epoch: string;
  /** What happened before this run is not looked at. */
  readonly #base: number;
  readonly #isOwn: (id: string) => boolean;
  /** Bob's messages of this run. */
  readonly own = new Set<string>();
  /** By tab and number of the request: the cursor, and the last position when it was asked. */
  readonly #asked = new Map<string, { readonly cursor: string; readonly last: number }>();
  /** How often it was said: load anew. */
  resets = 0;

  constructor(epoch: string, base: number, isOwn: (id: string) => boolean) {
    this.#epoch = epoch;
    this.#base = base;
    this.#isOwn = isOwn;
  }

  get last(): number {
    return this.changes.at(-1)?.position ?? this.#base;
  }

  add(change: Change): void {
    if (this.changes.some(({ id }) => id === change.id)) return;
    this.changes.push(change);
    this.changes.sort((one, other) => one.position - other.position);
  }

  sent(tab: string, text: string): void {
    const frame = JSON.parse(text) as { type: string; ref?: number; cursor?: string };
    const { type, ref, cursor } = frame;
    if ((type === "hello" || type === "sync") && cursor !== undefined)
      this.#asked.set(`${tab} ${type === "hello" ? "hello" : ref}`, { cursor, last: this.last });
    else if (type === "hello") this.#asked.delete(`${tab} hello`);
  }

  received(tab: string, text: string): void {
    if (!JUDGED.test(text)) return;
    const decoded = decodeServerFrame(text);
    if (!decoded.ok) return;
    const { frame } = decoded;
    if (frame.type === "ack" && frame.cursor !== undefined)
      this.add({ position: positionOf(frame.cursor), id: frame.id });
    if (frame.type === "changes") this.#judge(`${tab} ${frame.ref}`, frame);
    if (frame.type === "welcome" && frame.changes !== undefined)
      this.#judge(`${tab} hello`, { ...frame.changes });
  }

  /** Whether the server may say: load anew. */
  #isHopeless(cursor: string): boolean {
    const since = positionOf(cursor);
    return (
      !this.#isOurs(cursor) ||
      since < this.#base ||
      since > this.last ||
      this.#missing(since, Number.POSITIVE_INFINITY).length + this.#countUntold() > SYNC_EVENTS
    );
  }

  /** Of bob's messages, those that may be committed without anybody having been told. */
  #countUntold(): number {
    return [...this.own].filter((id) => !this.changes.some((change) => change.id === id)).length;
  }

  /** It has the form of this server's. */
  #isOurs(cursor: string): boolean {
    return cursor === `${this.#epoch}.${positionOf(cursor)}`;
  }

  #missing(since: number, upTo: number): readonly Change[] {
    return this.changes.filter(({ position }) => position > since && position <= upTo);
  }

  #judge(
    key: string,
    page: Pick<ServerFrameOf<"changes">, "events" | "conversations" | "cursor" | "more" | "reset">,
  ): void {
    const asked = this.#asked.get(key);
    if (asked === undefined) return;
    const say = (what: string): void => {
      this.problems.push(`${key}: asked ${asked.cursor}, last ${asked.last}, now ${this.last}: ${what}`);
    };
    for (const { id, cursor } of page.events) {
      if (this.#isOwn(id)) this.add({ position: positionOf(cursor), id });
    }
    const upTo = positionOf(page.cursor);
    if (!page.more && upTo < asked.last) say(`complete at ${upTo}, and is not`);
    if (page.reset === true) {
      this.resets += 1;
      if (!this.#isHopeless(asked.cursor)) say("reset without need");
      return;
    }
    if (!this.#isOurs(asked.cursor) || positionOf(asked.cursor) > Math.max(upTo, this.last)) {
      say("no reset for what is no cursor");
      return;
    }
    const expected = this.#missing(positionOf(asked.cursor), upTo).map(({ id }) => id);
    const recent = page.events.filter(({ cursor }) => positionOf(cursor) > this.#base);
    const got = recent.map(({ id }) => id);
    if (got.join() !== expected.join()) say(`${got.length} events up to ${upTo}, not ${expected.length}`);
    const told = new Set(page.conversations.map(({ id }) => id));
    if (page.events.some(({ conversation }) => !told.has(conversation)))
      say("an event without its conversation");
  }
}

function positionOf(cursor: string): number {
  return Number(cursor.slice(cursor.lastIndexOf(".") + 1));
}

/** Bob's visit in one run. */
export interface Visit {
  readonly model: Model;
  readonly device: Device;
  readonly peers: readonly string[];
  readonly conversations: readonly string[];
  /** By tab: the number of the first message that it showed when it had loaded some, and how many resets there had been. */
  readonly floors: Map<Tab, { readonly seq: number; readonly resets: number }>;
}

export class Visits implements AsyncDisposable {
  readonly #stage: Stage;
  #bob = { user: "", token: "" };
  #count = 0;
  #model: Model | undefined;
  #reader: SqliteReader | undefined;

  static async begin(): Promise<Visits> {
    const visits = new Visits();
    const { world, server } = visits.#stage;
    server.start();
    await world.run(PATIENCE_MS, () => server.isWhole);
    const bob = await register(visits.#surroundings, "bob");
    if (bob === undefined) throw new RangeError("bob could not come in");
    visits.#bob = bob;
    return visits;
  }

  private constructor() {
    const limits = {
      pageEvents: 4,
      pageConversations: 3,
      syncEvents: SYNC_EVENTS,
      framesPerSecond: 10_000,
      framesBurst: 10_000,
    };
    this.#stage = new Stage({
      random: new SeededRandom(1),
      faults: new DirectedFaults(),
      workers: 2,
      limits,
    });
  }

  get server(): SimulatedServer {
    return this.#stage.server;
  }

  get #world(): World {
    return this.#stage.world;
  }

  get #surroundings(): Surroundings {
    return {
      ...this.#stage.surroundings,
      tap: {
        sent: (life, text) => this.#model?.sent(life.name, text),
        received: (life, text) => this.#model?.received(life.name, text),
      },
    };
  }

  /** Bob with people he has not met, on a device that he has not used. */
  async begin(seed: number, sharedTabs: boolean): Promise<Visit> {
    const { wires, witness } = this.#stage;
    this.#world.restart(seed);
    wires.clear();
    const reader = this.#openReader();
    const base = await reader.position(this.#bob.user);
    const model = new Model(reader.epoch, base, (id) => witness.sent.get(id)?.user === this.#bob.user);
    this.#count += 1;
    const peers: string[] = [];
    const conversations: string[] = [];
    const met = Array.from({ length: PEERS }, async (_, index) => {
      const id = `u_${this.#count}-${index}`;
      peers.push(id);
      const open = { by: id, with: this.#bob.user, ensure: [], quota: undefined };
      const [, opened] = await Promise.all([
        this.#submit({ op: "create-user", user: { id, name: id, kind: "guest", createdAt: 0 } }),
        this.#submit({ op: "open", open }),
      ]);
      conversations.push(opened.conversation ?? "");
    });
    await this.#done(met);
    this.#model = model;
    // The same name each time: chance goes by it.
    const options = { name: "bob-1", isSlowDisk: false, sharedTabs, offline: true };
    const device = new Device(this.#surroundings, options, this.#bob.user, this.#bob.token);
    const visit = { model, device, peers, conversations, floors: new Map() };
    await this.write(visit, 0, 1);
    this.openTab(visit);
    return visit;
  }

  openTab({ device, conversations, model, floors }: Visit): void {
    const tab = device.openTab();
    const [conversation = ""] = conversations;
    tab.client.subscribe(() => {
      const { entries, loading } = tab.client.timeline(conversation);
      const first = entries[0]?.seq;
      if (loading || first === undefined || floors.get(tab)?.resets === model.resets) return;
      floors.set(tab, { seq: first, resets: model.resets });
    });
    // The other one stays a line of the list.
    tab.open(conversation);
  }

  /** A peer of bob's writes; committed when it resolves. */
  async write({ model, peers, conversations }: Visit, peer: number, count: number): Promise<void> {
    const [sender = "", conversation = ""] = [peers[peer], conversations[peer]];
    await this.#world.run(PATIENCE_MS, () => this.server.primary !== undefined);
    const written = Array.from({ length: count }, async () => {
      const id = this.#makeId();
      const frame = { type: "send", id, conversation, body: { kind: "text", text: id } } as const;
      this.#stage.witness.write(sender, frame);
      const draft = {
        conversation,
        sender,
        id,
        kind: "message" as const,
        body: JSON.stringify(frame.body),
        replyTo: undefined,
        target: undefined,
        origin: 0,
        onlyRepeat: false,
      };
      const appended = await this.#submit({ op: "append", draft });
      if (appended.position !== undefined) model.add({ position: appended.position, id });
    });
    await this.#done(written);
  }

  /** Bob's message; it waits when he is not online. */
  send({ model }: Visit, tab: Tab, conversation: string): void {
    tab.send(conversation, "from bob");
    for (const id of tab.written.get(conversation) ?? []) model.own.add(id);
  }

  async pass(forMs: number): Promise<void> {
    await this.#world.run(forMs);
  }

  get wires(): ReadonlySet<Wire> {
    return this.#stage.wires;
  }

  /** Until bob has everything; then what is wrong. */
  async end(visit: Visit): Promise<readonly string[]> {
    const { model, device } = visit;
    const world = this.#world;
    const problems: string[] = [];
    // What is on its way needs a moment before it shows that something is to be done.
    for (let round = 0; round < 2; round += 1) {
      await world.run(MOMENT_MS);
      if (!(await world.run(PATIENCE_MS, () => this.#isSettled(visit)))) problems.push("bob does not settle");
    }
    problems.push(...(await this.#judgeShown(visit, false)));
    for (const { client, opened } of device.tabs) {
      for (const conversation of opened) {
        while (client.timeline(conversation).hasOlder && problems.length === 0)
          await this.#done([client.loadOlder(conversation)]);
      }
    }
    problems.push(...(await this.#judgeShown(visit, true)));
    const all = [...problems, ...model.problems, ...world.violations.map(({ what }) => what)];
    if (all.length > 0) all.push(...telling(world.schedule.trace));
    world.violations.length = 0;
    for (const tab of [...device.tabs]) device.closeTab(tab);
    this.#model = undefined;
    await world.run(5);
    return all;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#reader?.close();
    this.#stage[Symbol.dispose]();
  }

  #isSettled({ device, conversations }: Visit): boolean {
    return (
      this.server.isWhole &&
      ![...device.disk.values.keys()].some((key) => key.startsWith("outbox/")) &&
      device.tabs.every(
        ({ client, isOnline }) => isOnline && !client.syncing && !isLoading(client, conversations[0] ?? ""),
      )
    );
  }

  /**
   * What each tab shows are the last events, without a hole: all that it showed when it had loaded some, first or anew, and
   * all since; when everything is loaded, all there are.
   */
  async #judgeShown(
    { model, device, conversations, floors }: Visit,
    isLoaded: boolean,
  ): Promise<readonly string[]> {
    const reader = this.#openReader();
    const problems: string[] = [];
    for (const conversation of conversations) {
      const { events } = await reader.history(conversation, undefined, 1_000);
      const ids = events.map(({ id }) => id);
      for (const tab of device.tabs) {
        const { life, client, opened } = tab;
        const shown = client.timeline(conversation).entries.map(({ id }) => id);
        const floor = floors.get(tab);
        const first = floor?.resets === model.resets ? floor.seq : ids.length;
        const due = isLoaded ? ids.length : ids.length + 1 - first;
        const expected = opened.has(conversation) ? ids.slice(-Math.max(due, shown.length)) : [];
        const lastSeq = client.conversation(conversation)?.lastSeq;
        // After a reset the list is known as far as its first page only.
        const isListed =
          lastSeq === undefined ? client.hasMoreConversations || ids.length === 0 : lastSeq === ids.length;
        if (shown.join() !== expected.join() || !isListed)
          problems.push(
            `${life.name} shows ${shown.length} of ${ids.length}, the last ${lastSeq}, due ${due}`,
          );
      }
    }
    return problems;
  }

  #openReader(): SqliteReader {
    this.#reader ??= this.server.openReader();
    return this.#reader;
  }

  #submit(request: Request): Promise<Outcome> {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    this.server.primary?.parts.writer.submit(request, (outcome) => resolve(outcome as Outcome));
    return promise;
  }

  /** Lets the world go on until these have ended. */
  async #done(work: readonly Promise<unknown>[]): Promise<void> {
    let isOver = work.length === 0;
    void Promise.all(work).then(() => {
      isOver = true;
    });
    await this.#world.run(PATIENCE_MS, () => isOver);
  }

  #makeId(): string {
    // The number of the run: two runs may have the same seed.
    const run = this.#count.toString(16).padStart(8, "0");
    const hex = Buffer.from(this.#world.random.bytes(16)).toString("hex");
    return `${run}-${hex.slice(8, 12)}-7${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
  }
}

function isLoading(client: Tab["client"], conversation: string): boolean {
  return client.timeline(conversation).loading;
}

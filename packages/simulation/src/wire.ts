/**
 * A WebSocket between a client and a worker: whole frames, in order, each way on its own, until it is cut. Frames that
 * are on their way then are lost, and who is told of the cut, and when, is another matter.
 */

import type { Socket, SocketEvents } from "@duologue/client";
import type { SeededRandom } from "@duologue/testing";
import type { ClientSocket, Connection } from "duologue";
import { type Cut, cuts, type Direction, type Moment, nameOfCut } from "./coverage.ts";
import type { Life } from "./schedule.ts";
import type { World } from "./world.ts";

/** The worker's part of a connection. */
export interface Listener {
  readonly life: Life;
  /** Undefined: refused. */
  accept(socket: ClientSocket): Connection | undefined;
  receive(connection: Connection, text: string): void;
  drained(connection: Connection): void;
  closed(connection: Connection): void;
  /** What may wait for a client that does not read. */
  readonly outboxBytes: number;
}

/** The client's part. */
export interface Caller {
  readonly life: Life;
  readonly events: SocketEvents;
  readonly observer: Observer;
}

/** Hears what passes, at the client's end. */
export interface Observer {
  /** It writes. */
  sent(wire: Wire, text: string): void;
  /** Before it gets the frame; the first of a connection decides about its login. */
  received(wire: Wire, text: string, isFirst: boolean): void;
  /** When it has dealt with it. */
  dealtWith(text: string): void;
}

type Arrival =
  | { readonly kind: "frame"; readonly text: string }
  | { readonly kind: "close"; readonly code: number };

/** Until the runtime finds that pings are not answered. */
const SERVER_NOTICES_MS = 60_000;
const FRAMES_OF_LOGIN = 12;
/** How the frame is chosen at which a connection is cut. */
const WAYS_TO_DOOM = ["number", "often", "sometimes", "rarely", "rarely"] as const;
/** The first that comes of so many kinds, or hardly one of the rare ones would come in time. */
const KINDS = { often: 1, sometimes: 4, rarely: 9 };
const CONGESTED_BYTES = 1_024;
const SHOWN_CHARACTERS = 140;
const MESSAGE = /^\{"type":"(send|edit|retract)"/;
const TYPE = /^\{"type":"([a-z-]+)"/;

/** What ends it: so many more frames in both directions together, or the first that is of one of these kinds. */
type Doom = { readonly frames: number; readonly moment: Moment } | { readonly cuts: readonly Cut[] };

export class Wire implements Socket, ClientSocket {
  readonly remoteAddress = "127.0.0.1";
  readonly #world: World;
  readonly #caller: Caller;
  readonly #findListener: () => Listener | undefined;
  #listener: Listener | undefined;
  #connection: Connection | undefined;
  #upAtMs = 0;
  #downAtMs = 0;
  /** Nothing passes any more, in either direction. */
  #isBroken = false;
  /** The client has been told, or does not want to know. */
  #isClientDone = false;
  #isServerDone = false;
  #isStalled = false;
  #hasHeard = false;
  /** On its way to the client, in order. */
  readonly #downs: Arrival[] = [];
  /** How many of these would have arrived, had the client read. */
  #overdue = 0;
  #waitingBytes = 0;
  #doom: Doom | undefined;
  /** Also when the faults have ended. */
  #isSealed = false;

  constructor(world: World, caller: Caller, findListener: () => Listener | undefined) {
    this.#world = world;
    this.#caller = caller;
    this.#findListener = findListener;
    if (world.faults.strikes("doomedSocket")) this.#doom = drawDoom(world.random);
    world.schedule.after(world.latencyMs(), caller.life, "connects", () => this.#connect());
  }

  get isOpen(): boolean {
    return this.mayPass && this.#connection !== undefined;
  }

  /** What is written arrives, as far as this connection knows. */
  get mayPass(): boolean {
    return !this.#isBroken && !this.#isClientDone && !this.#isServerDone;
  }

  get worker(): Life | undefined {
    return this.#listener?.life;
  }

  get client(): Life {
    return this.#caller.life;
  }

  // The client's side.

  send(text: string): void {
    const listener = this.#listener;
    if (this.#isClientDone || listener === undefined) return;
    this.#caller.observer.sent(this, text);
    this.#up(listener, `← ${this.#caller.life.name}: ${shown(text)}`, (connection) => {
      const cut = this.#cutAt("↑", text);
      if (cut === "before") return;
      listener.receive(connection, text);
      if (MESSAGE.test(text) && this.#world.faults.strikes("lostReply", text)) this.cut();
      if (cut === "after") this.cut();
    });
  }

  drop(): void {
    if (this.#isClientDone) return;
    this.#isClientDone = true;
    const listener = this.#listener;
    if (listener !== undefined) this.#up(listener, "client is gone", () => this.#endServer());
  }

  // The server's side.

  sendText(frame: string): number {
    const listener = this.#listener;
    if (this.#isServerDone || listener === undefined) return 0;
    if (this.#waitingBytes + frame.length > listener.outboxBytes) return 0;
    this.#waitingBytes += frame.length;
    this.#down({ kind: "frame", text: frame });
    return this.#waitingBytes > CONGESTED_BYTES ? -1 : frame.length;
  }

  cork(send: () => void): void {
    send();
  }

  close(code: number): void {
    this.#down({ kind: "close", code });
  }

  terminate(): void {
    if (this.#isServerDone) return;
    this.#tellServer(this.#world.momentMs());
    this.#breakOff(this.#world.latencyMs());
  }

  getBufferedAmount(): number {
    return this.#waitingBytes > CONGESTED_BYTES ? this.#waitingBytes : 0;
  }

  // What may happen to it.

  cut(): void {
    if (this.#isBroken) return;
    if (this.#world.faults.strikes("silentCut")) {
      this.#isBroken = true;
      this.#world.schedule.note(this.#caller.life, "cut in silence");
      this.#tellServer(this.#world.random.next() * SERVER_NOTICES_MS);
      return;
    }
    this.#world.schedule.note(this.#caller.life, "cut");
    this.#tellServer(this.#world.latencyMs());
    this.#breakOff(this.#world.latencyMs());
  }

  /** It is cut when this many more frames have passed, in both directions together. */
  cutAfter(frames: number): void {
    this.#doom = { frames, moment: "after" };
    this.#isSealed = true;
  }

  /** It is cut at the next frame of this kind, while there are faults. */
  cutAt(cut: Cut): void {
    this.#doom = { cuts: [cut] };
  }

  /** The worker's process is gone. What it wrote may still arrive. */
  workerGone(): void {
    this.#isServerDone = true;
    this.#listener = undefined;
    if (this.#isBroken) return;
    if (this.#world.random.chance(0.5)) this.#down({ kind: "close", code: 1006 });
    else this.#breakOff(this.#world.latencyMs());
  }

  /** The tab's process is gone; it hears nothing any more. */
  clientGone(): void {
    this.#isClientDone = true;
    this.#tellServer(this.#world.latencyMs());
  }

  /** The client reads nothing until `resume`. */
  stall(): void {
    this.#isStalled = true;
  }

  resume(): void {
    this.#isStalled = false;
    for (; this.#overdue > 0; this.#overdue -= 1) this.#arriveLater();
  }

  #connect(): void {
    if (this.#isClientDone || this.#isBroken) return;
    const listener = this.#findListener();
    if (listener === undefined) {
      this.#breakOff(this.#world.latencyMs());
      return;
    }
    this.#listener = listener;
    this.#upAtMs = this.#world.schedule.nowMs + this.#world.latencyMs();
    this.#world.schedule.at(this.#upAtMs, listener.life, "a client connects", () => this.#accept(listener));
  }

  #accept(listener: Listener): void {
    if (this.#isBroken || this.#isServerDone) return;
    this.#connection = listener.accept(this);
    if (this.#connection === undefined) {
      this.#breakOff(this.#world.latencyMs());
      return;
    }
    this.#downAtMs = this.#world.schedule.nowMs + this.#world.latencyMs();
    const { life } = this.#caller;
    this.#world.schedule.at(this.#downAtMs, life, `is connected to ${listener.life.name}`, () => {
      if (!this.#isBroken && !this.#isClientDone) this.#caller.events.opened();
    });
  }

  #up(listener: Listener, what: string, run: (connection: Connection) => void): void {
    const { schedule } = this.#world;
    this.#upAtMs = Math.max(this.#upAtMs, schedule.nowMs + this.#world.latencyMs());
    schedule.at(this.#upAtMs, listener.life, what, () => {
      const connection = this.#connection;
      if (this.#isBroken || this.#isServerDone || connection === undefined) return;
      run(connection);
    });
  }

  #down(arrival: Arrival): void {
    this.#downs.push(arrival);
    this.#arriveLater();
  }

  #arriveLater(): void {
    const { schedule } = this.#world;
    this.#downAtMs = Math.max(this.#downAtMs, schedule.nowMs + this.#world.latencyMs());
    schedule.at(this.#downAtMs, this.#caller.life, "a frame arrives", () => {
      if (this.#isStalled) this.#overdue += 1;
      else this.#arrive();
    });
  }

  #arrive(): void {
    const arrival = this.#downs.shift();
    if (arrival === undefined) return;
    if (arrival.kind === "frame") this.#taken(arrival.text);
    if (this.#isBroken || this.#isClientDone) return;
    if (arrival.kind === "frame") {
      const { life, observer, events } = this.#caller;
      const cut = this.#cutAt("↓", arrival.text);
      if (cut === "before") return;
      this.#world.schedule.note(life, `← ${shown(arrival.text)}`);
      observer.received(this, arrival.text, !this.#hasHeard);
      this.#hasHeard = true;
      events.received(arrival.text);
      observer.dealtWith(arrival.text);
      if (cut === "after") this.cut();
    } else {
      this.#world.schedule.note(this.#caller.life, `← close ${arrival.code}`);
      this.#isClientDone = true;
      this.#tellServer(this.#world.latencyMs());
      this.#caller.events.closed(arrival.code);
    }
  }

  #taken(text: string): void {
    this.#waitingBytes -= text.length;
    const connection = this.#connection;
    if (this.#waitingBytes === 0 && !this.#isServerDone && connection !== undefined)
      this.#listener?.drained(connection);
  }

  /** Whether it is to be cut at this frame; if before, it is. */
  #cutAt(direction: Direction, text: string): Moment | undefined {
    const doom = this.#doom;
    if (doom === undefined || !(this.#isSealed || this.#world.faults.isOn)) return undefined;
    const type = TYPE.exec(text)?.[1] ?? "";
    let moment: Moment | undefined;
    if ("cuts" in doom) {
      moment = doom.cuts.find((cut) => cut.direction === direction && cut.type === type)?.moment;
    } else if (doom.frames === 0) {
      moment = doom.moment;
    } else {
      this.#doom = { ...doom, frames: doom.frames - 1 };
    }
    if (moment === undefined) return undefined;
    this.#doom = undefined;
    this.#world.coverage.count(nameOfCut({ direction, type, moment }));
    if (moment === "before") this.cut();
    return moment;
  }

  /** Nothing passes from now on, and the client hears of it after this time. */
  #breakOff(delayMs: number): void {
    this.#isBroken = true;
    this.#world.schedule.after(delayMs, this.#caller.life, "connection lost", () => {
      if (this.#isClientDone) return;
      this.#isClientDone = true;
      this.#caller.events.closed(1006);
    });
  }

  #tellServer(delayMs: number): void {
    const listener = this.#listener;
    if (listener === undefined || this.#isServerDone) return;
    this.#world.schedule.after(delayMs, listener.life, `lost ${this.#caller.life.name}`, () =>
      this.#endServer(),
    );
  }

  #endServer(): void {
    if (this.#isServerDone || this.#connection === undefined) return;
    this.#isServerDone = true;
    this.#listener?.closed(this.#connection);
  }
}

function drawDoom(random: SeededRandom): Doom {
  const way = random.pick(WAYS_TO_DOOM);
  if (way === "number")
    return { frames: random.below(FRAMES_OF_LOGIN), moment: random.pick(["before", "after"] as const) };
  return { cuts: Array.from({ length: KINDS[way] }, () => random.pick(cuts[way])) };
}

function shown(text: string): string {
  return text.length <= SHOWN_CHARACTERS ? text : `${text.slice(0, SHOWN_CHARACTERS)}…`;
}

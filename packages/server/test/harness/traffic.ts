/** Load from the real client. */
import {
  browserEnvironment,
  type Client,
  type ClientStorage,
  connect,
  type Environment,
  type Socket,
  type SocketEvents,
} from "@duologue/client";
import { withDeadline } from "@duologue/testing";
import { systemClock, type Timer } from "../../src/clock.ts";
import { freshName } from "./peer.ts";
import type { Change } from "./shown.ts";
import { SocketTrail } from "./trail.ts";
import { type Horizon, WireLog } from "./wire-log.ts";

const REPLY_EVERY = 5;
const EDIT_EVERY = 7;
const RETRACT_EVERY = 11;
/** Of how many last messages one is changed. */
const STANDING = 6;

export interface TalkerOptions {
  /** Where it connects to, e.g. a proxy before the server. */
  readonly url: string;
  readonly name?: string;
  /** Of somebody who was there before: another device. */
  readonly token?: string;
  readonly storage?: ClientStorage;
  readonly horizon?: Horizon;
  /** Says "read" to everything that arrives. */
  readonly reads?: boolean;
  readonly pace?: Pace;
}

/** How fast people write; may be changed while they do. */
export interface Pace {
  /** Of each device, from one message to the next, at least. */
  pauseMs: number;
  /** Messages that may wait for their number before the next one is written. */
  window: number;
}

/** A message with its edits: their ids, and the texts that it had. */
interface Standing {
  readonly ids: string[];
  readonly texts: string[];
}

/** One device of a user who writes the next message as soon as an earlier one has a number. */
export class Talker implements Disposable {
  readonly client: Client;
  readonly log: WireLog;
  readonly name: string;
  /** What it wrote, by the id of the message or of the edit. Every text is written once only. */
  readonly texts = new Map<string, string>();
  /** Texts that it has taken back, or is about to. */
  readonly retracted: string[] = [];
  readonly changes: Change[] = [];
  /** Added to what this device takes for the time of day, ms. */
  clockShiftMs = 0;
  /** Of its newest connection; undefined before the first. */
  trail: SocketTrail | undefined;
  readonly #reads: boolean;
  readonly #pace: Pace;
  readonly #unsubscribe: () => void;
  #conversation: string | undefined;
  #busy = false;
  #pause: Timer | undefined;
  #pending = new Set<string>();
  /** Its last messages that stand. */
  readonly #standing: Standing[] = [];

  constructor(options: TalkerOptions | string) {
    const { url, name, token, storage, horizon, reads, pace } =
      typeof options === "string" ? ({ url: options } as TalkerOptions) : options;
    this.name = name ?? freshName("Talker");
    this.log = new WireLog(horizon);
    this.#reads = reads ?? false;
    this.#pace = pace ?? { pauseMs: 0, window: 1 };
    this.client = connect({
      url: url.replace(/^http/, "ws"),
      ...(token === undefined ? { nickname: this.name } : { token }),
      ...(storage === undefined ? {} : { storage }),
      environment: this.#environment(),
    });
    this.#unsubscribe = this.client.subscribe(() => this.#continue());
  }

  get token(): string {
    return this.client.token ?? "";
  }

  get conversation(): string {
    return this.#conversation ?? "";
  }

  /** Resolves as soon as the condition holds; it is looked at after every change of the client. */
  async when(condition: (client: Client) => boolean, what: string, timeoutMs?: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = (): void => {
      if (condition(this.client)) resolve();
    };
    const unsubscribe = this.client.subscribe(look);
    look();
    const story = (): string => {
      const { connection, syncing } = this.client;
      const view = this.client.conversation(this.conversation);
      const { sent, acknowledged } = this.log;
      return `${this.name}: ${what}: not yet; ${JSON.stringify({ connection, syncing, view, sent: sent.size, acknowledged: acknowledged.size })}`;
    };
    await withDeadline(promise, story, timeoutMs).finally(unsubscribe);
  }

  async meet(peer: Talker): Promise<void> {
    await this.when(({ me }) => me !== undefined, "logged in");
    await peer.when(({ me }) => me !== undefined, "logged in");
    peer.log.horizon = this.log.horizon;
    this.#conversation = await this.client.open(peer.client.me?.id ?? "");
    await peer.join(this.#conversation);
  }

  /** Takes part in a conversation that is there. */
  async join(conversation: string): Promise<void> {
    await this.client.openConversation(conversation);
    this.#conversation = conversation;
  }

  begin(): void {
    this.#busy = true;
    this.#continue();
  }

  /** Nothing new from now on; what is under way goes on until it has a number. */
  rest(): void {
    this.#busy = false;
  }

  /** Three messages after everything else, of which one stays, one is changed, and one is taken back. */
  async lastWords(): Promise<void> {
    const write = async (id: string): Promise<void> => {
      this.log.onSent(id);
      await this.when(() => this.log.numbered.has(id), "its last words were taken");
    };
    const next = (): number => this.log.sent.size + 1;
    for (const _ of "123") await write(this.#say(this.conversation, next()));
    const [changed, erased] = this.#standing.slice(-2);
    if (changed !== undefined) await write(this.#edit(this.conversation, changed, next()));
    if (erased !== undefined) await write(this.#retract(this.conversation, erased));
  }

  get isSettled(): boolean {
    const { connection, syncing } = this.client;
    return (
      connection.kind === "online" && !syncing && [...this.log.sent].every((id) => this.log.numbered.has(id))
    );
  }

  /** The page is gone; what is unsent stays in the storage, if it has a lasting one. */
  [Symbol.dispose](): void {
    this.#busy = false;
    this.#pause?.cancel();
    this.#unsubscribe();
    this.client.close();
  }

  #continue(): void {
    if (!this.#busy || this.#conversation === undefined) return;
    if (this.#reads) this.client.markRead(this.#conversation);
    for (const id of this.#pending) if (this.log.numbered.has(id)) this.#pending.delete(id);
    while (this.#pending.size < this.#pace.window && this.#pause === undefined) {
      const id = this.#write(this.#conversation, this.log.sent.size + 1);
      this.log.onSent(id);
      this.#pending.add(id);
      this.#rest(this.#pace.pauseMs);
    }
  }

  #rest(pauseMs: number): void {
    if (pauseMs <= 0) return;
    this.#pause = systemClock.after(pauseMs, () => {
      this.#pause = undefined;
      this.#continue();
    });
  }

  /** Mostly a message; now and then an answer, a change to one of the last ones, or the end of one. */
  #write(conversation: string, count: number): string {
    // One whose changes wait for their number is left alone: it may be refused what comes after its end.
    const settled = this.#standing.filter(({ ids }) =>
      ids.every((id) => this.log.numberOf(id) !== undefined),
    );
    const message = settled[count % Math.max(1, settled.length)];
    if (message !== undefined && count % EDIT_EVERY === 0) return this.#edit(conversation, message, count);
    if (message !== undefined && count % RETRACT_EVERY === 0) return this.#retract(conversation, message);
    return this.#say(conversation, count, count % REPLY_EVERY === 0 ? message : undefined);
  }

  #say(conversation: string, count: number, answered?: Standing): string {
    const text = this.#text(count);
    const replyTo = answered === undefined ? undefined : this.#numberOf(answered);
    const id = this.client.send(conversation, text, replyTo === undefined ? {} : { replyTo });
    this.#standing.push({ ids: [id], texts: [text] });
    if (this.#standing.length > STANDING) this.#standing.shift();
    this.texts.set(id, text);
    return id;
  }

  #edit(conversation: string, message: Standing, count: number): string {
    const text = this.#text(count);
    const target = this.#numberOf(message);
    const id = this.client.edit(conversation, target, text);
    message.ids.push(id);
    message.texts.push(text);
    this.texts.set(id, text);
    this.changes.push({ kind: "edit", target, text });
    return id;
  }

  #retract(conversation: string, message: Standing): string {
    const target = this.#numberOf(message);
    this.retracted.push(...message.texts);
    this.#standing.splice(this.#standing.indexOf(message), 1);
    this.changes.push({ kind: "retract", target });
    return this.client.retract(conversation, target);
  }

  #text(count: number): string {
    return `${this.name}, number ${count}`;
  }

  #numberOf({ ids: [id = ""] }: Standing): number {
    const number = this.log.numberOf(id);
    if (number === undefined) throw new TypeError(`${id} has no number yet`);
    return number;
  }

  /** The real one, with what comes in logged, and a clock that can be moved. */
  #environment(): Environment {
    const environment = browserEnvironment();
    const { log } = this;
    const onTrail = (trail: SocketTrail): void => {
      this.trail = trail;
    };
    return {
      ...environment,
      now: () => environment.now() + this.clockShiftMs,
      openSocket(url: string, subprotocol: string, events: SocketEvents): Socket {
        const trail = new SocketTrail();
        onTrail(trail);
        const socket = environment.openSocket(trail.mark(url), subprotocol, {
          opened: () => events.opened(),
          received: (text) => {
            trail.onReceived(text);
            log.onText(text);
            events.received(text);
          },
          closed: (code) => {
            trail.onEnd(`closed with ${code}`);
            log.onClosed(code);
            events.closed(code);
          },
        });
        return {
          send(text) {
            trail.onSent(text);
            socket.send(text);
          },
          drop() {
            trail.onEnd("given up by the client");
            socket.drop();
          },
        };
      },
    };
  }
}

/** Load from the real client, with a log of what crossed the wire that does not trust the client. */

import {
  browserEnvironment,
  type Client,
  connect,
  type Environment,
  type Socket,
  type SocketEvents,
} from "@duologue/client";
import { decodeServerFrame } from "@duologue/protocol";
import { withDeadline } from "@duologue/testing";
import { systemClock } from "../../src/clock.ts";
import { freshName } from "./peer.ts";

/** What one user sent, and was told, over all connections. */
export class WireLog {
  readonly sent = new Set<string>();
  /** Message id → number, from `ack` frames. */
  readonly acknowledged = new Map<string, number>();
  /** Number → message id, from `event` frames, in pages too. */
  readonly received = new Map<number, string>();
  /** Ids of messages that were given a number, by whatever frame said so. */
  readonly numbered = new Set<string>();
  /** What must never be: one number for two messages, one message under two numbers. */
  readonly contradictions: string[] = [];
  /** From a connection's end to the next welcome, each time. */
  readonly absencesMs: number[] = [];
  #leftAt: number | undefined;

  onText(text: string): void {
    const decoded = decodeServerFrame(text);
    if (!decoded.ok) {
      this.contradictions.push(`an invalid frame: ${text}`);
      return;
    }
    const { frame } = decoded;
    if (frame.type === "ack") {
      this.#note(this.acknowledged, frame.id, frame.seq);
      this.numbered.add(frame.id);
    }
    if (frame.type === "event") this.#noteAll([frame]);
    if (frame.type === "changes" || frame.type === "history") this.#noteAll(frame.events);
    if (frame.type !== "welcome") return;
    this.#noteAll(frame.changes?.events ?? []);
    if (this.#leftAt !== undefined) this.absencesMs.push(systemClock.monotonic() - this.#leftAt);
    this.#leftAt = undefined;
  }

  onClosed(): void {
    this.#leftAt ??= systemClock.monotonic();
  }

  #noteAll(events: readonly { readonly seq: number; readonly id: string }[]): void {
    for (const { seq, id } of events) {
      this.#note(this.received, seq, id);
      this.numbered.add(id);
    }
  }

  #note<K, V>(log: Map<K, V>, key: K, value: V): void {
    const known = log.get(key);
    if (known !== undefined && known !== value) {
      this.contradictions.push(`${String(key)} was ${String(known)}, now ${String(value)}`);
    }
    log.set(key, value);
  }
}

function loggedEnvironment(log: WireLog): Environment {
  const environment = browserEnvironment();
  return {
    ...environment,
    openSocket(url: string, subprotocol: string, events: SocketEvents): Socket {
      return environment.openSocket(url, subprotocol, {
        opened: () => events.opened(),
        received: (text) => {
          log.onText(text);
          events.received(text);
        },
        closed: (code) => {
          log.onClosed();
          events.closed(code);
        },
      });
    },
  };
}

/** One user who writes the next message as soon as the last one has a number. */
export class Talker implements Disposable {
  readonly client: Client;
  readonly log = new WireLog();
  readonly #name: string;
  readonly #unsubscribe: () => void;
  #conversation: string | undefined;
  #busy = false;
  #lastId: string | undefined;

  constructor(url: string, name = freshName("Talker")) {
    this.#name = name;
    this.client = connect({
      url: url.replace(/^http/, "ws"),
      nickname: name,
      environment: loggedEnvironment(this.log),
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
      return `${this.#name}: ${what}: not yet; ${JSON.stringify({ connection, syncing, view, sent: this.log.sent.size, acknowledged: this.log.acknowledged.size })}`;
    };
    await withDeadline(promise, story, timeoutMs).finally(unsubscribe);
  }

  async meet(peer: Talker): Promise<void> {
    await this.when(({ me }) => me !== undefined, "logged in");
    await peer.when(({ me }) => me !== undefined, "logged in");
    this.#conversation = await this.client.open(peer.client.me?.id ?? "");
    peer.#conversation = this.#conversation;
    await peer.client.openConversation(this.#conversation);
  }

  begin(): void {
    this.#busy = true;
    this.#continue();
  }

  /** Nothing new from now on; what is under way goes on until it has a number. */
  rest(): void {
    this.#busy = false;
  }

  get isSettled(): boolean {
    const { connection, syncing } = this.client;
    return (
      connection.kind === "online" && !syncing && [...this.log.sent].every((id) => this.log.numbered.has(id))
    );
  }

  [Symbol.dispose](): void {
    this.#unsubscribe();
    this.client.close();
  }

  #continue(): void {
    if (!this.#busy || this.#conversation === undefined) return;
    if (this.#lastId !== undefined && !this.log.numbered.has(this.#lastId)) return;
    this.#lastId = this.client.send(this.#conversation, `${this.#name}, number ${this.log.sent.size + 1}`);
    this.log.sent.add(this.#lastId);
  }
}

/** A bus between nodes of one process, for tests and the simulator: it keeps what the port promises, and no more. */
import type { Clock } from "../clock.ts";
import type { Answer, NodeId, NodeLink, Receive, Subscription } from "../ports/node-link.ts";

const MAX_PAYLOAD_BYTES = 1_048_576;

interface Letter {
  readonly from: MemoryLink;
  readonly subject: string;
  readonly payload: string;
  readonly asker: Asker | undefined;
}

interface Asker {
  readonly answer: (answer: Answer) => void;
}

export interface MemoryBusOptions {
  readonly clock: Pick<Clock, "endOfTurn" | "after">;
  readonly maxPayloadBytes?: number;
  /** Whether this one gets lost on its way. */
  readonly isLost?: (from: NodeId, to: NodeId, subject: string, payload: string) => boolean;
  /** How long this one is on its way, ms; those of one sender to one receiver must not overtake each other. */
  readonly delayMs?: (from: NodeId, to: NodeId) => number;
  /** A receiver threw. Without it, the error is thrown on. */
  readonly onFault?: (error: unknown) => void;
}

export class MemoryBus {
  readonly maxPayloadBytes: number;
  private readonly links = new Set<MemoryLink>();
  private letters: Letter[] = [];

  constructor(readonly options: MemoryBusOptions) {
    this.maxPayloadBytes = options.maxPayloadBytes ?? MAX_PAYLOAD_BYTES;
  }

  connect(node: NodeId): MemoryLink {
    const link = new MemoryLink(node, this);
    this.links.add(link);
    return link;
  }

  /** For good: the node has died. */
  remove(link: MemoryLink): void {
    link.cut();
    this.links.delete(link);
  }

  post(letter: Letter): void {
    this.letters.push(letter);
    if (this.letters.length === 1) this.options.clock.endOfTurn(() => this.deliver());
  }

  private deliver(): void {
    const { letters } = this;
    this.letters = [];
    for (const letter of letters) {
      const receivers = [...this.links].filter(
        (link) => link !== letter.from && link.isConnected && link.hears(letter.subject),
      );
      if (receivers.length === 0 && letter.from.isConnected) letter.asker?.answer({ kind: "nobody" });
      for (const receiver of receivers) this.carry(letter, receiver);
    }
  }

  private carry(letter: Letter, receiver: MemoryLink): void {
    const { from, subject, payload } = letter;
    const { isLost, delayMs, clock } = this.options;
    if (isLost?.(from.node, receiver.node, subject, payload) === true) return;
    const delay = delayMs?.(from.node, receiver.node) ?? 0;
    if (delay > 0) clock.after(delay, () => receiver.take(letter));
    else receiver.take(letter);
  }
}

export class MemoryLink implements NodeLink {
  isConnected = true;
  dropped = 0;
  private readonly subscriptions = new Map<string, Set<Receive>>();
  private readonly returns: (() => void)[] = [];

  constructor(
    readonly node: NodeId,
    private readonly bus: MemoryBus,
  ) {}

  get maxPayloadBytes(): number {
    return this.bus.maxPayloadBytes;
  }

  /** What it has subscribed. */
  get subjects(): readonly string[] {
    return [...this.subscriptions.keys()];
  }

  hears(subject: string): boolean {
    return this.subscriptions.has(subject);
  }

  publish(subject: string, payload: string): boolean {
    return this.send(subject, payload, undefined);
  }

  subscribe(subject: string, receive: Receive): Subscription {
    const receivers = this.subscriptions.get(subject) ?? new Set();
    // Each of two equal call-backs is a subscription of its own.
    const own: Receive = (payload, answer) => receive(payload, answer);
    receivers.add(own);
    this.subscriptions.set(subject, receivers);
    return {
      close: () => {
        receivers.delete(own);
        if (receivers.size === 0 && this.subscriptions.get(subject) === receivers)
          this.subscriptions.delete(subject);
      },
    };
  }

  request(subject: string, payload: string, timeoutMs: number): Promise<Answer> {
    const { promise, resolve } = Promise.withResolvers<Answer>();
    if (!this.send(subject, payload, { answer: resolve })) resolve({ kind: "unknown" });
    const deadline = this.bus.options.clock.after(timeoutMs, () => resolve({ kind: "unknown" }));
    return promise.finally(() => deadline.cancel());
  }

  async settle(_timeoutMs: number): Promise<void> {
    if (!this.isConnected) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.bus.options.clock.endOfTurn(resolve);
    await promise;
  }

  onReturn(receive: () => void): void {
    this.returns.push(receive);
  }

  /** The connection is gone, as far as this node and everybody else can see. */
  cut(): void {
    this.isConnected = false;
  }

  mend(): void {
    if (this.isConnected) return;
    this.isConnected = true;
    for (const receive of this.returns) receive();
  }

  /** From the bus. */
  take({ from, subject, payload, asker }: Letter): void {
    if (!this.isConnected) return;
    const answer =
      asker === undefined
        ? undefined
        : (text: string): void => {
            if (this.isConnected && from.isConnected) asker.answer({ kind: "answered", payload: text });
          };
    for (const receive of [...(this.subscriptions.get(subject) ?? [])]) {
      try {
        receive(payload, answer);
      } catch (error) {
        if (this.bus.options.onFault === undefined) throw error;
        this.bus.options.onFault(error);
      }
    }
  }

  private send(subject: string, payload: string, asker: Asker | undefined): boolean {
    if (!this.isConnected || Buffer.byteLength(payload) > this.maxPayloadBytes) {
      this.dropped += 1;
      return false;
    }
    this.bus.post({ from: this, subject, payload, asker });
    return true;
  }
}

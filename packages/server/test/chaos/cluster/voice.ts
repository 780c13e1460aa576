/**
 * One person who says something every so often to another, through two nodes, without a client that hides anything: when
 * was it acknowledged, refused, heard? Neither comes back when cut.
 */
import type { ServerFrame } from "@duologue/protocol";
import { systemClock, type Timer } from "../../../src/clock.ts";
import { freshId, freshName, Peer, textBody } from "../../harness/peer.ts";
import { judge, testimonyOfPeer, type Verdict } from "../oracle.ts";

export interface Utterance {
  readonly id: string;
  readonly text: string;
  /** Times of one process, ms. */
  readonly saidAt: number;
  acknowledgedAt?: number;
  refusedAt?: number;
  /** Of the refusal. */
  retryable?: boolean;
  /** By the other one, as it came. */
  heardAt?: number;
}

const EVERY_MS = 100;
/** Who only listens pings, as clients do, but often. */
const PING_MS = 5_000;
const FOREVER_MS = 2 ** 31 - 1;

export class Voice implements AsyncDisposable {
  readonly said: Utterance[] = [];
  readonly speaker: Peer;
  readonly listener: Peer;
  /** Which of the two have lost their connection. */
  readonly #cut = new Set<Peer>();
  readonly #byId = new Map<string, Utterance>();
  readonly #conversation: string;
  readonly #timers: Timer[] = [];

  private constructor(speaker: Peer, listener: Peer, conversation: string) {
    this.speaker = speaker;
    this.listener = listener;
    this.#conversation = conversation;
    void follow(speaker, (frame) => this.#onAnswer(frame)).then(() => this.#cut.add(speaker));
    void follow(listener, (frame) => this.#onHeard(frame)).then(() => this.#cut.add(listener));
  }

  /** `url`: of the node that is spoken to; `other`: of the one that is listened at. */
  static async connect(url: string, other: string): Promise<Voice> {
    const [speaker, listener] = await Promise.all([
      Peer.connect(url, { nickname: freshName("Voice") }),
      Peer.connect(other, { nickname: freshName("Ear") }),
    ]);
    const { id } = await speaker.open(listener.id);
    return new Voice(speaker, listener, id);
  }

  /** Either has lost its connection, so that not everything that is said can be heard. */
  get isCut(): boolean {
    return this.#cut.size > 0;
  }

  begin(): void {
    this.#timers.push(
      systemClock.every(EVERY_MS, () => this.#say()),
      systemClock.every(PING_MS, () => this.listener.send({ type: "ping" })),
    );
  }

  rest(): void {
    for (const timer of this.#timers.splice(0)) timer.cancel();
  }

  /** What was said between two times. */
  between(from: number, to: number): Utterance[] {
    return this.said.filter(({ saidAt }) => saidAt >= from && saidAt < to);
  }

  /** What was acknowledged between two times, whenever it was said. */
  acknowledgedBetween(from: number, to: number): Utterance[] {
    return this.said.filter(({ acknowledgedAt = -1 }) => acknowledgedAt >= from && acknowledgedAt < to);
  }

  /** What was not acknowledged may be there or not, as nothing is said twice. */
  judge(url: string): Promise<Verdict> {
    const [speaker, listener] = [this.speaker, this.listener];
    const isKnown = (is: boolean): string[] =>
      this.said.flatMap(({ text, acknowledgedAt }) => ((acknowledgedAt !== undefined) === is ? [text] : []));
    return judge({
      url,
      conversation: this.#conversation,
      tokens: new Map([speaker, listener].map(({ id, token }) => [id, token])),
      devices: [
        { ...testimonyOfPeer(speaker, isKnown(true)), mayBeAbsent: isKnown(false) },
        testimonyOfPeer(listener, []),
      ],
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.rest();
    for (const peer of [this.speaker, this.listener]) peer.socket.terminate();
  }

  #say(): void {
    if (this.#cut.has(this.speaker)) return;
    const [id, text] = [freshId(), `${this.speaker.name}, number ${this.said.length + 1}`];
    const utterance: Utterance = { id, text, saidAt: systemClock.monotonic() };
    this.said.push(utterance);
    this.#byId.set(id, utterance);
    this.speaker.send({ type: "send", id, conversation: this.#conversation, body: textBody(text) });
  }

  #onAnswer(frame: ServerFrame): void {
    if (frame.type !== "ack" && frame.type !== "error") return;
    const utterance = frame.id === undefined ? undefined : this.#byId.get(frame.id);
    if (utterance === undefined) return;
    if (frame.type === "ack") utterance.acknowledgedAt = systemClock.monotonic();
    else {
      utterance.refusedAt = systemClock.monotonic();
      utterance.retryable = frame.retryable;
    }
  }

  #onHeard(frame: ServerFrame): void {
    if (frame.type !== "event") return;
    const utterance = this.#byId.get(frame.id);
    if (utterance !== undefined) utterance.heardAt ??= systemClock.monotonic();
  }
}

/** Tells of every frame as it comes; resolves when the connection has ended. */
export async function follow(peer: Peer, tell: (frame: ServerFrame) => void): Promise<void> {
  try {
    for (;;) tell(await peer.frames.next(undefined, undefined, FOREVER_MS));
  } catch {
    // It was cut, which is the trouble's doing, or ours.
  }
}

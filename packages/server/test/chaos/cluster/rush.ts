/** Both sides of one conversation with three devices each, on all nodes, each with 64 messages on their way all the time. */
import type { ServerFrame } from "@duologue/protocol";
import { until } from "@duologue/testing";
import { freshId, freshName, Peer, textBody } from "../../harness/peer.ts";
import { combine, judge, testimonyOfPeer, type Verdict } from "../oracle.ts";
import { follow } from "./voice.ts";

const DEVICES = 6;
const IN_FLIGHT = 64;
/** So few would be no haste. */
const MESSAGES = 1_000;
const REST_MS = 30_000;

class Device {
  readonly texts: string[] = [];
  readonly waiting = new Set<string>();
  /** Refused, or out of order. */
  readonly violations: string[] = [];
  #last = 0;

  constructor(
    readonly peer: Peer,
    private readonly conversation: string,
  ) {}

  say(): void {
    const id = freshId();
    const text = `in haste ${id}`;
    this.waiting.add(id);
    this.texts.push(text);
    this.peer.send({ type: "send", id, conversation: this.conversation, body: textBody(text) });
  }

  /** Whether it was an answer. */
  hear(frame: ServerFrame): boolean {
    if (frame.type !== "ack" && frame.type !== "error") return false;
    if (!this.waiting.delete(frame.id ?? "")) return false;
    if (frame.type === "error") this.violations.push(`${this.peer.name}: refused with ${frame.code}`);
    else if (frame.seq < this.#last)
      this.violations.push(`${this.peer.name}: number ${frame.seq} was told after ${this.#last}`);
    else this.#last = frame.seq;
    return true;
  }
}

export class Rush implements Disposable {
  readonly #devices: readonly Device[];
  readonly #conversation: string;
  readonly #tokens: ReadonlyMap<string, string>;
  #isOver = false;
  /** Of the devices, the one with the fewest on their way, at any moment before the end. */
  #fewest = IN_FLIGHT;

  private constructor(peers: readonly Peer[], conversation: string) {
    this.#conversation = conversation;
    this.#devices = peers.map((peer) => new Device(peer, conversation));
    this.#tokens = new Map(peers.map(({ id, token }) => [id, token]));
  }

  static async meet(urls: readonly string[]): Promise<Rush> {
    const url = (index: number): string => urls[index % urls.length] ?? "";
    const ann = await Peer.connect(url(0), { nickname: freshName("Ann") });
    const ben = await Peer.connect(url(1), { nickname: freshName("Ben") });
    const { id } = await ann.open(ben.id);
    const further = await Promise.all(
      Array.from({ length: DEVICES - 2 }, (_, index) =>
        Peer.connect(url(index + 2), { token: (index % 2 === 0 ? ann : ben).token }),
      ),
    );
    return new Rush([ann, ben, ...further], id);
  }

  begin(): void {
    for (const device of this.#devices) {
      for (let count = 0; count < IN_FLIGHT; count += 1) device.say();
      void follow(device.peer, (frame) => this.#onFrame(device, frame));
    }
  }

  /** Resolves when everything has been answered. */
  async rest(): Promise<void> {
    this.#isOver = true;
    await until(() => this.#devices.every(({ waiting }) => waiting.size === 0), "all is answered", REST_MS);
  }

  async judge(url: string): Promise<Verdict> {
    const verdict = await judge({
      url,
      conversation: this.#conversation,
      tokens: this.#tokens,
      devices: this.#devices.map(({ peer, texts }) => testimonyOfPeer(peer, texts)),
    });
    const violations = this.#devices.flatMap((device) => device.violations);
    if (this.#fewest < IN_FLIGHT)
      violations.push(`only ${this.#fewest} messages of a device were on their way`);
    if (verdict.messages < MESSAGES) violations.push(`${verdict.messages} messages are no haste`);
    return combine([verdict, { messages: 0, acknowledged: 0, repeats: 0, violations }]);
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    for (const { peer } of this.#devices) peer.socket.terminate();
  }

  #onFrame(device: Device, frame: ServerFrame): void {
    if (!device.hear(frame) || this.#isOver) return;
    device.say();
    for (const { waiting } of this.#devices) this.#fewest = Math.min(this.#fewest, waiting.size);
  }
}

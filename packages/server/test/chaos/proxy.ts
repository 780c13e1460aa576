/**
 * A TCP proxy in front of the server, which breaks connections where a network, or a machine on the way, would; and which
 * knows what went over those that stand.
 */
import { takeFrame } from "../harness/raw.ts";
import { Trail, trailNumberOf } from "../harness/trail.ts";
import { type Line, Relay } from "./relay.ts";

const EMPTY: Buffer = Buffer.alloc(0);
const HEAD_END = "\r\n\r\n";
const TEXT = 1;

export class FaultyProxy extends Relay {
  /** Replies that the server sent and nobody got. */
  lostReplies = 0;
  #isHeld = false;
  /** `armed`: the next request goes through; `sent`: it did, and the connection ends instead of the reply. */
  readonly #replyLoss = new Map<Line, "armed" | "sent">();

  readonly #trails = new Map<Line, LineTrail>();

  /** `target`: the server's port on this machine. */
  constructor(target: number) {
    super({ route: () => (this.#isHeld ? undefined : { hostname: "127.0.0.1", port: target }) });
  }

  /** Cuts everybody, and lets nobody through until what it returns is called. */
  hold(): () => void {
    this.#isHeld = true;
    this.cutAll();
    return () => {
      this.#isHeld = false;
    };
  }

  /** Connections that are still to lose a reply. */
  get doomed(): number {
    return this.#replyLoss.size;
  }

  /** On each open connection, the next thing that the client sends goes through, and the answer does not. */
  loseNextReplies(): void {
    for (const line of this.lines) this.#replyLoss.set(line, "armed");
  }

  /** Of the connection that has this number (SocketTrail), if it goes through here. */
  trail(number: number): Trail | undefined {
    return [...this.#trails.values()].find((trail) => trail.number === number);
  }

  protected override fromClient(line: Line, bytes: Uint8Array): void {
    super.fromClient(line, bytes);
    this.#trailOf(line).onBytes("→", bytes, line.server.unsent.length);
    if (this.#replyLoss.has(line)) this.#replyLoss.set(line, "sent");
  }

  protected override fromServer(line: Line, bytes: Uint8Array): void {
    if (this.#replyLoss.get(line) !== "sent") {
      super.fromServer(line, bytes);
      this.#trailOf(line).onBytes("←", bytes, line.client.unsent.length);
      return;
    }
    this.lostReplies += 1;
    this.cuts += 1;
    this.end(line);
  }

  protected override end(line: Line | undefined): void {
    if (line !== undefined) {
      this.#replyLoss.delete(line);
      this.#trails.delete(line);
    }
    super.end(line);
  }

  #trailOf(line: Line): LineTrail {
    const trail = this.#trails.get(line) ?? new LineTrail();
    if (!line.isEnded) this.#trails.set(line, trail);
    return trail;
  }
}

/** Of both directions of one connection, read from its bytes. */
class LineTrail extends Trail {
  number: number | undefined;
  readonly #unread = { "→": EMPTY, "←": EMPTY };
  readonly #isUpgraded = { "→": false, "←": false };

  onBytes(arrow: "→" | "←", bytes: Uint8Array, unsentBytes: number): void {
    this.#unread[arrow] = Buffer.concat([this.#unread[arrow], bytes]);
    if (unsentBytes > 0) this.note(arrow, `${unsentBytes} bytes wait for the other side to take them`);
    if (!this.#isUpgraded[arrow]) this.#readHead(arrow);
    if (!this.#isUpgraded[arrow]) return;
    for (let taken = takeFrame(this.#unread[arrow]); taken !== undefined; ) {
      const { opcode, payload } = taken.frame;
      this.note(arrow, opcode === TEXT ? payload.toString() : `opcode ${opcode}, ${payload.length} bytes`);
      this.#unread[arrow] = this.#unread[arrow].subarray(taken.size);
      taken = takeFrame(this.#unread[arrow]);
    }
  }

  #readHead(arrow: "→" | "←"): void {
    const end = this.#unread[arrow].indexOf(HEAD_END);
    if (end < 0) return;
    const head = this.#unread[arrow].subarray(0, end).toString("latin1");
    this.note(arrow, head);
    this.number ??= trailNumberOf(head);
    this.#unread[arrow] = this.#unread[arrow].subarray(end + HEAD_END.length);
    this.#isUpgraded[arrow] = true;
  }
}

/** A TCP proxy in front of the server, which breaks connections where a network, or a machine on the way, would. */
import { type Line, Relay } from "./relay.ts";

export class FaultyProxy extends Relay {
  /** Replies that the server sent and nobody got. */
  lostReplies = 0;
  #isHeld = false;
  /** `armed`: the next request goes through; `sent`: it did, and the connection ends instead of the reply. */
  readonly #replyLoss = new Map<Line, "armed" | "sent">();

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

  protected override fromClient(line: Line, bytes: Uint8Array): void {
    super.fromClient(line, bytes);
    if (this.#replyLoss.has(line)) this.#replyLoss.set(line, "sent");
  }

  protected override fromServer(line: Line, bytes: Uint8Array): void {
    if (this.#replyLoss.get(line) !== "sent") {
      super.fromServer(line, bytes);
      return;
    }
    this.lostReplies += 1;
    this.cuts += 1;
    this.end(line);
  }

  protected override end(line: Line | undefined): void {
    if (line !== undefined) this.#replyLoss.delete(line);
    super.end(line);
  }
}

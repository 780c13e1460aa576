import type { ClientFrame, ServerFrameOf } from "@duologue/protocol";
import type { Environment, Timer } from "./environment.ts";
import { TYPING_EXPIRES_MS, TYPING_REPEAT_MS } from "./limits.ts";

/** Who is typing, both ways. Nothing of it is stored or repeated: a lost frame only means a line less on the screen. */
export class Typing {
  readonly #environment: Environment;
  readonly #write: (frame: ClientFrame) => boolean;
  readonly #changed: () => void;
  /** Conversations where the peer types, each until its timer ends it. */
  readonly #peers = new Map<string, Timer>();
  /** Conversations where we said that we type, each until it may be said again. */
  readonly #said = new Map<string, Timer>();

  constructor(environment: Environment, write: (frame: ClientFrame) => boolean, changed: () => void) {
    this.#environment = environment;
    this.#write = write;
    this.#changed = changed;
  }

  isPeerTyping(conversation: string): boolean {
    return this.#peers.has(conversation);
  }

  /** Call it with true at every key: it is said again only every few seconds. */
  set(conversation: string, active: boolean): void {
    const said = this.#said.get(conversation);
    if (active === (said !== undefined)) return;
    if (!active) {
      said?.cancel();
      this.#said.delete(conversation);
      this.#write({ type: "typing", conversation, active: false });
      return;
    }
    const timer = this.#environment.after(TYPING_REPEAT_MS, () => this.#said.delete(conversation));
    this.#said.set(conversation, timer);
    this.#write({ type: "typing", conversation, active: true });
  }

  /** A message went out: the peer's screen ends the typing by itself. */
  sent(conversation: string): void {
    this.#said.get(conversation)?.cancel();
    this.#said.delete(conversation);
  }

  receive(frame: ServerFrameOf<"typing">): void {
    this.end(frame.conversation);
    if (!frame.active) return;
    const timer = this.#environment.after(TYPING_EXPIRES_MS, () => {
      this.#peers.delete(frame.conversation);
      this.#changed();
    });
    this.#peers.set(frame.conversation, timer);
  }

  end(conversation: string): void {
    this.#peers.get(conversation)?.cancel();
    this.#peers.delete(conversation);
  }

  clear(): void {
    for (const timer of [...this.#peers.values(), ...this.#said.values()]) timer.cancel();
    this.#peers.clear();
    this.#said.clear();
  }
}

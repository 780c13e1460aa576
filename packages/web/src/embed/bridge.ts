/** The frame's end of the talk with the host page. */
import { type FrameMessage, type HostMessage, readHostMessage, wrap } from "../widget/messages.ts";

/** How many token requests may wait for an answer; older ones are answered with nothing. */
const MOST_WAITING = 8;

export class Bridge {
  readonly #origin: string;
  readonly #waiting = new Map<number, (token: string | undefined) => void>();
  readonly #received: (message: Exclude<HostMessage, { type: "token" }>) => void;
  #lastRef = 0;

  /** `origin` is the host page's as it says itself: if that is a lie, it hears nothing of us, nor we of it. */
  constructor(origin: string, received: (message: Exclude<HostMessage, { type: "token" }>) => void) {
    this.#origin = origin;
    this.#received = received;
    window.addEventListener("message", (event: MessageEvent) => this.#onMessage(event));
  }

  post(message: FrameMessage): void {
    window.parent.postMessage(wrap(message), this.#origin);
  }

  /** Resolves with undefined when the host page has none. It may take as long as the host page takes. */
  requestToken(): Promise<string | undefined> {
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    this.#lastRef += 1;
    this.#waiting.set(this.#lastRef, resolve);
    for (const [ref, giveUp] of this.#waiting) {
      if (this.#waiting.size <= MOST_WAITING) break;
      this.#waiting.delete(ref);
      giveUp(undefined);
    }
    this.post({ type: "token-request", ref: this.#lastRef });
    return promise;
  }

  #onMessage(event: MessageEvent): void {
    if (event.origin !== this.#origin || event.source !== window.parent) return;
    const message = readHostMessage(event.data);
    if (message === undefined) return;
    if (message.type !== "token") {
      this.#received(message);
      return;
    }
    this.#waiting.get(message.ref)?.(message.token);
    this.#waiting.delete(message.ref);
  }
}

/** What the frame draws attention with is the host page's; here it is only known whether anybody sees the messages. */
import { type Signal, signal } from "@preact/signals";
import type { Attending } from "../page/chat.ts";

export class FrameAttention implements Attending {
  /** In a window in front, and on the part of the page that one sees; where the focus is does not matter. */
  readonly isAwake: Signal<boolean> = signal(false);
  readonly announcement: Signal<string> = signal("");
  readonly #observer: IntersectionObserver;
  readonly #onVisibility = (): void => this.#look();
  #isInSight = false;

  constructor(place: HTMLElement) {
    this.#observer = new IntersectionObserver(([last]) => {
      this.#isInSight = last?.isIntersecting === true;
      this.#look();
    });
    this.#observer.observe(place);
    document.addEventListener("visibilitychange", this.#onVisibility);
  }

  update(): void {}

  close(): void {
    this.#observer.disconnect();
    document.removeEventListener("visibilitychange", this.#onVisibility);
  }

  #look(): void {
    this.isAwake.value = this.#isInSight && document.visibilityState === "visible";
  }
}

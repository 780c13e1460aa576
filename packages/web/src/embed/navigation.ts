import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Place } from "../page/address.ts";
import type { Navigation } from "../page/navigation.ts";

/** Leaves address and history alone: a step in them would be a step of the host page's "back". */
export class FrameNavigation implements Navigation {
  readonly #place: Signal<Place> = signal({ conversation: undefined, seq: undefined });

  get place(): ReadonlySignal<Place> {
    return this.#place;
  }

  select(conversation: string): void {
    this.#place.value = { conversation, seq: undefined };
  }

  leave(): void {
    this.#place.value = { conversation: undefined, seq: undefined };
  }

  close(): void {}
}

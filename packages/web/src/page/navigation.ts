/** Which conversation is shown, and how one gets there: on the page by its address. */
import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { addressOf, type Place, placeOf } from "./address.ts";

export interface Navigation {
  readonly place: ReadonlySignal<Place>;
  select(conversation: string): void;
  /** To the list. */
  leave(): void;
  close(): void;
}

export class AddressNavigation implements Navigation {
  readonly #place: Signal<Place> = signal(placeOf(location.hash));
  readonly #onAddress = (): void => this.#follow();

  constructor() {
    addEventListener("popstate", this.#onAddress);
    addEventListener("hashchange", this.#onAddress);
  }

  get place(): ReadonlySignal<Place> {
    return this.#place;
  }

  /** One entry in the browser's history for a conversation, so that "back" leads to the list, however many were read. */
  select(conversation: string): void {
    const address = addressOf({ conversation, seq: undefined });
    if (this.#place.peek().conversation === undefined) history.pushState({ fromList: true }, "", address);
    else history.replaceState(history.state, "", address);
    this.#follow();
  }

  /** By going back to it where one came from it, so that "back" does not lead here again. */
  leave(): void {
    if ((history.state as { fromList?: boolean } | null)?.fromList === true) history.back();
    else {
      history.replaceState(null, "", "#/");
      this.#follow();
    }
  }

  close(): void {
    removeEventListener("popstate", this.#onAddress);
    removeEventListener("hashchange", this.#onAddress);
    history.replaceState(null, "", "#/");
  }

  #follow(): void {
    const place = placeOf(location.hash);
    const before = this.#place.peek();
    if (place.conversation !== before.conversation || place.seq !== before.seq) this.#place.value = place;
  }
}

/** Chance without bad luck: everything comes as often as its weight says, in an order that the seed says. */
import type { SeededRandom } from "@duologue/testing";

export class Deck<T extends { readonly weight: number }> {
  readonly #cards: readonly T[];
  readonly #random: SeededRandom;
  #left: T[] = [];

  /** Each as often as its weight; throws RangeError when there is none. */
  constructor(kinds: readonly T[], random: SeededRandom) {
    this.#cards = kinds.flatMap((kind) => Array.from({ length: kind.weight }, () => kind));
    if (this.#cards.length === 0) throw new RangeError("there is nothing to deal");
    this.#random = random;
  }

  /** The next one; of those that are left, the first that is wanted, if there is any. */
  deal(isWanted: (card: T) => boolean = () => true): T | undefined {
    if (this.#left.length === 0) this.#left = this.#shuffled();
    const index = this.#left.findIndex(isWanted);
    return index < 0 ? undefined : this.#left.splice(index, 1)[0];
  }

  #shuffled(): T[] {
    const left = [...this.#cards];
    const cards: T[] = [];
    while (left.length > 0) cards.push(...left.splice(this.#random.below(left.length), 1));
    return cards;
  }
}

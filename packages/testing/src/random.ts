/** Chance that can be repeated: every number follows from the seed. */
export class SeededRandom {
  #seed: number;
  #state: number;

  /** Only the lower 32 bits of the seed count. */
  constructor(seed: number) {
    this.#seed = seed >>> 0;
    this.#state = this.#seed;
  }

  /** As if made anew. Forks that were made before stay as they are. */
  restart(seed: number): void {
    this.#seed = seed >>> 0;
    this.#state = this.#seed;
  }

  /** A sequence of its own, so that more draws in one place change nothing in another. */
  fork(name: string): SeededRandom {
    let seed = this.#seed;
    for (const character of name) seed = Math.imul(seed ^ (character.codePointAt(0) ?? 0), 0x9e3779b1) >>> 0;
    return new SeededRandom(seed);
  }

  /** From 0 to below 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from 0 to below the limit. */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  /** A whole number; both ends are included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** Throws RangeError when there is nothing to pick from. */
  pick<T>(items: readonly T[]): T {
    const index = this.below(items.length);
    if (index >= items.length) throw new RangeError("there is nothing to pick from");
    return items[index] as T;
  }

  /** Mostly short, now and then long; the mean of many is `mean`. */
  exponential(mean: number): number {
    return -Math.log(1 - this.next()) * mean;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }
}

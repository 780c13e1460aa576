/** Rate limits. Times are milliseconds of a clock that never goes back (`Clock.monotonic`). */

/** Rounding of floating-point sums must not cost somebody a millisecond who waited as long as told. */
const SLACK_MS = 0.001;

/**
 * Lets `burst` through at once and `perSecond` in the long run. It holds one number that changes: the time at which
 * the bucket will be full again (GCRA). Nothing is allocated by `take`.
 */
export class TokenBucket {
  private readonly intervalMs: number;
  private readonly toleranceMs: number;
  private fullAtMs = Number.NEGATIVE_INFINITY;

  constructor(perSecond: number, burst: number) {
    this.intervalMs = 1000 / perSecond;
    this.toleranceMs = (burst - 1) * this.intervalMs;
  }

  /** 0: go on, and one is taken. Otherwise nothing is taken, and it will be granted after this many whole ms. */
  take(nowMs: number): number {
    const fullAtMs = Math.max(this.fullAtMs, nowMs);
    const excessMs = fullAtMs - nowMs - this.toleranceMs;
    if (excessMs > SLACK_MS) return Math.ceil(excessMs);
    this.fullAtMs = fullAtMs + this.intervalMs;
    return 0;
  }

  /** A full bucket says nothing that a new one would not. */
  isFull(nowMs: number): boolean {
    return this.fullAtMs <= nowMs;
  }
}

/**
 * A bucket for each key that was used lately. At most `maxKeys`: when more come, the one used least recently is
 * forgotten, since refusing newcomers instead would let one attacker with many addresses lock everybody out.
 */
export class KeyedBuckets {
  /** In the order of last use, the oldest first. */
  private readonly buckets = new Map<string, TokenBucket>();
  private readonly perSecond: number;
  private readonly burst: number;
  private readonly maxKeys: number;

  constructor(perSecond: number, burst: number, maxKeys: number) {
    this.perSecond = perSecond;
    this.burst = burst;
    this.maxKeys = maxKeys;
  }

  /** As `TokenBucket.take`, for the bucket of this key. */
  take(key: string, nowMs: number): number {
    const known = this.buckets.get(key);
    if (known === undefined) this.forgetOldest(nowMs);
    else this.buckets.delete(key);
    const bucket = known ?? new TokenBucket(this.perSecond, this.burst);
    this.buckets.set(key, bucket);
    return bucket.take(nowMs);
  }

  get size(): number {
    return this.buckets.size;
  }

  /** Two for each new one, so that the map shrinks while newcomers come, without a timer and without long sweeps. */
  private forgetOldest(nowMs: number): void {
    let looked = 0;
    for (const [key, bucket] of this.buckets) {
      if (!bucket.isFull(nowMs) && this.buckets.size < this.maxKeys) return;
      this.buckets.delete(key);
      looked += 1;
      if (looked === 2) return;
    }
  }
}
